"""Whatever is wrong with a request, the answer has one shape, one set of headers, no secrets."""

from __future__ import annotations

import io
import json
import logging
import socket
from typing import Any

import httpx
import numpy as np
import pytest
from lab_log import lab_log

from wsi_lab.server.base import HEADERS
from wsi_lab.server.routes import V1_ROUTES

OPERATIONS = [
    (method, route.path) for route in V1_ROUTES for method in route.needs if method != "HEAD"
]
TABLES = [("POST", "v1/studies/{study_id}/results")]
FILES = [
    ("POST", "v1/layers/{layer_id}/imports"),
    ("POST", "v1/layers/{layer_id}/grids"),
    ("POST", "v1/study-archives"),
]
WITH_BODY = [
    each
    for each in OPERATIONS
    if each[0] in {"POST", "PUT", "PATCH"} and each not in [*TABLES, *FILES]
]

_READ_SLIDE = "v1/studies/{study_id}/reading/slides/{number}"


def _path(world: Any, path: str) -> str:
    known = {
        "study_id": world.study.id,
        "case_id": world.case.id,
        "slide_id": world.array.id if "/cores" in path else world.slide.id,
        "token_id": 1,
        "key_id": 1,
        "email": "viewer@lab",
        "name": "label",
        "z": 4,
        "level": 12,
        "number": 1,
        "x": 1,
        "y": 1,
    }
    if "question_id" in path:
        known["question_id"] = world.question.id
    if "answer_id" in path:
        known["answer_id"] = world.answer.id
    if "layer_id" in path:
        known["layer_id"] = world.shape.question_id
    if "annotation_id" in path:
        shape = world.shared_shape if "reading" in path else world.shape
        known["annotation_id"] = shape.id
    if "{load_id}" in path:
        known["load_id"] = world.load.id
    if "job_id" in path:
        known["job_id"] = world.job.id
    if "map_id" in path:
        known["map_id"] = world.tma_map.id
    if "{label_set_id}" in path:
        known["label_set_id"] = world.label_set.id
    if "{label_id}" in path:
        known["label_id"] = world.label_set.labels[0].id
    if "task_id" in path:
        known["task_id"] = world.task.id
    if "upload_id" in path:
        known["upload_id"] = "0" * 32
    return "/" + path.format(**known)


def _query(world: Any, path: str) -> dict[str, Any] | None:
    """Return the parameters without which an address says nothing."""
    on_slide = {"slide_id": world.slide.id}
    return {
        "v1/slides/{slide_id}/tiles/{z}": {"tiles": "1.1"},
        "v1/slides/{slide_id}/region": {"x": 0, "y": 0, "width": 8, "height": 8},
        "v1/slides/{slide_id}/annotations/at": {"x": 0, "y": 0},
        f"{_READ_SLIDE}/tiles/{{z}}": {"tiles": "1.1"},
        f"{_READ_SLIDE}/annotations/at": {"x": 0, "y": 0},
        "v1/studies/{study_id}/reading/layers/{layer_id}/shapes": {"slide_id": 1},
        "v1/slides/{slide_id}/mask": {
            "layer_id": world.shape.question_id,
            "left": 0,
            "top": 0,
            "width": 8,
            "height": 8,
        },
        # Of nobody's, as answers that are made while they are sent tell no length.
        "v1/studies/{study_id}/annotations": {"author": "nobody@lab"},
        "v1/layers/{layer_id}/shapes": on_slide,
        "v1/layers/{layer_id}/export": {**on_slide, "format": "geojson"},
    }.get(path)


def _check(schema: Any, answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    schema("Problem", problem)
    assert (problem["status"], problem["code"]) == (status, code)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "ETag" not in answer.headers
    return problem


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_unknown_parameter_is_named(
    world: Any, boss: httpx.Client, schema: Any, method: str, path: str
) -> None:
    body: dict[str, Any] = {"json": {}} if (method, path) in WITH_BODY else {}
    if path.endswith("/grids"):
        file = io.BytesIO()
        np.save(file, np.zeros((2, 3), np.float32))
        body = {"content": file.getvalue()}
    answer = boss.request(
        method,
        _path(world, path),
        params={"nonsense": "1"},
        headers={"If-Match": '"r1"'},
        **body,
    )
    problem = _check(schema, answer, 400, "invalid")
    assert "nonsense: is not known here" in problem["problems"]


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_broken_body_is_refused(
    world: Any, boss: httpx.Client, schema: Any, method: str, path: str
) -> None:
    for body in (b"{", b"[]", b'{"nonsense": 1}', b"\xff"):
        answer = boss.request(
            method,
            _path(world, path),
            params=_query(world, path),
            content=body,
            headers={"If-Match": '"r1"', "Content-Type": "application/json"},
        )
        _check(schema, answer, 400, "invalid")


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_form_instead_of_json_is_refused(
    world: Any, boss: httpx.Client, schema: Any, method: str, path: str
) -> None:
    answer = boss.request(
        method,
        _path(world, path),
        params=_query(world, path),
        data={"name": "a"},
        headers={"If-Match": '"r1"'},
    )
    _check(schema, answer, 415, "body_unsupported")


@pytest.mark.parametrize(("method", "path"), TABLES)
def test_json_instead_of_a_table_is_refused(
    world: Any, boss: httpx.Client, schema: Any, method: str, path: str
) -> None:
    _check(schema, boss.request(method, _path(world, path), json={}), 415, "body_unsupported")


@pytest.mark.parametrize("route", V1_ROUTES, ids=lambda route: route.path)
def test_other_methods_are_told_which_there_are(
    world: Any, http: httpx.Client, schema: Any, route: Any
) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - set(route.needs):
        answer = http.request(method, _path(world, route.path))
        _check(schema, answer, 405, "method_unknown")
        assert answer.headers["Allow"] == route.allow


@pytest.mark.parametrize("route", V1_ROUTES, ids=lambda route: route.path)
def test_options_are_open_and_say_nothing_of_other_origins(
    world: Any, http: httpx.Client, route: Any
) -> None:
    answer = http.options(_path(world, route.path), headers={"Origin": "https://evil.example"})
    assert answer.status_code == 204
    assert answer.headers["Allow"] == route.allow
    assert not any(name.lower().startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("path", [path for method, path in OPERATIONS if method == "GET"])
def test_head_is_get_without_a_body(world: Any, boss: httpx.Client, path: str) -> None:
    params = _query(world, path)
    got = boss.get(_path(world, path), params=params)
    head = boss.head(_path(world, path), params=params)
    assert got.status_code == head.status_code == 200
    assert not head.content
    for name in ("Content-Type", "Content-Length"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/nothing",
        "/v1/me/",
        "/v1//me",
        "/v1/slides/1/tiles/1/2.jpg",
        "/V1/me",
        "/x?y",
    ],
)
def test_unknown_address_is_not_found(http: httpx.Client, schema: Any, path: str) -> None:
    _check(schema, http.get(path), 404, "not_found")


def test_address_that_is_not_utf8_is_refused(http: httpx.Client, schema: Any) -> None:
    _check(schema, http.get("/v1/studies/%ff"), 400, "invalid")


@pytest.mark.parametrize("text", ["abc", "0", "-1", "1e3", "9" * 30, "%00", "..", "%2e%2e"])
def test_what_is_no_id_is_not_found(boss: httpx.Client, schema: Any, text: str) -> None:
    for noun in ("studies", "cases", "slides"):
        _check(schema, boss.get(f"/v1/{noun}/{text}/"[:-1]), 404, "not_found")


def test_stale_revision_is_told_the_current_one(
    world: Any, boss: httpx.Client, schema: Any
) -> None:
    made = {
        f"/v1/studies/{world.new_study().id}": {"description": "new"},
        f"/v1/cases/{world.new_case().id}": {"public_name": "new"},
        f"/v1/slides/{world.new_slide().id}": {"stain": "new"},
    }
    for path, change in made.items():
        first = boss.get(path)
        changed = boss.patch(path, json=change, headers={"If-Match": first.headers["ETag"]})
        assert changed.status_code == 200
        assert changed.headers["ETag"] == boss.get(path).headers["ETag"] != first.headers["ETag"]
        for answer in (
            boss.patch(path, json=change, headers={"If-Match": first.headers["ETag"]}),
            boss.delete(path, headers={"If-Match": first.headers["ETag"]}),
        ):
            problem = _check(schema, answer, 409, "conflict")
            assert problem["current"] == changed.json()["revision"]


def test_change_without_revision_is_refused(world: Any, boss: httpx.Client, schema: Any) -> None:
    path = f"/v1/studies/{world.study.id}"
    _check(schema, boss.patch(path, json={"name": "x"}), 428, "revision_missing")
    _check(schema, boss.delete(path), 428, "revision_missing")


def test_name_that_is_taken_is_a_conflict(world: Any, boss: httpx.Client, schema: Any) -> None:
    _check(schema, boss.post("/v1/studies", json={"name": world.study.name}), 409, "conflict")


@pytest.mark.parametrize(
    "header",
    ["Basic Ym9zczpib3Nz", "Bearer", "Bearer wsi_", "bearer wsi_" + "x" * 43, "wsi_x"],
)
def test_unknown_credentials_are_not_identified(
    http: httpx.Client, schema: Any, header: str
) -> None:
    answer = http.get("/v1/me", headers={"Authorization": header})
    _check(schema, answer, 401, "not_identified")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_token_in_the_query_identifies_nobody(world: Any, http: httpx.Client) -> None:
    text = world.tokens["site_admin"]
    assert http.get("/v1/me", params={"token": text}).status_code == 401


def test_body_that_is_too_large_is_refused(world: Any, boss: httpx.Client, schema: Any) -> None:
    body = json.dumps({"name": "x" * (1 << 20)}).encode()
    answer = boss.post("/v1/studies", content=body, headers={"Content-Type": "application/json"})
    assert _check(schema, answer, 413, "too_large")["limit"] == 1 << 20
    assert boss.get("/v1/me").status_code == 200


def test_huge_body_is_refused_before_it_is_read(world: Any) -> None:
    host, port = world.server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(
            b"POST /v1/studies HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000000000\r\n\r\n{"
        )
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_chunked_body_is_limited_too(world: Any) -> None:
    host, port = world.server.url.removeprefix("http://").split(":")
    head = b"POST /v1/studies HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(head + b"%x\r\n" % (4 << 20))
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_bundle_of_too_many_tiles_is_refused(world: Any, boss: httpx.Client, schema: Any) -> None:
    path = f"/v1/slides/{world.slide.id}/tiles/4"
    _check(schema, boss.get(path, params={"tiles": ",".join(["0.0"] * 257)}), 413, "too_large")
    assert boss.get(path, params={"tiles": ",".join(["0.0"] * 256)}).status_code == 200
    for tiles in ("", "1", "1.", "1.1,", "1.1;2.2", "-1.0", "1.٣", "1.1," * 1600):
        answer = boss.get(path, params={"tiles": tiles})
        _check(schema, answer, 400, "invalid")


def test_tile_that_there_is_not_is_out_of_range(
    world: Any, boss: httpx.Client, schema: Any
) -> None:
    slide = f"/v1/slides/{world.slide.id}"
    for path in (
        f"{slide}/tiles/5/0/0.jpg",
        f"{slide}/tiles/4/10/0.jpg",
        f"{slide}/tiles/0/1/0.jpg",
        f"{slide}/deepzoom_files/13/0_0.jpg",
        f"{slide}/tiles/4?tiles=1.1,99.1",
    ):
        _check(schema, boss.get(path), 400, "out_of_range")
    for path in (f"{slide}/tiles/x/-1/1.5.jpg", f"{slide}/deepzoom_files/a/1_b.jpg"):
        answer = boss.get(path)
        assert answer.status_code in {400, 404}


def test_region_that_makes_no_sense_is_refused(world: Any, boss: httpx.Client, schema: Any) -> None:
    query = {"x": 0, "y": 0, "width": 8, "height": 8, "level": 0, "mpp": 1}
    path = f"/v1/slides/{world.slide.id}/region"
    _check(schema, boss.get(path, params=query), 400, "invalid")
    for mpp in ("1e-320", "1e-300", "5e-324"):
        answer = boss.get(path, params={"x": 0, "y": 0, "width": 8, "height": 8, "mpp": mpp})
        _check(schema, answer, 400, "invalid")
    large = {"x": 0, "y": 0, "width": 9000, "height": 9000}
    _check(schema, boss.get(path, params=large), 413, "too_large")


def test_unforeseen_error_is_bland_and_logged_once(
    world: Any,
    boss: httpx.Client,
    schema: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("/home/secret/path cannot be opened")

    monkeypatch.setattr(world.lab.studies, "get", fail)
    with caplog.at_level(logging.DEBUG):
        answer = boss.get(f"/v1/studies/{world.study.id}")
    problem = _check(schema, answer, 500, "error")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert problem["detail"].startswith("Something went wrong")
    with_trace = [record for record in caplog.records if record.exc_info]
    assert [record.getMessage() for record in with_trace] == [
        f"Unforeseen: GET v1/studies/{world.study.id}"
    ]


def test_secrets_reach_no_log(
    world: Any,
    http: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    canary = "wsi_CANARY-0123456789"
    headers = {
        "Authorization": f"Bearer {canary}",
        "Cookie": f"session={canary}",
        "Referer": f"http://lab/?token={canary}",
        "User-Agent": canary,
    }

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("boom")

    with caplog.at_level(logging.DEBUG):
        for path in (
            "/v1/me",
            f"/v1/{canary}",
            f"/v1/studies/{canary}",
            f"/v1/studies/1/members/{canary}@lab",
            f"/v1/slides/1/associated/{canary}",
            f"/v1/me?{canary}",
            f"/v1/me?token={canary}",
            f"/{canary}",
            f"/v1/studies/%ff{canary}",
        ):
            for method in ("GET", "DELETE", "CANARY"):
                http.request(method, path, headers=headers)
        monkeypatch.setattr(world.lab.people, "actor_for_token", fail)
        assert http.get(f"/v1/studies?name={canary}", headers=headers).status_code == 500
        logged = lab_log(caplog, "500 GET ")
    assert len(logged) > 20
    assert not [line for line in logged if "CANARY" in line]
