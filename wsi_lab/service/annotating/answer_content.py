"""All that a drawn answer is made of, now or earlier: shapes drawn by hand, and loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.model.annotation import Annotation, Shape, ShapeKind
from wsi_lab.model.answer import Place
from wsi_lab.model.layer import Load
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import annotations as drawings
from wsi_lab.store.answers import answer_row
from wsi_lab.store.bulk import loads
from wsi_lab.store.bulk.loads import StoredLoad

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wsi_lab.formats.classic import HeatMap
    from wsi_lab.geometry.columns import ShapeColumns


class LoadedColumns(NamedTuple):
    """Shapes of a load in the order in which they came, and their ids."""

    load: Load
    ids: NDArray[np.int64]
    columns: ShapeColumns


class LoadedGrid(NamedTuple):
    """A load that is a grid."""

    load: Load
    values: NDArray[np.float32]


class Content(NamedTuple):
    """What an answer is made of."""

    by_hand: Sequence[Shape]
    loaded: Sequence[LoadedColumns]
    grids: Sequence[LoadedGrid]


def content_of(transaction: Transaction, answer_id: int, revision: int) -> Content:
    """Return what an answer was made of when it had that revision."""
    from wsi_lab.store.bulk import chunks, grids  # noqa: PLC0415 (whoever opens a lab needs none)

    connection = transaction.connection
    found = loads.loads_of_answer(connection, answer_id, revision)
    taken_out = chunks.taken_out(connection, [stored.load.id for stored in found], revision)
    return Content(
        drawings.shapes_then(connection, answer_id, revision),
        [
            _loaded(transaction, stored, taken_out.get(stored.load.id))
            for stored in found
            if stored.load.kind == "shapes"
        ],
        [
            LoadedGrid(stored.load, values)
            for stored in found
            if stored.load.kind == "grid"
            and (values := grids.grid(connection, stored.load.id)) is not None
        ],
    )


def shapes_with_loads(transaction: Transaction, answer_id: int, *, most: int) -> list[Shape]:
    """Return the shapes of an answer, those of its loads as well unless they are too many."""
    revision = answer_row(transaction.connection, answer_id).revision
    found = loads.loads_of_answer(transaction.connection, answer_id, revision)
    if sum(stored.load.count for stored in found if stored.load.kind == "shapes") > most:
        return drawings.shapes_of_answer(transaction.connection, answer_id)
    content = content_of(transaction, answer_id, revision)
    return [
        *content.by_hand,
        *(shape for part in content.loaded for shape in shapes_of_columns(part.columns)),
        *(shape_of_grid(grid) for grid in content.grids),
    ]


def loaded_annotations(
    transaction: Transaction,
    question_ids: Iterable[int],
    *,
    slide_id: int | None,
    author: str | None,
    most: int,
) -> list[Annotation]:
    """Return the shapes of loads one by one.

    Raises
    ------
    TooLarge
        There are more than `most`.
    """
    found = [
        stored
        for stored in loads.loads(
            transaction.connection, question_ids=question_ids, slide_id=slide_id, author=author
        )
        if stored.load.kind == "shapes"
    ]
    count = sum(stored.load.count for stored in found)
    if count > most:
        raise TooLarge(
            f"There are {count:,} shapes in loads, too many to list one by one; "
            "ask for them as Arrow or GeoParquet, or for those of one slide or layer."
        )
    return [each for stored in found for each in _annotations(transaction, stored)]


def shapes_of_columns(columns: ShapeColumns) -> Iterator[Shape]:
    """Yield shapes with the texts that Slide Score has for them."""
    from wsi_lab.formats.classic import shape_with_text  # noqa: PLC0415 (as above)
    from wsi_lab.geometry.columns import KINDS  # noqa: PLC0415 (as above)

    for number, geometry in zip(columns.kinds.tolist(), columns.to_geometries(), strict=True):
        if geometry is not None:
            yield shape_with_text(KINDS[number], geometry)


def shape_of_grid(grid: LoadedGrid) -> Shape:
    """Return a grid as a heat map, which has whole numbers up to 255; 0 is nothing."""
    import shapely  # noqa: PLC0415 (as above)

    from wsi_lab.formats.classic import HeatMap, shape_text  # noqa: PLC0415 (as above)

    left, top, right, bottom = grid.load.box or (0.0, 0.0, 0.0, 0.0)
    heat_map: HeatMap = HeatMap(_as_octets(grid.values), left, top, right - left, bottom - top)
    text = shape_text(ShapeKind.HEATMAP, None, heat_map=heat_map)
    return Shape(ShapeKind.HEATMAP, shapely.box(left, top, right, bottom), text)


def file_of(content: Content) -> bytes:
    """Return an annotation file of all of it.

    It is an archive where one can hold it: points only, closed shapes only, or one heat map. All
    else becomes a packed list of texts.
    """
    from wsi_lab.formats import anno2, anno2_columns  # noqa: PLC0415 (as above)

    heat_maps = [shape_of_grid(grid) for grid in content.grids]
    if not content.by_hand and not content.loaded and len(heat_maps) == 1:
        try:
            return anno2.write(heat_maps, {})
        except Invalid:
            return anno2_columns.write_classic([heat_maps[0].original])
    columns = None if heat_maps else _together(content)
    if columns is not None and anno2_columns.fits(columns):
        return anno2_columns.write_columns(columns, {})
    shapes = [*content.by_hand, *heat_maps]
    texts = [shape.original for shape in shapes]
    texts += [each.original for part in content.loaded for each in shapes_of_columns(part.columns)]
    return anno2_columns.write_classic(texts)


def annotations_of_columns(
    stored: StoredLoad, ids: NDArray[np.int64], columns: ShapeColumns, shapes: Iterable[Shape]
) -> Iterator[Annotation]:
    """Yield shapes of a load, all of which have a place, as they are told one by one."""
    load = stored.load
    labels, areas = columns.labels.tolist(), columns.areas().tolist()
    for place, (shape_id, shape) in enumerate(zip(ids.tolist(), shapes, strict=True)):
        label = labels[place]
        yield Annotation(
            id=shape_id,
            answer_id=stored.answer_id,
            question_id=load.layer_id,
            place=Place(load.slide_id),
            author=load.author,
            position=shape_id - load.first_id,
            shape=shape,
            changed_on=load.loaded_on,
            changed_by=load.loaded_by,
            revision=1,
            labels=() if label < 0 else (stored.labels[label],),
            properties=properties_at(columns, place),
            area=areas[place],
        )


def properties_at(columns: ShapeColumns, place: int) -> dict[str, Any]:
    """Return the properties of one of the shapes of columns; what is missing is not there."""
    said = (
        (name, values[place : place + 1].tolist()[0]) for name, values in columns.properties.items()
    )
    return {name: value for name, value in said if value is not None and value == value}  # noqa: PLR0124 (NaN)


def _annotations(transaction: Transaction, stored: StoredLoad) -> Iterator[Annotation]:
    from wsi_lab.store.bulk import chunks  # noqa: PLC0415 (as above)

    load = stored.load
    taken_out = chunks.taken_out(transaction.connection, [load.id]).get(load.id)
    _, ids, columns = _loaded(transaction, stored, taken_out)
    is_placed = columns.shape_offsets[1:] > columns.shape_offsets[:-1]
    ids, columns = ids[is_placed], columns.take(is_placed)
    yield from annotations_of_columns(stored, ids, columns, shapes_of_columns(columns))


def _loaded(
    transaction: Transaction, stored: StoredLoad, taken_out: NDArray[np.int64] | None
) -> LoadedColumns:
    import numpy as np  # noqa: PLC0415 (as above)

    from wsi_lab.geometry.columns import ShapeColumns  # noqa: PLC0415 (as above)
    from wsi_lab.geometry.packing import unpack  # noqa: PLC0415 (as above)
    from wsi_lab.service.annotating.loaded import part_of_load  # noqa: PLC0415 (as above)
    from wsi_lab.store.bulk import chunks, properties  # noqa: PLC0415 (as above)

    connection = transaction.connection
    names = tuple(label.name for label in stored.labels)
    numbers, parts = [], []
    ids = chunks.directory(connection, stored.load.id).ids.tolist()
    for chunk_id, body in zip(ids, chunks.bodies(connection, ids), strict=True):
        packed = unpack(body or b"", names)
        mask = part_of_load(packed, taken_out)
        columns = packed.columns(mask)
        said = properties.unpacked(
            chunks.properties(connection, chunk_id), len(packed), stored.kinds
        )
        shown = {name: values if mask is None else values[mask] for name, values in said.items()}
        parts.append(dataclasses.replace(columns, properties=shown))
        numbers.append(packed.numbers if mask is None else packed.numbers[mask])
    if not parts:
        return LoadedColumns(stored.load, np.zeros(0, np.int64), ShapeColumns.empty(names))
    together = np.concatenate(numbers)
    order = np.argsort(together)
    columns = ShapeColumns.concatenated(parts).take(order)
    return LoadedColumns(stored.load, stored.load.first_id + together[order], columns)


def _together(content: Content) -> ShapeColumns | None:
    """Return all shapes as columns, those drawn by hand first; `None` where one is not drawn."""
    import numpy as np  # noqa: PLC0415 (as above)

    from wsi_lab.geometry.columns import KINDS, ShapeColumns  # noqa: PLC0415 (as above)

    if any(shape.geometry is None or shape.kind not in _DRAWN for shape in content.by_hand):
        return None
    kinds = np.array([KINDS.index(shape.kind) for shape in content.by_hand], np.uint8)
    by_hand = ShapeColumns.from_geometries(
        [shape.geometry for shape in content.by_hand], kinds=kinds
    )
    return ShapeColumns.concatenated([by_hand, *(part.columns for part in content.loaded)])


_DRAWN = frozenset(ShapeKind) - {ShapeKind.HEATMAP, ShapeKind.OTHER}


def _as_octets(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return values from 1 to 255, 0 where nothing is known.

    What already is whole and in that range stays; else the least becomes 1 and the most 255.
    """
    import numpy as np  # noqa: PLC0415 (as above)

    is_known = np.isfinite(values)
    known = values[is_known]
    scaled = np.zeros(values.shape, np.uint8)
    if not known.size:
        return scaled
    least, most = float(known.min()), float(known.max())
    if not (least >= 1 and most <= 255 and (known == np.rint(known)).all()):
        span = most - least
        known = 1 + (known - least) * (254 / span) if span else np.full(known.shape, 255.0)
    scaled[is_known] = np.rint(known)
    return scaled
