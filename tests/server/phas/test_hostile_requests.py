"""Whatever is wrong with a request: a status, a sentence, and nothing else happens."""

from __future__ import annotations

import logging
import socket
from typing import Any

import httpx
import pytest
from lab_log import lab_log

from wsi_lab.server.base import HEADERS
from wsi_lab.server.phas.door import COOKIE
from wsi_lab.server.phas.routes import PHAS_ROUTES

POSTS = [route.path for route in PHAS_ROUTES if "POST" in route.needs]
IDS = ["0", "-1", "abc", "1e3", "9" * 30, "%00", "%D9%A3", "1 ", "1.0"]
DEEP = b"[" * 50_000
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def boss(phas: Any) -> httpx.Client:
    """A session of a site administrator."""
    client: httpx.Client = phas.of("site_admin")
    return client


def _address(world: Any, path: str) -> str:
    filled = path.format(
        task_id=world.tasks["boxes" if "/dltrain/sample" in path else "regions"].id,
        slide_id=world.slide.id,
        project=world.study.id,
        mode="raw",
        resolution="raw",
        label_set_id=world.labels.id,
        label_id=10**9,
        size=64,
        flag="0",
    )
    return f"/{filled}"


@pytest.mark.parametrize("text", IDS)
def test_what_is_no_id_is_not_found(
    boss: httpx.Client, phas_world: Any, say: Any, text: str
) -> None:
    slide, task = phas_world.slide.id, phas_world.tasks["draw"].id
    for path in (
        f"/api/task/{text}/info",
        f"/api/task/{task}/slide/{text}/info",
        f"/task/{task}/slide/raw/raw/{text}/annot/get",
        f"/dltrain/api/sample/{text}/image.png",
        f"/dltrain/api/{phas_world.study.id}/labelset/{text}/labels",
        f"/dzi/{phas_world.study.id}/{text}/header",
        f"/dzi/{text}/{slide}/header",
        f"/api/project/{text}/tasks",
    ):
        say(boss.get(path), 404)


@pytest.mark.parametrize(
    "path",
    [
        *("/api/task", "/api/task/", "/api/project", "/api/projects/", "/api/task/1/nothing"),
        *("/auth", "/auth/login", "/auth/api/logout", "/task/1", "/dltrain", "/dzi/x/y"),
        *("/dzi/download/%ff/slide_1_raw_header.json", "/api/task/%ff/info"),
    ],
)
def test_unknown_address_is_not_found_in_the_words_of_the_door(
    phas: Any, say: Any, path: str
) -> None:
    for person in ("anonymous", "site_admin"):
        say(phas.of(person).get(path), 404)


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/user/current.json", "/api/taskx"])
def test_addresses_of_others_below_api_are_left_to_them(phas: Any, path: str) -> None:
    answer = phas.of("site_admin").get(path)
    assert answer.status_code == (401 if path.endswith(".json") else 404)
    # In the words of Cytomine's door, whose they are.
    assert answer.json()["errors"]["message"]


@pytest.mark.parametrize("path", POSTS)
def test_body_that_is_too_large_is_refused(
    boss: httpx.Client, phas_world: Any, say: Any, path: str
) -> None:
    largest = next(route.body_limit for route in PHAS_ROUTES if route.path == path)
    say(boss.post(_address(phas_world, path), content=b"x" * (largest + 1)), 413)
    assert boss.get("/api/projects").status_code == 200


@pytest.mark.parametrize("path", [path for path in POSTS if "annot/set" in path or "roi" in path])
def test_huge_body_is_refused_before_it_is_read(phas: Any, phas_world: Any, path: str) -> None:
    host, port = phas.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        head = f"POST {_address(phas_world, path)} HTTP/1.1\r\nHost: lab\r\n"
        client.sendall(f"{head}Content-Length: 1000000000\r\n\r\n{{".encode())
        assert client.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_large_body_of_a_stranger_is_read_and_dropped(phas: Any, phas_world: Any, say: Any) -> None:
    (path,) = [path for path in POSTS if "annot/set" in path]
    for _ in range(2):
        say(phas.of("anonymous").post(_address(phas_world, path), content=b"x" * (6 << 20)), 401)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff", DEEP, b'{"a":' * 10_000, b'{"id": 1e999}'],
    ids=range(8),
)
def test_json_that_is_none_or_says_nothing_is_refused(
    boss: httpx.Client, phas_world: Any, say: Any, body: bytes
) -> None:
    for path in POSTS:
        says_json = "/create" in path or "/update" in path or "sampling_roi/delete" in path
        if says_json and "label/" not in path and "delete_all" not in path:
            say(boss.post(_address(phas_world, path), content=body, headers=JSON), 400)


def test_deep_geometry_is_refused(boss: httpx.Client, phas_world: Any, say: Any) -> None:
    (path,) = [path for path in POSTS if path.endswith("sampling_roi/create")]
    label = phas_world.labels.labels[0].id
    for deep in (b"[" * 900 + b"]" * 900, b"[" * 5000 + b"]" * 5000):
        body = b'{"label_id": %d, "geometry": {"type": "polygon", "data": %s}}' % (label, deep)
        say(boss.post(_address(phas_world, path), content=body, headers=JSON), 400)


FORMS = [
    ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=a", b"--a\r\nnothing"),
    ("application/x-www-form-urlencoded", b"\xff=\xff&name=%ff&id=%ff&api_key=%ff"),
    ("application/x-www-form-urlencoded", b"a=1&" * 15_000 + b"name=%ff&id=%ff&api_key=%ff"),
    ("text/plain", b"name=a"),
    ("application/json", b"{}"),
]


@pytest.mark.parametrize(("content_type", "body"), FORMS, ids=range(len(FORMS)))
def test_form_that_is_damaged_is_refused(
    boss: httpx.Client, phas_world: Any, say: Any, content_type: str, body: bytes
) -> None:
    headers = {"Content-Type": content_type}
    for path in (
        "auth/api/login",
        "dltrain/{project}/add_labelset",
        "task/{task_id}/slide/{slide_id}/dltrain/sample/delete",
    ):
        say(boss.post(_address(phas_world, path), content=body, headers=headers), 400)


@pytest.mark.parametrize("number", ["", "x", "-1", "0", "9" * 30, "1.5", "١"])
def test_id_in_a_form_is_one(boss: httpx.Client, phas_world: Any, say: Any, number: str) -> None:
    path = _address(phas_world, "task/{task_id}/slide/{slide_id}/dltrain/sample/delete")
    say(boss.post(path, data={"id": number}), 400)


@pytest.mark.parametrize("cookie", ["x" * 9000, "a;" * 2000, '"', "\x80", "=;=", "%00"])
def test_cookie_of_any_shape_is_no_session(phas: Any, say: Any, cookie: str) -> None:
    headers = {b"Cookie": f"{COOKIE.name}={cookie}".encode("latin-1")}
    say(phas.client().get("/api/projects", headers=headers), 401)


def test_every_answer_carries_the_headers_of_the_lab(
    phas: Any, boss: httpx.Client, phas_world: Any
) -> None:
    path = f"/task/{phas_world.tasks['draw'].id}/slide/raw/raw/{phas_world.slide.id}/annot/get"
    for answer in (boss.get("/api/projects"), boss.get(path), phas.client().get(path)):
        for name, value in HEADERS.items():
            assert answer.headers[name] == value


def test_unforeseen_error_is_bland(
    boss: httpx.Client, phas_world: Any, say: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("/home/secret/path cannot be opened")

    monkeypatch.setattr(phas_world.lab.tasks, "studies", fail)
    assert "secret" not in say(boss.get("/api/projects"), 500)


def test_keys_and_sessions_and_names_reach_no_log(
    phas: Any, phas_world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "CANARY-0123456789"
    cookie = f"{COOKIE.name}={canary}"
    with caplog.at_level(logging.DEBUG):
        client = phas.client()
        client.post("/auth/api/login", data={"api_key": canary})
        for path in (
            "/api/projects",
            f"/api/project/{canary}/tasks",
            f"/auth/api/project/{canary}/private_access?x={canary}",
            f"/api/task/1/slide_detailed_manifest.csv?specimen={canary}",
            f"/dzi/{canary}/1/header",
            f"/task/{canary}",
        ):
            client.get(path, headers={"Cookie": cookie})
        phas.of("reader").get("/api/projects")
        made = phas.of("reader").get("/auth/api/generate_key").json()["api_key"]
        phas.signed_in(made)
        phas.of("anonymous").get("/auth/api/anonymize")
        lines = lab_log(caplog, " auth/api/anonymize")
    assert len(lines) > 5
    secrets = (canary, made, phas.of("reader").cookies[COOKIE.name], phas_world.study.name)
    assert not [line for line in lines if any(each in line for each in secrets)]
