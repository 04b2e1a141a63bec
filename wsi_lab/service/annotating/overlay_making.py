"""Makes pictures, vector tiles and answers about places from what is stored of a layer."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import TooLarge
from wsi_lab.formats.slidescore_shapes import heat_map_of
from wsi_lab.geometry.counts import CountTile
from wsi_lab.geometry.packing import PackedShapes
from wsi_lab.geometry.vector_tiles import VectorLayer, vector_tile
from wsi_lab.model.annotation import Shape, ShapeKind
from wsi_lab.model.layer import Label
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.found import PackedPart
from wsi_lab.service.annotating.overlay_content import Content
from wsi_lab.service.annotating.overlay_counts import draw_counts, level_for, without
from wsi_lab.service.annotating.overlay_drawing import (
    POINT_RADIUS,
    Canvas,
    Colours,
    Frame,
    Pen,
    Rgba,
    blended,
    columns_of,
    draw_part,
    draw_rows,
    over,
    picture_png,
)
from wsi_lab.service.annotating.overlay_grids import Stack, grids_drawn, stack
from wsi_lab.service.annotating.overlay_style import NO_LABEL, Choice, Style
from wsi_lab.slides.kept import Kept
from wsi_lab.store import drawn_places
from wsi_lab.store.bulk import chunks, counts, grids, properties
from wsi_lab.store.bulk.loads import StoredLoad
from wsi_lab.store.connection import Connection
from wsi_lab.store.drawn_places import DrawnRow
from wsi_lab.store.layers import labels_by_id

COUNTED_FROM = 20_000
"""Loads of fewer shapes are drawn shape by shape from however far."""
SMALL = 2.0
"""Pixels. Loads whose shapes are mostly smaller are seen from afar as how many there are."""
WIDE_CHUNK = 4096.0
"""Level-0 pixels. What is wider holds shapes that are large, or few."""
MOST_IN_VECTOR_TILE = 50_000
"""Where there are more shapes, those smaller than a pixel are left out."""
BAND_PIXELS = 1 << 21
"""So many pixels of a large picture are drawn at once."""
LARGEST_COUNTS = 32 << 20
"""Bytes of tiles of count pyramids that are kept."""
MOST_PALETTES = 64
LARGEST_VECTORS = 64 << 20
"""Bytes of geometries drawn by hand in a vector tile."""
LARGEST_GRIDS = 96 << 20
"""Bytes of grids that are kept."""


class Picture(NamedTuple):
    """What is drawn on a layer, as places in a palette, and the colours of grids below it."""

    canvas: Canvas
    palette: Rgba
    below: Rgba | None

    def png(self) -> bytes:
        """Return it as a file."""
        return picture_png(self.canvas, self.palette, self.below)

    def colours(self) -> Rgba:
        """Return ``(rows, columns, 4)``: red, green, blue, and how opaque."""
        if self.below is None:
            return self.palette[self.canvas]
        return over(self.below, self.canvas, self.palette)


class GridAt(NamedTuple):
    """A grid; without a load it is a heat map among shapes drawn by hand."""

    load_id: int | None
    name: str
    author: str
    stack: Stack


class Maker:
    """Makes pictures of layers; keeps what it has read and is likely to need again."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._grids: Kept[Stack] = Kept(LARGEST_GRIDS, lambda each: each.size, keep_last=True)
        self._counts: Kept[CountTile] = Kept(LARGEST_COUNTS, _size_of_counts)
        self._palettes: Kept[Colours] = Kept(MOST_PALETTES, lambda _: 1)

    def picture(
        self, connection: Connection, content: Content, frame: Frame, style: Style
    ) -> Picture | None:
        """Return a picture of what is drawn on a layer; `None` where there is nothing."""
        colours = self._colours(connection, content, style)
        pen = Pen(colours.canvas(frame), frame, colours)
        for stored in content.loads_shown(style.choice, "shapes"):
            self._draw_load(connection, stored, pen)
        rows = self._rows(connection, content, frame, style)
        if rows:
            draw_rows(pen, rows, functools.partial(drawn_places.geometries, connection))
        below = None
        if style.grid_opacity > 0:
            stacks = (each.stack for each in self.grids(connection, content, style))
            below = grids_drawn(stacks, frame, style)
        if below is None and not pen.canvas.any():
            return None
        return Picture(pen.canvas, colours.palette, below)

    @staticmethod
    def _rows(
        connection: Connection, content: Content, frame: Frame, style: Style
    ) -> list[DrawnRow]:
        """Return the shapes drawn by hand that a picture shows, the largest first."""
        answers = [each.id for each in content.answers_shown(style.choice)]
        if not answers:
            return []
        return drawn_places.drawn_in_box(
            connection,
            content.slide_id,
            answers,
            frame.box_within(POINT_RADIUS + style.width),
            with_properties=style.by_property is not None,
        )

    def drawn_over(
        self,
        connection: Connection,
        contents: Sequence[Content],
        pixels: NDArray[np.uint8],
        place: tuple[float, float, float],
        style: Style,
    ) -> NDArray[np.uint8]:
        """Return pixels ``(rows, columns, 3)`` with what is drawn on layers over them.

        Parameters
        ----------
        place
            Left and top in level-0 pixels, and level-0 pixels per pixel.
        """
        left, top, downsample = place
        result = np.array(pixels)
        rows, columns = result.shape[:2]
        height = max(1, BAND_PIXELS // columns)
        for start in range(0, rows, height):
            band = result[start : start + height]
            frame = Frame(left, top + start * downsample, columns, len(band), downsample)
            for content in contents:
                picture = self.picture(connection, content, frame, style)
                if picture is not None:
                    band[:] = blended(band, picture.colours())
        return result

    def grids(self, connection: Connection, content: Content, style: Style) -> Iterator[GridAt]:
        """Yield the grids that are shown, heat maps drawn by hand last."""
        for stored in content.loads_shown(style.choice, "grid"):
            load = stored.load
            if load.box is not None and style.shows_grid(load.id):
                found = self._grid(connection, stored)
                name = stored.kinds[0].name if stored.kinds else load.name
                yield GridAt(load.id, name, load.author, found)
        answers = {each.id: each.author for each in content.answers_shown(style.choice)}
        if style.grids is not None or not answers:
            return
        for row in drawn_places.heat_maps(connection, answers):
            if row.id not in style.choice.skipped:
                shape = Shape(ShapeKind.HEATMAP, None, row.original, row.dialect)
                key = "heat", row.id, row.revision, content.extent
                found = self._grids.make(key, functools.partial(_heat, shape, content.extent))
                yield GridAt(None, content.question.name, answers[row.answer_id], found)

    def vector_tile(
        self, connection: Connection, content: Content, frame: Frame, choice: Choice
    ) -> bytes:
        """Return shapes as a vector tile with the layers ``bulk`` and ``hand``."""
        layers = [
            layer
            for stored in content.loads_shown(choice, "shapes")
            for layer in self._vectors_of_load(connection, stored, frame, choice)
        ]
        if sum(_count(layer) for layer in layers) > MOST_IN_VECTOR_TILE:
            layers = [_without_small(layer, frame.downsample) for layer in layers]
        rows = self._rows(connection, content, frame, Style(choice))
        layers += self._vectors_of_rows(connection, rows, choice)
        if not layers:
            return b""
        side = frame.columns * frame.downsample
        return vector_tile(layers, origin=(frame.left, frame.top), size=side)

    def _draw_load(self, connection: Connection, stored: StoredLoad, pen: Pen) -> None:
        frame, colours = pen.frame, pen.colours
        level = level_for(frame) if _are_counted(stored, frame, colours.style) else None
        wider_than, smallest = 0.0, 0.0
        if level is not None:
            places = colours.of_labels(stored.labels).dots
            draw_counts(pen.canvas, frame, level, places, self._tiles_of(connection, stored))
            wider_than, smallest = WIDE_CHUNK, SMALL * frame.downsample
        values = _values_of(connection, stored)
        box = frame.box_within(POINT_RADIUS + colours.style.width)
        for part in self._finder.parts(connection, stored, box, wider_than=wider_than):
            draw_part(pen, part, values, smallest=smallest)

    def _tiles_of(
        self, connection: Connection, stored: StoredLoad
    ) -> Callable[[int, int, int], CountTile | None]:
        load = stored.load
        edits = chunks.edits(connection, load.id) if load.revision > 1 else []

        def tile_at(level: int, column: int, row: int) -> CountTile | None:
            key = load.id, level, column, row
            found = self._counts.get(key)
            if found is None:
                data = counts.count_tile(connection, *key)
                if data is None:
                    return None
                found = self._counts.make(key, functools.partial(CountTile.decode, data))
            return without(found, level, column, row, edits)

        return tile_at

    def _grid(self, connection: Connection, stored: StoredLoad) -> Stack:
        load = stored.load

        def read() -> Stack:
            values = grids.grid(connection, load.id)
            if values is None or load.box is None:
                return stack(np.full((1, 1), np.nan, np.float32), (0.0, 0.0, 1.0, 1.0))
            return stack(values, load.box)

        return self._grids.make(("load", load.id), read)

    def _colours(self, connection: Connection, content: Content, style: Style) -> Colours:
        def make() -> Colours:
            labels = {each.id: each for each in content.labels}
            for stored in content.loads:
                labels |= {each.id: each for each in stored.labels}
            answers = [each.id for each in content.answers]
            drawn = drawn_places.hand_counts(connection, answers) if answers else []
            labels |= labels_by_id(connection, {each for row in drawn for each in row.label_ids})
            colour = content.question.colour
            return Colours(style, labels.values(), colour, _limits(content, style))

        return self._palettes.make((content.revision, style), make)

    def _vectors_of_load(
        self, connection: Connection, stored: StoredLoad, frame: Frame, choice: Choice
    ) -> Iterator[VectorLayer]:
        shown = [*(choice.shows(each.id) for each in stored.labels), choice.shows(None)]
        skipped = np.array(sorted(choice.skipped), np.int64)
        names = [each.name for each in stored.labels]
        box = frame.box_within(1)
        for part in self._finder.parts(connection, stored, box):
            mask = np.array(shown)[part.shapes.labels] & part.shapes.touching(box)
            if part.mask is not None:
                mask &= part.mask
            if len(skipped):
                mask &= ~np.isin(part.ids, skipped)
            yield VectorLayer("bulk", part.shapes, part.ids, names, mask)

    @staticmethod
    def _vectors_of_rows(
        connection: Connection, rows: list[DrawnRow], choice: Choice
    ) -> list[VectorLayer]:
        kept = [
            (row, label)
            for row in rows
            if row.id not in choice.skipped
            and (label := choice.shown_label(row.label_ids)) is not None
        ]
        if not kept:
            return []
        if sum(row.size for row, _ in kept) > LARGEST_VECTORS:
            raise TooLarge(
                "The shapes here are too large for a vector tile; zoom in, or ask for the picture."
            )
        known = labels_by_id(connection, {label for _, label in kept} - {NO_LABEL})
        places = {label_id: place for place, label_id in enumerate(known)}
        shown = [row for row, _ in kept]
        columns = columns_of(shown, drawn_places.geometries(connection, shown))
        columns.labels[:] = [places.get(label, -1) for _, label in kept]
        ids = np.array([row.id for row, _ in kept], np.int64)
        return [VectorLayer("hand", columns, ids, [each.name for each in known.values()])]


def labels_of(known: dict[int, Label], label_ids: tuple[int, ...]) -> tuple[Label, ...]:
    """Return labels by their ids, in that order; those that nobody knows are left out."""
    return tuple(known[each] for each in label_ids if each in known)


def _size_of_counts(tile: CountTile) -> int:
    return tile.cells.nbytes + tile.labels.nbytes + tile.counts.nbytes + 200


def _are_counted(stored: StoredLoad, frame: Frame, style: Style) -> bool:
    """Return whether a load is shown as how many shapes there are: they are many, and small."""
    load = stored.load
    if load.count < COUNTED_FROM or style.by_property is not None:
        return False
    area = sum(each.area for each in load.counts) / load.count
    return math.sqrt(area) < SMALL * frame.downsample


def _limits(content: Content, style: Style) -> tuple[float, float] | None:
    if style.by_property is None:
        return None
    low, high = content.range_of(style.by_property) or (0.0, 1.0)
    return (low if style.low is None else style.low, high if style.high is None else style.high)


def _values_of(
    connection: Connection, stored: StoredLoad
) -> Callable[[PackedPart, str], NDArray[Any]]:
    def values(part: PackedPart, name: str) -> NDArray[Any]:
        kinds = [each for each in stored.kinds if each.name == name]
        if not kinds:
            return np.full(len(part.shapes), np.nan)
        said = chunks.properties(connection, part.key[1])
        found: NDArray[Any] = properties.unpacked(said, len(part.shapes), kinds)[name]
        return found

    return values


def _heat(shape: Shape, extent: tuple[int, int]) -> Stack:
    found = heat_map_of(shape)
    if found is None:
        return stack(np.full((1, 1), np.nan, np.float32), (0.0, 0.0, 1.0, 1.0))
    right = extent[0] if found.width is None else found.x + found.width
    bottom = extent[1] if found.height is None else found.y + found.height
    strength = found.values.astype(np.float32) / np.float32(255)
    values = np.where(found.values > 0, strength, np.float32(np.nan))
    return stack(values, (found.x, found.y, float(right), float(bottom)), (0.0, 1.0))


def _count(layer: VectorLayer) -> int:
    return len(layer.ids) if layer.mask is None else int(layer.mask.sum())


def _without_small(layer: VectorLayer, smallest: float) -> VectorLayer:
    shapes = layer.shapes
    boxes = shapes.boxes if isinstance(shapes, PackedShapes) else shapes.boxes()
    sizes = np.fmax(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    large = sizes >= smallest
    return layer._replace(mask=large if layer.mask is None else layer.mask & large)
