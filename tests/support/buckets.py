"""Slides in a bucket on this machine, and engines that know them only from there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bench.object_server import BUCKET, Asked, ObjectServer
from wsi_lab.model.source import Source
from wsi_lab.slides.engine import EngineSettings, SlideEngine
from wsi_lab.slides.stores import StoreLimits, Stores


class Shelf:
    """An `IndexStore` in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def put(self, key: str, data: bytes) -> None:
        self.kept[key] = data


class Bucket:
    """A folder that an object server serves, and engines that know it only from there."""

    def __init__(self, server: ObjectServer, workers: Any) -> None:
        self.server = server
        self.shelf = Shelf()
        self.source = Source.at(f"s3://{BUCKET}", endpoint=server.url, anonymous=True)
        self.stores: list[Stores] = []
        self.engines: list[SlideEngine] = []
        self._workers = workers

    def put(self, path: Path, name: str = "a.svs") -> str:
        """Put a file into the bucket, in the place of another one perhaps; return its address."""
        target = self.server.folder / name
        new = target.with_suffix(".new")
        shutil.copyfile(path, new)
        new.replace(target)
        return self.source.address_of(name)

    def engine(self, **options: Any) -> SlideEngine:
        # The store always answers, which may take a while on a busy machine.
        limits = StoreLimits(silence_seconds=20.0, call_seconds=40.0, first_wait_seconds=0.01)
        self.stores.append(Stores([self.source], limits))
        options = {"workers": self._workers, "stores": self.stores[-1]} | options
        self.engines.append(SlideEngine(EngineSettings(), self.shelf, **options))
        return self.engines[-1]

    def asked(self) -> list[Asked]:
        """Return the requests since this was called last."""
        return self.server.take_log()


class Decoding:
    """Workers that decode here, and open nothing."""

    def __init__(self, decoder: Any) -> None:
        self.decode_tile = decoder.decode_tile

    def open(self, path: str) -> Any:
        raise AssertionError(f"a worker was to open {path}")

    def close(self) -> None:
        """There is nothing to end."""


def sent(asked: list[Asked]) -> int:
    return sum(each.sent for each in asked)
