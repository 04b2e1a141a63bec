"""What is refused, with which code and status, in JSON, and in which order it is found out."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from lab_log import lab_log
from waiting import wait_until

from wsi_lab.server.base import HEADERS

PIXELS = ("slides/{}/thumbnail", "tiles/{}/0/0/0.jpg")
ROUTES = ("slides/{}", "slides/{}/dzi", "view/{}", *PIXELS)
ALL = ("health", "slides", "view/assets/view.css", *ROUTES)


def check(answer: httpx.Response, status: int, code: str) -> str:
    """Check that an answer is a failure as the contract has it, and return its message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    said = answer.json()
    assert said.keys() == {"error", "message", "status"}
    assert (said["error"], said["status"]) == (code, status)
    for name in HEADERS.keys() - {"Cross-Origin-Resource-Policy"}:
        assert answer.headers[name] == HEADERS[name]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "ETag" not in answer.headers
    assert "Traceback" not in said["message"]
    message: str = said["message"]
    assert len(message) > 10
    return message


def at(route: str, slide_id: str) -> str:
    """Return the path of a route of a slide."""
    return "/" + route.replace("{}", quote(slide_id, safe=""))


@pytest.mark.parametrize("route", ROUTES)
def test_missing_slide_is_named_as_it_was_asked_for(
    open_door: Any, folder: Any, route: str
) -> None:
    for slide_id in ("missing.svs", "folder/no.svs", "folder", "<b>&ü", ".hidden.svs", "%2e%2e"):
        message = check(open_door.get(at(route, slide_id)), 404, "not_found")
        assert slide_id in message
        assert str(folder) not in message


@pytest.mark.parametrize("route", ROUTES)
def test_file_that_is_no_tiled_pyramid_is_unsupported(
    open_door: Any, names: Any, folder: Any, route: str
) -> None:
    for slide_id in (*names.unsupported, *names.too_small):
        message = check(open_door.get(at(route, slide_id)), 415, "unsupported_format")
        assert str(folder) not in message
    lzw = open_door.get(at(route, "odd/lzw.tif"))
    assert "LZW" in lzw.json()["message"]


@pytest.mark.parametrize("level", ["3", "99", "abc", "-1", "1.0", "9" * 40, "٣", "0x1", "%20"])
def test_level_that_is_not_there_is_told_which_are(open_door: Any, names: Any, level: str) -> None:
    path = f"/tiles/{quote(names.board, safe='')}/{level}/0/0.jpg"
    message = check(open_door.get(path), 400, "invalid_level")
    assert "3 levels" in message
    assert "0-2" in message
    assert len(message) < 200


@pytest.mark.parametrize(
    ("x", "y"),
    [
        *(("10", "0"), ("0", "12"), ("-1", "0"), ("0", "-1"), ("abc", "0"), ("0", "abc")),
        *(("9" * 40, "0"), ("0", "9" * 40), ("0", "0.png"), ("0", "0.JPG"), ("0", ".jpg")),
        *(("0.5", "0"), ("0", "0.jpg.jpg"), ("1_0", "0"), ("0", "%2B")),
    ],
)
def test_tile_that_is_not_there_is_told_which_are(
    open_door: Any, names: Any, x: str, y: str
) -> None:
    path = f"/tiles/{quote(names.board, safe='')}/0/{x}/{y}"
    message = check(open_door.get(path), 400, "tile_out_of_bounds")
    assert "0 to 9" in message
    assert "0 to 11" in message
    assert "level 0" in message


@pytest.mark.parametrize(
    "quality",
    ["0", "101", "300", "-1", "abc", "", "80.0", "8e1", " 80", "٨٠", "1_0", "9" * 5000, "80\0"],
)
def test_quality_is_a_number_from_1_to_100(open_door: Any, names: Any, quality: str) -> None:
    for route in PIXELS:
        answer = open_door.get(at(route, names.svs), params={"quality": quality})
        check(answer, 400, "invalid_quality")
        missing = open_door.get(at(route, "missing.svs"), params={"quality": quality})
        check(missing, 400, "invalid_quality")


def test_known_parameters_are_given_once(open_door: Any, names: Any) -> None:
    for path, name, code in (
        (at(PIXELS[0], names.svs), "quality", "invalid_quality"),
        (at(PIXELS[1], names.svs), "quality", "invalid_quality"),
        (at(PIXELS[0], names.svs), "max_size", "invalid_request"),
        ("/slides", "limit", "invalid_request"),
        ("/slides", "cursor", "invalid_request"),
        ("/slides", "prefix", "invalid_request"),
        ("/slides", "search", "invalid_request"),
    ):
        check(open_door.get(path, params=[(name, "70"), (name, "70")]), 400, code)


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/slides", {"limit": "x"}),
        ("/slides", {"limit": ""}),
        ("/slides", {"limit": "1.5"}),
        ("/slides", {"limit": "٣"}),
        ("/slides", {"cursor": "x"}),
        ("/slides", {"cursor": "ä"}),
        ("/slides", {"cursor": "_w=="}),
        ("/slides", {"cursor": "AA=="}),
        ("/slides", {"cursor": "YQ==YQ=="}),
        ("/slides/CMU-1-Small-Region.svs/thumbnail", {"max_size": "big"}),
        ("/slides/CMU-1-Small-Region.svs/thumbnail", {"max_size": ""}),
    ],
)
def test_what_cannot_be_read_is_refused(open_door: Any, path: str, params: dict[str, str]) -> None:
    check(open_door.get(path, params=params), 400, "invalid_request")


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/nothing", "/v1/", "/tiles", "/tiles/", "/tiles/a.svs", "/tiles/a.svs/0/0"),
        *("/tiles/a.svs/0/0/0/0", "/slides/", "/slides/a/b", "/slides/folder/board.tif", "/view"),
        *("/view/", "/view/folder/board.tif", "/view/a/", "/health/", "/health/x", "/Health"),
        *(
            "/slides/a.svs/dzi/",
            "/slides/a.svs/dzi_files/0/0_0.jpg",
            "/slides//dzi",
            "/favicon.ico",
        ),
        *(
            "/slides/%FF",
            "/slides/a%00.svs",
            "/tiles/%C3/0/0/0.jpg",
            "/view/%00",
            "/slides/%ED%A0%80",
        ),
        *("/tiles/CMU-1-Small-Region.svs/%00/0/0", "/view/assets/%2e%2e%2fpage.py"),
    ],
)
def test_unknown_address_is_not_found(open_door: Any, path: str) -> None:
    status, headers, body = open_door.raw("{}" + path)
    assert status == 404
    assert headers["content-type"] == "application/json"
    assert b'"not_found"' in body
    assert headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "PROPFIND"])
def test_other_methods_are_told_which_there_are(open_door: Any, names: Any, method: str) -> None:
    for route in ALL:
        path = at(route, names.svs)
        answer = open_door.ask(method, path)
        check(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    large = open_door.ask("POST", "/slides", content=b"x" * (2 << 20))
    check(large, 413, "too_large")


def test_order_is_authentication_parameters_quality_slide_format_level_bounds(
    signed_door: Any, names: Any
) -> None:
    steps = (
        ("/tiles/missing.svs/0/0/0.jpg", {"quality": "0"}, "invalid_quality"),
        ("/tiles/missing.svs/abc/0/0.jpg", {}, "invalid_level"),
        ("/tiles/missing.svs/0/abc/0.jpg", {}, "tile_out_of_bounds"),
        ("/tiles/missing.svs/99/0/0.jpg", {}, "not_found"),
        ("/tiles/odd%2Flzw.tif/99/0/0.jpg", {}, "unsupported_format"),
        (f"/tiles/{names.svs}/99/99/0.jpg", {}, "invalid_level"),
        (f"/tiles/{names.svs}/0/99/0.jpg", {}, "tile_out_of_bounds"),
        ("/slides", {"limit": "x"}, "invalid_request"),
    )
    for path, params, code in steps:
        assert signed_door.get(path, params).json()["error"] == code
        unsigned = signed_door.server.get(path, params=params)
        check(unsigned, 401, "missing_expiry")


def test_ids_and_secrets_are_in_no_log(
    signed_door: Any, names: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = f"/tiles/{names.svs}/0/0/0.jpg"
    assert signed_door.get(path).status_code == 200
    query = signed_door.query(path)
    for params in (
        {**query, "sig": "CANARY"},
        {**query, "sig": "ab" * 32},
        {"exp": "CANARY"},
        {"exp": "1", "vt": "CANARY"},
        {"CANARY-1": "1"},
        signed_door.token(names.svs),
    ):
        signed_door.server.get(path, params=params)
    signed_door.server.get("/slides/CANARY.svs")
    lines = lab_log(caplog, "", count=8, logger="wsi_lab.server")
    assert any("401" in line for line in lines)
    for line in lines:
        assert "CANARY" not in line
        assert query["sig"] not in line
        assert names.secret not in line
        assert signed_door.token(names.svs)["vt"] not in line


def test_log_tells_no_slide_not_even_one_named_by_a_number(
    open_door: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    number = "20240117"
    for path in ("", "/dzi", "/thumbnail"):
        open_door.get(f"/slides/{number}{path}")
    open_door.get(f"/view/{number}")
    open_door.get(f"/tiles/{number}/2/3/4.jpg")
    lines = lab_log(caplog, "404 ", count=5, logger="wsi_lab.server")
    assert len([line for line in lines if line.startswith("404")]) == 5
    assert any("tiles/{slide_id}/2/3/" in line for line in lines)
    assert not any(number in line for line in lines)


def test_what_is_no_path_is_answered_in_json_too(site_of_folder: Any, serve: Any) -> None:
    with serve(site_of_folder) as server:
        for method, target in (("OPTIONS", "*"), ("GET", "http://127.0.0.1/health"), ("GET", "x")):
            status, headers, _ = server.raw(target, method)
            assert (status, headers["content-type"]) == (404, "application/json")


def test_head_of_a_refusal_has_its_status_and_no_body(signed_door: Any, names: Any) -> None:
    path = f"/tiles/{names.svs}/0/0/0.jpg"
    answer = signed_door.server.ask("HEAD", path)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["Content-Type"] == "application/json"
    path = f"/tiles/{names.svs}/7/0/0.jpg"
    answer = signed_door.server.ask("HEAD", path, params=signed_door.query(path))
    assert (answer.status_code, answer.content) == (400, b"")


def test_log_says_why_and_not_of_which_slide(
    open_door: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "wsi_lab.server"):
        assert open_door.get("/slides/7654321").status_code == 404
        wait_until(lambda: any("(not_found)" in line for line in caplog.messages))
    assert not any("7654321" in line for line in caplog.messages)
