"""Large bodies: taken in from those who are known, counted, and let go of again."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from waiting import wait_until

from wsi_lab.server.api.answers import LARGEST_TABLE

LENGTH = 100_000_000
ANNOUNCED = f"Content-Length: {LENGTH}\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n\r\n10000\r\n"


@pytest.fixture
def begin(world: Any) -> Any:
    """Begin to send a table, and never end."""

    @contextlib.contextmanager
    def begun(who: str, how: str) -> Iterator[socket.socket]:
        host, port = world.server.url.removeprefix("http://").split(":")
        token = world.tokens[who]
        known = "" if token is None else f"Authorization: Bearer {token}\r\n"
        head = (
            f"POST /v1/studies/{world.study.id}/results HTTP/1.1\r\nHost: lab\r\n"
            f"Content-Type: text/tab-separated-values\r\n{known}{how}"
        )
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(head.encode() + bytes(1 << 16))
            yield client

    return begun


@pytest.mark.parametrize(("how", "counted"), [(ANNOUNCED, LENGTH), (CHUNKED, LARGEST_TABLE)])
def test_large_body_is_counted_from_its_first_byte_on(
    world: Any, begin: Any, how: str, counted: int
) -> None:
    site = world.server.site
    with begin("site_admin", how):
        wait_until(lambda: site.in_flight == 1)
        wait_until(lambda: site.bytes_under_way == counted)
    wait_until(lambda: site.in_flight == site.bytes_under_way == 0)


def test_body_of_somebody_unknown_is_not_kept(
    world: Any, begin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wsi_lab.server.receiving import Receiver

    came: list[int] = []
    data_received = Receiver.data_received

    def note(self: Any, chunk: bytes) -> None:
        data_received(self, chunk)
        came.append(sum(map(len, self._pieces)))

    monkeypatch.setattr(Receiver, "data_received", note)
    with begin("anonymous", ANNOUNCED):
        wait_until(lambda: bool(came))
        assert world.server.site.bytes_under_way == 0
    assert set(came) == {0}


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_who_is_unknown_is_told_so_with_a_body_and_without(
    http: Any, world: Any, verb: str
) -> None:
    path = f"/v1/studies/{world.study.id}/answers"
    for body in (b"", b"{}") * 20:
        answer = http.request(verb, path, content=body, headers={"Content-Length": str(len(body))})
        assert answer.status_code == 401
