"""Answers: as a tidy table, one by one, and brought in from elsewhere."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from wsi_lab.client.connection import NOT_MODIFIED, Connection, parsed
from wsi_lab.client.exports import write_whole
from wsi_lab.client.layer_ids import id_of
from wsi_lab.client.local_files import whole_file
from wsi_lab.errors import Invalid

if TYPE_CHECKING:
    import pandas as pd

    from wsi_lab.client.score_frames import ScoresFrame

ARROW = "application/vnd.apache.arrow.stream"
CSV = "text/csv"
TSV = "text/tab-separated-values"
SECONDS_PER_TABLE = 600.0

_COLUMNS_OF_RESULTS: Mapping[str, str] = {
    "case": "CaseName",
    "slide_id": "ImageID",
    "slide": "Image Name",
    "reader": "By",
    "core_row": "TMA Row",
    "core_column": "TMA Col",
    "core_sample": "TMA Sample",
    "question": "Question",
    "answer": "Answer",
}
_NEEDED = ("reader", "question", "answer")
_TEXTS_BY_ENDING = {".csv": CSV, ".tsv": TSV}
ENDINGS = (*_TEXTS_BY_ENDING, ".parquet", ".arrow", ".feather")


@dataclass(frozen=True, kw_only=True)
class Core:
    """One core of a tissue microarray; rows and columns are counted from 0."""

    row: int
    column: int
    sample: str = ""


@dataclass(frozen=True, kw_only=True)
class _Fields:
    id: int
    study_id: int
    question_id: int
    slide_id: int | None
    case_id: int | None
    core: Core | None
    author: str
    answer: str
    answered_on: datetime
    revision: int


@dataclass(frozen=True, kw_only=True)
class Answer(_Fields):
    """One answer, as it was when it was read.

    Attributes
    ----------
    author
        Whose opinion it is.
    answered_on
        In UTC.
    revision
        Counts what its author has said; hand it to `Study.submit` to be sure that nobody, on
        another screen, has said something else in between.
    """

    connection: Connection = field(repr=False, compare=False)

    def history(self) -> tuple[Answer, ...]:
        """Return what it has been, the first answer first and the present one last."""
        found = self.connection.items(f"v1/answers/{self.id}/history")
        return tuple(answer_of(self.connection, data) for data in found)


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What became of a table of answers.

    Attributes
    ----------
    stored, unchanged
        How many answers were new or different, and how many were there already.
    """

    stored: int
    unchanged: int
    log: tuple[str, ...]


def scores(connection: Connection, study_id: int, filters: Mapping[str, Any]) -> ScoresFrame:
    """Return answers as a tidy table; see `wsi_lab.client.Study.scores`."""
    from wsi_lab.client.score_frames import frame_of_stream  # noqa: PLC0415 (half a second)

    path = f"v1/studies/{study_id}/answers"
    key = (path, tuple(sorted(filters.items())))
    known = connection.kept_tables.get(key)
    answer = connection.ask(
        "GET",
        path,
        accept=ARROW,
        unless=None if known is None else known.tag,
        timeout_s=SECONDS_PER_TABLE,
        **filters,
    )
    if known is not None and answer.status_code == NOT_MODIFIED:
        # What is written into a copy is not in the original, and costs nothing before.
        return cast("ScoresFrame", known.frame.copy(deep=False))
    found = frame_of_stream(answer.content)
    tag = answer.headers.get("ETag")
    if tag:
        connection.kept_tables.keep(key, tag, found)
    return found.copy(deep=False)


def export_scores(
    connection: Connection, study_id: int, path: str | Path, filters: Mapping[str, Any]
) -> None:
    """Write answers into a file; see `wsi_lab.client.Study.export_scores`."""
    path = Path(path).expanduser()
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise Invalid(f"Scores are exported to a file that ends in {', '.join(ENDINGS)}.")
    if ending in _TEXTS_BY_ENDING:
        pieces = connection.pieces(
            f"v1/studies/{study_id}/answers",
            accept=_TEXTS_BY_ENDING[ending],
            timeout_s=SECONDS_PER_TABLE,
            **filters,
        )
        write_whole(path, pieces)
        return
    found = scores(connection, study_id, filters)
    with whole_file(path) as file:
        if ending == ".parquet":
            found.to_parquet(file, index=False)
        else:
            found.to_feather(file)


def filters_of(
    *,
    question: str | None = None,
    reader: str | None = None,
    slide: Any = None,
    case: Any = None,
    mine: bool = False,
    as_of: datetime | str | None = None,
    complete: bool = False,
) -> dict[str, Any]:
    """Return which answers are wanted, as the lab takes it.

    Raises
    ------
    Invalid
        `as_of` is no moment.
    """
    try:
        moment = datetime.fromisoformat(as_of) if isinstance(as_of, str) else as_of
    except ValueError:
        raise Invalid(f"{as_of!r} is no moment such as 2026-07-01T12:00:00Z.") from None
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return {
        "question": question,
        "author": reader,
        "slide_id": id_of(slide),
        "case_id": id_of(case),
        "mine": "true" if mine else None,
        "as_of": None if moment is None else moment.isoformat(),
        "complete": "true" if complete else None,
    }


def submit(connection: Connection, study_id: int, body: Mapping[str, Any]) -> Answer:
    """Give an answer in one's own name and return it."""
    return answer_of(connection, connection.post(f"v1/studies/{study_id}/answers", body))


def import_results(
    connection: Connection, study_id: int, table: str | pd.DataFrame
) -> ImportReport:
    """Bring answers of others in; see `wsi_lab.client.Study.import_results`."""
    text = table if isinstance(table, str) else results_table(table)
    data = connection.post_text(
        f"v1/studies/{study_id}/results", text, media_type=TSV, timeout_s=SECONDS_PER_TABLE
    )
    return parsed(ImportReport, data)


def answer_of(connection: Connection, data: Any) -> Answer:
    """Return the answer of a response."""
    return Answer(connection=connection, **vars(parsed(_Fields, data)))


def results_table(frame: pd.DataFrame) -> str:
    r"""Return a tidy table of answers as Slide Score's table of results.

    Raises
    ------
    Invalid
        A column is missing, or a cell holds a tab or a line break.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"slide_id": [7], "reader": ["a@lab"], "question": ["Grade"],
    ...                       "answer": ["2"]})
    >>> results_table(frame)
    'ImageID\tBy\tQuestion\tAnswer\n7\ta@lab\tGrade\t2\n'
    """
    missing = [name for name in _NEEDED if name not in frame.columns]
    if not {"slide_id", "case"} & set(frame.columns):
        missing.append("slide_id")
    if missing:
        raise Invalid(f"The table lacks the column {' and '.join(map(repr, missing))}.")
    names = [name for name in _COLUMNS_OF_RESULTS if name in frame.columns]
    cells = [_texts(frame[name], name) for name in names]
    header = "\t".join(_COLUMNS_OF_RESULTS[name] for name in names)
    lines = map("\t".join, zip(*cells, strict=True))
    return "\n".join([header, *lines, ""])


def _texts(column: pd.Series[Any], name: str) -> list[str]:
    texts = [
        "" if missing else _text(each) for each, missing in zip(column, column.isna(), strict=True)
    ]
    for number, text in enumerate(texts):
        if "\t" in text or "\n" in text or "\r" in text:
            raise Invalid(
                f"Row {number} of the table has a tab or a line break in {name!r}; "
                "a table of results cannot hold these."
            )
    return texts


def answer_text(answer: Any) -> str:
    """Return an answer as the text it is stored as.

    Examples
    --------
    >>> answer_text(12.0), answer_text(True), answer_text([{"x": 1, "y": 2}])
    ('12', 'true', '[{"x":1,"y":2}]')
    """
    if isinstance(answer, (list, tuple, dict)):
        return json.dumps(answer, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _text(answer)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        # A column of whole numbers with a gap in it has become one of fractions.
        return str(int(value))
    return str(value)


def core_body(core: Core | Sequence[Any] | None) -> dict[str, Any] | None:
    """Return a core as the lab takes it.

    Raises
    ------
    Invalid
        It is not ``(row, column)`` or ``(row, column, sample)``.
    """
    if core is None:
        return None
    if isinstance(core, Core):
        return {"row": core.row, "column": core.column, "sample": core.sample}
    if isinstance(core, str) or len(core) not in {2, 3}:
        raise Invalid("A core is (row, column) or (row, column, sample), counted from 0.")
    row, column, *sample = core
    return {"row": int(row), "column": int(column), "sample": str(sample[0]) if sample else ""}
