"""What a notebook shows of a collection: a small table. Everything in it is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import islice
from typing import Any

from wsi_lab.errors import WsiLabError

ROWS_SHOWN = 25


def table(rows: Iterable[Mapping[str, Any]], *, title: str, empty: str) -> str:
    """Return HTML with at most `ROWS_SHOWN` of the rows, or the error's sentence.

    Parameters
    ----------
    rows
        Column title to value, all with the same columns. Reading them may ask the lab.
    title
        Stands above the table.
    empty
        What to say when there are none.

    Examples
    --------
    >>> "&lt;b&gt;" in table([{"name": "<b>"}], title="Studies", empty="None yet.")
    True
    """
    heading = f"<div><strong>{escape(title)}</strong></div>"
    try:
        shown, more = _first(iter(rows))
    except WsiLabError as error:
        return f"{heading}<div>{escape(error.message)}</div>"
    if not shown:
        return f"{heading}<div>{escape(empty)}</div>"
    head = "".join(f"<th>{escape(column)}</th>" for column in shown[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_text(value))}</td>" for value in row.values()) + "</tr>"
        for row in shown
    )
    rest = "<div>… and more</div>" if more else ""
    return f"{heading}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _first(rows: Iterator[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], bool]:
    shown = list(islice(rows, ROWS_SHOWN))
    return shown, next(rows, None) is not None


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (tuple, frozenset, set)):
        return ", ".join(sorted(str(each) for each in value))
    return str(value)
