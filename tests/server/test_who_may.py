"""Every method of every route, asked by every kind of person: all cells are stated here."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from blinding import blinded, told
from who_may import (
    ADMINS_FIND,
    ADMINS_FIND_AND_REMOVE,
    ADMINS_REMOVE,
    ADMINS_SEE,
    BOSS_JOB,
    BOSS_MAKES,
    BOSS_OWN,
    BOSS_SEES,
    EDITORS_BEGIN,
    EDITORS_CHANGE,
    EDITORS_MAKE,
    EDITORS_REMOVE,
    FULL_TOKEN,
    FULL_TOKEN_MAKES,
    KNOWN,
    MEMBERS_SEE,
    OPEN,
    PEOPLE,
    VIEWERS_OWN,
    Ask,
)
from who_may_reading import READING_ASKS, READING_CELLS
from who_may_tasks import TASK_ASKS, TASK_CELLS

from wsi_lab.model.feature import Grid
from wsi_lab.server.routes import V1_ROUTES
from wsi_lab.server.routing import Kind

_POINT = {"kind": "point", "geometry": {"type": "Point", "coordinates": [10, 20]}}

MATRIX = {
    "GET v1/": OPEN,
    "GET v1/openapi.yaml": OPEN,
    "GET v1/me": KNOWN,
    "GET v1/users": BOSS_SEES,
    "POST v1/users": BOSS_MAKES,
    "GET v1/tokens": FULL_TOKEN,
    "POST v1/tokens": FULL_TOKEN_MAKES,
    "DELETE v1/tokens/{token_id}": VIEWERS_OWN,
    "GET v1/studies": KNOWN,
    "POST v1/studies": BOSS_MAKES,
    "POST v1/study-plans": BOSS_MAKES,
    "GET v1/studies/{study_id}": MEMBERS_SEE,
    "PATCH v1/studies/{study_id}": EDITORS_CHANGE,
    "DELETE v1/studies/{study_id}": ADMINS_REMOVE,
    "PUT v1/studies/{study_id}/publication": ADMINS_SEE,
    "GET v1/studies/{study_id}/archive": ADMINS_SEE,
    "POST v1/study-archives": BOSS_MAKES,
    "GET v1/studies/{study_id}/members": ADMINS_SEE,
    "PUT v1/studies/{study_id}/members/{email}": ADMINS_SEE,
    "DELETE v1/studies/{study_id}/members/{email}": ADMINS_REMOVE,
    "GET v1/studies/{study_id}/cases": MEMBERS_SEE,
    "POST v1/studies/{study_id}/cases": EDITORS_MAKE,
    "GET v1/cases/{case_id}": MEMBERS_SEE,
    "PATCH v1/cases/{case_id}": EDITORS_CHANGE,
    "DELETE v1/cases/{case_id}": EDITORS_REMOVE,
    "GET v1/studies/{study_id}/slides": MEMBERS_SEE,
    "POST v1/studies/{study_id}/slides": EDITORS_MAKE,
    "GET v1/slides/{slide_id}": MEMBERS_SEE,
    "PATCH v1/slides/{slide_id}": EDITORS_CHANGE,
    "DELETE v1/slides/{slide_id}": EDITORS_REMOVE,
    "GET v1/slides/{slide_id}/properties": MEMBERS_SEE,
    "GET v1/slides/{slide_id}/tiles/{z}/{x}/{y}.jpg": MEMBERS_SEE,
    "GET v1/slides/{slide_id}/tiles/{z}": MEMBERS_SEE,
    "GET v1/slides/{slide_id}/overlay/{layer_id}/{z}/{x}/{y}.png": MEMBERS_SEE,
    "GET v1/slides/{slide_id}/overlay/{layer_id}/{z}/{x}/{y}.mvt": MEMBERS_SEE,
    "GET v1/slides/{slide_id}/layers": MEMBERS_SEE,
    "GET v1/slides/{slide_id}/annotations/at": MEMBERS_SEE,
    "GET v1/slides/{slide_id}/region": MEMBERS_SEE,
    "GET v1/slides/{slide_id}/thumbnail": MEMBERS_SEE,
    "GET v1/slides/{slide_id}/associated": ADMINS_SEE,
    "GET v1/slides/{slide_id}/associated/{name}": ADMINS_SEE,
    "GET v1/slides/{slide_id}/deepzoom.dzi": MEMBERS_SEE,
    "GET v1/slides/{slide_id}/deepzoom_files/{level}/{x}_{y}.jpg": MEMBERS_SEE,
    "PUT v1/slides/{slide_id}/tma-map": EDITORS_CHANGE,
    "GET v1/slides/{slide_id}/cores": MEMBERS_SEE,
    "PUT v1/slides/{slide_id}/cores": EDITORS_CHANGE,
    "DELETE v1/slides/{slide_id}/cores": EDITORS_REMOVE,
    "POST v1/slides/{slide_id}/cores/fit": EDITORS_CHANGE,
    "GET v1/studies/{study_id}/questions": MEMBERS_SEE,
    "POST v1/studies/{study_id}/questions": EDITORS_MAKE,
    "PUT v1/studies/{study_id}/questions": EDITORS_CHANGE,
    "GET v1/questions/{question_id}": MEMBERS_SEE,
    "PATCH v1/questions/{question_id}": EDITORS_CHANGE,
    "DELETE v1/questions/{question_id}": EDITORS_REMOVE,
    "GET v1/studies/{study_id}/layers": MEMBERS_SEE,
    "POST v1/studies/{study_id}/layers": EDITORS_MAKE,
    "GET v1/layers/{layer_id}": MEMBERS_SEE,
    "PATCH v1/layers/{layer_id}": EDITORS_CHANGE,
    "DELETE v1/layers/{layer_id}": EDITORS_REMOVE,
    "PUT v1/layers/{layer_id}/labels": EDITORS_CHANGE,
    "GET v1/layers/{layer_id}/counts": MEMBERS_SEE,
    "GET v1/layers/{layer_id}/shapes": MEMBERS_SEE,
    "POST v1/layers/{layer_id}/shapes": EDITORS_MAKE,
    "POST v1/layers/{layer_id}/imports": EDITORS_BEGIN,
    "GET v1/layers/{layer_id}/export": MEMBERS_SEE,
    "GET v1/layers/{layer_id}/loads": MEMBERS_SEE,
    "POST v1/layers/{layer_id}/grids": EDITORS_MAKE,
    "GET v1/loads/{load_id}": MEMBERS_SEE,
    "DELETE v1/loads/{load_id}": EDITORS_REMOVE,
    "GET v1/slides/{slide_id}/mask": MEMBERS_SEE,
    "GET v1/jobs/{job_id}": BOSS_JOB,
    "DELETE v1/jobs/{job_id}": BOSS_JOB,
    "GET v1/annotations/{annotation_id}": ADMINS_FIND,
    "PATCH v1/annotations/{annotation_id}": ADMINS_FIND,
    "DELETE v1/annotations/{annotation_id}": ADMINS_FIND_AND_REMOVE,
    "GET v1/annotations/{annotation_id}/history": ADMINS_FIND,
    "GET v1/studies/{study_id}/answers": ADMINS_SEE,
    "POST v1/studies/{study_id}/answers": EDITORS_MAKE,
    "GET v1/answers/{answer_id}": ADMINS_SEE,
    "GET v1/answers/{answer_id}/history": ADMINS_SEE,
    "POST v1/studies/{study_id}/results": EDITORS_CHANGE,
    "GET v1/studies/{study_id}/annotations": ADMINS_SEE,
    "GET v1/studies/{study_id}/tma-maps": MEMBERS_SEE,
    "POST v1/studies/{study_id}/tma-maps": EDITORS_MAKE,
    "GET v1/tma-maps/{map_id}": MEMBERS_SEE,
    "GET v1/studies/{study_id}/config-files": EDITORS_CHANGE,
    "POST v1/studies/{study_id}/import": ADMINS_SEE,
    "POST v1/uploads/{upload_id}/finish": BOSS_OWN,
    **READING_CELLS,
    **TASK_CELLS,
}


def _viewers_token(world: Any) -> Ask:
    text = world.token("viewer@lab")
    actor = world.lab.people.actor_for_token(text, door="v1")
    return Ask({"token_id": actor.token.id})


def _new_study(world: Any, *, body: dict[str, Any] | None = None) -> Ask:
    study = world.new_study()
    return Ask({"study_id": study.id}, body=body, revision=study.revision)


def _new_case(world: Any, *, body: dict[str, Any] | None = None) -> Ask:
    case = world.new_case()
    return Ask({"case_id": case.id}, body=body, revision=case.revision)


def _new_slide(world: Any, *, body: dict[str, Any] | None = None) -> Ask:
    slide = world.new_slide()
    return Ask({"slide_id": slide.id}, body=body, revision=slide.revision)


def _new_question(world: Any, *, body: dict[str, Any] | None = None) -> Ask:
    question = world.new_question()
    return Ask({"question_id": question.id}, body=body, revision=question.revision)


def _results(world: Any) -> Ask:
    header = "ImageID\tBy\tQuestion\tAnswer"
    return _study(world, text=f"{header}\n{world.slide.id}\ta@lab\t{world.question.name}\t1\n")


def _importable(world: Any) -> Ask:
    study = world.new_study(world.name().replace(" ", "-"))
    scores = world.lab.files.root / f"study.{study.name}.scores"
    scores.write_text("Grade\tInteger\n")
    return Ask({"study_id": study.id}, body={})


def _answer(world: Any) -> Ask:
    return Ask({"answer_id": world.answer.id})


def _member(world: Any, *, body: dict[str, Any] | None = None) -> Ask:
    study = world.new_study()
    return Ask({"study_id": study.id, "email": "viewer@lab"}, body=body)


def _study(world: Any, **rest: Any) -> Ask:
    return Ask({"study_id": world.study.id}, **rest)


def _slide(world: Any, query: dict[str, Any] | None = None, **address: Any) -> Ask:
    return Ask({"slide_id": world.slide.id, **address}, query)


def _overlay(world: Any) -> Ask:
    layer = world.new_question(kind="AnnoShapes")
    return _slide(world, layer_id=layer.id, z=4, x=1, y=1)


def _layer(world: Any, body: Any = None, **query: Any) -> Ask:
    layer = world.lab.layers.create(world.owner, world.study.id, world.name())
    return Ask({"layer_id": layer.id}, query, body=body, revision=layer.revision)


def _grid(world: Any) -> Ask:
    file = io.BytesIO()
    np.save(file, np.zeros((2, 3), np.float32))
    sides = {"left": 0, "top": 0, "right": 30, "bottom": 20}
    ask = _layer(world, slide_id=world.slide.id, name=world.name(), **sides)
    return ask._replace(npy=file.getvalue())


def _archive(world: Any) -> Ask:
    file = io.BytesIO()
    world.lab.archives.export(world.owner, world.new_study().id, file)
    return Ask(query={"name": world.name()}, npy=file.getvalue())


def _load(world: Any) -> Ask:
    layer = world.lab.layers.create(world.owner, world.study.id, world.name(), is_shared=True)
    grid = Grid("values", np.zeros((2, 3), np.float32), (0, 0, 30, 20))
    load = world.lab.loads.load_grid(world.owner, layer.id, world.slide.id, grid)
    return Ask({"load_id": load.id})


def _job(world: Any) -> Ask:
    return Ask({"job_id": world.lab.jobs.start(world.owner, "nothing", lambda _task: None).id})


def _import(world: Any) -> Ask:
    text = '{"type":"FeatureCollection","features":[]}'
    ask = _layer(world, slide_id=world.slide.id, format="geojson")
    return ask._replace(text=text)


def _mask(world: Any) -> Ask:
    layer = world.lab.layers.create(world.owner, world.study.id, world.name())
    return _slide(world, {"layer_id": layer.id, "left": 0, "top": 0, "width": 20, "height": 10})


def _shape(world: Any, body: Any = None) -> Ask:
    shape = world.new_shape()
    return Ask({"annotation_id": shape.id}, body=body, revision=shape.revision)


ASK: dict[str, Callable[[Any], Ask]] = {
    "POST v1/users": lambda world: Ask(body={"email": f"{world.name().replace(' ', '')}@lab"}),
    "POST v1/tokens": lambda world: Ask(body={"name": world.name(), "capabilities": ["all"]}),
    "DELETE v1/tokens/{token_id}": _viewers_token,
    "POST v1/studies": lambda world: Ask(body={"name": world.name()}),
    "POST v1/study-plans": lambda world: Ask(
        body={
            "name": world.name(),
            "slides": [{"path": str(world.slide_file)}],
            "members": [{"email": "viewer@lab", "rights": ["view"]}],
        }
    ),
    "GET v1/studies/{study_id}": _study,
    "PATCH v1/studies/{study_id}": lambda world: _new_study(world, body={"description": "x"}),
    "DELETE v1/studies/{study_id}": _new_study,
    "PUT v1/studies/{study_id}/publication": lambda world: _new_study(
        world, body={"published": True}
    ),
    "GET v1/studies/{study_id}/archive": _study,
    "POST v1/study-archives": _archive,
    "GET v1/studies/{study_id}/members": _study,
    "PUT v1/studies/{study_id}/members/{email}": lambda world: _member(
        world, body={"rights": ["view", "score"]}
    ),
    "DELETE v1/studies/{study_id}/members/{email}": _member,
    "GET v1/studies/{study_id}/cases": _study,
    "POST v1/studies/{study_id}/cases": lambda world: _study(world, body={"name": world.name()}),
    "GET v1/cases/{case_id}": lambda world: Ask({"case_id": world.case.id}),
    "PATCH v1/cases/{case_id}": lambda world: _new_case(world, body={"public_name": "B-1"}),
    "DELETE v1/cases/{case_id}": _new_case,
    "GET v1/studies/{study_id}/slides": _study,
    "POST v1/studies/{study_id}/slides": lambda world: _study(
        world, body={"path": str(world.slide_file), "name": world.name()}
    ),
    "GET v1/slides/{slide_id}": _slide,
    "PATCH v1/slides/{slide_id}": lambda world: _new_slide(world, body={"stain": "H&E"}),
    "DELETE v1/slides/{slide_id}": _new_slide,
    "GET v1/slides/{slide_id}/properties": _slide,
    "GET v1/slides/{slide_id}/tiles/{z}/{x}/{y}.jpg": lambda world: _slide(world, z=4, x=1, y=1),
    "GET v1/slides/{slide_id}/tiles/{z}": lambda world: _slide(world, {"tiles": "1.1,2.1"}, z=4),
    "GET v1/slides/{slide_id}/overlay/{layer_id}/{z}/{x}/{y}.png": _overlay,
    "GET v1/slides/{slide_id}/overlay/{layer_id}/{z}/{x}/{y}.mvt": _overlay,
    "GET v1/slides/{slide_id}/layers": _slide,
    "GET v1/slides/{slide_id}/annotations/at": lambda world: _slide(world, {"x": 10, "y": 10}),
    "GET v1/slides/{slide_id}/region": lambda world: _slide(
        world, {"x": 10, "y": 10, "width": 20, "height": 20}
    ),
    "GET v1/slides/{slide_id}/thumbnail": _slide,
    "GET v1/slides/{slide_id}/associated": _slide,
    "GET v1/slides/{slide_id}/associated/{name}": lambda world: _slide(world, name="label"),
    "GET v1/slides/{slide_id}/deepzoom.dzi": _slide,
    "GET v1/slides/{slide_id}/deepzoom_files/{level}/{x}_{y}.jpg": lambda world: _slide(
        world, level=12, x=1, y=1
    ),
    # Readings ask of the first slide as one without cores.
    "PUT v1/slides/{slide_id}/tma-map": lambda world: Ask(
        {"slide_id": world.new_slide().id}, body={"name": world.tma_map.name}
    ),
    "GET v1/slides/{slide_id}/cores": lambda world: Ask({"slide_id": world.array.id}),
    "PUT v1/slides/{slide_id}/cores": lambda world: Ask(
        {"slide_id": world.array.id},
        body={"cores": [{"row": 1, "column": 2, "box": [1, 2, 30, 40]}]},
    ),
    "DELETE v1/slides/{slide_id}/cores": lambda world: Ask({"slide_id": world.array.id}),
    "POST v1/slides/{slide_id}/cores/fit": lambda world: Ask({"slide_id": world.array.id}, body={}),
    "GET v1/studies/{study_id}/questions": _study,
    "POST v1/studies/{study_id}/questions": lambda world: _study(
        world, body={"name": world.name(), "kind": "Percentage"}
    ),
    "PUT v1/studies/{study_id}/questions": lambda world: _study(
        world, body={"questions": [{"name": world.name(), "kind": "Real"}]}
    ),
    "GET v1/questions/{question_id}": lambda world: Ask({"question_id": world.question.id}),
    "PATCH v1/questions/{question_id}": lambda world: _new_question(world, body={"position": 7}),
    "DELETE v1/questions/{question_id}": _new_question,
    "GET v1/studies/{study_id}/layers": _study,
    "POST v1/studies/{study_id}/layers": lambda world: _study(world, body={"name": world.name()}),
    "GET v1/layers/{layer_id}": _layer,
    "PATCH v1/layers/{layer_id}": lambda world: _layer(world, body={"is_shared": True}),
    "DELETE v1/layers/{layer_id}": _layer,
    "PUT v1/layers/{layer_id}/labels": lambda world: _layer(
        world, body={"labels": [{"name": "tumour"}]}
    ),
    "GET v1/layers/{layer_id}/counts": _layer,
    "POST v1/layers/{layer_id}/imports": _import,
    "GET v1/layers/{layer_id}/export": lambda world: _layer(
        world, slide_id=world.slide.id, format="geojson"
    ),
    "GET v1/layers/{layer_id}/loads": _layer,
    "POST v1/layers/{layer_id}/grids": _grid,
    "GET v1/loads/{load_id}": _load,
    "DELETE v1/loads/{load_id}": _load,
    "GET v1/slides/{slide_id}/mask": _mask,
    "GET v1/jobs/{job_id}": _job,
    "DELETE v1/jobs/{job_id}": _job,
    "GET v1/layers/{layer_id}/shapes": lambda world: _layer(world, slide_id=world.slide.id),
    "POST v1/layers/{layer_id}/shapes": lambda world: _layer(
        world, body={"shapes": [_POINT]}, slide_id=world.slide.id
    ),
    "GET v1/annotations/{annotation_id}": _shape,
    "PATCH v1/annotations/{annotation_id}": lambda world: _shape(world, body={"labels": ["a"]}),
    "DELETE v1/annotations/{annotation_id}": _shape,
    "GET v1/annotations/{annotation_id}/history": _shape,
    "GET v1/studies/{study_id}/answers": _study,
    "POST v1/studies/{study_id}/answers": lambda world: _study(
        world,
        body={"question": world.question.name, "answer": "1", "slide_id": world.slide.id},
    ),
    "GET v1/answers/{answer_id}": _answer,
    "GET v1/answers/{answer_id}/history": _answer,
    "POST v1/studies/{study_id}/results": _results,
    "GET v1/studies/{study_id}/annotations": _study,
    "GET v1/studies/{study_id}/tma-maps": _study,
    "POST v1/studies/{study_id}/tma-maps": lambda world: _study(
        world, body={"name": world.name(), "text": "A1\n"}
    ),
    "GET v1/tma-maps/{map_id}": lambda world: Ask({"map_id": world.tma_map.id}),
    "GET v1/studies/{study_id}/config-files": _study,
    "POST v1/studies/{study_id}/import": _importable,
    "POST v1/uploads/{upload_id}/finish": lambda world: Ask(
        {"upload_id": world.uploaded("site_admin").id}, body={}
    ),
    **READING_ASKS,
    **TASK_ASKS,
}

ROUTES = {
    f"{method} {route.path}": (route, need)
    for route in V1_ROUTES
    for method, need in route.needs.items()
    if method != "HEAD"
}


IN_A_STUDY = {
    *(Kind.STUDY, Kind.CASE, Kind.SLIDE, Kind.QUESTION, Kind.ANSWER, Kind.TMA_MAP),
    *(Kind.LAYER, Kind.ANNOTATION, Kind.LABEL_SET, Kind.LABEL, Kind.TASK),
}


def send(http: httpx.Client, key: str, ask: Ask, headers: dict[str, str]) -> httpx.Response:
    method, path = key.split(" ")
    if ask.revision is not None:
        headers = {**headers, "If-Match": f'"r{ask.revision}"'}
    if ask.text is not None:
        headers = {**headers, "Content-Type": "text/tab-separated-values"}
    if ask.npy is not None:
        headers = {**headers, "Content-Type": "application/x-npy"}
    return http.request(
        method,
        "/" + path.format(**ask.address),
        params=ask.query,
        json=ask.body,
        content=ask.npy or ask.text,
        headers=headers,
    )


def test_every_method_of_every_route_has_its_row() -> None:
    assert set(MATRIX) == set(ROUTES)


@pytest.mark.parametrize("key", MATRIX)
def test_answer_is_the_one_stated(world: Any, http: httpx.Client, schema: Any, key: str) -> None:
    found = []
    for person in PEOPLE:
        ask = ASK.get(key, lambda _world: Ask())(world)
        answer = send(http, key, ask, world.headers(person))
        found.append(answer.status_code)
        if answer.status_code >= 400:
            schema("Problem", answer.json())
            assert answer.json()["status"] == answer.status_code
    assert " ".join(map(str, found)) == MATRIX[key]


def _without(answer: httpx.Response, number: int) -> str:
    return re.sub(rf"\b{number}\b", "ID", answer.text)


@pytest.mark.parametrize(
    "key",
    [key for key, (_, need) in ROUTES.items() if need.kind in IN_A_STUDY],
)
def test_what_is_hidden_looks_like_what_is_not_there(
    world: Any, http: httpx.Client, key: str
) -> None:
    ask = ASK[key](world)
    what = next(iter(ask.address))
    unknown = random.randrange(10**8, 10**9)
    nothing = ask._replace(address={**ask.address, what: unknown})
    hidden = send(http, key, ask, world.headers("stranger"))
    missing = send(http, key, nothing, world.headers("stranger"))
    assert hidden.status_code == missing.status_code == 404
    # The id asked for is repeated to whoever asked; nothing else may differ.
    assert _without(hidden, ask.address[what]) == _without(missing, unknown)
    assert hidden.headers.keys() == missing.headers.keys()
    for name in hidden.headers.keys() - {"date", "content-length"}:
        assert hidden.headers[name] == missing.headers[name]


@pytest.mark.parametrize(
    "limits",
    [
        {"capabilities": ["scores"]},
        {"capabilities": ["all"], "modify_studies": ["another"]},
        {"capabilities": ["all"], "folders": ["inbox"]},
    ],
    ids=["capability", "modify", "folders"],
)
def test_what_a_token_lacks_does_not_tell_strangers_what_there_is(
    world: Any, http: httpx.Client, limits: dict[str, list[str]]
) -> None:
    headers = {"Authorization": f"Bearer {world.token('stranger@lab', **limits)}"}
    for key, (_, need) in ROUTES.items():
        if need.kind in IN_A_STUDY:
            ask = ASK[key](world)
            nothing = ask._replace(address={**ask.address, next(iter(ask.address)): 10**8})
            assert send(http, key, ask, headers).status_code == 404, key
            assert send(http, key, nothing, headers).status_code == 404, key


# What a reader of a blind study may still ask: about themselves, and which studies there are.
OPEN_TO_THE_BLIND = {
    *(key for key, cells in MATRIX.items() if cells in {OPEN, KNOWN, FULL_TOKEN, FULL_TOKEN_MAKES}),
    "GET v1/studies/{study_id}",
}


def is_reading(key: str) -> bool:
    """Return whether a route is part of the page that blind studies are read on."""
    return "/reading" in key or key.startswith("GET read/")


@pytest.mark.parametrize("key", [key for key in MATRIX if not is_reading(key)])
def test_blind_study_is_closed_to_its_readers(world: Any, http: httpx.Client, key: str) -> None:
    lab, owner = world.lab, world.owner
    secret = world.lab.cases.create(owner, world.study.id, world.name(), "Secret-17")
    ask = ASK.get(key, lambda _world: Ask())(world)
    with blinded(lab, owner, "blind@lab"):
        headers = {"Authorization": f"Bearer {world.token('blind@lab')}"}
        answer = send(http, key, ask, headers)
    assert answer.status_code >= 400 or key in OPEN_TO_THE_BLIND, answer.text
    secrets = ("Jane Doe", "A-17", secret.public_name, world.slide.name, "2+", '"shuffleseed":"')
    assert told(answer, secrets) == []
