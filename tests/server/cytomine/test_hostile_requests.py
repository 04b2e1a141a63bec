"""Whatever is sent: refused in a sentence or harmless, and the server goes on."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

JSON = "application/json"


def _post(door: Any, path: str, data: bytes, who: str = "site_admin") -> Any:
    headers = door.world.keys[who].signed("POST", content_type=JSON)
    return door.send("POST", path, headers=headers, data=data)


BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b'{"name": "\xff"}',
    "a number": b"1",
    "a text": b'"a"',
    "numbers": b"[1, 2]",
    "lists": b"[[], []]",
    "deep lists": b"[" * 200_000 + b"]" * 200_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep inside": b'{"name": {}, "location": "POINT (1 2)", "data": '
    + b"[" * 100_000
    + b"]" * 100_000
    + b"}",
    "half a pair": b'{"name": "\\ud800", "key": "\\ud800", "value": "\\ud800"}',
    "a huge number": b'{"name": {}, "ontology": 1' + b"0" * 400 + b', "image": 1e999}',
    "wrong kinds": b'{"name": [], "key": {}, "location": 5, "image": "x", "tag": [], "data": 1}',
    "bad numbers": b'{"name": [1], "ontology": "NaN", "image": -1, "tag": 1.5, "term1": true}',
}
PATHS = (
    *("api/annotation.json", "api/term.json", "api/ontology.json", "api/imageinstance.json"),
    *("api/relation/parent/term.json", "api/tag.json", "api/domain/project/{study}/property.json"),
    *("api/domain/project/{study}/tag_domain_association.json",),
    "api/domain/project/{study}/description.json",
)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("path", PATHS)
def test_body_that_is_none_is_refused(door: Any, world: Any, path: str, body: str) -> None:
    answer = _post(door, path.format(study=world.study.id), BODIES[body])
    assert answer.status_code in {400, 404}, answer.text[:300]
    said = answer.json()
    assert said["success"] is False
    assert isinstance(said["errors"], str)
    assert len(answer.content) < 20_000


LOCATIONS = [
    *("", " ", "nonsense", "POLYGON", "POLYGON EMPTY", "POINT EMPTY", "GEOMETRYCOLLECTION EMPTY"),
    *("POINT (1)", "POINT (a b)", "POINT (nan nan)", "POINT (inf 1)", "POINT (1e300 1)"),
    *("POLYGON ((0 0, 1 1, 1 0))", "POLYGON ((0 0, 9 9, 9 0, 0 9, 0 0))"),
    *("POLYGON ((0 0, 0 5, 0 0, 0 0))", "LINESTRING (1 1, 1 1)", "MULTIPOINT ((1 1), (2 2))"),
    *("POINT (1 2); POINT (3 4)", "POINT (1 2)\nPOINT (3 4)", "'; DROP TABLE annotations; --"),
    "GEOMETRYCOLLECTION (" * 5000 + "POINT (1 2)" + ")" * 5000,
    "(" * 100_000,
    "POLYGON ((" + ", ".join(f"{n} {n % 7}" for n in range(600_000)) + "))",
]


@pytest.mark.parametrize("text", LOCATIONS, ids=[each[:40] for each in LOCATIONS])
def test_location_that_is_none_is_refused(door: Any, world: Any, text: str) -> None:
    before = door.get("api/annotation.json", image=world.slide.id)["size"]
    one = {"location": text, "image": world.slide.id}
    good = {"location": "POINT (1 2)", "image": world.slide.id}
    for body in (one, [good, one]):
        answer = _post(door, "api/annotation.json", json.dumps(body).encode())
        assert answer.status_code in {400, 413}, answer.text[:300]
        assert answer.json()["success"] is False
    number = world.draw("POINT (7 8)")
    path = f"api/annotation/{number}.json"
    assert door.ask("PUT", path, body={"location": text}).status_code in {400, 413}
    assert door.get(path)["location"] == "POINT (7 8)"
    assert door.get("api/annotation.json", image=world.slide.id)["size"] == before + 1


def test_annotation_needs_an_image_and_terms_of_its_project(door: Any, world: Any) -> None:
    elsewhere = world.lab.ontologies.of_study(world.owner, world.new_study().id)
    foreign = world.lab.ontologies.add_term(world.owner, elsewhere.id, "foreign").id
    for body in (
        {"location": "POINT (1 2)"},
        {"image": world.slide.id},
        {"location": "POINT (1 2)", "image": world.slide.id, "term": [foreign]},
        {"location": "POINT (1 2)", "image": world.slide.id, "term": ["x"]},
        {"location": "POINT (1 2)", "image": world.slide.id, "term": {"a": 1}},
    ):
        assert door.refused(400, "POST", "api/annotation.json", body=body)
    body = {"location": "POINT (1 2)", "image": 10**9}
    assert door.refused(404, "POST", "api/annotation.json", body=body)


NAMES = [
    "'; DROP TABLE labels; --",
    '" OR 1=1 --',
    "Robert'); DELETE FROM studies;",
    "%s%n{0}{x}",
    "<script>alert(1)</script>",
    "a\u202eb",
    "ü😀",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_names(door: Any, world: Any, name: str) -> None:
    for path, key, body in (
        ("api/term.json", "term", {"name": name, "ontology": world.ontology.id}),
        ("api/ontology.json", "ontology", {"name": name}),
        ("api/tag.json", "tag", {"name": name}),
        (f"api/domain/project/{world.study.id}/property.json", "property", None),
    ):
        answer = door.ask("POST", path, body=body or {"key": name, "value": name})
        if answer.status_code == 400:
            assert "\u202e" in name
            continue
        made = answer.json()[key]
        assert made["key" if key == "property" else "name"] == name
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert door.get(f"api/project/{world.study.id}.json")["name"] == world.study.name


def test_nothing_in_a_description_runs(door: Any, world: Any) -> None:
    path = f"api/domain/project/{world.new_study().id}/description.json"
    html = (
        '<p onclick="x()">a<script>x()</script><img src=x onerror=x()>'
        '<a href="javascript:x()">b</a><iframe src="//elsewhere"></iframe><svg onload=x()></p>'
    )
    told = door.change("POST", path, {"data": html})["description"]["data"]
    for evil in ("script", "onclick", "onerror", "onload", "iframe", "javascript"):
        assert evil not in told
    assert told == door.get(path)["data"]


@pytest.mark.parametrize(
    "query",
    [
        "max=1e9&offset=1e9",
        "max=99999999999999999999",
        "max=1e400",
        "max=NaN",
        "offset=-5",
        "max=%00",
        "max=1&max=2",
        "image=" + ",".join(["1"] * 7000),
        "image=99999999999999999999",
        "term=1'%20OR%20'1'='1",
        "bbox=" + ",".join(["1e308"] * 4),
        "bbox=1,2,3,4,5",
        "bbox=" + "(" * 5000,
        "bboxAnnotation=1e9",
        "bboxAnnotation=-1",
        "baseAnnotation=1&maxDistanceBaseAnnotation=1e400",
        "baseAnnotation=POINT(1%202)&maxDistanceBaseAnnotation=-1",
        "%ff=%ff&showWKT=%ff",
        "users=" + "9" * 25,
    ],
)
def test_query_is_refused_or_harmless(door: Any, world: Any, query: str) -> None:
    headers = world.keys["viewer"].plain()
    named = "" if query.startswith("image") else f"image={world.slide.id}&"
    answer = door.send("GET", f"api/annotation.json?{named}{query}", headers=headers)
    assert answer.status_code in {200, 400, 404}, answer.text[:300]
    assert "Traceback" not in answer.text


PICTURES = ["window-{}.jpg", "thumb.jpg?maxSize={}", "window-0-0-9-9.jpg?zoom={}"]
NUMBERS = [
    *("x", "", "-", "1-2-3", "1-2-3-4-5", "0-0-0-0", "1e9-0-1-1", "9" * 30, "-5", "1.5", "NaN"),
]


@pytest.mark.parametrize("path", PICTURES)
@pytest.mark.parametrize("text", NUMBERS)
def test_picture_of_nothing_is_refused_or_harmless(
    door: Any, world: Any, path: str, text: str
) -> None:
    headers = world.keys["viewer"].plain()
    address = f"api/imageinstance/{world.slide.id}/{path.format(text)}"
    answer = door.send("GET", address, headers=headers)
    assert answer.status_code in {200, 400, 404, 413}, answer.text[:300]


def test_body_that_is_too_large_is_refused(door: Any, world: Any) -> None:
    body = json.dumps({"name": "x" * (1 << 20)}).encode()
    answer = _post(door, "api/tag.json", body)
    assert answer.status_code == 413
    assert answer.json()["success"] is False


def test_body_is_not_received_from_whoever_is_nobody(door: Any) -> None:
    place = urlsplit(door.base)
    with socket.create_connection((place.hostname, place.port), timeout=10) as client:
        client.sendall(
            f"POST {place.path}/upload HTTP/1.1\r\nHost: lab\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n"
            "Content-Length: 1000000000000\r\n\r\n".encode()
        )
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"Connection: close" in answer


def test_keys_are_not_told_when_something_fails(
    door: Any, world: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("/home/secret/path cannot be opened")

    monkeypatch.setattr(world.lab.images, "instance", fail)
    answer = door.ask("GET", f"api/imageinstance/{world.slide.id}.json")
    assert answer.status_code == 500
    assert answer.json()["errors"]["message"].startswith("Something went wrong")
    assert "secret" not in answer.text
    assert sum(record.exc_info is not None for record in caplog.records) == 1
