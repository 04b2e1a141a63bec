"""Every method of every address, asked by everybody there is: all cells are stated."""

from __future__ import annotations

from typing import Any

import pytest
import shapely
from blinding import blinded, told
from cytomine_asks import ASK, Ask

from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.task import TaskMode, TaskSettings
from wsi_lab.server.cytomine.routes import CYTOMINE_ROUTES
from wsi_lab.server.routing import Kind

PEOPLE = (
    "anonymous",
    "stranger",
    "viewer",
    "member",
    "editor",
    "study_admin",
    "site_admin",
    "revoked",  # these were a site administrator's
    "expired",
)

OPEN = "200 200 200 200 200 200 200 200 200"
NOBODY = "401 403 403 403 403 403 403 401 401"
KNOWN = "401 200 200 200 200 200 200 401 401"
OWN = "401 403 403 403 403 403 200 401 401"
VIEWERS = "401 403 200 200 200 200 200 401 401"
MEMBERS = "401 403 403 200 200 200 200 401 401"
EDITORS = "401 403 403 403 200 200 200 401 401"
ADMINS = "401 403 403 403 403 200 200 401 401"
BOSS = "401 403 403 403 403 403 200 401 401"
# Shapes of others are hidden, as if there were none, from who may not see results; here they are
# on a layer that everybody sees.
CHANGERS = "401 403 403 403 200 200 200 401 401"

MATRIX = {
    "GET server/ping": OPEN,
    "GET server/ping.json": OPEN,
    "GET session/admin/open.json": NOBODY,
    "GET session/admin/close.json": NOBODY,
    "GET api/currentuser.json": KNOWN,
    "GET api/user/current.json": KNOWN,
    "GET api/user.json": KNOWN,
    "GET api/user/{user_id}.json": "401 403 200 200 200 200 200 401 401",
    "GET api/user/{user_id}/keys.json": OWN,
    "GET api/userkey/{public_key}/keys.json": OWN,
    "GET api/role.json": KNOWN,
    "GET api/user/{user_id}/role.json": VIEWERS,
    "GET api/user/{user_id}/role/{role_id}.json": VIEWERS,
    "GET api/user/{user_id}/project.json": VIEWERS,
    "GET api/project/{project_id}/user.json": VIEWERS,
    "GET api/project/{project_id}/admin.json": VIEWERS,
    "POST api/project/{project_id}/user/{user_id}.json": ADMINS,
    "DELETE api/project/{project_id}/user/{user_id}.json": ADMINS,
    "POST api/project/{project_id}/user/{user_id}/admin.json": ADMINS,
    "DELETE api/project/{project_id}/user/{user_id}/admin.json": ADMINS,
    "GET api/project.json": KNOWN,
    "POST api/project.json": BOSS,
    "GET api/project/{project_id}.json": VIEWERS,
    "PUT api/project/{project_id}.json": EDITORS,
    "DELETE api/project/{project_id}.json": ADMINS,
    "GET api/ontology/{ontology_id}/project.json": VIEWERS,
    "GET api/ontology.json": KNOWN,
    "POST api/ontology.json": KNOWN,
    "GET api/ontology/{ontology_id}.json": VIEWERS,
    "PUT api/ontology/{ontology_id}.json": EDITORS,
    "DELETE api/ontology/{ontology_id}.json": BOSS,
    "GET api/ontology/{ontology_id}/term.json": VIEWERS,
    "GET api/project/{project_id}/term.json": VIEWERS,
    "GET api/term.json": KNOWN,
    "POST api/term.json": EDITORS,
    "GET api/term/{term_id}.json": VIEWERS,
    "PUT api/term/{term_id}.json": EDITORS,
    "DELETE api/term/{term_id}.json": EDITORS,
    "POST api/relation/parent/term.json": EDITORS,
    "GET api/relation/parent/term1/{parent_id}/term2/{term_id}.json": VIEWERS,
    "DELETE api/relation/parent/term1/{parent_id}/term2/{term_id}.json": EDITORS,
    "GET api/project/{project_id}/imageinstance.json": VIEWERS,
    # Whoever makes a slide of an image elsewhere sees its label, too.
    "POST api/imageinstance.json": ADMINS,
    "GET api/imageinstance/{image_id}.json": VIEWERS,
    "PUT api/imageinstance/{image_id}.json": EDITORS,
    "DELETE api/imageinstance/{image_id}.json": EDITORS,
    "GET api/imageinstance/{image_id}/sliceinstance/reference.json": VIEWERS,
    "GET api/imageinstance/{image_id}/sliceinstance.json": VIEWERS,
    "GET api/sliceinstance/{image_id}.json": VIEWERS,
    "GET api/abstractimage.json": KNOWN,
    "GET api/abstractimage/{abstract_id}.json": VIEWERS,
    "DELETE api/abstractimage/{abstract_id}.json": BOSS,
    "GET api/imageinstance/{image_id}/window-{place}": VIEWERS,
    "GET api/imageinstance/{image_id}/thumb.{ending}": VIEWERS,
    "GET api/imageinstance/{image_id}/preview.{ending}": VIEWERS,
    "GET api/sliceinstance/{image_id}/window-{place}": VIEWERS,
    "GET api/sliceinstance/{image_id}/thumb.{ending}": VIEWERS,
    "GET api/sliceinstance/{image_id}/preview.{ending}": VIEWERS,
    "GET api/abstractimage/{abstract_id}/window-{place}": VIEWERS,
    "GET api/abstractimage/{abstract_id}/thumb.{ending}": VIEWERS,
    "GET api/abstractimage/{abstract_id}/preview.{ending}": VIEWERS,
    "GET api/imageinstance/{image_id}/download": ADMINS,
    "GET api/abstractimage/{abstract_id}/download": ADMINS,
    **{
        f"GET api/{noun}/{{annotation_id}}/{shows}.{{ending}}": VIEWERS
        for noun in ("userannotation", "annotation")
        for shows in ("crop", "mask", "alphamask")
    },
    "GET api/annotation.json": VIEWERS,
    "POST api/annotation.json": MEMBERS,
    "GET api/annotation/included.json": VIEWERS,
    "GET api/imageinstance/{image_id}/annotation/included.json": VIEWERS,
    **{
        f"{method} api/{noun}/{{annotation_id}}.json": cell
        for noun in ("userannotation", "annotation")
        for method, cell in (("GET", VIEWERS), ("PUT", CHANGERS), ("DELETE", CHANGERS))
    },
    "GET api/annotation/{annotation_id}/term.json": VIEWERS,
    "GET api/annotation/{annotation_id}/term/{term_id}.json": VIEWERS,
    "POST api/annotation/{annotation_id}/term/{term_id}.json": CHANGERS,
    "DELETE api/annotation/{annotation_id}/term/{term_id}.json": CHANGERS,
    "POST api/annotation/{annotation_id}/term/{term_id}/clearBefore.json": CHANGERS,
    **{
        f"{method} {thing}/{path}": cell
        for thing, may_say in (
            ("api/domain/{class}/{thing_id}", EDITORS),
            ("api/annotation/{annotation_id}", CHANGERS),
        )
        for method, path, cell in (
            ("GET", "property.json", VIEWERS),
            ("POST", "property.json", may_say),
            ("GET", "property/{property_id}.json", VIEWERS),
            ("PUT", "property/{property_id}.json", may_say),
            ("DELETE", "property/{property_id}.json", may_say),
            ("GET", "key/{key}/property.json", VIEWERS),
        )
    },
    "GET api/tag.json": KNOWN,
    "POST api/tag.json": KNOWN,
    "GET api/tag/{tag_id}.json": "401 404 200 200 200 200 200 401 401",
    "PUT api/tag/{tag_id}.json": "401 404 403 403 403 403 200 401 401",
    "DELETE api/tag/{tag_id}.json": "401 404 403 403 403 403 200 401 401",
    "GET api/domain/{class}/{thing_id}/tag_domain_association.json": VIEWERS,
    "POST api/domain/{class}/{thing_id}/tag_domain_association.json": EDITORS,
    "GET api/tag_domain_association/{link_id}.json": VIEWERS,
    "DELETE api/tag_domain_association/{link_id}.json": EDITORS,
    "GET api/domain/{class}/{thing_id}/description.json": VIEWERS,
    "POST api/domain/{class}/{thing_id}/description.json": EDITORS,
    "PUT api/domain/{class}/{thing_id}/description.json": EDITORS,
    "DELETE api/domain/{class}/{thing_id}/description.json": EDITORS,
    "POST api/attachedfile.json": EDITORS,
    "GET api/domain/{class}/{thing_id}/attachedfile.json": VIEWERS,
    "GET api/attachedfile/{file_id}.json": VIEWERS,
    "DELETE api/attachedfile/{file_id}.json": EDITORS,
    "GET api/attachedfile/{file_id}/download": VIEWERS,
    "GET api/storage.json": KNOWN,
    "GET api/storage/{storage_id}.json": "401 404 404 404 404 404 200 401 401",
    "POST upload": EDITORS,
}


ROUTES = {
    f"{method} {route.path}": need
    for route in CYTOMINE_ROUTES
    for method, need in route.needs.items()
    if method != "HEAD"
}


def send(door: Any, key: str, ask: Ask, who: str) -> Any:
    method, path = key.split(" ")
    keys = door.world.keys[who]
    headers = {} if keys is None else keys.plain()
    how: dict[str, Any] = {"json": ask.body} if ask.file is None else {}
    if ask.file is not None:
        how = {"files": {"files[]": (ask.file, door.world.slide_file.read_bytes())}}
    return door.send(method, path.format(**ask.address), headers=headers, params=ask.query, **how)


def test_every_method_of_every_address_has_its_row() -> None:
    assert set(MATRIX) == set(ROUTES)


@pytest.mark.parametrize("key", MATRIX)
def test_answer_is_the_one_stated(door: Any, world: Any, key: str) -> None:
    found = []
    for person in PEOPLE:
        ask = ASK.get(key, lambda _world: Ask())(world)
        answer = send(door, key, ask, person)
        found.append(answer.status_code)
        if answer.status_code != 200:
            said = answer.json()
            is_reading = key.startswith("GET")
            assert isinstance(said["errors"]["message"] if is_reading else said["errors"], str)
            assert is_reading or said["success"] is False
    assert " ".join(map(str, found)) == MATRIX[key]


IN_A_PROJECT = [
    key
    for key, need in ROUTES.items()
    if need.kind in set(Kind) - {Kind.LAB, Kind.REMARK} and key in ASK and "{" in key
]


@pytest.mark.parametrize("key", IN_A_PROJECT)
def test_what_there_is_not_is_told_apart(door: Any, world: Any, key: str) -> None:
    ask = ASK[key](world)
    for name in ask.address:
        if name.endswith("_id"):
            nothing = ask._replace(address={**ask.address, name: 10**9})
            assert send(door, key, nothing, "site_admin").status_code in {400, 404}, name
    names = [name for name in ask.address if name.endswith("_id")]
    for what in (10**9, 2**63 - 1, 10**18, 1 << 40):
        nothing = ask._replace(address={**ask.address, **dict.fromkeys(names, what)}, query=None)
        answer = send(door, key, nothing, "stranger")
        # Without anything to compare with, there is nothing to look for.
        assert answer.status_code == (400 if key.endswith("included.json") else 404), what
    for text in ("abc", "-1", "1e3", "9" * 30, "%00", "1;--"):
        nothing = ask._replace(address={**ask.address, **dict.fromkeys(names, text)})
        assert send(door, key, nothing, "stranger").status_code in {400, 404}, text


def test_stranger_changes_nothing_that_is_named_in_a_body(door: Any, world: Any) -> None:
    own = world.lab.studies.create(world.owner, world.name())
    world.lab.studies.set_member(world.owner, own.id, "stranger@lab", ["view", "score", "edit"])
    ontology = world.lab.ontologies.of_study(world.owner, own.id)
    term = world.lab.ontologies.add_term(world.owner, ontology.id, "mine")
    for path, body in (
        ("api/annotation.json", {"location": "POINT (1 2)", "image": world.slide.id}),
        ("api/annotation.json", [{"location": "POINT (1 2)", "slice": world.slide.id}]),
        ("api/term.json", {"name": "a", "ontology": world.ontology.id}),
        ("api/term.json", [{"name": "a", "ontology": world.ontology.id}]),
        ("api/imageinstance.json", {"baseImage": world.image.image_id, "project": own.id}),
        ("api/imageinstance.json", {"baseImage": 10**9, "project": world.study.id}),
        ("api/relation/parent/term.json", {"term1": world.tumour.id, "term2": term.id}),
        ("api/relation/parent/term.json", {"term1": term.id, "term2": world.tumour.id}),
    ):
        assert door.ask("POST", path, "stranger", body).status_code == 403, (path, body)


def test_shapes_of_others_that_are_not_shared_are_as_good_as_not_there(
    door: Any, world: Any
) -> None:
    layer = world.lab.layers.create(world.owner, world.study.id, world.name())
    point = Feature(ShapeKind.POINT, shapely.Point(10, 20))
    (made,) = world.lab.drawing.add(world.owner, world.slide.id, layer.id, [(None, point)])
    for who, status in (("stranger", 403), ("viewer", 404), ("editor", 404), ("study_admin", 200)):
        for path in (f"api/annotation/{made.id}.json", f"api/annotation/{made.id}/crop.png"):
            assert door.ask("GET", path, who).status_code == status, (who, path)
        if status != 403:
            found = door.get("api/annotation.json", who, image=world.slide.id)["collection"]
            assert (made.id in {each["id"] for each in found}) is (status == 200)
    path = f"api/annotation/{made.id}.json"
    assert door.refused(404, "DELETE", path, "editor")
    assert door.refused(404, "PUT", path, "editor", {"location": "POINT (1 1)"})


def test_layers_of_restricted_tasks_stay_closed(door: Any, world: Any) -> None:
    settings = TaskSettings(name=world.name(), mode=TaskMode.ANNOT, is_restricted=True)
    task = world.lab.tasks.create(world.owner, world.study.id, settings)
    point = Feature(ShapeKind.POINT, shapely.Point(10, 20))
    (made,) = world.lab.drawing.add(world.owner, world.slide.id, task.id, [(None, point)])
    path = f"api/annotation/{made.id}.json"
    assert door.ask("GET", path, "study_admin").status_code == 200
    person = world.new_person(["view", "score", "results", "edit"])
    assert door.ask("GET", path, person).status_code == 404
    found = door.get("api/annotation.json", person, project=world.study.id)["collection"]
    assert made.id not in {each["id"] for each in found}


@pytest.mark.parametrize("key", MATRIX)
def test_blind_study_is_closed_to_its_readers(door: Any, world: Any, key: str) -> None:
    lab, owner = world.lab, world.owner
    blind = world.new_person()
    ask = ASK.get(key, lambda _world: Ask())(world)
    with blinded(lab, owner, f"{blind}@lab"):
        answer = send(door, key, ask, blind)
    assert answer.status_code >= 400 or MATRIX[key] in {OPEN, KNOWN}, answer.text
    assert told(answer, (world.slide.name, world.image.file_name)) == []
