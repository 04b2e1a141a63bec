"""Stores over real HTTP on this machine, and limits for those that answer and those that do not."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.object_server import BUCKET, ObjectServer
from wsi_lab.model.source import Source
from wsi_lab.slides.stores import ObjectStore, StoreLimits, open_store

PATIENT = StoreLimits(
    connect_seconds=20.0,
    silence_seconds=20.0,
    call_seconds=40.0,
    most_tries=4,
    first_wait_seconds=0.01,
)
"""For stores that answer, which may take a while on a busy machine."""
HASTY = replace(PATIENT, connect_seconds=0.4, silence_seconds=0.4, call_seconds=0.8)
"""For stores that do not, which nobody wants to wait for."""
SECRET = "wJalrXUtnFEMI"

OpenStore = Callable[..., ObjectStore]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test finds credentials, endpoints or proxies of whoever runs it."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture
def limits() -> StoreLimits:
    """Limits of a store that answers."""
    return PATIENT


@pytest.fixture
def hasty_limits() -> StoreLimits:
    """Limits ten times as tight as the usual ones, of a store that does not answer."""
    return HASTY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that `objects` serves: one object of 100,000 bytes, `a.svs`."""
    folder = tmp_path / "objects"
    folder.mkdir()
    (folder / "a.svs").write_bytes(random.Random(1).randbytes(100_000))
    return folder


@pytest.fixture
def content(folder: Path) -> bytes:
    """The bytes of `a.svs`."""
    return (folder / "a.svs").read_bytes()


@pytest.fixture
def objects(folder: Path) -> Iterator[ObjectServer]:
    """A server that speaks S3 and plain HTTP."""
    with ObjectServer(folder) as server:
        server.slow_seconds = 0.05
        yield server


@pytest.fixture
def s3_source(objects: ObjectServer) -> Source:
    """The bucket of `objects`."""
    return Source.at(f"s3://{BUCKET}", endpoint=objects.url)


@pytest.fixture
def web_source(objects: ObjectServer) -> Source:
    """The same as a folder of a web server."""
    return Source.at(f"{objects.url}/{BUCKET}")


@pytest.fixture
def opened() -> Iterator[OpenStore]:
    """Opens stores, and closes them."""
    stores: list[ObjectStore] = []

    def open_one(source: Source, limits: StoreLimits = PATIENT) -> ObjectStore:
        stores.append(open_store(source, limits))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture(params=["s3", "web"])
def store(request: pytest.FixtureRequest, opened: OpenStore) -> ObjectStore:
    """A store of each kind over `objects`."""
    return opened(request.getfixturevalue(f"{request.param}_source"))


@pytest.fixture
def hasty(store: ObjectStore, opened: OpenStore) -> ObjectStore:
    """The same as `store`, for those who do not wait when it does not answer."""
    return opened(store.source, HASTY)
