"""Answers as a tidy table, and the same laid out side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from wsi_lab.client import frames
from wsi_lab.errors import Invalid, WsiLabError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.int64]

UNIT = ("case", "slide", "core_row", "core_column")
COLUMNS = {
    "case": frames.TEXT,
    "slide": frames.TEXT,
    "slide_id": "Int64",
    "core_row": "Int64",
    "core_column": "Int64",
    "core_sample": frames.TEXT,
    "reader": frames.TEXT,
    "question": frames.TEXT,
    "kind": frames.TEXT,
    "answer": frames.TEXT,
    "answered_on": frames.TIME,
    "answer_id": frames.WHOLE,
    "revision": frames.WHOLE,
}
_TEXT = pd.StringDtype(na_value=np.nan)
_ARROW_TYPES = {pa.large_string(): _TEXT, pa.int64(): pd.Int64Dtype()}


class ScoresFrame(pd.DataFrame):
    """A tidy table of answers, one row each, as `wsi_lab.client.Study.scores` returns it.

    A pandas frame in everything, with `wide` besides. What is selected, sorted or copied from it
    is one as well; what was read from a file becomes one by ``ScoresFrame(pd.read_parquet(path))``
    (it is in ``wsi_lab.client.score_frames``).
    """

    @property
    def _constructor(self) -> Callable[..., ScoresFrame]:
        return ScoresFrame

    def wide(
        self,
        columns: Literal["question", "reader"] = "question",
        *,
        index: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return the answers side by side: a column for each question, or for each reader.

        Columns of which all answers are numbers are numbers; with a column for each reader, all
        columns are, or none. An answer that is empty is a gap. Questions stand in the order in
        which they come up in the table, readers and rows are sorted.

        Parameters
        ----------
        index
            What a row is about; by default case, slide, core_row and core_column, as far as any
            answer has them, and the other one of reader and question.

        Raises
        ------
        Invalid
            A column is missing, or a row would have two answers in one place.

        Examples
        --------
        >>> said = {"reader": ["b@lab", "a@lab", "a@lab"], "question": ["Grade", "Grade", "Why"]}
        >>> tidy = ScoresFrame({"case": ["c"] * 3, **said, "answer": ["3", "2", "pale"]})
        >>> tidy.wide()
        question      Grade   Why
        case reader
        c    a@lab        2  pale
             b@lab        3   NaN
        """
        names = _index_of(self, columns, index)
        said = self[(self["answer"] != "") & self["answer"].notna()]
        rows, row_index = _rows(said, names)
        places, heads = _factorized(said[columns], is_sorted=columns == "reader")
        answers, words = _factorized(said["answer"])
        grid = np.full((len(row_index), len(heads)), -1, np.int64)
        grid[rows, places] = answers
        if np.count_nonzero(grid >= 0) != len(said):
            raise Invalid(
                f"Several answers have the same {', '.join((*names, columns))}; name further "
                "columns with index=, such as 'slide_id', or choose some of the rows."
            )
        numbers = _numbers(words)
        if columns == "reader" and np.isnan(numbers).any():
            # What readers say is compared; it is all of one type.
            numbers[:] = np.nan
        laid = {place: _column(grid[:, place], words, numbers) for place in range(len(heads))}
        frame = pd.DataFrame(laid, index=row_index)
        frame.columns = pd.Index(list(heads), name=columns, dtype=frames.TEXT)
        return frame


def frame_of_stream(body: bytes) -> ScoresFrame:
    """Return the answers of an Arrow stream.

    Raises
    ------
    WsiLabError
        It is none, or has other columns.
    """
    try:
        table = pa.ipc.open_stream(body).read_all().select(list(COLUMNS))
        texts = pa.schema(
            [
                field.with_type(pa.large_string()) if COLUMNS[field.name] == frames.TEXT else field
                for field in table.schema
            ]
        )
        found = (
            table.cast(texts)
            .to_pandas(types_mapper=_ARROW_TYPES.get)
            .astype(
                {
                    name: kind
                    for name, kind in COLUMNS.items()
                    if kind in {frames.WHOLE, frames.TIME}
                }
            )
        )
    except (pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise WsiLabError(
            "The lab's table of answers cannot be understood; it and this client may be of "
            "different versions. Update the older one."
        ) from error
    return ScoresFrame(found)


def _index_of(scores: pd.DataFrame, columns: str, index: Sequence[str] | None) -> list[str]:
    if columns not in {"question", "reader"}:
        raise Invalid("A wide table has a column for each 'question' or for each 'reader'.")
    other = "reader" if columns == "question" else "question"
    missing = [name for name in (columns, "answer") if name not in scores.columns]
    if index is None:
        there = [name for name in UNIT if name in scores.columns]
        unit = [name for name in there if scores[name].notna().any()] or there[:1]
        names = [*unit, other]
    else:
        names = [index] if isinstance(index, str) else list(index)
    missing += [name for name in names if name not in scores.columns]
    if missing or not names:
        raise Invalid(f"The table lacks the column {' and '.join(map(repr, missing or [other]))}.")
    return names


def _rows(said: pd.DataFrame, names: Sequence[str]) -> tuple[Codes, pd.Index]:
    """Return the row that each answer belongs to, and what the rows are about, sorted."""
    columns = [_factorized(said[name], is_sorted=True) for name in names]
    together = np.zeros(len(said), np.int64)
    for codes, words in columns:
        # What is missing comes last.
        together = together * (len(words) + 1) + np.where(codes < 0, len(words), codes)
    rows, keys = pd.factorize(together, sort=True)
    levels: list[Any] = []
    level_codes: list[Any] = []
    rest = np.asarray(keys, np.int64)
    for _, words in reversed(columns):
        rest, codes = np.divmod(rest, len(words) + 1)
        levels.insert(0, words)
        level_codes.insert(0, np.where(codes == len(words), -1, codes))
    if len(names) == 1:
        return rows, pd.Index(levels[0], name=names[0]).take(level_codes[0])
    return rows, pd.MultiIndex(levels, level_codes, names=list(names))


def _factorized(column: pd.Series[Any], *, is_sorted: bool = False) -> tuple[Codes, pd.Index]:
    codes, words = pd.factorize(column, sort=is_sorted)
    return np.asarray(codes, np.int64), pd.Index(words)


def _numbers(words: pd.Index) -> NDArray[np.float64]:
    """Return words as numbers, NaN for those that are none."""
    found = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce").to_numpy(np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def _column(codes: Codes, words: pd.Index, numbers: NDArray[np.float64]) -> Any:
    is_gap = codes < 0
    found = numbers[codes]
    if np.isnan(found[~is_gap]).any():
        return words.array.take(codes, allow_fill=True)
    if not is_gap.any() and (found == np.rint(found)).all():
        return found.astype(np.int64)
    return np.where(is_gap, np.nan, found)
