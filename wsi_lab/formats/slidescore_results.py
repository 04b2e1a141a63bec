"""Slide Score's table of results: one answer a line, its cells between tabs, nothing quoted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter

from wsi_lab.errors import Invalid
from wsi_lab.formats.safe import lines_of, no_text_problems, quoted, text_of
from wsi_lab.model.answer import LONGEST_VALUE, Core, ResultRow

_HEADINGS = {
    "casename": "case",
    "imageid": "slide",
    "name": "slide_name",
    "imagename": "slide_name",
    "by": "author",
    "user": "author",
    "tmarow": "row",
    "tmacol": "column",
    "tmasample": "sample",
    "tmasampleid": "sample",
    "question": "question",
    "answer": "value",
    "lastmodifiedon": "answered_on",
}
_FIELDS = (
    *("case", "slide", "author", "question", "value"),
    *("slide_name", "row", "column", "sample", "answered_on"),
)
_CASE = ("case", "author", "question", "value")
_NAMED_CASE = ("case", "slide_name", "author", "question", "value")
_SLIDE = ("slide", "slide_name", "author", "question", "value")
_CORE = ("slide", "slide_name", "author", "row", "column", "sample", "question", "value")
_BY_COUNT = {
    4: _CASE,
    5: _SLIDE,
    6: ("case", *_SLIDE),
    7: ("case", *_SLIDE, "answered_on"),
    8: _CORE,
    9: ("case", *_CORE),
    10: ("case", *_CORE, "answered_on"),
}
_WITH_TIME = {6: (*_SLIDE, "answered_on"), 9: (*_CORE, "answered_on")}
"""What a row of so many cells is when it begins with an id that no other one follows."""
_MOST_COLUMNS = 100
_LONGEST_ID = 18
_LONGEST_POSITION = 6
_LONGEST_CELL = 256
_LONG_LINE = 100_000
# The library takes plain digits for a day, too.
_DAY = re.compile(r"\s*\d{4}-\d\d-\d\d")
# Everything that a reader of the table could take for the end of a cell or a line.
_BREAKS = re.compile(r"\r\n|[\t\r\n]")


def parse_results(text: str | bytes) -> tuple[list[ResultRow], list[str]]:
    r"""Return the answers of a table, and what is wrong with it, each problem with its line.

    The first line is not an answer, whatever it holds. If it names the columns, cells are taken
    by those names, else by their number in a row. Cells are left as they are, except that ids
    and positions may have blanks around them.

    Examples
    --------
    >>> rows, problems = parse_results("\n7\tCMU-1\treader@lab\tGrade\t2\n7\tCMU-1\tGrade\n")
    >>> rows[0].slide_id, rows[0].value, problems
    (7, '2', ['Line 3: has 3 columns; an answer has 4, 5, 6, 8 or 9'])
    """
    try:
        problems = no_text_problems(text_of(text))
        if problems:
            return [], problems
        lines = lines_of(text)
        columns = _named_columns(next(lines)[1])
    except Invalid as error:
        return [], [error.message]
    rows = []
    for number, line in lines:
        if not line or line.isspace():
            continue
        cells = line.split("\t", _MOST_COLUMNS)
        try:
            names = _columns_of(cells) if columns is None else _fitting(columns, cells)
            rows.append(_row(names, cells, number))
        except Invalid as error:
            problems.append(f"Line {number}: {error.message}")
    return rows, problems


def begins_with_answer(text: str | bytes) -> bool:
    r"""Return whether the line that is thrown away looks like an answer about a slide.

    Examples
    --------
    >>> begins_with_answer("7\tCMU-1\treader@lab\tGrade\t2\n"), begins_with_answer("\n")
    (True, False)
    """
    try:
        cells = next(lines_of(text[:_LONG_LINE]))[1].split("\t", _MOST_COLUMNS)
        names = _columns_of(cells)
        return cells[names.index("slide")].strip() != "" and _row(names, cells, 1) is not None
    except (Invalid, StopIteration, ValueError):
        return False


def results_table(
    rows: Iterable[ResultRow], *, with_cores: bool | None = None, with_cases: bool | None = None
) -> str:
    r"""Return the table of answers, with its header. Breaks and tabs in cells become blanks.

    Parameters
    ----------
    with_cores, with_cases
        Whether it has columns for cores, and one for cases. By default if any answer needs them.

    Examples
    --------
    >>> results_table([ResultRow(7, "reader@lab", "Grade", "2", slide_name="CMU-1")])
    'ImageID\tImage Name\tBy\tQuestion\tAnswer\tlastModifiedOn\n7\tCMU-1\treader@lab\tGrade\t2\t\n'
    """
    if with_cores is None or with_cases is None:
        rows = list(rows)
        with_cores = any(row.core for row in rows) if with_cores is None else with_cores
        with_cases = any(row.case_name for row in rows) if with_cases is None else with_cases
    headings = results_columns(with_cores=with_cores, with_cases=with_cases)
    lines = ["\t".join(headings)]
    for row in rows:
        cells = [row.case_name or ""] if with_cases else []
        cells += ["" if row.slide_id is None else str(row.slide_id), row.slide_name, row.author]
        if with_cores:
            core = row.core
            cells += [str(core.row), str(core.column), core.sample] if core else ["", "", ""]
        cells += [
            row.question,
            row.value,
            "" if row.answered_on is None else _time(row.answered_on),
        ]
        line = "\t".join(cells)
        if line.count("\t") >= len(headings) or "\n" in line or "\r" in line:
            line = "\t".join(_BREAKS.sub(" ", cell) for cell in cells)
        lines.append(line)
    lines.append("")
    return "\n".join(lines)


def results_columns(*, with_cores: bool, with_cases: bool) -> dict[str, str]:
    """Return the headings of a table of results, in order, and what lab tables call the columns.

    Examples
    --------
    >>> results_columns(with_cores=False, with_cases=True)["CaseName"]
    'case'
    """
    cores = {"TMA Row": "core_row", "TMA Col": "core_column", "TMA Sample": "core_sample"}
    return {
        **({"CaseName": "case"} if with_cases else {}),
        "ImageID": "slide_id",
        "Image Name": "slide",
        "By": "reader",
        **(cores if with_cores else {}),
        "Question": "question",
        "Answer": "answer",
        "lastModifiedOn": "answered_on",
    }


def _named_columns(header: str) -> tuple[str, ...] | None:
    if header.count("\t") >= _MOST_COLUMNS:
        return None
    words = [re.sub(r"[\s_#]", "", cell).lower() for cell in header.split("\t")]
    columns = tuple(_HEADINGS.get(word, "") for word in words)
    if not {"author", "question", "value"} <= set(columns):
        return None
    for name in set(columns) - {""}:
        if columns.count(name) > 1:
            raise Invalid(f"Line 1: names the column {quoted(words[columns.index(name)])} twice")
    if not {"slide", "case"} & set(columns):
        raise Invalid("Line 1: names neither a column ImageID nor a column CaseName")
    return columns


def _fitting(columns: tuple[str, ...], cells: Sequence[str]) -> tuple[str, ...]:
    missing = len(columns) - len(cells)
    if missing == 0:
        return columns
    if missing == 1 and columns[-1] == "answered_on":
        return columns[:-1]
    raise Invalid(f"has {len(cells)} columns, and the header has {len(columns)}")


def _columns_of(cells: Sequence[str]) -> tuple[str, ...]:
    """Tell the columns of a row without a header by their number and what looks like an id."""
    count = len(cells)
    if count not in _BY_COUNT:
        many = f"more than {_MOST_COLUMNS}" if count > _MOST_COLUMNS else count
        raise Invalid(f"has {many} columns; an answer has 4, 5, 6, 8 or 9")
    if count == 5 and not _is_id(cells[0]):
        # The Slide Score SDK writes the name of a case twice.
        with_time = cells[0] != cells[1] and _is_time(cells[4])
        return (*_CASE, "answered_on") if with_time else _NAMED_CASE
    if count in _WITH_TIME and _is_id(cells[0]) and not _is_id(cells[1]):
        return _WITH_TIME[count]
    return _BY_COUNT[count]


@lru_cache(maxsize=64)
def _picker(names: tuple[str, ...]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Return what picks the cells of `_FIELDS`; one that is missing is the last cell of a row."""
    picker: Callable[[Sequence[str]], tuple[str, ...]] = itemgetter(
        *(names.index(field) if field in names else -1 for field in _FIELDS)
    )
    return picker


def _row(names: tuple[str, ...], cells: list[str], number: int) -> ResultRow:
    cells.append("")
    case, slide, author, question, value, slide_name, row, column, sample, time = _picker(names)(
        cells
    )
    # What is longer is wrong, and is not to be remembered by the functions that remember.
    if len(slide) > _LONGEST_CELL or len(row) + len(column) + len(sample) > _LONGEST_CELL:
        raise Invalid(f"an ImageID or the name of a core has more than {_LONGEST_CELL} characters")
    slide_id = _slide_id(slide)
    case_name = None if not case or case.isspace() else case
    if slide_id is None and case_name is None:
        raise Invalid("names neither an image nor a case")
    if not author or author.isspace():
        raise Invalid("the column By is empty")
    if not question or question.isspace():
        raise Invalid("the column Question is empty")
    if len(value) > LONGEST_VALUE // 4 and len(value.encode()) > LONGEST_VALUE:
        raise Invalid(f"an answer may have at most {LONGEST_VALUE >> 20} MiB")
    core = _core(row, column, sample) if row or column else None
    if core is not None and slide_id is None:
        raise Invalid("names a core, but no image that it lies on")
    answered_on = _read_time(time) if time else None
    # By position: by keyword takes twice as long, and a study has 300,000 of them.
    return ResultRow(
        slide_id, author, question, value, slide_name, case_name, core, answered_on, 0, number
    )


# A table names few slides and cores, and each of them many times.
@lru_cache(maxsize=4096)
def _slide_id(cell: str) -> int | None:
    # The SDK has 0 for the slide of an answer about a case.
    return _number(cell, "ImageID", _LONGEST_ID) or None


@lru_cache(maxsize=4096)
def _core(row: str, column: str, sample: str) -> Core | None:
    row_number = _number(row, "TMA Row", _LONGEST_POSITION)
    column_number = _number(column, "TMA Col", _LONGEST_POSITION)
    if row_number is None and column_number is None:
        return None
    if row_number is None or column_number is None:
        raise Invalid("a core has a row and a column")
    # What the SDK makes of a core whose sample nobody named.
    return Core(row_number, column_number, "" if sample == "None" else sample)


def _is_id(cell: str) -> bool:
    cell = cell.strip()
    return cell.isdecimal() and cell.isascii()


def _number(cell: str, what: str, longest: int) -> int | None:
    cell = cell.strip()
    if not cell:
        return None
    if not _is_id(cell) or len(cell) > longest:
        raise Invalid(f"{what} {quoted(cell)} is no whole number from 0")
    return int(cell)


def _is_time(cell: str) -> bool:
    try:
        _read_time(cell)
    except Invalid:
        return False
    return True


def _read_time(cell: str) -> datetime:
    try:
        time = datetime.fromisoformat(cell.strip() if _DAY.match(cell) else "")
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(
            f"lastModifiedOn {quoted(cell)} is no time such as 2026-07-01T12:00:00Z "
            "(or the answer before it holds a tab)"
        ) from None


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
