"""Answers as lines of a table whose cells have tabs between them; made by SQLite itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wsi_lab.store.answer_packing import Packer, Packing, Part
from wsi_lab.store.answer_selection import Selection
from wsi_lab.store.connection import Connection
from wsi_lab.store.studies import PUBLIC_NAME

_CELLS = {
    "case": "coalesce({case}, '')",
    "slide_id": "coalesce(a.slide_id, '')",
    "slide": "coalesce(s.name, '')",
    "reader": "a.author",
    "core_row": "coalesce(a.core_row, '')",
    "core_column": "coalesce(a.core_column, '')",
    "core_sample": "coalesce(a.core_sample, '')",
    "question": "q.name",
    "answer": "{value}",
    # Full seconds are written without their zeros.
    "answered_on": "iif(substr(a.answered_on, 20) = '.000000Z', "
    "substr(a.answered_on, 1, 19) || 'Z', a.answered_on)",
}
_JOINS = "LEFT JOIN questions q ON q.id = a.question_id LEFT JOIN slides s ON s.id = a.slide_id"
_JOIN_CASES = "LEFT JOIN cases c ON c.id = coalesce(a.case_id, s.case_id)"
_UNBROKEN = (
    "replace(replace(replace(replace({}, char(13, 10), ' '), char(9), ' '), char(10), ' '), "
    "char(13), ' ')"
)
_BREAKS = tuple(b"\t\n\r")
_FIRST_PLAIN_SIGN = 14


def answer_lines(
    connection: Connection,
    selection: Selection,
    columns: Sequence[str],
    *,
    with_private_names: bool,
) -> Iterator[bytes]:
    """Yield pieces of lines, many lines at a time; tabs and breaks in cells become blanks.

    Of an answer that is drawn the shapes are the value.

    Parameters
    ----------
    columns
        Of the table, by the names of `_CELLS`.
    with_private_names
        Whether cases are called by their private names.
    """
    import numpy as np  # noqa: PLC0415 (only for those who want tables)

    case = "c.name" if with_private_names else PUBLIC_NAME
    cells = [_CELLS[name].replace("{case}", case) for name in columns]
    joins = f"{_JOINS} {_JOIN_CASES}" if "case" in columns else _JOINS

    def packing(cells: list[str]) -> Packing:
        line = f"concat_ws(char(9), {', '.join(cells)})"
        return Packing(f"CAST(group_concat({line}, char(10)) AS BLOB)", joins)

    def understood(part: Part) -> tuple[bytes, bytes] | None:
        lines: bytes = part.packed[0]
        # Cells that hold a tab or a break give themselves away, as there are too many.
        signs = np.frombuffer(lines, np.uint8)
        expected = part.row_count * len(columns) - 1
        if np.count_nonzero(signs < _FIRST_PLAIN_SIGN) != expected and (
            np.count_nonzero(np.isin(signs, _BREAKS)) != expected
        ):
            return None
        return lines, b"\n"

    clean = [_UNBROKEN.format(cell) for cell in cells]
    packer = Packer(connection, selection)
    for pieces in packer.parts(packing(cells), packing(clean), understood):
        yield from pieces


def has_cores_and_cases(connection: Connection, selection: Selection) -> tuple[bool, bool]:
    """Return whether any of the answers is about a core, and whether any belongs to a case."""
    source, condition, parameters = selection.clauses()
    found = connection.execute(
        f"""SELECT EXISTS (SELECT 1 FROM {source} WHERE {condition} AND a.core_row IS NOT NULL),
        EXISTS (SELECT 1 FROM {source} LEFT JOIN slides s ON s.id = a.slide_id
            WHERE {condition} AND coalesce(a.case_id, s.case_id) IS NOT NULL)""",  # noqa: S608 (constants)
        parameters,
    ).fetchone()
    return bool(found[0]), bool(found[1])
