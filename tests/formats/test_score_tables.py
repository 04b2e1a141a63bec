"""Tidy tables of answers: what went in comes out of CSV and of Arrow alike."""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_lab.formats.score_tables import (
    COLUMNS,
    CSV_COLUMNS,
    ArrowWriter,
    CsvWriter,
    ScoreWriter,
    schema,
)

ROW = {
    "case": "A-17",
    "slide": "CMU-1",
    "slide_id": 7,
    "core_row": 0,
    "core_column": 3,
    "core_sample": "x",
    "reader": "a@lab",
    "question": "Q, 1",
    "kind": "FreeText",
    "answer": "2",
    "answered_on": "2026-11-25T12:00:00.000000Z",
    "answer_id": 1,
    "revision": 2,
}


def part(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Rows as a part of a table, in which times are texts."""
    when = schema().get_field_index("answered_on")
    fields = schema().set(when, pa.field("answered_on", pa.string()))
    return pa.RecordBatch.from_pylist(rows, fields)


def table(kind: type[ScoreWriter], *parts: list[dict[str, Any]]) -> bytes:
    to = io.BytesIO()
    writer = kind(to)  # type: ignore[call-arg]  # all of them are made so
    for rows in parts:
        writer.write(part(rows))
    writer.close()
    return to.getvalue()


def test_line_has_its_cells_in_their_order() -> None:
    text = table(CsvWriter, [ROW, ROW | dict.fromkeys(COLUMNS[:6], None)]).decode()
    assert text.splitlines() == [
        ",".join(CSV_COLUMNS),
        '1,7,CMU-1,A-17,0,3,x,a@lab,"Q, 1",FreeText,2,2026-11-25T12:00:00Z,2',
        '1,,,,,,,a@lab,"Q, 1",FreeText,2,2026-11-25T12:00:00Z,2',
    ]


def test_names_that_come_up_later_are_told_when_they_do() -> None:
    parts = [[ROW | {"reader": name} for name in names] for names in ("ab", "bc", "", "da")]
    found = pa.ipc.open_stream(table(ArrowWriter, *parts)).read_all()
    assert "".join(found["reader"].to_pylist()) == "abbcda"


@pytest.mark.parametrize("kind", [ArrowWriter, CsvWriter])
def test_table_without_answers_has_its_columns(kind: type[ScoreWriter]) -> None:
    body = table(kind)
    if kind is CsvWriter:
        assert body == ",".join(CSV_COLUMNS).encode() + b"\n"
    else:
        assert tuple(pa.ipc.open_stream(body).read_all().column_names) == COLUMNS


_texts = st.text(
    st.one_of(
        st.sampled_from(["\t", "\n", "\r", '"', ",", " ", "ü", "診", "\U0001f52c", "\u200f"]),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=8,
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                **dict.fromkeys(("case", "slide", "core_sample"), st.none() | _texts),
                **dict.fromkeys(("reader", "question", "answer"), _texts),
                **dict.fromkeys(("slide_id", "core_row"), st.none() | st.integers(0, 2**62)),
            }
        ),
        max_size=6,
    )
)
def test_csv_and_arrow_say_the_same(rows: list[dict[str, Any]]) -> None:
    whole = [ROW | row for row in rows]
    cut = len(whole) // 2
    in_arrow = pa.ipc.open_stream(table(ArrowWriter, whole[:cut], whole[cut:])).read_all()
    text = table(CsvWriter, whole[:cut], whole[cut:]).decode()
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    for line, row, expected in zip(lines, in_arrow.to_pylist(), whole, strict=True):
        for name in set(COLUMNS) - {"answered_on"}:
            assert row[name] == expected[name]
            assert line[name] == ("" if row[name] is None else str(row[name]))
