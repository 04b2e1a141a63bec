"""What a dashboard tells, as HTML and words. Everything in it is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import pandas as pd

from wsi_lab.client.disagreement import shape_count
from wsi_lab.client.overview import Overview

# Okabe and Ito's blue, as in the plots: it stands out for everybody, on white and on black.
BLUE = "#0072B2"
LONGEST_ANSWER = 300
DIFFERENCE_HEADS = ("what", "readers", "range", "differ", "spread")
NO_DIFFERENCES = "Readers do not differ on this question."
_CELL = 'style="text-align:left;padding:1px 10px 1px 0"'


def summary(overview: Overview) -> str:
    """Return in one sentence how far all readers are."""
    progress = overview.progress()
    answered, needed = int(progress["answered"].sum()), int(progress["needed"].sum())
    readers = _counted(len(progress), "reader")
    return f"{readers}, {share(answered, needed)} answers"


def heading(overview: Overview) -> str:
    """Return what stands above all."""
    when = f"{overview.read_on:%H:%M:%S} UTC"
    name = escape(overview.study.name)
    return f"<strong>{name}</strong>: {escape(summary(overview))}, at {when}"


def page(overview: Overview, question: str, rows: int) -> str:
    """Return everything as tables that need no kernel."""
    parts = [heading(overview), progress_table(overview), missing_table(overview)]
    if question:
        parts.append(differences_table(overview.disagreement(question, rows), question))
    return "".join(f"<div>{each}</div>" for each in parts)


def share(part: int, whole: int) -> str:
    """Return how much of something there is, in words.

    Examples
    --------
    >>> share(1500, 3000), share(2999, 3000), share(0, 0)
    ('1,500 of 3,000 (50 %)', '2,999 of 3,000 (99 %)', '0 of 0')
    """
    percent = f" ({100 * part // whole} %)" if whole else ""
    return f"{part:,} of {whole:,}{percent}"


def progress_table(overview: Overview) -> str:
    """Return a bar for each reader, with its numbers."""
    heads = ["reader", "progress", "answered", "last answer"]
    rows = [
        (
            escape(row["reader"]),
            _bar(row["reader"], row["answered"], row["needed"]),
            share(row["answered"], row["needed"]),
            _when(row["answered_on"]),
            *([_duration(row["seconds"])] if overview.seconds else ()),
        )
        for row in overview.progress().to_dict("records")
    ]
    if overview.seconds:
        heads.append("time spent")
    return _table("Progress of readers", heads, rows, empty="Nobody reads this study yet.")


def missing_table(overview: Overview) -> str:
    """Return how many answers to each question are still to come."""
    needed = overview.needs.is_needed.sum(axis=0) * len(overview.readers)
    counts = zip(
        overview.questions, overview.missing_by_question().tolist(), needed.tolist(), strict=True
    )
    rows = [
        (escape(name), _bar(name, whole - left, whole), f"{left:,} of {whole:,}")
        for name, left, whole in counts
    ]
    return _table(
        "Still to be answered",
        ["question", "answered", "missing"],
        rows,
        empty="No question of this study needs an answer.",
    )


def differences_table(differences: pd.DataFrame, question: str) -> str:
    """Return where readers differ, as a table that nobody can click."""
    rows = [
        tuple(map(escape, (unit_name(row), *difference_words(row))))
        for row in differences.to_dict("records")
    ]
    caption = f"What readers differ on most: {question}"
    return _table(caption, DIFFERENCE_HEADS, rows, empty=NO_DIFFERENCES)


def difference_words(row: Mapping[Any, Any]) -> tuple[str, str, str, str]:
    """Return how many readers there are, the range, how many pairs differ, and the spread."""
    spread = "–" if pd.isna(row["spread"]) else f"{row['spread']:.3g}"
    ends = f"{_value(row['least'])} to {_value(row['most'])}"
    return (str(row["readers"]), ends, f"{row['disagreement']:.0%}", spread)


def unit_name(unit: Mapping[Any, Any]) -> str:
    """Return what a slide, a core or a case is called.

    Examples
    --------
    >>> unit_name({"case": "A", "slide": "s 1", "slide_id": 1, "core_row": 0, "core_column": 4})
    's 1, core in row 1, column 5'
    """
    if pd.isna(unit["slide_id"]):
        return str(unit["case"])
    if pd.isna(unit["core_row"]):
        return str(unit["slide"])
    row, column = int(unit["core_row"]) + 1, int(unit["core_column"]) + 1
    return f"{unit['slide']}, core in row {row}, column {column}"


def said_table(overview: Overview, unit: Mapping[Any, Any], question: str) -> str:
    """Return who answered what about a unit."""
    is_drawn = overview.kinds[question].is_drawn
    rows = [
        (
            escape(row["reader"]),
            escape(_said(row["answer"], drawn=is_drawn)),
            _when(row["answered_on"]),
        )
        for row in overview.said_of(unit, question).to_dict("records")
    ]
    caption = f"{unit_name(unit)}: {question}"
    return _table(caption, ["reader", "answer", "when"], rows, empty="Nobody has answered.")


def alert(sentence: str) -> str:
    """Return a sentence that screen readers say at once."""
    return f'<div role="alert">{escape(sentence)}</div>' if sentence else ""


def _table(
    caption: str, heads: Iterable[str], rows: Iterable[tuple[str, ...]], *, empty: str
) -> str:
    """Return a table; cells are HTML, all else is text."""
    body = "".join(
        f'<tr><th scope="row" {_CELL}>{first}</th>'
        + "".join(f"<td {_CELL}>{cell}</td>" for cell in others)
        + "</tr>"
        for first, *others in rows
    )
    title = f"<caption {_CELL}><strong>{escape(caption)}</strong></caption>"
    if not body:
        return f"<div><strong>{escape(caption)}</strong></div><div>{escape(empty)}</div>"
    head = "".join(f'<th scope="col" {_CELL}>{escape(each)}</th>' for each in heads)
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _bar(name: str, part: int, whole: int) -> str:
    return (
        f'<progress aria-label="{escape(name)}" value="{part}" max="{max(whole, 1)}" '
        f'style="accent-color:{BLUE};width:140px"></progress>'
    )


def _said(answer: str, *, drawn: bool) -> str:
    if drawn:
        return _counted(shape_count(answer), "shape")
    return _shortened(answer) if answer else "(taken back)"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _value(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else _shortened(str(value))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_ANSWER else text[: LONGEST_ANSWER - 1] + "…"


def _when(time: Any) -> str:
    return "–" if pd.isna(time) else f"{time:%Y-%m-%d %H:%M} UTC"


def _duration(seconds: Any) -> str:
    if pd.isna(seconds):
        return "–"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
