"""Stores of annotations: ``python -m bench.annotation_stores NAME --shapes N`` prints JSON.

One process a store, so that memory and caches do not mix. Each loads the same shapes, answers
the same views with decoded geometry, counts the classes and draws the same tiles, as far as it
can.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import shapely

from bench.nuclei import CLASSES, Nuclei, boxes, nuclei, polygons, views

TILE = 256
LEVELS = (0, 1, 2, 3, 4, 5, 7)
TILES_PER_LEVEL = 40
SECONDS_PER_LEVEL = 20.0
TIATOOLBOX_VARIABLE = "WSI_BENCH_TIATOOLBOX"
"""A folder that TIAToolbox is installed in (``pip install --no-deps --target``)."""
COLOURS = (
    (228, 26, 28),
    (55, 126, 184),
    (77, 175, 74),
    (60, 60, 60),
    (255, 165, 0),
    (152, 78, 163),
)

Box = tuple[float, float, float, float]


class Store(Protocol):
    """What is measured of each."""

    def prepare(self) -> None:
        """Bring the shapes into the form that the store takes; not measured."""

    def load(self) -> None:
        """Store them, durably."""

    def view(self, box: Box) -> int:
        """Return how many shapes touch a box, after decoding their geometry."""

    def counts(self) -> dict[str, int]:
        """Return how many shapes there are of each class."""


class RTree:
    """The textbook: an SQLite table of WKB and an R*Tree beside it."""

    def __init__(self, folder: Path, shapes: Nuclei) -> None:
        self.folder, self.shapes = folder, shapes

    def prepare(self) -> None:
        self.wkb = shapely.to_wkb(polygons(self.shapes)).tolist()
        self.boxes = boxes(self.shapes).tolist()

    def load(self) -> None:
        self.connection = sqlite3.connect(self.folder / "a.db", isolation_level=None)
        run = self.connection.execute
        run("PRAGMA journal_mode=wal")
        run("PRAGMA synchronous=full")
        run("CREATE TABLE a (id INTEGER PRIMARY KEY, class INT, score REAL, geometry BLOB)")
        run("CREATE VIRTUAL TABLE r USING rtree (id, x0, x1, y0, y1)")
        run("BEGIN")
        classes, scores = self.shapes.classes.tolist(), self.shapes.scores.tolist()
        numbers = range(len(self.shapes))
        self.connection.executemany(
            "INSERT INTO a VALUES (?, ?, ?, ?)",
            zip(numbers, classes, scores, self.wkb, strict=True),
        )
        self.connection.executemany(
            "INSERT INTO r VALUES (?, ?, ?, ?, ?)",
            ((n, b[0], b[2], b[1], b[3]) for n, b in zip(numbers, self.boxes, strict=True)),
        )
        run("CREATE INDEX a_class ON a (class)")
        run("COMMIT")
        run("PRAGMA wal_checkpoint(truncate)")

    def view(self, box: Box) -> int:
        return len(shapely.from_wkb([wkb for _, wkb in self._rows(box)]))

    def counts(self) -> dict[str, int]:
        found = self.connection.execute("SELECT class, count(*) FROM a GROUP BY class")
        return {CLASSES[number]: count for number, count in found}

    def edit(self, turn: int) -> None:
        number = turn * 7919 % len(self.shapes)
        wkb = self.connection.execute("SELECT geometry FROM a WHERE id = ?", (number,)).fetchone()
        moved = shapely.transform(shapely.from_wkb(wkb[0]), lambda places: places + 0.25)
        left, top, right, bottom = moved.bounds
        run = self.connection.execute
        run("BEGIN")
        run("UPDATE a SET geometry = ? WHERE id = ?", (shapely.to_wkb(moved), number))
        run("UPDATE r SET x0=?, x1=?, y0=?, y1=? WHERE id=?", (left, right, top, bottom, number))
        run("COMMIT")

    def tile(self, level: int, x: int, y: int) -> bytes:
        from PIL import Image, ImageDraw

        side = TILE << level
        rows = self._rows((x * side, y * side, x * side + side, y * side + side))
        image = Image.new("RGBA", (TILE, TILE))
        pen = ImageDraw.Draw(image)
        if rows:
            shapes = shapely.from_wkb([wkb for _, wkb in rows])
            _, places, (starts, _) = shapely.to_ragged_array(shapes)
            placed = (places - (x * side, y * side)) / 2**level
            for (number, _), ring in zip(rows, np.split(placed, starts[1:-1]), strict=True):
                colour = COLOURS[number]
                pen.polygon(ring.ravel().tolist(), fill=(*colour, 96), outline=(*colour, 224))
        buffer = io.BytesIO()
        image.save(buffer, "png")
        return buffer.getvalue()

    def _rows(self, box: Box) -> list[tuple[int, bytes]]:
        left, top, right, bottom = box
        return self.connection.execute(
            "SELECT class, geometry FROM r JOIN a ON a.id = r.id "
            "WHERE x0 <= ? AND x1 >= ? AND y0 <= ? AND y1 >= ?",
            (right, left, bottom, top),
        ).fetchall()


class TiaToolbox:
    """TIAToolbox's SQLiteStore, through its own interface."""

    def __init__(self, folder: Path, shapes: Nuclei) -> None:
        sys.path.append(os.environ[TIATOOLBOX_VARIABLE])
        self.folder, self.shapes = folder, shapes

    def prepare(self) -> None:
        from tiatoolbox.annotation.storage import Annotation

        numbers = zip(
            polygons(self.shapes),
            self.shapes.classes.tolist(),
            self.shapes.scores.tolist(),
            strict=True,
        )
        self.annotations = [
            Annotation(shape, {"type": CLASSES[number], "score": score})
            for shape, number, score in numbers
        ]

    def load(self) -> None:
        from tiatoolbox.annotation.storage import SQLiteStore

        if not hasattr(sqlite3.Connection, "enable_load_extension"):
            # Its own way to ask needs loadable extensions, which some builds of Python lack.
            SQLiteStore.compile_options = staticmethod(_compile_options)
        self.store = SQLiteStore(self.folder / "a.db")
        self.store.append_many(self.annotations)
        self.store.commit()
        del self.annotations

    def view(self, box: Box) -> int:
        return len(self.store.query(box, geometry_predicate="bbox_intersects"))

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for kind in self.store.pquery("props['type']", unique=False).values():
            found[kind] = found.get(kind, 0) + 1
        return found


class GeoParquet:
    """One GeoParquet file, sorted along a curve, with a box for each shape."""

    def __init__(self, folder: Path, shapes: Nuclei) -> None:
        self.file, self.shapes = folder / "a.parquet", shapes

    def prepare(self) -> None:
        import geopandas

        columns = {"class": np.array(CLASSES)[self.shapes.classes], "score": self.shapes.scores}
        self.frame = geopandas.GeoDataFrame(columns, geometry=polygons(self.shapes))

    def load(self) -> None:
        order = self.frame.hilbert_distance().to_numpy().argsort()
        self.frame.iloc[order].to_parquet(
            self.file,
            write_covering_bbox=True,
            schema_version="1.1.0",
            row_group_size=4096,
            compression="zstd",
        )
        del self.frame

    def view(self, box: Box) -> int:
        import geopandas

        return len(geopandas.read_parquet(self.file, bbox=box))

    def counts(self) -> dict[str, int]:
        import pyarrow.parquet

        classes = pyarrow.parquet.read_table(self.file, columns=["class"])["class"]
        return {each["values"]: each["counts"] for each in classes.value_counts().to_pylist()}

    def frame_out(self) -> int:
        import geopandas

        return len(geopandas.read_parquet(self.file))


def _compile_options() -> list[str]:
    with sqlite3.connect(":memory:") as connection:
        return [name for (name,) in connection.execute("PRAGMA compile_options")]


def measure(name: str, count: int, data: Path) -> dict[str, Any]:
    """Return what was measured of a store."""
    from bench.wsi_lab_annotations import WsiLab

    kinds: dict[str, Callable[[Path, Nuclei], Any]] = {
        "wsi-lab": WsiLab,
        "R*Tree and WKB": RTree,
        "TIAToolbox": TiaToolbox,
        "GeoParquet": GeoParquet,
    }
    shapes = nuclei(data, count)
    folder = Path(tempfile.mkdtemp(dir=data))
    try:
        store = kinds[name](folder, shapes)
        store.prepare()
        figures: dict[str, Any] = {"load_s": _seconds(store.load)}
        if hasattr(store, "settle"):
            store.settle()
        figures["mib"] = sum(each.stat().st_size for each in folder.rglob("*")) / 2**20
        figures |= _views(store, views(shapes))
        figures["counts_ms"] = 1000 * min(_seconds(store.counts) for _ in range(3))
        figures["counted"] = sum(store.counts().values())
        if hasattr(store, "edit"):
            took = [1000 * _seconds(lambda turn=turn: store.edit(turn)) for turn in range(100)]
            figures["edit_ms"] = statistics.median(took)
        if hasattr(store, "frame_out"):
            figures["frame_s"] = _seconds(store.frame_out)
        if hasattr(store, "tile"):
            figures["tiles_ms"] = _tiles(store.tile, shapes, least_bytes=60)
        if hasattr(store, "vector_tile"):
            # Zoomed far out, vector tiles leave out what is smaller than a pixel.
            figures["vector_ms"] = _tiles(store.vector_tile, shapes, least_bytes=0)
        if hasattr(store, "close"):
            store.close()
        return figures
    finally:
        shutil.rmtree(folder)


def _views(store: Store, looked_at: list[Box]) -> dict[str, float]:
    store.view(looked_at[0])
    found, took = [], []
    for box in looked_at:
        started = time.perf_counter()
        found.append(store.view(box))
        took.append(1000 * (time.perf_counter() - started))
    return {
        "view_ms": statistics.median(took),
        "view_most_ms": max(took),
        "in_view": statistics.median(found),
        "hits": sum(found),
    }


def _tiles(
    draw: Callable[[int, int, int], bytes], shapes: Nuclei, *, least_bytes: int
) -> dict[str, float]:
    """Return CPU milliseconds a tile, by level: nothing of these tiles was drawn before."""
    chance = np.random.default_rng(2)
    middles = shapes.vertices[shapes.starts[chance.integers(0, len(shapes), TILES_PER_LEVEL)]]
    found = {}
    for level in LEVELS:
        asked = [(int(x) // (TILE << level), int(y) // (TILE << level)) for x, y in middles]
        # What is compiled or opened at first is not what a tile costs.
        draw(level, *asked[0])
        took, started = [], time.perf_counter()
        for place in dict.fromkeys(asked[1:]):
            before = time.process_time()
            if len(draw(level, *place)) < least_bytes:
                raise AssertionError("a tile with shapes is empty")
            took.append(1000 * (time.process_time() - before))
            if time.perf_counter() - started > SECONDS_PER_LEVEL:
                break
        if took:
            found[str(level)] = statistics.median(took)
    return found


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--shapes", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    chosen = parser.parse_args()
    print(json.dumps(measure(chosen.name, chosen.shapes, chosen.data)))
