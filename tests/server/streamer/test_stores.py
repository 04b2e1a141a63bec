"""The door before a bucket: the same answers, and the codes of the contract when it fails."""

from __future__ import annotations

import http.client
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from bench.object_faults import Fault, Trouble
from bench.object_server import BUCKET, ObjectServer
from wsi_lab.model.source import Source
from wsi_lab.server.site import Site
from wsi_lab.service.sources import SourceSlides
from wsi_lab.slides.engine import EngineSettings, SlideEngine
from wsi_lab.slides.stores import StoreLimits, Stores

PATIENT = StoreLimits(most_tries=2)
# For a store that says nothing; another one may take longer on a busy machine.
QUICK = StoreLimits(connect_seconds=1.0, silence_seconds=1.0, call_seconds=2.0, most_tries=2)
SVS, BOARD = "CMU-1-Small-Region.svs", "folder/board pyramid.tif"
TILE, THUMBNAIL = f"/tiles/{SVS}/0/4/4.jpg", f"/slides/{SVS}/thumbnail"
IMAGES = (TILE, THUMBNAIL)
OTHERS = (f"/slides/{SVS}", f"/slides/{SVS}/dzi", f"/view/{SVS}")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def objects(folder: Path) -> Iterator[ObjectServer]:
    """A server that speaks S3 and plain HTTP, of the same folder."""
    with ObjectServer(folder) as server:
        yield server


Door = Callable[..., Any]


@pytest.fixture
def door(serve: Any, objects: ObjectServer) -> Iterator[Door]:
    """Return a function that gives a door to the objects, which has seen nothing yet."""
    closing: list[Callable[[], Any]] = []

    def open_door(
        prefix: str = "", *, url: str = "", web: bool = False, limits: StoreLimits = PATIENT
    ) -> Any:
        if web:
            source = Source.at(f"{objects.url}/{BUCKET}/{prefix}")
        else:
            address = f"s3://{BUCKET}/{prefix}"
            source = Source.at(address, endpoint=url or objects.url, anonymous=True)
        stores = Stores([source], limits)
        engine = SlideEngine(EngineSettings(workers=1), stores=stores)
        slides = SourceSlides(lambda: engine, source)
        serving = serve(Site(None, source=slides))
        server = serving.__enter__()
        closing.extend([stores.close, engine.close, slides.close])
        closing.append(lambda: serving.__exit__(None, None, None))
        return server

    yield open_door
    while closing:
        closing.pop()()


def test_bucket_is_answered_for_as_a_folder_is(door: Door, open_door: Any, names: Any) -> None:
    bucket = door()
    for slide_id in (names.svs, names.board, names.jpeg_2000, names.odd):
        encoded = quote(slide_id, safe="")
        path = f"/slides/{encoded}"
        assert bucket.get(path).json() == open_door.get(path).json()
        path = f"/tiles/{encoded}/0/1/1.jpg"
        assert bucket.get(path).content == open_door.get(path).content
        path = f"/slides/{encoded}/thumbnail?max_size=64"
        assert bucket.get(path).content == open_door.get(path).content
    for slide_id in (*names.unsupported, *names.too_small):
        answer = bucket.get(f"/slides/{quote(slide_id, safe='')}")
        assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_format")
    answer = bucket.get("/slides/absent.svs")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert "absent.svs" in answer.json()["message"]


def test_bucket_is_listed_in_pages(door: Door, names: Any, objects: ObjectServer) -> None:
    objects.page_keys = 3
    bucket = door()
    whole = bucket.get("/slides").json()
    assert "next_cursor" not in whole
    assert set(names.listed) <= set(whole["slides"])
    found: list[str] = []
    params = {"limit": "2"}
    while True:
        page = bucket.get("/slides", params=params).json()
        found += page["slides"]
        if "next_cursor" not in page:
            break
        params["cursor"] = page["next_cursor"]
    assert found == whole["slides"] == sorted(found, key=str.encode)
    assert bucket.get("/slides?prefix=folder/b").json()["slides"] == [names.board]
    assert bucket.get("/slides?search=PYRAMID").json()["slides"] == [names.board]


def test_prefix_of_a_source_is_no_part_of_its_keys(door: Door, names: Any) -> None:
    bucket = door("folder")
    assert bucket.get("/slides").json()["slides"] == ["board pyramid.tif", "tcga.svs"]
    assert bucket.get("/slides/board%20pyramid.tif").status_code == 200
    for key in (SVS, "../" + SVS, "%2e%2e/" + SVS, "..%2F" + SVS, "x/../../" + SVS, "/" + SVS):
        answer = bucket.get(f"/slides/{quote(key, safe='')}")
        assert answer.status_code == 404
    message = bucket.get("/slides/absent.svs").json()["message"]
    assert "folder" not in message
    assert BUCKET not in message.replace("slides of", "")


def test_web_server_shows_slides_and_lists_none(door: Door) -> None:
    web = door(web=True)
    assert web.get(TILE).status_code == 200
    answer = web.get("/slides")
    assert (answer.status_code, answer.json()["error"]) == (500, "storage_error")


def all_at_once(port: int, paths: list[str]) -> list[tuple[int, bytes]]:
    """Return status and body of every path, asked for in the same moment."""
    ready = threading.Barrier(len(paths))

    def ask(path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.connect()
        ready.wait(60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(paths)) as threads:
        return list(threads.map(ask, paths))


@pytest.mark.usefixtures("whole_views")
def test_view_of_many_tiles_takes_few_requests(door: Door, objects: ObjectServer) -> None:
    bucket = door()
    objects.latency = 0.05
    assert bucket.get(f"/slides/{SVS}").status_code == 200
    objects.take_log()
    paths = [f"/tiles/{SVS}/0/{x}/{y}.jpg" for x in range(2, 9) for y in range(3, 8)]
    answers = all_at_once(bucket.port, paths)
    assert {status for status, _ in answers} == {200}
    assert len({body for _, body in answers}) == len(paths) == 35
    assert len(objects.take_log()) <= 6
    objects.take_log()
    again = bucket.get(paths[0])
    assert again.headers["X-Tile-Cache-Hit"] == "true"
    assert again.content == answers[0][1]
    assert len(objects.take_log()) <= 1


def fails(server: Any, path: str, status: int, code: str) -> None:
    """Check that a path is answered by a failure, which tells nothing of the store."""
    answer = server.get(path)
    assert (answer.status_code, answer.json()["error"]) == (status, code), (path, answer.text)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    for secret in ("127.0.0.1", BUCKET + "/", "s3:", "endpoint", "http"):
        assert secret not in answer.json()["message"]


def test_store_that_cannot_be_reached_is_a_bad_gateway(door: Door) -> None:
    bucket = door(url="http://127.0.0.1:9")
    for path in (*IMAGES, *OTHERS, "/slides"):
        fails(bucket, path, 502, "connection_error")


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (500, "InternalError")])
@pytest.mark.parametrize("opened", [False, True])
def test_store_that_answers_with_an_error_is_an_error_of_ours(
    door: Door, objects: ObjectServer, opened: bool, status: int, code: str
) -> None:
    bucket = door()
    if opened:
        assert bucket.get(f"/tiles/{SVS}/0/0/0.jpg").status_code == 200
    with objects.in_trouble(Trouble(Fault.STATUS, status=status, code=code)):
        for path in IMAGES:
            fails(bucket, path, 500, "io_error")
        fails(bucket, "/slides", 500, "storage_error")
        if not opened:
            for path in OTHERS:
                fails(bucket, path, 500, "storage_error")


@pytest.mark.parametrize("status", [429, 503])
def test_store_that_is_busy_is_as_good_as_away(
    door: Door, objects: ObjectServer, status: int
) -> None:
    with objects.in_trouble(Trouble(Fault.STATUS, status=status, code="SlowDown")):
        fails(door(), "/slides", 502, "connection_error")


def test_store_that_breaks_off_is_a_bad_gateway(door: Door, objects: ObjectServer) -> None:
    bucket = door()
    assert bucket.get(f"/tiles/{SVS}/0/0/0.jpg").status_code == 200
    for fault in (Fault.DIE, Fault.SHORT):
        with objects.in_trouble(Trouble(fault)):
            for path in IMAGES:
                fails(bucket, path, 502, "connection_error")


def test_store_that_says_nothing_is_too_late(door: Door, objects: ObjectServer) -> None:
    bucket = door(limits=QUICK)
    assert bucket.get(f"/tiles/{SVS}/0/0/0.jpg").status_code == 200
    with objects.in_trouble(Trouble(Fault.STALL, after=10)):
        for path in IMAGES:
            fails(bucket, path, 504, "connection_error")


def test_object_that_was_replaced_is_shown_as_it_is_now(
    door: Door, objects: ObjectServer, tmp_path: Path, shared_data: Path
) -> None:
    file = tmp_path / "objects" / "a.svs"
    file.parent.mkdir()
    shutil.copyfile(shared_data / "slides" / SVS, file)
    objects.folder = file.parent
    bucket = door()
    first = bucket.get("/tiles/a.svs/0/0/0.jpg")
    file.write_bytes(file.read_bytes() + b"more")
    # Beyond what was read when the slide was opened.
    second = bucket.get("/tiles/a.svs/0/5/9.jpg")
    again = bucket.get("/tiles/a.svs/0/0/0.jpg")
    assert {each.status_code for each in (first, second, again)} == {200}
    versions = [each.headers["ETag"].split("-")[0] for each in (first, second, again)]
    assert versions[0] != versions[1] == versions[2]
    assert again.headers["X-Tile-Cache-Hit"] == "false"


def test_object_that_was_removed_is_not_found(
    door: Door, objects: ObjectServer, tmp_path: Path, shared_data: Path
) -> None:
    file = tmp_path / "objects" / "a.svs"
    file.parent.mkdir()
    shutil.copyfile(shared_data / "slides" / SVS, file)
    objects.folder = file.parent
    bucket = door()
    assert bucket.get("/tiles/a.svs/0/0/0.jpg").status_code == 200
    file.unlink()
    for path in ("/tiles/a.svs/0/5/9.jpg", "/slides/a.svs", "/tiles/a.svs/0/0/0.jpg"):
        fails(bucket, path, 404, "not_found")
        assert "'a.svs'" in bucket.get(path).json()["message"]
