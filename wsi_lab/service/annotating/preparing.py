"""Shapes on their way into the store: checked, packed and counted before anything is locked."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from wsi_lab.errors import Invalid
from wsi_lab.model.annotation import FARTHEST, ShapeKind
from wsi_lab.model.layer import Box
from wsi_lab.model.question import QuestionKind
from wsi_lab.model.study import checked_name
from wsi_lab.service.jobs import Stopped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wsi_lab.geometry.columns import ShapeColumns
    from wsi_lab.model.feature import Grid
    from wsi_lab.store.bulk.chunks import ChunkRow
    from wsi_lab.store.bulk.counts import CountRow
    from wsi_lab.store.bulk.grids import GridRow
    from wsi_lab.store.bulk.loads import PropertyKind

MOST_SHAPES = 20_000_000
MOST_GRID_CELLS = 64_000_000
MOST_LABELS = 1000

Progress = Callable[[float], None]
IsStopped = Callable[[], bool]


class Watch:
    """Tells how much is done, and ends work that nobody wants any more."""

    def __init__(self, progress: Progress | None, stopped: IsStopped | None) -> None:
        self._progress = progress
        self._stopped = stopped

    def at(self, done: float) -> None:
        """Tell how much is done, from 0 to 1.

        Raises
        ------
        Stopped
            Nobody wants it any more.
        """
        if self._stopped is not None and self._stopped():
            raise Stopped
        if self._progress is not None:
            self._progress(done)

    def finished(self) -> None:
        """Tell that all is done and stored: it is too late to stop it."""
        if self._progress is not None:
            self._progress(1.0)


@dataclasses.dataclass(frozen=True, slots=True)
class LabelUse:
    """How many shapes have a label, and how large they are; `None` for no label."""

    name: str | None
    count: int
    area: float


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """What is ready to be stored.

    Attributes
    ----------
    places
        In which chunk each shape lies (see `wsi_lab.store.bulk.chunks.packed_places`).
    uses
        By the places that labels have in the chunks; no label comes last.
    grid
        Of a load that is a grid, which has nothing else.
    """

    count: int
    box: Box | None
    precision: float
    chunks: Sequence[ChunkRow]
    places: Sequence[bytes]
    uses: Sequence[LabelUse]
    properties: Sequence[PropertyKind]
    tiles: Sequence[CountRow]
    digest: str
    grid: GridRow | None = None


def prepared(
    columns: ShapeColumns, asked: QuestionKind, *, precision: float, watch: Watch
) -> Prepared:
    """Return shapes as they are stored.

    Raises
    ------
    Invalid
        They do not fit the layer, or lie on no slide.
    """
    import numpy as np  # noqa: PLC0415 (whoever opens a lab needs no geometry)

    from wsi_lab.geometry.packing import scale_of  # noqa: PLC0415 (as above)
    from wsi_lab.store.bulk.chunks import packed_places  # noqa: PLC0415 (as above)

    watch.at(0.0)
    _check(columns, asked, precision)
    columns = _with_labels_in_use(columns)
    boxes, areas = columns.measures()
    described = [_described(name, values) for name, values in columns.properties.items()]
    kinds = [kind for kind, _ in described]
    watch.at(0.1)
    digest = hashlib.sha256(repr((columns.label_names, kinds)).encode())
    chunk_of = np.zeros(len(columns), np.int64)
    # Most of both is work of which Python's lock knows nothing.
    with ThreadPoolExecutor(1, "wsi-lab-counting") as beside:
        tiles = beside.submit(_tiles, boxes, columns.labels)
        chunks = list(
            _chunks(
                columns,
                precision=precision,
                values={kind.name: kept for kind, kept in described},
                chunk_of=chunk_of,
                digest=digest,
                watch=watch,
            )
        )
    return Prepared(
        len(columns),
        _around(boxes),
        scale_of(columns, precision)[1],
        chunks,
        packed_places(chunk_of),
        _uses(columns, areas),
        kinds,
        tiles.result(),
        digest.hexdigest(),
    )


def prepared_grid(grid: Grid) -> Prepared:
    """Return a grid as it is stored.

    Raises
    ------
    Invalid
        It has no cells or too many, or lies on no slide.
    """
    import numpy as np  # noqa: PLC0415 (whoever opens a lab needs no geometry)

    from wsi_lab.store.bulk.grids import packed_grid  # noqa: PLC0415 (as above)
    from wsi_lab.store.bulk.loads import PropertyKind  # noqa: PLC0415 (as above)

    values = np.asarray(grid.values)
    if values.ndim != 2 or not 0 < values.size <= MOST_GRID_CELLS:
        raise Invalid(f"A grid has rows and columns, and at most {MOST_GRID_CELLS:,} cells.")
    left, top, right, bottom = (float(side) for side in grid.box)
    if not (left < right and top < bottom and max(map(abs, grid.box)) <= FARTHEST):
        raise Invalid("The box of a grid is (left, top, right, bottom) in level-0 pixels.")
    row = packed_grid(values.astype(np.float32))
    digest = hashlib.sha256(repr((grid.box, values.shape)).encode())
    digest.update(row.grid)
    return Prepared(
        count=values.size,
        box=(left, top, right, bottom),
        precision=0.0,
        chunks=(),
        places=(),
        uses=(),
        properties=[PropertyKind(grid.name, "number", row.least, row.most)],
        tiles=(),
        digest=digest.hexdigest(),
        grid=row,
    )


def _check(columns: ShapeColumns, asked: QuestionKind, precision: float) -> None:
    from wsi_lab.geometry.columns import KINDS  # noqa: PLC0415 (as above)

    if not len(columns):
        raise Invalid("There are no shapes to load.")
    if len(columns) > MOST_SHAPES:
        raise Invalid(f"At most {MOST_SHAPES:,} shapes are loaded at once.")
    if not 0 <= precision <= 1:
        raise Invalid("A precision is a part of a pixel, or 0 for exact coordinates.")
    vertices = columns.coordinates
    if len(vertices) and not (vertices.min() >= -FARTHEST and vertices.max() <= FARTHEST):
        raise Invalid("Coordinates must be finite, and lie on a slide.")
    if columns.kinds.max() >= len(KINDS) or columns.labels.max() >= len(columns.label_names):
        raise Invalid("There are kinds or labels of shapes that nobody knows.")
    kinds = {KINDS[number] for number in set(columns.kinds.tolist())}
    if ShapeKind.HEATMAP in kinds:
        raise Invalid("A heat map is no shape; load it as a grid.")
    if asked is QuestionKind.ANNO_POINTS and kinds != {ShapeKind.POINT}:
        raise Invalid("This layer takes points only.")


def _with_labels_in_use(columns: ShapeColumns) -> ShapeColumns:
    """Return the shapes with each label once, and without those that nothing has."""
    import numpy as np  # noqa: PLC0415 (as above)

    used = np.bincount(columns.labels[columns.labels >= 0], minlength=len(columns.label_names))
    called = [
        checked_name(name, "label") if count and name else ""
        for name, count in zip(columns.label_names, used.tolist(), strict=True)
    ]
    names = dict.fromkeys(name for name in called if name)
    if len(names) > MOST_LABELS:
        raise Invalid(
            f"The shapes have {len(names):,} different labels; a layer may have at most "
            f"{MOST_LABELS:,}. What tells each shape from the others is a property."
        )
    places = {name: place for place, name in enumerate(names)}
    mapping = np.array([*(places.get(name, -1) for name in called), -1], np.int32)
    labels = mapping[np.maximum(columns.labels, -1)]
    return dataclasses.replace(columns, labels=labels, label_names=tuple(names))


def _uses(columns: ShapeColumns, areas: NDArray[np.float64]) -> list[LabelUse]:
    import numpy as np  # noqa: PLC0415 (as above)

    count = len(columns.label_names) + 1
    places = np.where(columns.labels < 0, count - 1, columns.labels)
    counts = np.bincount(places, minlength=count).tolist()
    sums = np.bincount(places, weights=areas, minlength=count).tolist()
    return [
        LabelUse(*each) for each in zip((*columns.label_names, None), counts, sums, strict=True)
    ]


def _around(boxes: NDArray[np.float64]) -> Box | None:
    import numpy as np  # noqa: PLC0415 (as above)

    placed = boxes[~np.isnan(boxes[:, 0])]
    if not len(placed):
        return None
    left, top = placed[:, :2].min(axis=0).tolist()
    right, bottom = placed[:, 2:].max(axis=0).tolist()
    return left, top, right, bottom


def _described(name: str, values: NDArray[np.generic]) -> tuple[PropertyKind, NDArray[np.generic]]:
    import msgspec  # noqa: PLC0415 (as above)

    from wsi_lab.store.bulk.properties import kind_of  # noqa: PLC0415 (as above)

    try:
        kind, kept = kind_of(name, values)
        if kept.dtype.kind == "O":
            msgspec.json.encode(kept.tolist())
        name.encode()
    except UnicodeEncodeError:
        raise Invalid("The text holds characters that are not valid Unicode.") from None
    except (TypeError, ValueError, RecursionError):
        raise Invalid(f"The property '{name}' has values that JSON has no words for.") from None
    return kind, kept


def _tiles(boxes: NDArray[np.float64], labels: NDArray[np.int32]) -> list[CountRow]:
    from wsi_lab.geometry.counts import CountPyramid  # noqa: PLC0415 (as above)
    from wsi_lab.store.bulk.counts import CountRow  # noqa: PLC0415 (as above)

    pyramid = CountPyramid.from_centres((boxes[:, :2] + boxes[:, 2:]) / 2, labels)
    return [
        CountRow(level, column, row, tile.encode())
        for level, found in enumerate(pyramid.levels)
        for (column, row), tile in found.items()
    ]


def _chunks(
    columns: ShapeColumns,
    *,
    precision: float,
    values: dict[str, NDArray[np.generic]],
    chunk_of: NDArray[np.int64],
    digest: hashlib._Hash,
    watch: Watch,
) -> Iterator[ChunkRow]:
    from wsi_lab.geometry.packing import chunks  # noqa: PLC0415 (as above)
    from wsi_lab.store.bulk.chunks import ChunkRow  # noqa: PLC0415 (as above)
    from wsi_lab.store.bulk.properties import packed  # noqa: PLC0415 (as above)

    done = 0
    for number, chunk in enumerate(chunks(columns, precision=precision)):
        chunk_of[chunk.numbers] = number
        said = packed({name: column[chunk.numbers] for name, column in values.items()})
        digest.update(chunk.shapes)
        digest.update(said or b"")
        done += chunk.count
        watch.at(0.1 + 0.7 * done / len(columns))
        yield ChunkRow(chunk.box, chunk.count, chunk.shapes, said)
