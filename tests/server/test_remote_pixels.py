"""Tiles of slides in a bucket over HTTP: many at a time, by few requests and no threads."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.object_faults import Fault, Trouble
from bench.object_server import BUCKET, ObjectServer
from wsi_lab.model.source import Source
from wsi_lab.service.lab import Lab, LabSettings

FULL = 4
pytestmark = pytest.mark.usefixtures("whole_views")
PLACES = [(column, row) for column in range(1, 8) for row in range(3, 8)]


@pytest.fixture
def objects(tmp_path: Path, demo_slide: Path) -> Iterator[ObjectServer]:
    """A bucket with the demo slide in it."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    shutil.copy(demo_slide, folder / "far.svs")
    with ObjectServer(folder) as server:
        yield server


@pytest.fixture
def server(
    tmp_path: Path,
    objects: ObjectServer,
    serve_lab: Callable[[Lab], Any],
) -> Iterator[Any]:
    source = Source.at(f"s3://{BUCKET}", endpoint=objects.url, anonymous=True)
    settings = LabSettings(tmp_path / "home", slide_roots=(source,), workers=1)
    with Lab.open(settings) as lab, serve_lab(lab) as server:
        owner = lab.people.owner()
        study = lab.studies.create(owner, "far away")
        slide = lab.slides.add(owner, study.id, f"s3://{BUCKET}/far.svs")
        _, token = lab.people.create_token(owner, name="t", capabilities=["all"])
        server.tiles = f"{server.url}/v1/slides/{slide.id}/tiles"
        server.headers = {"Authorization": f"Bearer {token}"}
        objects.take_log()
        yield server


def get(server: Any, url: str) -> httpx.Response:
    """Ask with the credentials, and with patience."""
    return httpx.get(url, headers=server.headers, timeout=30)


def all_at_once(server: Any) -> list[bytes]:
    """Return the answers to requests of which the server hears at one moment."""
    address = httpx.URL(server.tiles)
    go_on = threading.Event()
    server.loop.call_soon_threadsafe(go_on.wait, 30)
    with contextlib.ExitStack() as stack:
        sockets = []
        for column, row in PLACES:
            connection = socket.create_connection((address.host, address.port), timeout=60)
            sockets.append(stack.enter_context(connection))
            connection.sendall(
                f"GET {address.path}/{FULL}/{column}/{row}.jpg HTTP/1.1\r\nHost: a\r\n"
                f"Authorization: {server.headers['Authorization']}\r\n"
                "Connection: close\r\n\r\n".encode()
            )
        go_on.set()
        return [b"".join(iter(lambda each=each: each.recv(65_536), b"")) for each in sockets]


@pytest.mark.parametrize("is_known", [False, True])
def test_a_view_of_35_tiles_takes_few_requests_to_the_store(
    server: Any, objects: ObjectServer, demo_slide: Path, is_known: bool
) -> None:
    if is_known:
        url = f"{server.tiles}/{FULL}/0/0.jpg"
        assert get(server, url).status_code == 200
        objects.take_log()
    objects.latency = 0.1
    answers = all_at_once(server)
    assert {each.split(b" ", 2)[1] for each in answers} == {b"200"}
    content = demo_slide.read_bytes()
    scans = {each[each.index(b"\xff\xda") :] for each in answers}
    assert len(scans) == 35
    assert all(scan in content for scan in scans)
    # Until somebody has looked who may see it, requests come out of threads one after another.
    assert len(objects.take_log()) <= (6 if is_known else 20)


def test_waiting_for_a_store_takes_no_thread(
    server: Any, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_at_once(server)
    drawn: list[object] = []
    submit = server.site.pixels.submit

    def counted(*work: Any, **options: Any) -> Any:
        drawn.append(work)
        return submit(*work, **options)

    monkeypatch.setattr(server.site.pixels, "submit", counted)
    url = f"{server.tiles}/{FULL}/8/9.jpg"
    assert get(server, url).status_code == 200
    assert drawn == []
    assert get(server, f"{server.tiles}/{FULL}/9/12.jpg").status_code == 200
    assert len(drawn) == 1


def test_a_slide_replaced_in_its_bucket_is_shown_as_it_is_now(
    server: Any, objects: ObjectServer, shared_data: Path
) -> None:
    first = get(server, f"{server.tiles}/{FULL}/5/8.jpg")
    new = objects.folder / "new"
    shutil.copy(shared_data / "slides" / "bigtiff-pyramid-board.tif", new)
    new.replace(objects.folder / "far.svs")
    other = get(server, f"{server.tiles}/{FULL}/5/9.jpg")
    assert (first.status_code, other.status_code) == (200, 200)
    assert first.headers["Etag"].split("-")[0] != other.headers["Etag"].split("-")[0]


def test_a_store_in_trouble_is_a_bad_gateway_that_tells_nothing(
    server: Any, objects: ObjectServer
) -> None:
    url = f"{server.tiles}/{FULL}/5/8.jpg"
    with objects.in_trouble(Trouble(Fault.STATUS, status=403, code="AccessDenied")):
        answer = get(server, url)
    assert answer.status_code == 502
    assert "far" not in answer.text
    assert str(objects.port) not in answer.text
    assert get(server, url).status_code == 200
