"""Which pages of other origins may read what the door answers."""

from __future__ import annotations

from typing import Any

import pytest

from wsi_lab.server.streamer.settings import Access, StreamerSettings

VIEWER = "https://viewer.example"
LISTED = (VIEWER, "http://localhost:8080")
LOOK_ALIKES = [
    *("null", "*", "", "https://viewer.example.evil.example", "https://evilviewer.example"),
    *("http://viewer.example", "https://viewer.example:443", "https://viewer.example:8443"),
    *("https://viewer.example/", "https://viewer.example.", "HTTPS://VIEWER.EXAMPLE"),
    *("https://Viewer.example", "https://viewer-example", "https://viewerxexample"),
    *("https://sub.viewer.example", "https://viewer.exampl", "https://viewer.example%00"),
    *("https://viewer.example, http://localhost:8080", "https://viewer.example http://x"),
    *("https://user@viewer.example", "https://viewer.example@evil.example", "//viewer.example"),
    *("viewer.example", "https:viewer.example", "https://viewer.example#", "file://"),
    *("https://viewer.example?", "https://viewer.example\\.evil.example", "http://localhost"),
    *(
        "http://localhost:80801",
        "http://localhost:808",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
    ),
    *("https://evil.example/https://viewer.example", "data:", "blob:https://viewer.example"),
    *("chrome-extension://viewer.example", "https://viewer.example,", ".*", "https://.*"),
    *("https://viewer.examplé", "capacitor://localhost:8080", "http://LOCALHOST:8080"),
]
PATHS = (
    *(
        "/health",
        "/slides",
        "/slides/CMU-1-Small-Region.svs",
        "/tiles/CMU-1-Small-Region.svs/0/0/0",
    ),
    *("/slides/missing.svs", "/tiles/CMU-1-Small-Region.svs/9/0/0", "/slides?limit=x", "/nothing"),
    *("/view/CMU-1-Small-Region.svs", "/view/assets/view.css", "/tiles/x"),
)


def cors(answer: Any) -> dict[str, str]:
    """Return the headers that speak of other origins."""
    return {n: v for n, v in answer.headers.items() if n.startswith(("access-control", "cross"))}


def test_any_origin_may_read_unless_somebody_says_otherwise(open_door: Any) -> None:
    for path in PATHS:
        for headers in ({}, {"Origin": VIEWER}, {"Origin": "null"}):
            said = cors(open_door.get(path, headers=headers))
            assert said["access-control-allow-origin"] == "*"
            assert "X-Tile-Cache-Hit" in said["access-control-expose-headers"]
            assert said["cross-origin-resource-policy"] == "cross-origin"
            assert "access-control-allow-credentials" not in said
        assert "vary" not in open_door.get(path).headers


def test_browser_that_asks_first_is_answered_before_any_signature(
    signed_door: Any, names: Any
) -> None:
    asked = {
        "Origin": VIEWER,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    for path in (*PATHS[:4], f"/slides/{names.svs}/dzi", f"/slides/{names.svs}/thumbnail"):
        answer = signed_door.server.ask("OPTIONS", path, headers=asked)
        assert (answer.status_code, answer.content) == (200, b"")
        said = cors(answer)
        assert said["access-control-allow-origin"] == "*"
        assert said["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
        assert said["access-control-allow-headers"] == "authorization, content-type"
        assert said["access-control-max-age"] == "86400"
        assert "access-control-allow-credentials" not in said


def test_refusals_can_be_read_too(signed_door: Any) -> None:
    for path in PATHS:
        answer = signed_door.server.get(path, headers={"Origin": VIEWER})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_listed_origin_is_echoed_and_others_get_nothing(
    site_of_folder: Any, serve: Any, names: Any
) -> None:
    settings = StreamerSettings(Access.SIGNED, names.secret, cors_origins=LISTED)
    with serve(site_of_folder, settings) as server:
        for path in PATHS:
            for origin in LISTED:
                answer = server.get(path, headers={"Origin": origin})
                assert answer.headers["Access-Control-Allow-Origin"] == origin
                assert answer.headers["Vary"] == "Origin"
                assert "access-control-allow-credentials" not in answer.headers
            assert "access-control-allow-origin" not in server.get(path).headers
            assert server.get(path).headers["Vary"] == "Origin"
        for origin in LOOK_ALIKES:
            answer = server.get("/health", headers={"Origin": origin.encode()})
            assert "access-control-allow-origin" not in answer.headers, origin
            assert answer.headers["Vary"] == "Origin"
        assert len(LOOK_ALIKES) >= 40


def test_empty_list_allows_none(site_of_folder: Any, serve: Any) -> None:
    with serve(site_of_folder, StreamerSettings(cors_origins=())) as server:
        for path in PATHS:
            said = cors(server.get(path, headers={"Origin": VIEWER}))
            assert said == {"cross-origin-resource-policy": "same-origin"}
        asked = server.ask("OPTIONS", "/slides", headers={"Origin": VIEWER})
        assert cors(asked) == {"cross-origin-resource-policy": "same-origin"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((VIEWER, "a\nb: c", "ü", "", "\0"), (VIEWER,)),
        (("ü",), ()),
        ((VIEWER, "*"), None),
    ],
)
def test_what_is_no_header_is_dropped(given: tuple[str, ...], kept: tuple[str, ...] | None) -> None:
    assert StreamerSettings(cors_origins=given).cors_origins == kept
