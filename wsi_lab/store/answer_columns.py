"""Answers as columns, hundreds of thousands a second; see `wsi_lab.store.answer_packing`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from wsi_lab.store.answer_packing import Packer, Packing, Part
from wsi_lab.store.answer_selection import Selection
from wsi_lab.store.connection import Connection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

NONE = -1
"""Stands in a column of whole numbers where there is nothing."""


class Texts(NamedTuple):
    """Texts in UTF-8, end to end, and the length of each in bytes."""

    data: bytes
    lengths: Whole


class AnswerColumns(NamedTuple):
    """Some answers, in the order of their ids; what is not there is `NONE`, or empty.

    Attributes
    ----------
    answered_on
        As `time_text`, end to end; all are of the same length.
    """

    ids: Whole
    slide_ids: Whole
    case_ids: Whole
    question_ids: Whole
    core_rows: Whole
    core_columns: Whole
    revisions: Whole
    samples: Texts
    authors: Texts
    values: Texts
    answered_on: bytes


_BETWEEN = 30
"""A sign that hardly any text holds. Where one does, the lengths of texts are asked for."""
_TOGETHER = f"""count(a.case_id), count(a.core_row), group_concat(a.id),
    group_concat(coalesce(a.slide_id, -1)), group_concat(a.question_id), group_concat(a.revision),
    CAST(group_concat(a.answered_on, '') AS BLOB),
    CAST(group_concat(a.author, char({_BETWEEN})) AS BLOB),
    CAST(group_concat({{value}}, char({_BETWEEN})) AS BLOB)"""
_QUICK = Packing(f"{_TOGETHER}, NULL, NULL")
_WHOLE = Packing(
    f"{_TOGETHER}, group_concat(octet_length(a.author)), group_concat(octet_length({{value}}))"
)
_CASES = Packing("group_concat(coalesce(a.case_id, -1))")
_CORES = Packing(
    """group_concat(coalesce(a.core_row, -1)), group_concat(coalesce(a.core_column, -1)),
    group_concat(coalesce(octet_length(a.core_sample), 0)),
    CAST(group_concat(coalesce(a.core_sample, ''), '') AS BLOB)"""
)


def answer_columns(connection: Connection, selection: Selection) -> Iterator[AnswerColumns]:
    """Yield answers in the order of their ids, so many at a time that memory holds them easily.

    Of an answer that is drawn the shapes are the value.
    """
    packer = Packer(connection, selection)

    def understood(part: Part) -> AnswerColumns | None:
        return _columns(packer, part)

    yield from packer.parts(_QUICK, _WHOLE, understood)


def _columns(packer: Packer, part: Part) -> AnswerColumns | None:
    import numpy as np  # noqa: PLC0415 (only for those who want tables)

    case_count, core_count, *numbers, times, author_data, value_data, author_lengths, lengths = (
        part.packed
    )
    authors = _texts(author_data, part.row_count, author_lengths)
    values = _texts(value_data, part.row_count, lengths)
    if authors is None or values is None:
        return None
    ids, slides, questions, revisions = map(_numbers, numbers)
    if len(ids) != part.row_count or (np.diff(ids) <= 0).any():
        raise RuntimeError("answers do not come in the order of their ids")
    before = int(ids[0]) - 1
    cases = core_rows = core_columns = np.full(part.row_count, NONE)
    samples = Texts(b"", np.zeros(part.row_count, np.int64))
    if case_count:
        cases = _numbers(packer.read(_CASES, before, part.last_id)[0])
    if core_count:
        *cores, sample_data = packer.read(_CORES, before, part.last_id)
        core_rows, core_columns, sample_lengths = map(_numbers, cores)
        samples = Texts(sample_data, sample_lengths)
    return AnswerColumns(
        *(ids, slides, cases, questions, core_rows, core_columns, revisions),
        *(samples, authors, values, times),
    )


def _texts(data: bytes, count: int, lengths: str | None) -> Texts | None:
    """Return texts out of one with a sign between each two; `None` if they hold it themselves."""
    import numpy as np  # noqa: PLC0415 (as above)

    signs = np.frombuffer(data, np.uint8)
    ends = np.append(np.flatnonzero(signs == _BETWEEN), len(signs))
    if len(ends) == count:
        return Texts(data.replace(bytes([_BETWEEN]), b""), np.diff(ends, prepend=-1) - 1)
    if lengths is None:
        return None
    each = _numbers(lengths)
    is_text = np.ones(len(signs), np.bool_)
    is_text[np.cumsum(each + 1)[:-1] - 1] = False
    return Texts(signs[is_text].tobytes(), each)


def _numbers(text: str) -> Whole:
    import numpy as np  # noqa: PLC0415 (as above)

    return np.fromstring(text, dtype=np.int64, sep=",")
