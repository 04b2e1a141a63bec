"""What takes long and anybody may ask for holds up neither slides nor their tiles."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from waiting import wait_until

from wsi_lab.errors import NotFound
from wsi_lab.model.source import Source
from wsi_lab.server.site import Site
from wsi_lab.server.streamer.settings import StreamerSettings
from wsi_lab.service.sources import KeyPage, SourceImage

TILE, THUMBNAIL = "/tiles/a.tif/0/1/1.jpg", "/slides/a.tif/thumbnail"
LARGE = 24 << 20


class Slow:
    """Slides of a folder whose lists and thumbnails, and recoded tiles, take until a gate opens."""

    def __init__(self) -> None:
        self.source = Source.at("/folder")
        self.gate = threading.Event()
        self.data = b"tile"
        self.at_hand = False
        self.begun = 0
        self.abandoned = 0
        self._lock = threading.Lock()

    def tile_at_once(self, *_: object, **__: object) -> SourceImage | None:
        return SourceImage(self.data, was_kept=True, etag='"a"') if self.at_hand else None

    def tile_soon(self, *_: object, **__: object) -> None:
        """Nothing is fetched."""

    def tile_or_soon(self, *_: object, recode: bool, **__: object) -> SourceImage:
        if recode:
            self._wait()
        return SourceImage(self.data, was_kept=False, etag='"a"')

    def thumbnail(self, *_: object) -> SourceImage:
        self._wait()
        return SourceImage(self.data, was_kept=False, etag='"a"')

    def describe(self, *_: object) -> None:
        raise NotFound("There is no slide.")

    def keys(self, *, is_wanted: Any, **_: object) -> KeyPage:
        self._wait(is_wanted)
        return KeyPage((), None)

    def close(self) -> None:
        """Nothing is open."""

    def _wait(self, is_wanted: Any = lambda: True) -> None:
        with self._lock:
            self.begun += 1
        while not self.gate.wait(0.005):
            if not is_wanted():
                with self._lock:
                    self.abandoned += 1
                return


@pytest.fixture
def slow() -> Iterator[Slow]:
    slides = Slow()
    yield slides
    slides.gate.set()


@pytest.fixture
def door(slow: Slow, serve: Any) -> Iterator[Any]:
    source: Any = slow
    with serve(Site(None, source=source)) as server:
        yield server
        slow.gate.set()


@contextlib.contextmanager
def waiting(server: Any, path: str, count: int) -> Iterator[list[http.client.HTTPConnection]]:
    """Ask for a path many times, and wait for no answer."""
    with contextlib.ExitStack() as open_ones:
        clients = []
        for _ in range(count):
            client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
            open_ones.callback(client.close)
            client.request("GET", path)
            clients.append(client)
        wait_until(lambda: server.site.in_flight == count)
        yield clients


@pytest.mark.parametrize(
    ("path", "threads"), [("/slides", 2), (THUMBNAIL, 2), (f"{TILE}?quality=10", 3)]
)
def test_many_of_what_takes_long_leave_tiles_and_slides_alone(
    door: Any, slow: Slow, path: str, threads: int
) -> None:
    with waiting(door, path, 16) as clients:
        # Else what begins next could be of these.
        wait_until(lambda: slow.begun == threads)
        assert door.get(TILE).content == b"tile"
        assert door.get("/slides/a.tif").status_code == 404
        for other in {"/slides", THUMBNAIL, f"{TILE}?quality=10"} - {path}:
            begun = slow.begun
            with waiting_too(door, other):
                wait_until(lambda begun=begun: slow.begun > begun)
        assert 0 < slow.begun <= 2 + 2 + 3
        slow.gate.set()
        assert {client.getresponse().status for client in clients} == {200}


@contextlib.contextmanager
def waiting_too(server: Any, path: str) -> Iterator[None]:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        client.request("GET", path)
        yield
    finally:
        client.close()


def test_stored_quality_of_the_server_itself_has_all_threads(serve: Any, slow: Slow) -> None:
    source: Any = slow
    site = Site(None, source=source)
    with serve(site, StreamerSettings(quality=50)) as server, waiting(server, TILE, 8):
        wait_until(lambda: slow.begun == 8)
        slow.gate.set()


def test_lists_that_cannot_be_queued_are_refused(door: Any, slow: Slow) -> None:
    with waiting(door, "/slides", 18):
        answer = door.get("/slides")
        assert (answer.status_code, answer.json()["error"]) == (503, "busy")
        assert "Retry-After" in answer.headers
        assert door.get(TILE).status_code == 200


def test_list_that_nobody_waits_for_is_given_up(door: Any, slow: Slow) -> None:
    with waiting(door, "/slides", 2):
        wait_until(lambda: slow.begun == 2)
        assert slow.abandoned == 0
    wait_until(lambda: slow.abandoned == 2)
    # The loop hears of it after the threads.
    wait_until(lambda: door.site.in_flight == 0)


@pytest.mark.parametrize("at_hand", [True, False])
def test_large_tile_waits_in_pieces_for_whoever_reads_slowly(
    door: Any, slow: Slow, monkeypatch: pytest.MonkeyPatch, at_hand: bool
) -> None:
    slow.data, slow.at_hand = bytes(LARGE), at_hand
    assert door.get(TILE).content == slow.data
    assert door.ask("HEAD", TILE).headers["Content-Length"] == str(LARGE)
    monkeypatch.setattr("wsi_lab.server.base.SECONDS_PER_CHUNK", 0.2)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(("127.0.0.1", door.port))
        client.sendall(f"GET {TILE} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        # Now it is under way; that it was could be missed between two looks at `in_flight`.
        assert client.recv(1, socket.MSG_PEEK)
        wait_until(lambda: door.site.in_flight == 0, 30)
        with contextlib.suppress(ConnectionError):
            assert sum(len(piece) for piece in iter(lambda: client.recv(1 << 20), b"")) < LARGE / 2


def test_large_thumbnail_is_sent_whole(door: Any, slow: Slow) -> None:
    slow.data = bytes(range(256)) * (6 << 10)
    slow.gate.set()
    answer = door.get(THUMBNAIL)
    assert answer.content == slow.data
    assert answer.headers["Content-Length"] == str(len(slow.data))
    assert door.get(THUMBNAIL, headers={"If-None-Match": '"a"'}).status_code == 304


@pytest.mark.parametrize(("size", "in_pieces"), [(256 << 10, False), ((256 << 10) + 1, True)])
def test_what_is_large_is_told_by_its_size(
    door: Any, slow: Slow, monkeypatch: pytest.MonkeyPatch, size: int, in_pieces: bool
) -> None:
    from wsi_lab.server.at_once import AnswerDelegate

    sent: list[object] = []
    finish = AnswerDelegate.finish
    monkeypatch.setattr(
        AnswerDelegate, "finish", lambda delegate: sent.append(1) or finish(delegate)
    )
    slow.data, slow.at_hand = bytes(size), True
    assert len(door.get(TILE).content) == size
    assert (not sent) == in_pieces
