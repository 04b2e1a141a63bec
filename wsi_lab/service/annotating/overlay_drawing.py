"""Pictures of what is drawn on a layer: shapes as places in a palette, grids as colours.

A picture is a canvas of small numbers and what they mean, because that is what is drawn and
packed fastest; where grids lie under the shapes, it is a canvas of colours, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsi_lab.geometry import png, raster
from wsi_lab.geometry.colour_maps import colour_map, rgb
from wsi_lab.geometry.columns import KINDS, ShapeColumns
from wsi_lab.geometry.packing import PackedShapes
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.layer import Box, Label
from wsi_lab.service.annotating.found import PackedPart
from wsi_lab.service.annotating.overlay_style import NO_LABEL, Choice, Style
from wsi_lab.store.drawn_places import DrawnRow, in_batches

POINT_RADIUS = 3.0
STEPS = 126
"""So many colours of a colour map, each as an inside and an outline, fit into a palette."""
WITHOUT_VALUE = "#808080"
"""Shapes that do not have the property that colours say."""
_POINT = KINDS.index(ShapeKind.POINT)

LARGEST_BATCH = 32 << 20
"""Bytes of geometries drawn by hand that are looked at together."""

Canvas = NDArray[np.uint8] | NDArray[np.uint16]
Geometries = Callable[[Sequence[DrawnRow]], Sequence[bytes]]
Rgba = NDArray[np.uint8]


class Frame(NamedTuple):
    """What a picture shows: from where on, how many pixels, and level-0 pixels per pixel."""

    left: float
    top: float
    columns: int
    rows: int
    downsample: float

    @property
    def box(self) -> Box:
        """``(left, top, right, bottom)`` in level-0 pixels."""
        right = self.left + self.columns * self.downsample
        return self.left, self.top, right, self.top + self.rows * self.downsample

    def box_within(self, pixels: float) -> Box:
        """Return the box with a border of so many pixels: what lies there may reach in."""
        left, top, right, bottom = self.box
        border = pixels * self.downsample
        return left - border, top - border, right + border, bottom + border


class Places(NamedTuple):
    """Places in a palette, of insides and of outlines; 0 is nothing."""

    fill: NDArray[np.uint16]
    line: NDArray[np.uint16]

    @property
    def dots(self) -> NDArray[np.uint16]:
        """What is no larger than a pixel is as its outline, if it has one."""
        return np.where(self.line > 0, self.line, self.fill)

    def of(self, which: NDArray[Any]) -> Places:
        """Return those of some."""
        return Places(self.fill[which], self.line[which])


class Colours:
    """What shapes look like: a palette, and which places of it are theirs.

    Each slot has two places, for insides and for outlines; place 0 is transparent.

    Parameters
    ----------
    labels
        All that may be met, by their ids.
    colour
        Of shapes without a label.
    limits
        What the ends of the colour map mean, where colours say a property.
    """

    def __init__(
        self,
        style: Style,
        labels: Iterable[Label],
        colour: str,
        limits: tuple[float, float] | None,
    ) -> None:
        self.style = style
        self.choice = style.choice
        self.by_property = style.by_property
        self._fill, self._line = round(255 * style.fill), round(255 * style.line)
        self._limits = limits
        if self.by_property is None:
            known = {each.id: each.colour for each in labels}
            self._slots = {NO_LABEL: 0, **{each: slot for slot, each in enumerate(known, 1)}}
            colours = np.array([rgb(colour), *map(rgb, known.values())], np.uint8)
        else:
            self._slots = {}
            chosen = np.linspace(0, 255, STEPS).round().astype(np.intp)
            colours = np.concatenate([[rgb(WITHOUT_VALUE)], colour_map(style.colour_map)[chosen]])
        self._of_labels: dict[tuple[Label, ...], Places] = {}
        self.palette = np.zeros((1 + 2 * len(colours), 4), np.uint8)
        self.palette[1::2, :3] = self.palette[2::2, :3] = colours
        self.palette[1::2, 3], self.palette[2::2, 3] = self._fill, self._line

    def canvas(self, frame: Frame) -> Canvas:
        """Return an empty canvas that has room for the palette."""
        size = frame.rows, frame.columns
        if len(self.palette) <= 256:
            return np.zeros(size, np.uint8)
        return np.zeros(size, np.uint16)

    def of_labels(self, labels: tuple[Label, ...]) -> Places:
        """Return the places of labels by their places in a load; those without one come last."""
        found = self._of_labels.get(labels)
        if found is None:
            slots = [self._slot(each.id) for each in labels]
            found = self._places(np.array([*slots, self._slot(None)], np.int32))
            self._of_labels[labels] = found
        return found

    def of_label_ids(self, shown: Sequence[int | None]) -> Places:
        """Return the places of shapes by the ids of their labels; `None` is for what is hidden."""
        slots = (-1 if label is None else self._slot(label) for label in shown)
        return self._places(np.fromiter(slots, np.int32, len(shown)))

    def of_values(self, values: NDArray[Any], shown: NDArray[np.bool_]) -> Places:
        """Return the places of shapes by values of the property; grey for those without one."""
        numbers = _numbers(values)
        low, high = self._limits or (0.0, 1.0)
        with np.errstate(invalid="ignore", over="ignore"):
            steps = np.clip((numbers - low) / ((high - low) or 1.0), 0, 1) * (STEPS - 1)
        slots = np.where(np.isnan(numbers), 0, 1 + np.nan_to_num(steps).round())
        return self._places(np.where(shown, slots, -1).astype(np.int32))

    def _places(self, slots: NDArray[np.int32]) -> Places:
        shown = slots >= 0
        fill = np.where(shown & (self._fill > 0), 2 * slots + 1, 0).astype(np.uint16)
        line = np.where(shown & (self._line > 0), 2 * slots + 2, 0).astype(np.uint16)
        return Places(fill, line)

    def _slot(self, label_id: int | None) -> int:
        if not self.choice.shows(label_id):
            return -1
        return self._slots.get(NO_LABEL if label_id is None else label_id, 0)


class Pen(NamedTuple):
    """What is drawn into, and with what."""

    canvas: Canvas
    frame: Frame
    colours: Colours

    def draw(
        self,
        shapes: PackedShapes | ShapeColumns,
        places: Places,
        mask: NDArray[np.bool_] | None = None,
    ) -> None:
        """Draw shapes, the first one lowest."""
        style = self.colours.style
        raster.draw(
            self.canvas,
            shapes,
            origin=(self.frame.left, self.frame.top),
            downsample=self.frame.downsample,
            fill=places.fill,
            line=places.line,
            mask=mask,
            line_width=style.width,
            point_radius=POINT_RADIUS + style.width - 1,
        )


def draw_part(
    pen: Pen,
    part: PackedPart,
    values: Callable[[PackedPart, str], NDArray[Any]],
    *,
    smallest: float = 0.0,
) -> None:
    """Draw a chunk of a load.

    Parameters
    ----------
    values
        Returns a property of all shapes of a chunk.
    smallest
        What is smaller than so many level-0 pixels is left out.
    """
    shapes, colours = part.shapes, pen.colours
    if colours.by_property is None:
        places = colours.of_labels(part.labels).of(shapes.labels)
    else:
        shown = [
            *(colours.choice.shows(each.id) for each in part.labels),
            colours.choice.shows(None),
        ]
        said = values(part, colours.by_property)
        places = colours.of_values(said, np.array(shown)[shapes.labels])
    mask = part.mask
    skipped = _skipped(part, colours.choice)
    if skipped is not None:
        mask = ~skipped if mask is None else mask & ~skipped
    if smallest > 0:
        large = _sides(shapes.boxes) >= smallest
        mask = large if mask is None else mask & large
    pen.draw(shapes, places, mask)


def draw_rows(pen: Pen, rows: Sequence[DrawnRow], geometries: Geometries) -> None:
    """Draw shapes made by hand, the first one lowest and those smaller than a pixel highest.

    Parameters
    ----------
    geometries
        Returns the geometries of some of them.
    """
    small = [row for row in rows if row.side < pen.frame.downsample]
    large = [row for row in rows if row.side >= pen.frame.downsample]
    for some in in_batches(large, LARGEST_BATCH):
        pen.draw(columns_of(some, geometries(some)), _places_of_rows(some, pen.colours))
    if small:
        _draw_small(pen, small)


def columns_of(rows: Sequence[DrawnRow], geometries: Sequence[bytes]) -> ShapeColumns:
    """Return shapes drawn by hand as columns."""
    import shapely  # noqa: PLC0415 (whoever looks at loads only needs none of it)

    return ShapeColumns.from_geometries(
        shapely.from_wkb(list(geometries)),
        kinds=np.array([KINDS.index(ShapeKind(row.kind)) for row in rows], np.uint8),
    )


def picture_png(canvas: Canvas, palette: Rgba, below: Rgba | None) -> bytes:
    """Return a picture as a PNG, as small as can be had quickly.

    Parameters
    ----------
    below
        The colours that grids have, where there are any.
    """
    if below is not None:
        return png.rgba_png(over(below, canvas, palette))
    if len(palette) <= 16:
        return png.indexed_png(canvas.astype(np.uint8, copy=False), palette)
    used = np.flatnonzero(np.bincount(canvas.ravel(), minlength=len(palette)))
    if len(used) > 256:
        return png.rgba_png(palette[canvas])
    places = np.zeros(len(palette), np.uint8)
    places[used] = np.arange(len(used))
    return png.indexed_png(places[canvas], palette[used])


def over(below: Rgba, canvas: Canvas, palette: Rgba) -> Rgba:
    """Return colours with a picture over them, both with opacities."""
    top = palette[canvas].astype(np.float32)
    result = below.copy()
    seen = canvas > 0
    upper, lower = top[seen], below[seen].astype(np.float32)
    alpha, behind = upper[:, 3:] / 255, lower[:, 3:] / 255
    whole = alpha + behind * (1 - alpha)
    colour = (upper[:, :3] * alpha + lower[:, :3] * behind * (1 - alpha)) / np.maximum(whole, 1e-6)
    result[seen] = np.concatenate([colour, whole * 255], axis=1).round().astype(np.uint8)
    return result


def blended(pixels: Rgba, colours: Rgba) -> Rgba:
    """Return opaque pixels ``(rows, columns, 3)`` with colours over them."""
    alpha = colours[..., 3:].astype(np.float32) / 255
    mixed = pixels * (1 - alpha) + colours[..., :3] * alpha
    return np.rint(mixed).astype(np.uint8)


def _draw_small(pen: Pen, rows: Sequence[DrawnRow]) -> None:
    canvas, frame, places = pen.canvas, pen.frame, _places_of_rows(rows, pen.colours)
    boxes = np.array([row.box for row in rows])
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    is_point = np.array([row.kind == ShapeKind.POINT for row in rows])
    dots = np.floor((centres[~is_point] - (frame.left, frame.top)) / frame.downsample)
    inside = ((dots >= 0) & (dots < (frame.columns, frame.rows))).all(axis=1)
    x, y = dots[inside].astype(np.intp).T
    values = places.of(~is_point).dots[inside]
    canvas[y[values > 0], x[values > 0]] = values[values > 0]
    if is_point.any():
        pen.draw(_points(centres[is_point]), places.of(is_point))


def _points(centres: NDArray[np.float64]) -> ShapeColumns:
    """Return points as columns."""
    offsets = np.arange(len(centres) + 1, dtype=np.int64)
    return ShapeColumns(
        kinds=np.full(len(centres), _POINT, np.uint8),
        coordinates=np.ascontiguousarray(centres),
        ring_offsets=offsets,
        ring_roles=np.zeros(len(centres), np.uint8),
        shape_offsets=offsets,
        labels=np.full(len(centres), -1, np.int32),
    )


def _places_of_rows(rows: Sequence[DrawnRow], colours: Colours) -> Places:
    choice = colours.choice
    known = {each: choice.shown_label(each) for each in {row.label_ids for row in rows}}
    shown = [None if row.id in choice.skipped else known[row.label_ids] for row in rows]
    if colours.by_property is None:
        return colours.of_label_ids(shown)
    values = np.empty(len(rows), object)
    values[:] = [row.properties.get(colours.by_property) for row in rows]
    return colours.of_values(values, np.array([label is not None for label in shown]))


def _skipped(part: PackedPart, choice: Choice) -> NDArray[np.bool_] | None:
    first = part.load.first_id
    numbers = [each - first for each in choice.skipped if each >= first]
    return np.isin(part.shapes.numbers, numbers) if numbers else None


def _sides(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    sides: NDArray[np.float64] = np.fmax(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    return sides


def _numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return values as numbers; NaN for what is none."""
    if values.dtype.kind in "fiub":
        return values.astype(np.float64)
    return np.array([_number(value) for value in values.tolist()], np.float64)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else np.nan
