"""Hundreds of ways to spell a path that leads out of the folder; none opens anything there."""

from __future__ import annotations

import itertools
import os
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

ROUTES = ("slides/{}", "slides/{}/dzi", "slides/{}/thumbnail", "view/{}", "tiles/{}/0/0/0.jpg")
SEPARATORS = ("%2F", "%2f", "%252F", "%5C", "%255c", "%C0%AF", "%E2%88%95", "%EF%BC%8F", "/")
PARENTS = ("..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "...", "....", "..%00", "%C0%AE%C0%AE")
TARGETS = ("outside.svs", "root-private{}a.svs")


def escapes(folder: Path) -> list[str]:
    """Return spellings, percent-encoded as they go over the wire."""
    found = []
    for parent, separator, target in itertools.product(PARENTS, SEPARATORS, TARGETS):
        end = target.format(separator)
        found += [
            f"{parent}{separator}{end}",
            f"folder{separator}{parent}{separator}{parent}{separator}{end}",
            f"{separator}{parent}{separator}{end}",
        ]
    absolute = str(folder.parent / "outside.svs")
    for path in (absolute, "/etc/passwd", "/proc/self/environ", "/dev/zero", "/dev/stdin"):
        for prefix in ("", "/", "//", "file://", "file:", "./", "\\\\?\\", "\\\\localhost\\", "C:"):
            found.append(quote(prefix + path, safe=""))
    for name in (
        *("", ".", "..", "/", "//", "./CMU-1-Small-Region.svs", "folder/../CMU-1-Small-Region.svs"),
        *("folder//board pyramid.tif", "folder/./board pyramid.tif", "/CMU-1-Small-Region.svs"),
        *("CMU-1-Small-Region.svs/", "CMU-1-Small-Region.svs/.", "CMU-1-Small-Region.svs\0.tif"),
        *(
            "CMU-1-Small-Region.svs\0",
            "~/a.svs",
            "~root/a.svs",
            "$HOME/a.svs",
            "C:\\a.svs",
            "C:a.svs",
        ),
        *(
            "\\\\server\\share\\a.svs",
            "//server/share/a.svs",
            "s3://bucket/a.svs",
            "http://127.0.0.1/a",
        ),
        *("http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "gs://a/b", "az://a/b"),
        *(
            "link out.svs",
            "folder out/a.svs",
            "folder out",
            ".hidden.svs",
            ".hidden/a.svs",
            "folder",
        ),
        *(
            "CMU-1-Small-Region.svs ",
            " CMU-1-Small-Region.svs",
            "cmu-1-small-region.svs",
            "*",
            "*.svs",
        ),
        *(
            "CON",
            "NUL",
            "aux.svs",
            "CMU-1-Small-Region.svs::$DATA",
            "CMU-1-Small-Region.svs.",
            "%00",
        ),
        *(
            "CMU-1-Small-Region.svs\n",
            "a" * 300,
            "a/" * 500,
            "ü" * 200,
            "\u202e",
            "\ufeff",
            "%",
            "%zz",
        ),
    ):
        found.append(quote(name, safe=""))
    return found


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every path that anything opens meanwhile."""
    paths: list[str] = []
    real = os.open

    def watched(path: Any, *args: Any, **rest: Any) -> int:
        paths.append(os.path.realpath(path))
        return real(path, *args, **rest)

    monkeypatch.setattr(os, "open", watched)
    return paths


def test_no_spelling_opens_anything_outside(
    open_door: Any, folder: Path, opened: list[str]
) -> None:
    spellings = escapes(folder)
    assert len(set(spellings)) >= 300
    for number, spelling in enumerate(spellings):
        for route in ROUTES if number % 17 == 0 else ROUTES[number % 5 :][:1]:
            status, headers, body = open_door.raw("{}/" + route.format(spelling))
            assert status == 404, (route, spelling, body)
            assert headers["content-type"] == "application/json"
            assert b'"error":"not_found"' in body
            assert str(folder).encode() not in body
    inside = str(folder) + "/"
    assert [path for path in opened if path.startswith(str(folder.parent) + "/")] == [
        path for path in opened if path.startswith(inside)
    ]
    assert not any(path.startswith(("/etc/passwd", "/proc/self/environ")) for path in opened)


def test_outside_looks_as_what_is_not_there(open_door: Any) -> None:
    def shape(slide_id: str) -> tuple[int, dict[str, str], str]:
        answer = open_door.get(f"/slides/{quote(slide_id, safe='')}")
        headers = {n: v for n, v in answer.headers.items() if n not in {"date", "content-length"}}
        return answer.status_code, headers, answer.text.replace(slide_id, "ID")

    absent = shape("absent.svs")
    for slide_id in ("../outside.svs", "link out.svs", "folder out/a.svs", ".hidden.svs", "folder"):
        assert shape(slide_id) == absent


def test_list_shows_nothing_of_it(open_door: Any) -> None:
    for params in ({}, {"prefix": "../"}, {"prefix": ".hidden"}, {"search": "outside"}):
        slides = open_door.get("/slides", params=params).json()["slides"]
        assert not [each for each in slides if "outside" in each or "private" in each]
        assert not [each for each in slides if "hidden" in each or "out" in each.split(".")[0]]


def test_link_that_takes_a_files_place_shows_nothing(
    tmp_path: Path, site_of: Any, serve: Any, demo_slide: Path
) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside.svs"
    root.mkdir()
    file, link, kept = root / "a.svs", root / "other", root / ".kept"
    file.write_bytes(demo_slide.read_bytes())
    outside.write_bytes(demo_slide.read_bytes())
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            link.symlink_to(outside)
            file.rename(kept)
            link.rename(file)
            file.unlink()
            kept.rename(file)

    with serve(site_of(root)) as server:
        # An ETag names the version of one file; the other one has other times.
        good = server.get("/tiles/a.svs/0/4/4.jpg").headers["ETag"]
        swapping = threading.Thread(target=swap)
        swapping.start()
        try:
            seen = [server.raw("{}/tiles/a.svs/0/4/4.jpg") for _ in range(100)]
        finally:
            stop.set()
            swapping.join()
    assert {status for status, _, _ in seen} <= {200, 404, 503}
    assert {headers["etag"] for status, headers, _ in seen if status == 200} <= {good}


def test_folder_that_becomes_a_link_shows_nothing(
    tmp_path: Path, site_of: Any, serve: Any, demo_slide: Path
) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for place in (root / "folder", outside):
        place.mkdir(parents=True)
        (place / "a.svs").write_bytes(demo_slide.read_bytes())
    with serve(site_of(root)) as server:
        assert server.get("/tiles/folder%2Fa.svs/0/4/4.jpg").status_code == 200
        (root / "folder").rename(root / "before")
        (root / "folder").symlink_to(outside)
        for path in ("/tiles/folder%2Fa.svs/0/4/4.jpg", "/slides/folder%2Fa.svs"):
            assert server.get(path).status_code == 404
        assert server.get("/slides").json() == {"slides": ["before/a.svs"]}
        (root / "folder").unlink()
        (root / "before").rename(root / "folder")
        assert server.get("/tiles/folder%2Fa.svs/0/4/4.jpg").status_code == 200
