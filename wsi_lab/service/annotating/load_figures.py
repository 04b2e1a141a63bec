"""Loads as a page draws them: shape by shape where they are few, else how many lie where."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.layer import Label
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.overlay_content import Content
from wsi_lab.service.figures import Heat, Layer, Outline, Room
from wsi_lab.store.bulk.loads import StoredLoad
from wsi_lab.store.connection import Connection

if TYPE_CHECKING:
    from wsi_lab.geometry.columns import ShapeColumns
    from wsi_lab.geometry.counts import CountTile

VERTICES_PER_SHAPE = 8
"""Loads are looked at shape by shape only where there is room for so many of each."""


def layers_of_loads(
    connection: Connection, finder: Finder, contents: Iterable[Content], room: Room
) -> list[Layer]:
    """Return the loads of layers, a layer for each label, and one for each grid."""
    found: list[Layer] = []
    for content in contents:
        for stored in content.loads:
            if stored.load.kind == "grid":
                found.append(_grid_layer(connection, content, stored, room))
            else:
                found += _label_layers(connection, finder, content, stored, room)
    return found


def _label_layers(
    connection: Connection, finder: Finder, content: Content, stored: StoredLoad, room: Room
) -> list[Layer]:
    layers = _layers_by_place(content, stored)
    if stored.load.count * VERTICES_PER_SHAPE <= room.vertices:
        for part in finder.parts(connection, stored):
            _add_shapes(part.shapes.columns(part.mask), layers, room)
    else:
        _add_counts(connection, stored, layers, room)
    return [each for each in layers if each.count]


def _layers_by_place(content: Content, stored: StoredLoad) -> list[Layer]:
    """Return a layer for each label by its place; shapes without a label come last."""
    question, author = content.question, stored.load.author
    named: Sequence[Label | None] = [*stored.labels, None]
    return [
        Layer(question.name, author, question.colour)
        if label is None
        else Layer(f"{question.name}: {label.name}", author, label.colour)
        for label in named
    ]


def _add_shapes(columns: ShapeColumns, layers: Sequence[Layer], room: Room) -> None:
    from wsi_lab.geometry.columns import KINDS  # noqa: PLC0415 (whoever opens a lab needs none)

    point, line = KINDS.index(ShapeKind.POINT), KINDS.index(ShapeKind.POLYLINE)
    rings, vertices = columns.shape_offsets.tolist(), columns.ring_offsets.tolist()
    numbers = columns.coordinates.round(2).ravel().tolist()
    for number, kind in enumerate(columns.kinds.tolist()):
        layer = layers[columns.labels[number]]
        layer.count += 1
        own = range(rings[number], rings[number + 1])
        count = vertices[own.stop] - vertices[own.start]
        if not 0 < count <= room.vertices:
            layer.left_out += 1
            continue
        room.vertices -= count
        paths = [numbers[2 * vertices[ring] : 2 * vertices[ring + 1]] for ring in own]
        if kind == point:
            layer.points += [each for path in paths for each in path]
        else:
            layer.outlines.append(Outline(paths, closed=kind != line))


def _add_counts(
    connection: Connection, stored: StoredLoad, layers: Sequence[Layer], room: Room
) -> None:
    """Show where shapes are many; each of them is left out."""
    for layer, counted in zip(layers, stored.counts, strict=True):
        layer.count = layer.left_out = counted.shape_count
    found = _topmost(connection, stored)
    if found is None:
        return
    for place, layer in _placed(layers):
        heat = _density(*found, place)
        if heat is not None and heat.columns * heat.rows <= room.cells:
            room.cells -= heat.columns * heat.rows
            layer.heats.append(heat)


def _placed(layers: Sequence[Layer]) -> Iterator[tuple[int, Layer]]:
    yield from enumerate(layers[:-1])
    yield -1, layers[-1]


def _topmost(connection: Connection, stored: StoredLoad) -> tuple[CountTile, int] | None:
    from wsi_lab.geometry.counts import CountTile  # noqa: PLC0415 (as above)
    from wsi_lab.store.bulk import counts  # noqa: PLC0415 (as above)

    level = counts.last_level(connection, stored.load.id)
    if level is None:
        return None
    data = counts.count_tile(connection, stored.load.id, level, 0, 0)
    return None if data is None else (CountTile.decode(data), level)


def _density(tile: CountTile, level: int, place: int) -> Heat | None:
    """Return how many shapes of a label lie where; the most there are in a cell is 255."""
    import numpy as np  # noqa: PLC0415 (as above)

    from wsi_lab.geometry.counts import TILE  # noqa: PLC0415 (as above)
    from wsi_lab.service.annotating.overlay_counts import CELL  # noqa: PLC0415 (as above)

    own = tile.labels == place
    if not own.any():
        return None
    rows, columns = tile.cells[own] // TILE, tile.cells[own] % TILE
    values = np.zeros((int(rows.max()) + 1, int(columns.max()) + 1), np.uint8)
    share = tile.counts[own] / tile.counts[own].max()
    values[rows, columns] = np.ceil(255 * np.sqrt(share)).astype(np.uint8)
    cell = float(CELL << level)
    box = (0.0, 0.0, cell * values.shape[1], cell * values.shape[0])
    return Heat(box, values.shape[1], values.shape[0], b64encode(values.tobytes()).decode())


def _grid_layer(connection: Connection, content: Content, stored: StoredLoad, room: Room) -> Layer:
    import numpy as np  # noqa: PLC0415 (as above)

    from wsi_lab.store.bulk import grids  # noqa: PLC0415 (as above)

    load = stored.load
    values = grids.grid(connection, load.id)
    name = next(iter(load.ranges), load.name)
    layer = Layer(f"{content.question.name}: {name}", load.author, content.question.colour)
    layer.count = 1
    if values is None or load.box is None or values.size > room.cells:
        layer.left_out = 1
        return layer
    room.cells -= values.size
    low, high = next(iter(load.ranges.values()), (0.0, 1.0))
    share = np.nan_to_num(np.clip((values - low) / ((high - low) or 1.0), 0, 1))
    octets = np.rint(share * 255).astype(np.uint8)
    left, top, right, bottom = load.box
    rows, columns = values.shape
    box = (left, top, right - left, bottom - top)
    layer.heats.append(Heat(box, columns, rows, b64encode(octets.tobytes()).decode()))
    return layer
