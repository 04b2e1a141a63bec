"""Annotation files that have come: what is in them becomes rows, or a load, of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.model.annotation import AnnotationFile, Shape, ShapeKind
from wsi_lab.model.question import Question
from wsi_lab.model.study import Study
from wsi_lab.service.annotating.drawn_answers import FILE_WORD, DrawnOn
from wsi_lab.service.annotating.preparing import Prepared, Watch, prepared, prepared_grid
from wsi_lab.service.annotating.storing import store_load
from wsi_lab.service.scoring.answering import Given, keep, shapes_of
from wsi_lab.service.transaction import Transaction
from wsi_lab.store.answers import answer_row

if TYPE_CHECKING:
    from wsi_lab.geometry.columns import ShapeColumns

LARGEST_CLASSIC_BYTES = 1_000_000
"""Up to so many bytes as JSON, the shapes of a file are rows."""
_MOST_VERTICES = LARGEST_CLASSIC_BYTES // 14 + 1
"""So many and more take more bytes than that, whatever their numbers are."""
_PRECISION = 0.01


class ArrivedFile(NamedTuple):
    """What a file says.

    Attributes
    ----------
    classic
        Its shapes as JSON, where they become rows.
    loaded
        What becomes a load; a file that has neither is only kept.
    """

    kind: str
    item_count: int
    metadata: dict[str, Any]
    classic: str | None
    loaded: Prepared | None


def read_file(file: AnnotationFile, question: Question | None, path: Path) -> ArrivedFile:
    """Return what a file says that will be the answer to a question.

    Raises
    ------
    Invalid
        It is no annotation file.
    """
    from wsi_lab.formats import anno2  # noqa: PLC0415 (whoever opens a lab needs no decoder)

    found = anno2.read(path, most_vertices=_MOST_VERTICES)
    classic = found.classic_json(LARGEST_CLASSIC_BYTES)
    loaded = None
    place = file.place
    # What is said of a core or of a case lies on no slide as a whole.
    on_slide = place.slide_id is not None and place.core is None and place.case_id is None
    if classic is None and question is not None and on_slide:
        loaded = _prepared(question, path, found.shapes)
    return ArrivedFile(found.kind, found.item_count, found.metadata, classic, loaded)


def store_file(
    transaction: Transaction,
    study: Study,
    question: Question,
    file: AnnotationFile,
    arrived: ArrivedFile,
) -> None:
    """Make a file the answer that it came as."""
    shapes = None if arrived.classic is None else shapes_of(question, arrived.classic)
    value = f"{FILE_WORD}{file.uuid}" if shapes is None else ""
    given = Given(question, file.place, file.author, value, shapes, file_uuid=file.uuid)
    kept = keep(transaction, study, [given])
    if arrived.loaded is None or file.place.slide_id is None:
        return
    answer = answer_row(transaction.connection, kept.ids[0])
    store_load(
        transaction,
        question,
        file.place.slide_id,
        DrawnOn(answer.id, answer.revision, is_new=True),
        arrived.loaded,
        author=file.author,
        name="",
        colours={},
        watch=Watch(None, None),
    )


def _prepared(question: Question, path: Path, shapes: Sequence[Shape] | None) -> Prepared | None:
    """Return what becomes a load; `None` for what can only be kept as the file that it is."""
    from wsi_lab.formats import anno2_columns  # noqa: PLC0415 (as above)

    heat_map = shapes[0] if shapes and shapes[0].kind is ShapeKind.HEATMAP else None
    try:
        if heat_map is not None:
            grid = anno2_columns.grid_of(heat_map, "heat map") if shapes == [heat_map] else None
            return None if grid is None else prepared_grid(grid)
        columns = _columns(path, shapes)
        if columns is None:
            return None
        return prepared(columns, question.kind, precision=_PRECISION, watch=Watch(None, None))
    except (Invalid, TooLarge):
        return None


def _columns(path: Path, shapes: Sequence[Shape] | None) -> ShapeColumns | None:
    import numpy as np  # noqa: PLC0415 (as above)

    from wsi_lab.formats import anno2_columns  # noqa: PLC0415 (as above)
    from wsi_lab.geometry.columns import KINDS, ShapeColumns  # noqa: PLC0415 (as above)

    with path.open("rb") as file:
        is_archive = file.read(2) == b"PK"
    if is_archive:
        return anno2_columns.read_columns(path)
    if not shapes or any(
        shape.geometry is None or shape.kind in {ShapeKind.HEATMAP, ShapeKind.OTHER}
        for shape in shapes
    ):
        return None
    return ShapeColumns.from_geometries(
        [shape.geometry for shape in shapes],
        kinds=np.array([KINDS.index(shape.kind) for shape in shapes], np.uint8),
    )
