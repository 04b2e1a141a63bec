"""wsi-lab's own store of annotations, through the verbs that its server calls."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from bench.nuclei import CLASSES, HEIGHT, WIDTH, Nuclei

if TYPE_CHECKING:
    from wsi_lab.service.lab import Lab

TILE = 256

Box = tuple[float, float, float, float]


class WsiLab:
    """A lab with one slide and one layer."""

    def __init__(self, folder: Path, shapes: Nuclei) -> None:
        self.folder, self.shapes = folder, shapes

    def prepare(self) -> None:
        from wsi_lab.geometry.columns import KINDS, ShapeColumns
        from wsi_lab.geometry.compiled import warm
        from wsi_lab.model.annotation import ShapeKind

        warm().join()
        count = len(self.shapes)
        numbers = np.arange(count + 1, dtype=np.int64)
        self.columns = ShapeColumns(
            kinds=np.full(count, KINDS.index(ShapeKind.POLYGON), np.uint8),
            coordinates=self.shapes.vertices,
            ring_offsets=self.shapes.starts,
            ring_roles=np.zeros(count, np.uint8),
            shape_offsets=numbers,
            labels=self.shapes.classes.astype(np.int32),
            label_names=CLASSES,
            properties={"score": self.shapes.scores},
        )
        slide = _white_slide(self.folder.parent / "white.tif")
        self.lab = self._opened()
        self.owner = self.lab.people.owner()
        self.study = self.lab.studies.create(self.owner, "bench")
        self.slide = self.lab.slides.add(self.owner, self.study.id, str(slide))
        self.layer = self.lab.layers.create(self.owner, self.study.id, "nuclei")
        self.levels = self.lab.tiles.shown(self.owner, self.slide.id).grids["map"].level_count

    def load(self) -> None:
        self.lab.loads.load(self.owner, self.layer.id, self.slide.id, self.columns)
        del self.columns

    def settle(self) -> None:
        """Fold the log of the writes into the database, as the end of a lab does."""
        self.lab.close()
        self.lab = self._opened()

    def view(self, box: Box) -> int:
        from wsi_lab.model.layer import ShapeQuery

        query = ShapeQuery(slide_id=self.slide.id, layer_ids=(self.layer.id,), box=box)
        return sum(len(found.shapes) for found in self.lab.finder.find(self.owner, query))

    def counts(self) -> dict[str, int]:
        found = self.lab.finder.counts(self.owner, self.layer.id)
        return {each.label.name: each.count for each in found if each.label is not None}

    def edit(self, turn: int) -> None:
        import shapely

        from wsi_lab.model.annotation import ShapeKind
        from wsi_lab.model.feature import Feature

        if turn == 0:
            outline = Feature(ShapeKind.POLYGON, shapely.box(10, 10, 40, 40), ("other",))
            given = [(None, outline)] * 100
            self.drawn = self.lab.drawing.add(self.owner, self.slide.id, self.layer.id, given)
            self.started = time.perf_counter()
        shape = self.drawn[turn]
        moved = Feature(ShapeKind.POLYGON, shapely.box(10.25, 10.25, 40.25, 40.25), ("other",))
        self.lab.drawing.change(self.owner, shape.id, moved, shape.revision)

    def frame_out(self) -> int:
        """Return how many shapes the client would make a frame of."""
        import geopandas
        import pyarrow as pa
        import shapely

        from wsi_lab.model.layer import ShapeQuery

        query = ShapeQuery(slide_id=self.slide.id, layer_ids=(self.layer.id,), tier="bulk")
        stream = io.BytesIO(b"".join(self.lab.finder.arrow(self.owner, query)))
        table = pa.ipc.open_stream(stream).read_all()
        shapes = shapely.from_wkb(table["geometry"].to_numpy())
        rest = table.drop_columns(["geometry"]).to_pandas()
        return len(geopandas.GeoDataFrame(rest, geometry=shapes))

    def tile(self, level: int, x: int, y: int) -> bytes:
        return self._drawn(level, x, y, "png")

    def vector_tile(self, level: int, x: int, y: int) -> bytes:
        return self._drawn(level, x, y, "mvt")

    def close(self) -> None:
        self.lab.close()

    def _opened(self) -> Lab:
        from wsi_lab.service.lab import Lab, LabSettings

        return Lab.open(LabSettings(home=self.folder / "home"))

    def _drawn(self, level: int, x: int, y: int, kind: Literal["png", "mvt"]) -> bytes:
        from wsi_lab.service.annotating.overlay_style import Style
        from wsi_lab.service.annotating.overlays import TilePlace

        zoom = self.levels - 1 - level
        place = TilePlace(self.slide.id, self.layer.id, zoom, x, y)
        return self.lab.overlays.tile(self.owner, place, Style(), kind).image.data


def _white_slide(path: Path) -> Path:
    """Return a slide of which only the size matters; made once."""
    import zlib

    import tifffile

    if path.exists():
        return path
    tile = zlib.compress(bytes([255]) * (TILE * TILE * 3))
    width, height = WIDTH, HEIGHT
    unfinished = path.with_suffix(f".{os.getpid()}")
    with tifffile.TiffWriter(unfinished, bigtiff=True) as tiff:
        while True:
            count = -(-width // TILE) * -(-height // TILE)
            tiff.write(
                iter([tile] * count), shape=(height, width, 3), dtype=np.uint8, tile=(TILE, TILE),
                compression="adobe_deflate", photometric="rgb", metadata=None,
            )  # fmt: skip
            if max(width, height) <= TILE:
                break
            width, height = -(-width // 2), -(-height // 2)
    unfinished.replace(path)
    return path
