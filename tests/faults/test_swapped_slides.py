"""Slides that are swapped while many look at them are never mixed, wherever they lie.

``pytest -s`` shows how often, and what was seen.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
import tifffile
from tile_server import Store, TileServer, ask_all, forget_stores, tell, tile_server
from waiting import wait_until

from wsi_lab.model.source import Source
from wsi_lab.slides import remote_source
from wsi_lab.slides.engine import UNSEEN_SECONDS

SWAPPED = "swapped.tif"
SWAPS, MOST_SWAPS, ASKERS, SIDE = 40, 400, 8, 128
LEAST_SHOWN = 40
WIDTH, HEIGHT, STEPS = 1024, 512, (1, 2, 4)
QUALITIES = ("", "?quality=50", "?quality=70", "?quality=100")
GRIDS = [(WIDTH // SIDE // step, HEIGHT // SIDE // step) for step in STEPS]
PICTURES = [
    *(
        f"/tiles/{SWAPPED}/{level}/{x}/{y}.jpg{quality}"
        for level, (columns, rows) in enumerate(GRIDS)
        for x in range(columns)
        for y in range(rows)
        for quality in QUALITIES
    ),
    *(f"/slides/{SWAPPED}/thumbnail?max_size={size}" for size in (64, 200, 512)),
    f"/slides/{SWAPPED}/thumbnail?quality=30",
]
DESCRIBED = f"/slides/{SWAPPED}"

pytestmark = pytest.mark.timeout(600)


def split_jpeg(data: bytes) -> tuple[bytes, bytes]:
    """Return the tables of a JPEG as a stream of their own, and the JPEG without them."""
    tables, rest, at = b"\xff\xd8", b"\xff\xd8", 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if data[at + 1] in {0xDB, 0xC4}:
            tables += data[at:end]
        elif not 0xE0 <= data[at + 1] <= 0xEF:
            rest += data[at:end]
        at = end
    return tables + b"\xff\xd9", rest + data[at:]


def write_slide(path: Path, *, seed: int, quality: int, description: str) -> None:
    """Write a pyramid whose tiles lack their tables, as those of scanners do."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (HEIGHT // 16, WIDTH // 16, 3), np.uint8)
    picture = coarse.repeat(16, 0).repeat(16, 1)
    with tifffile.TiffWriter(path) as writer:
        for step in STEPS:
            small = np.ascontiguousarray(picture[::step, ::step])
            tiles = [
                split_jpeg(
                    simplejpeg.encode_jpeg(
                        np.ascontiguousarray(small[y : y + SIDE, x : x + SIDE]), quality
                    )
                )
                for y in range(0, small.shape[0], SIDE)
                for x in range(0, small.shape[1], SIDE)
            ]
            writer.write(
                iter([data for _, data in tiles]),
                shape=small.shape,
                dtype="uint8",
                tile=(SIDE, SIDE),
                photometric="ycbcr",
                subsampling=(1, 1),
                compression="jpeg",
                jpegtables=tiles[0][0],
                subfiletype=int(step > 1),
                description=description,
                metadata=None,
            )


class Pair:
    """Two slides of the same geometry and size in bytes, and what is given of each alone.

    Attributes
    ----------
    given
        By path: the bodies of the one and of the other.
    """

    def __init__(self, files: tuple[Path, Path], given: dict[str, tuple[bytes, bytes]]) -> None:
        self.files = files
        self.given = given


@pytest.fixture(scope="module", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        forget_stores(patch, tmp_path_factory.mktemp("user"))
        yield


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    place = tmp_path_factory.mktemp("pair")
    files = place / "first", place / "second"
    write_slide(files[0], seed=1, quality=85, description="Aperio Image Library v1|MPP = 0.25")
    write_slide(files[1], seed=2, quality=60, description="a slide of another scanner")
    size = max(file.stat().st_size for file in files)
    found = []
    for file in files:
        os.truncate(file, size)
        alone = tmp_path_factory.mktemp("alone")
        shutil.copyfile(file, alone / SWAPPED)
        with tile_server(Source.at(str(alone)), tmp_path_factory.mktemp("home")) as server:
            answers = [ask_all(server.port, [path])[0] for path in (*PICTURES, DESCRIBED)]
        assert {each.status for each in answers} == {200}
        found.append({each.path: each.body for each in answers})
    given = {path: (found[0][path], found[1][path]) for path in found[0]}
    assert all(one != other for one, other in given.values())
    return Pair(files, given)


class Askers:
    """Clients that ask for anything of a slide until they are told to stop.

    Attributes
    ----------
    answers
        What came: path, status, ETag and body.
    """

    def __init__(self, port: int) -> None:
        self.answers: list[tuple[str, int, str | None, bytes]] = []
        self.ended = threading.Event()
        self._port = port

    def ask(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)) as line:
            while not self.ended.is_set():
                path = DESCRIBED if random.random() < 0.1 else str(random.choice(PICTURES))
                line.request("GET", path)
                answer = line.getresponse()
                etag, body = answer.headers["ETag"], answer.read()
                self.answers.append((path, answer.status, etag, body))


def swap(pair: Pair, folder: Path, number: int) -> None:
    """Put the other slide in its place, in one step: the same file, or a new one."""
    put = shutil.copyfile if number % 3 else os.link
    put(pair.files[number % 2], folder / "coming")
    (folder / "coming").replace(folder / SWAPPED)


def shown(pair: Pair, asking: Askers) -> Counter[int]:
    """Return how often each of the slides was shown."""
    return Counter(
        pair.given[path].index(body)
        for path, status, _, body in asking.answers
        if status == 200 and body in pair.given[path]
    )


def ask_while_swapping(pair: Pair, folder: Path, server: TileServer) -> tuple[Askers, int]:
    """Return who asked, and how often the slide was swapped."""
    asking, swaps = Askers(server.port), 0
    random = np.random.default_rng(5)

    def one_is_rare() -> bool:
        # Once all of a slide is kept, it is shown as long as it may be before anybody looks.
        found = shown(pair, asking)
        return min(found[0], found[1]) < LEAST_SHOWN

    with ThreadPoolExecutor(ASKERS) as threads:
        askers = [threads.submit(asking.ask, seed) for seed in range(ASKERS)]
        try:
            while swaps < SWAPS or (swaps < MOST_SWAPS and one_is_rare()):
                swaps += 1
                wanted = len(asking.answers) + random.integers(0, 80)
                wait_until(lambda wanted=wanted: len(asking.answers) >= wanted, 60)
                swap(pair, folder, swaps)
        finally:
            asking.ended.set()
        for each in askers:
            each.result()
    return asking, swaps


@pytest.mark.parametrize(
    ("kind", "fresh_seconds"), [("store", 0.1), ("store", 5.0), ("folder", 0.1)]
)
def test_swapped_slides_are_never_mixed(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    pair: Pair,
    kind: str,
    fresh_seconds: float,
) -> None:
    monkeypatch.setattr(remote_source, "FRESH_SECONDS", fresh_seconds)
    folder = tmp_path / "slides"
    folder.mkdir()
    swap(pair, folder, 0)
    with ExitStack() as stack:
        source = Source.at(str(folder))
        if kind == "store":
            source = stack.enter_context(closing(Store(folder))).source
        else:
            fresh_seconds = UNSEEN_SECONDS
        server = stack.enter_context(tile_server(source, tmp_path / "home"))
        asking, swaps = ask_while_swapping(pair, folder, server)
        swap(pair, folder, swaps + 1)
        swapped = time.monotonic()
        wait_until(lambda: time.monotonic() - swapped > fresh_seconds)
        last = [ask_all(server.port, [path])[0] for path in (DESCRIBED, *PICTURES)]

    counts = Counter(status for _, status, _, _ in asking.answers)
    seen = shown(pair, asking)
    tell(f"{kind}, fresh for {fresh_seconds} s: {swaps} swaps, {dict(counts)}, {dict(seen)}")
    by_etag: dict[tuple[str, str], bytes] = {}
    for path, status, etag, body in asking.answers:
        if status == 503:
            assert json.loads(body)["error"] == "busy"
            continue
        assert status == 200, (path, status, body)
        assert body in pair.given[path], path
        if etag is not None:
            assert by_etag.setdefault((path, etag), body) == body
    assert min(seen[0], seen[1]) >= LEAST_SHOWN
    newest = (swaps + 1) % 2
    for each in last:
        assert (each.status, each.body) == (200, pair.given[each.path][newest]), each.path
