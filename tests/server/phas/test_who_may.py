"""Every method of every route of the door, asked by everybody: all cells are stated here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest
from blinding import blinded, told

from wsi_lab.model.people import Right
from wsi_lab.model.task import TaskMode, TaskSettings
from wsi_lab.server.lab_routes import LAB_ROUTES
from wsi_lab.server.phas.door import COOKIE
from wsi_lab.server.phas.routes import PHAS_ROUTES

PEOPLE = (
    "anonymous",
    "bearer",  # a site administrator's token of the lab, which is none here
    "ended",  # a session whose key was revoked
    "tampered",  # a session somebody else has made of a site administrator's
    "stranger",
    "viewer",  # without the right `api`
    "reader",
    "scorer",
    "writer",  # as PHAS understands it, and without the right `private`
    "study_admin",
    "site_admin",
)

NOBODY = "401 401 401 401"
OPEN = "200 200 200 200 200 200 200 200 200 200 200"
KNOWN = f"{NOBODY} 200 200 200 200 200 200 200"
READERS = f"{NOBODY} 404 200 200 200 200 200 200"
API_USERS = f"{NOBODY} 404 403 200 200 200 200 200"
SCORERS = f"{NOBODY} 404 403 403 200 200 200 200"
WRITERS = f"{NOBODY} 404 403 403 403 200 200 200"
PRIVATE = f"{NOBODY} 404 403 403 403 403 200 200"

MATRIX = {
    "POST auth/api/login": OPEN,
    "GET auth/api/generate_key": KNOWN,
    "POST auth/api/generate_key": KNOWN,
    "GET auth/api/anonymize": OPEN,
    "POST auth/api/set_anonymize/{flag}": KNOWN,
    "GET auth/api/project/{project}/private_access": OPEN,
    "GET api/projects": KNOWN,
    "GET api/project/{project}/tasks": READERS,
    "GET api/task/{task_id}/info": READERS,
    "GET api/task/{task_id}/labelset": READERS,
    "GET api/task/{task_id}/slide_detailed_manifest.csv": API_USERS,
    "GET api/task/{task_id}/slide_manifest.csv": API_USERS,
    "GET api/task/{task_id}/specimens": API_USERS,
    "GET api/task/{task_id}/slide/{slide_id}/info": API_USERS,
    "GET api/task/{task_id}/slide/{slide_id}/tags": API_USERS,
    "GET task/{task_id}/slide/{mode}/{resolution}/{slide_id}/annot/get": READERS,
    "POST task/{task_id}/slide/{mode}/{resolution}/{slide_id}/annot/set": SCORERS,
    "GET api/task/{task_id}/slide/{slide_id}/annot/timestamp": READERS,
    "POST api/task/{task_id}/slide_{slide_id}_annot.svg": READERS,
    "POST api/task/{task_id}/slide_{slide_id}_annot_{size}.svg": READERS,
    "GET dltrain/api/{project}/labelsets": READERS,
    "GET dltrain/api/{project}/labelset/{label_set_id}/labels": READERS,
    "POST dltrain/{project}/add_labelset": WRITERS,
    "POST dltrain/api/{project}/labelset/{label_set_id}/add_label": WRITERS,
    "POST dltrain/api/{project}/label/{label_id}/update": WRITERS,
    "POST dltrain/api/{project}/label/{label_id}/delete": WRITERS,
    "GET task/{task_id}/slide/{slide_id}/dltrain/samples": READERS,
    "POST task/{task_id}/slide/{slide_id}/dltrain/sample/create": SCORERS,
    "POST task/{task_id}/slide/{slide_id}/dltrain/sample/update": WRITERS,
    "POST task/{task_id}/slide/{slide_id}/dltrain/sample/delete": WRITERS,
    "GET dltrain/api/sample/{sample_id}/image.png": READERS,
    "GET dltrain/api/task/{task_id}/samples/manifest.csv": API_USERS,
    "GET task/{task_id}/slide/{mode}/{resolution}/{slide_id}/sampling_roi/get": READERS,
    "POST task/{task_id}/slide/{mode}/{resolution}/{slide_id}/dltrain/sampling_roi/create": SCORERS,
    "POST task/{task_id}/slide/{mode}/{resolution}/{slide_id}/dltrain/sampling_roi/update": WRITERS,
    "POST task/{task_id}/slide/{slide_id}/dltrain/sampling_roi/delete": WRITERS,
    "GET task/{task_id}/slide/{slide_id}/dltrain/sampling_roi/delete_all": WRITERS,
    "POST task/{task_id}/slide/{slide_id}/dltrain/sampling_roi/delete_all": WRITERS,
    "GET task/{task_id}/slide/{slide_id}/sampling_roi/make_image_{size}.nii.gz": READERS,
    "GET dltrain/api/task/{task_id}/sampling_roi/manifest.csv": API_USERS,
    "GET dzi/{project}/{slide_id}/header": READERS,
    "GET dzi/{project}/{slide_id}/filepath": PRIVATE,
    "GET dzi/download/{project}/slide_{slide_id}_raw_header.json": READERS,
    "GET dzi/patch/{project}/{slide_id}/raw/{level}/{x}_{y}_{width}_{height}.png": READERS,
    "GET dzi/download/task/{task_id}/slide_{slide_id}_raw_{size}.nii.gz": READERS,
    "GET dzi/download/{project}/slide_{slide_id}_raw_{size}.nii.gz": READERS,
    "GET dzi/download/{project}/slide_{slide_id}_label.png": PRIVATE,
    "GET dzi/download/{project}/slide_{slide_id}_macro.png": PRIVATE,
    "GET api/task/{task_id}/slide/{slide_id}_thumbnail.png": READERS,
    "GET api/task/{task_id}/slide/{slide_id}/random_patch/{width}": READERS,
    "GET dzi/{mode}/{project}/{slide_id}/raw.dzi": READERS,
    "GET dzi/{mode}/{project}/{slide_id}/raw_files/{level}/{x}_{y}": READERS,
}

IN_BOXES = re.compile(r"/dltrain/sample(s|/)|task/\{task_id\}/samples")


class Ask(NamedTuple):
    """What goes into the address and the body of a request that is answered well."""

    address: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    form: dict[str, Any] | None = None
    json: Any = None


def _label_form(world: Any) -> Ask:
    return Ask(form={"name": world.name(), "desc": "", "color": "#a0b0c0"})


def _with_region(world: Any) -> Ask:
    world.new_region()
    return Ask()


def _with_label(world: Any) -> Ask:
    return _label_form(world)._replace(address={"label_id": world.new_label()})


ASK: dict[str, Callable[[Any], Ask]] = {
    "POST auth/api/login": lambda world: Ask(form={"api_key": world.keys["reader"]}),
    "POST task/{task_id}/slide/{mode}/{resolution}/{slide_id}/annot/set": lambda _: Ask(json=[]),
    "POST api/task/{task_id}/slide_{slide_id}_annot.svg": lambda _: Ask(form={"strip_width": 0}),
    "POST api/task/{task_id}/slide_{slide_id}_annot_{size}.svg": lambda _: Ask(form={}),
    "POST dltrain/{project}/add_labelset": _label_form,
    "POST dltrain/api/{project}/labelset/{label_set_id}/add_label": _label_form,
    "POST dltrain/api/{project}/label/{label_id}/update": _with_label,
    "POST dltrain/api/{project}/label/{label_id}/delete": _with_label,
    "POST task/{task_id}/slide/{slide_id}/dltrain/sample/create": lambda world: Ask(
        json={"label_id": world.labels.labels[0].id, "geometry": [1, 2, 50, 60]}
    ),
    "POST task/{task_id}/slide/{slide_id}/dltrain/sample/update": lambda world: Ask(
        json={
            "id": world.new_sample(),
            "label_id": world.labels.labels[1].id,
            "geometry": [1, 2, 50, 60],
        }
    ),
    "POST task/{task_id}/slide/{slide_id}/dltrain/sample/delete": lambda world: Ask(
        form={"id": world.new_sample()}
    ),
    "POST task/{task_id}/slide/{mode}/{resolution}/{slide_id}/dltrain/sampling_roi/create": (
        lambda world: Ask(json=_region(world))
    ),
    "POST task/{task_id}/slide/{mode}/{resolution}/{slide_id}/dltrain/sampling_roi/update": (
        lambda world: Ask(json={"id": world.new_region(), **_region(world)})
    ),
    "POST task/{task_id}/slide/{slide_id}/dltrain/sampling_roi/delete": lambda world: Ask(
        json={"id": world.new_region()}
    ),
    "GET task/{task_id}/slide/{slide_id}/dltrain/sampling_roi/delete_all": _with_region,
    "POST task/{task_id}/slide/{slide_id}/dltrain/sampling_roi/delete_all": _with_region,
}


def _region(world: Any) -> dict[str, Any]:
    data = [[10, 10, 5], [20, 30, 8.5]]
    label_id = world.labels.labels[1].id
    return {"label_id": label_id, "geometry": {"type": "trapezoid", "data": data}}


def address_of(world: Any, key: str, **changes: Any) -> str:
    """Return an address of a route, filled in."""
    task = "boxes" if IN_BOXES.search(key) else "regions" if "sampling_roi" in key else "draw"
    known: dict[str, Any] = {
        "task_id": world.tasks[task].id,
        "slide_id": world.slide.id,
        "project": world.study.name,
        "label_set_id": world.labels.id,
        "mode": "raw",
        "resolution": "raw",
        "flag": "0",
        "size": 64,
        "level": 12 if "raw_files" in key else 0,
        "x": 1,
        "y": "1.jpeg" if "raw_files" in key else 1,
        "width": 8,
        "height": 4,
        **changes,
    }
    if "{sample_id}" in key:
        known.setdefault("sample_id", world.sample)
    return "/" + key.split(" ")[1].format(**known)


def send(client: httpx.Client, world: Any, key: str, **changes: Any) -> httpx.Response:
    """Ask for what a row of the matrix is about, and stay who one is."""
    ask = ASK.get(key, lambda _world: Ask())(world)
    method, address = key.partition(" ")[0], address_of(world, key, **{**ask.address, **changes})
    session = httpx.Cookies(client.cookies)
    try:
        return client.request(method, address, data=ask.form, json=ask.json)
    finally:
        client.cookies = session


@pytest.fixture(scope="module")
def clients(phas: Any, phas_world: Any) -> dict[str, httpx.Client]:
    """A client of each kind of person."""
    world, known = phas_world, dict(phas.clients)
    bearer = phas.client()
    _, text = world.lab.people.create_token(
        world.owner, name="bearer", email="site_admin@lab", capabilities=["all"]
    )
    bearer.headers["Authorization"] = f"Bearer {text}"
    made = world.lab.keys.create(world.owner, "phas", email="site_admin@lab")
    ended = phas.signed_in(made.text)
    world.lab.keys.revoke(world.owner, made.token.id)
    tampered = phas.client()
    cookie = phas.of("site_admin").cookies[COOKIE.name]
    tampered.cookies.set(
        COOKIE.name, cookie[:10] + ("B" if cookie[10] == "A" else "A") + cookie[11:]
    )
    known |= {"bearer": bearer, "ended": ended, "tampered": tampered}
    phas.clients.update(known)
    return {person: phas.of(person) for person in PEOPLE}


ROUTES = {
    f"{method} {route.path}" for route in PHAS_ROUTES for method in route.needs if method != "HEAD"
}


def test_every_method_of_every_route_has_its_row() -> None:
    assert set(MATRIX) == ROUTES


@pytest.mark.parametrize("key", MATRIX)
def test_answer_is_the_one_stated(
    clients: dict[str, httpx.Client], phas_world: Any, say: Any, key: str
) -> None:
    found = []
    for person in PEOPLE:
        answer = send(clients[person], phas_world, key)
        found.append(answer.status_code)
        if answer.status_code >= 400:
            assert say(answer, answer.status_code)
    assert " ".join(map(str, found)) == MATRIX[key]


@pytest.mark.parametrize("key", [key for key, cells in MATRIX.items() if " 404 " in cells])
def test_what_is_hidden_looks_like_what_is_not_there(
    clients: dict[str, httpx.Client], phas_world: Any, say: Any, key: str
) -> None:
    stranger = clients["stranger"]
    what = next(each for each in ("task_id", "project", "sample_id") if f"{{{each}}}" in key)
    hidden = say(send(stranger, phas_world, key), 404)
    unknown = say(send(stranger, phas_world, key, **{what: 10**8}), 404)
    # The id asked for is repeated to whoever asked; nothing else may differ.
    assert re.sub(r"\d+", "N", hidden) == re.sub(r"\d+", "N", unknown)


SECRET = {
    "outsider": (404, 404),
    "viewer": (404, 404),
    "private_reader": (200, 403),
    "reader": (200, 403),
    "scorer": (200, 200),
    "writer": (200, 403),
    "study_admin": (200, 200),
    "site_admin": (200, 200),
}
"""What reading and writing a restricted task is answered with; writers are named as readers."""


@pytest.mark.parametrize("person", SECRET)
def test_restricted_task_is_for_those_who_are_named(
    phas: Any, phas_world: Any, person: str
) -> None:
    client, secret = phas.of(person), phas_world.new_secret().id
    reads, writes = SECRET[person]
    for key, cells in MATRIX.items():
        if "{task_id}" not in key or IN_BOXES.search(key):
            continue
        expected = reads if cells in {READERS, API_USERS} else writes
        if cells == WRITERS:
            # Whose own there is nothing of theirs to change; that is another test.
            continue
        answer = send(client, phas_world, key, task_id=secret)
        assert answer.status_code == expected, (key, answer.text)
    listed = client.get(f"/api/project/{phas_world.study.id}/tasks").json()
    assert (secret in {each["id"] for each in listed}) is (reads == 200)


def test_training_sample_of_a_restricted_task_is_shown_to_nobody_else(
    phas: Any, phas_world: Any, say: Any
) -> None:
    world = phas_world
    settings = TaskSettings(world.name(), TaskMode.DLTRAIN, is_restricted=True, label_set="Tissue")
    task = world.lab.tasks.create(world.owner, world.study.id, settings)
    label = world.labels.labels[0].id
    sample = world.lab.samples.create(world.owner, task.id, world.slide.id, label, (10, 20, 60, 80))
    path = f"/dltrain/api/sample/{sample}/image.png"
    say(phas.of("outsider").get(path), 404)
    assert phas.of("study_admin").get(path).status_code == 200


def test_strangers_and_members_see_their_own_projects(phas: Any, phas_world: Any) -> None:
    assert phas.of("stranger").get("/api/projects").json() == []
    assert [each["id"] for each in phas.of("viewer").get("/api/projects").json()] == [
        phas_world.study.name
    ]


def test_rights_that_were_taken_away_end_at_once(phas: Any, phas_world: Any, say: Any) -> None:
    world = phas_world
    study = world.lab.studies.create(world.owner, world.name())
    world.lab.studies.set_member(world.owner, study.id, "viewer@lab", [Right.VIEW])
    path = f"/api/project/{study.name}/tasks"
    assert phas.of("viewer").get(path).json() == []
    world.lab.studies.remove_member(world.owner, study.id, "viewer@lab")
    say(phas.of("viewer").get(path), 404)


@pytest.mark.parametrize("key", MATRIX)
def test_no_address_fits_two_routes(phas_world: Any, key: str) -> None:
    address = address_of(phas_world, key, label_id=1, sample_id=1)[1:]
    fitting = [each.path for each in LAB_ROUTES if each.pattern.fullmatch(address)]
    assert fitting == [key.split(" ")[1]]


@pytest.mark.parametrize("key", MATRIX)
def test_other_methods_and_options_are_told_which_there_are(
    phas: Any, phas_world: Any, say: Any, key: str
) -> None:
    client, path = phas.of("anonymous"), address_of(phas_world, key, label_id=1)
    route = next(each for each in PHAS_ROUTES if each.path == key.split(" ")[1])
    asked = client.options(path, headers={"Origin": "https://evil.example"})
    assert (asked.status_code, asked.headers["Allow"]) == (204, route.allow)
    assert not any(name.lower().startswith("access-control") for name in asked.headers)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "BREW"} - set(route.needs):
        refused = client.request(method, path)
        say(refused, 405)
        assert refused.headers["Allow"] == route.allow


@pytest.mark.parametrize("key", [key for key in MATRIX if key.startswith("GET ")])
def test_head_is_get_without_a_body_and_changes_nothing(
    phas: Any, phas_world: Any, key: str
) -> None:
    client, path = phas.of("site_admin"), address_of(phas_world, key)
    before = phas_world.new_region(), len(phas_world.lab.keys.list(phas_world.owner))
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    if "random_patch" in key:
        return
    if "delete_all" in key or "generate_key" in key:
        task = phas_world.tasks["regions"].id
        there = phas_world.lab.regions.list(phas_world.owner, task, phas_world.slide.id)
        assert before[0] in {each.id for each in there}
        assert len(phas_world.lab.keys.list(phas_world.owner)) == before[1]
        return
    got = client.get(path)
    for name in ("Content-Type", "Content-Length"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("key", [key for key in MATRIX if not IN_BOXES.search(key)])
def test_blind_study_is_closed_to_its_readers(phas: Any, phas_world: Any, key: str) -> None:
    lab, owner, world = phas_world.lab, phas_world.owner, phas_world
    sent = ASK.get(key, lambda _world: Ask())(world)
    address = address_of(world, key, **sent.address)
    with blinded(lab, owner, "blind@lab", ["view", "score", "api"]):
        client = phas.signed_in(lab.keys.create(owner, "phas", email="blind@lab").text)
        answer = client.request(key.partition(" ")[0], address, data=sent.form, json=sent.json)
    assert answer.status_code >= 400 or MATRIX[key] in {OPEN, KNOWN}, answer.text
    assert told(answer, ("Jane Doe", "A-17", world.slide.name, "HTT pilot")) == []
