"""Ways to get tiles out of an object in a store, each measured in a process of its own.

``python -m bench.object_readers NAME --store URL --file SLIDE --indexes FILE`` reads the first
tile of a slide, reads it again after closing everything, reads a view of many tiles, and prints
what each took as JSON. The object has the name of the file, which says where tiles lie to whoever
is told, and what the answers have to be.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from unittest import mock

import httpcore  # noqa: F401 (the product loads it when it first asks a store)
import obstore
from obstore.store import S3Store

from bench.blocks import BlockSource
from bench.object_server import BUCKET, sent_so_far
from bench.stored import StoredTiles
from bench.walk import Tile, View
from wsi_lab.model.source import Source
from wsi_lab.slides import read_ahead
from wsi_lab.slides.engine import EngineSettings, SlideEngine
from wsi_lab.slides.open_slide import LevelTile, OpenSlide
from wsi_lab.slides.preflight import preflight
from wsi_lab.slides.stores import Stores, open_store
from wsi_lab.slides.stores import aws as _aws  # noqa: F401 (the same)
from wsi_lab.slides.stores import s3 as _s3  # noqa: F401 (the same)
from wsi_lab.slides.tiff_pages import read_index
from wsi_lab.slides.tiff_tiles import StoredTiles as TilesOfLevel
from wsi_lab.store.indexes import SlideIndexes

REGION = "us-east-1"
ACCESS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}

NEVER_SEEN = "wsi-lab, never seen"
INDEXED = "wsi-lab, stored index"
BLOCKS = "blocks of 256 KiB"
LIMIT = "limit: nothing but the tiles, one round trip"

VIEW_COLUMNS, VIEW_ROWS = 7, 5

ViewReader = Callable[[View], list[bytes]]
"""Returns the JPEG of every tile of a view, all asked for at once."""


class NotTheTile(Exception):
    """A reader returned something else than the file holds."""


@dataclass(frozen=True)
class Place:
    """Where a slide lies.

    Attributes
    ----------
    store, key
        The address of a `bench.object_server`, and the object in its bucket.
    stored
        The same file on this machine.
    indexes
        Where wsi-lab keeps what it learns.
    """

    store: str
    key: str
    stored: StoredTiles
    indexes: Path


@contextmanager
def wsi_lab(place: Place) -> Iterator[ViewReader]:
    """Read as the server does: all tiles are asked for before any is waited for."""
    source = _source(place)
    with ExitStack() as stack:
        indexes = SlideIndexes(place.indexes)
        stack.callback(indexes.close)
        stores = Stores([source])
        stack.callback(stores.close)
        engine = SlideEngine(EngineSettings(), indexes, stores=stores)
        stack.callback(engine.close)

        def ask(slide: OpenSlide, tile: Tile) -> Callable[[], LevelTile]:
            where = tile.level, tile.column, tile.row
            at_once = slide.level_tile_at_once(*where, quality=80, recode=False)
            if at_once is not None:
                return lambda: at_once
            return slide.level_tile_soon(*where, quality=80, recode=False).result

        def read(tiles: View) -> list[bytes]:
            slide = engine.open(source.address_of(place.key), tiled_only=True)
            asked = [ask(slide, tile) for tile in tiles]
            return [answer().image.data for answer in asked]

        yield read


@contextmanager
def blocks(place: Place) -> Iterator[ViewReader]:
    """Read by blocks, under the client, parser and index of wsi-lab. Nothing is remembered."""
    with ExitStack() as stack:
        objects = open_store(_source(place))
        stack.callback(objects.close)
        facts = objects.facts(place.key)

        def fetch(offset: int, size: int) -> bytes:
            return objects.read(place.key, offset, size, facts)

        source = BlockSource(fetch, facts.size)
        # A block is read-ahead enough; more would reach into blocks that nobody needs.
        with mock.patch.object(read_ahead, "STEP_BYTES", 1):
            index = read_index(source, preflight(source).structure)
        levels = [TilesOfLevel(source, image, None) for image in index.levels]
        threads = stack.enter_context(ThreadPoolExecutor(VIEW_COLUMNS * VIEW_ROWS))

        def read_one(tile: Tile) -> bytes:
            return levels[tile.level].jpeg_file(tile.column, tile.row, wait=True)

        yield lambda tiles: list(threads.map(read_one, tiles))


@contextmanager
def limit(place: Place) -> Iterator[ViewReader]:
    """Read exactly the bytes of the tiles, one request a row of them, all at once."""
    client = {"allow_http": True}
    store = S3Store(BUCKET, endpoint=place.store, region=REGION, client_options=client)

    def read_row(row: View) -> list[bytes]:
        level = place.stored.levels[row[0].level]
        pieces = [tile.row * level.columns + tile.column for tile in row]
        start = level.offsets[pieces[0]]
        size = level.offsets[pieces[-1]] + level.counts[pieces[-1]] - start
        data = memoryview(obstore.get_range(store, place.key, start=start, length=size))
        begins = [level.offsets[piece] - start for piece in pieces]
        return [
            b"".join((level.prefix, data[begin + 2 : begin + level.counts[piece]]))
            for begin, piece in zip(begins, pieces, strict=True)
        ]

    with ThreadPoolExecutor(VIEW_ROWS) as threads:

        def read(tiles: View) -> list[bytes]:
            rows = [tuple(row) for _, row in groupby(tiles, attrgetter("row"))]
            return list(chain.from_iterable(threads.map(read_row, rows)))

        yield read


READERS: dict[str, Callable[[Place], AbstractContextManager[ViewReader]]] = {
    NEVER_SEEN: wsi_lab,
    INDEXED: wsi_lab,
    BLOCKS: blocks,
    LIMIT: limit,
}


def first_tile(stored: StoredTiles) -> View:
    """Return what a viewer asks first: a tile of the smallest level."""
    top = len(stored.levels) - 1
    level = stored.levels[top]
    return (Tile(top, (level.columns - 1) // 2, (level.rows - 1) // 2),)


def view(stored: StoredTiles) -> View:
    """Return neighbouring tiles in the middle of the full resolution, row by row."""
    level = stored.levels[0]
    left, top = (level.columns - VIEW_COLUMNS) // 2, (level.rows - VIEW_ROWS) // 2
    return tuple(
        Tile(0, column, row)
        for row in range(top, top + VIEW_ROWS)
        for column in range(left, left + VIEW_COLUMNS)
    )


FIRST, REOPENED, VIEW = "first", "reopened", "view"

Figures = dict[str, float]


def steps(name: str, place: Place) -> dict[str, Figures]:
    """Read the first tile, the same again after closing everything, and then a view.

    Raises
    ------
    NotTheTile
        Something else came out than the file holds.
    """
    first, several = first_tile(place.stored), view(place.stored)
    found = {}
    for step in (FIRST, REOPENED):
        with ExitStack() as stack:
            with _measured(place) as found[step]:
                read = stack.enter_context(READERS[name](place))
                tiles = read(first)
            _check(tiles, first, place.stored)
            if step == REOPENED:
                with _measured(place) as found[VIEW]:
                    tiles = read(several)
                _check(tiles, several, place.stored)
    return found


@contextmanager
def _measured(place: Place) -> Iterator[Figures]:
    """Yield what will hold the figures of what is done meanwhile."""
    figures: Figures = {}
    before = sent_so_far(place.store)
    cpu, clock = time.process_time(), time.perf_counter()
    yield figures
    figures["ms"] = (time.perf_counter() - clock) * 1e3
    figures["cpu_ms"] = (time.process_time() - cpu) * 1e3
    after = sent_so_far(place.store)
    figures["requests"] = after.requests - before.requests
    figures["kb"] = (after.bytes - before.bytes) / 1000


def _check(tiles: list[bytes], asked: View, stored: StoredTiles) -> None:
    kept = [stored.tile(tile.level, tile.column, tile.row) for tile in asked]
    if not all(one.endswith(end) for one, end in zip(tiles, kept, strict=True)):
        raise NotTheTile("The bytes of a tile are not those of the file.")


def _source(place: Place) -> Source:
    return Source.at(f"s3://{BUCKET}", endpoint=place.store, region=REGION)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=READERS)
    parser.add_argument("--store", required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--indexes", type=Path, required=True)
    chosen = parser.parse_args()
    os.environ.update(ACCESS)
    stored = StoredTiles(chosen.file)
    place = Place(chosen.store, chosen.file.name, stored, chosen.indexes)
    print(json.dumps(steps(chosen.name, place)))


if __name__ == "__main__":
    main()
