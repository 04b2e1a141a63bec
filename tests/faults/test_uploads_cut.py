"""Uploads whose connections are cut at random bytes arrive whole, and nearly without repeats."""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cutting import CuttingProxy
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

from wsi_lab.server.app import make_app, server_limits
from wsi_lab.server.site import site_of
from wsi_lab.server.tus.handlers import tus_routes
from wsi_lab.service.lab import Lab, LabSettings

CUTS = 100
CHUNK = 200_000
SIZE = 8_000_000
MOST_OF_A_HEAD = 1_000


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab.open(LabSettings(tmp_path / "home")) as lab:
        yield lab


@pytest.fixture
def url(lab: Lab) -> Iterator[str]:
    site = site_of(lab)
    ready = threading.Event()
    told: dict[str, Any] = {}

    async def serve() -> None:
        server = HTTPServer(make_app(site, tus_routes()), **server_limits())
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        told.update(
            port=sockets[0].getsockname()[1],
            loop=asyncio.get_running_loop(),
            stop=asyncio.Event(),
        )
        ready.set()
        await told["stop"].wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(30)
    yield f"http://127.0.0.1:{told['port']}"
    told["loop"].call_soon_threadsafe(told["stop"].set)
    thread.join(30)
    assert not thread.is_alive()
    assert site.in_flight == 0
    site.close_lanes()


@pytest.mark.timeout(600)
def test_upload_that_is_cut_a_hundred_times_arrives_whole(
    lab: Lab, url: str, tmp_path: Path
) -> None:
    chance = random.Random(20261125)
    data = chance.randbytes(SIZE)
    sent = tmp_path / "1.svs"
    sent.write_bytes(data)
    owner = lab.people.owner()
    _, api_token = lab.people.create_token(owner, name="sender", capabilities=["all"])
    actor = lab.people.actor_for_token(api_token, door="tests")
    upload_token = lab.uploads.request(actor, "1.svs", "sent")
    metadata = {"uploadtoken": upload_token, "apitoken": api_token}
    with (
        CuttingProxy(url, chance, cuts=CUTS, mean=SIZE // CUTS) as proxy,
        sent.open("rb") as file,
    ):
        where = None
        for _ in range(10 * CUTS):
            try:
                uploader = TusClient(f"{proxy.url}/files/").uploader(
                    file_stream=file, chunk_size=CHUNK, metadata=metadata, url=where
                )
                uploader.upload()
            except (TusCommunicationError, TusUploadFailed):
                where = where or uploader.url
            else:
                where = uploader.url
                break
        assert proxy.cuts_left == 0
        assert proxy.passed <= SIZE + CUTS * CHUNK + proxy.connections * MOST_OF_A_HEAD
    lab.uploads.finish(actor, where[-32:], upload_token)
    arrived = (tmp_path / "home" / "slides" / "sent" / "1.svs").read_bytes()
    assert hashlib.sha256(arrived).digest() == hashlib.sha256(data).digest()
    assert list((tmp_path / "home" / "uploads").iterdir()) == []
