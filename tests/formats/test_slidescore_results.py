from __future__ import annotations

import csv
import gc
import io
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slidescore import SlideScoreResult

from wsi_lab.formats.slidescore_results import parse_results, results_table
from wsi_lab.model.answer import Core, ResultRow

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)

# Whatever a cell may hold without ending it; among it are breaks that `str.splitlines` knows.
cells = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\r\n")
    | st.sampled_from("\x0b\x0c\x1c\x1e\x85\u2028\u2029\ufeff\"';=+@#")
)
words = cells.filter(lambda text: text.strip() != "")
cores = st.builds(
    Core,
    st.integers(0, 199),
    st.integers(0, 199),
    cells.filter(lambda text: len(text) < 100 and text != "None"),
)
times = st.datetimes(timezones=st.just(UTC))
slide_rows = st.builds(
    ResultRow,
    slide_id=st.integers(1, 10**18 - 1),
    author=words,
    question=words,
    value=cells,
    slide_name=cells,
    case_name=st.none() | words,
    core=st.none() | cores,
    answered_on=st.none() | times,
    answer_id=st.just(0),
    line=st.just(0),
)
case_rows = st.builds(
    ResultRow,
    slide_id=st.none(),
    author=words,
    question=words,
    value=cells,
    slide_name=cells,
    case_name=words,
    core=st.none(),
    answered_on=st.none() | times,
    answer_id=st.just(0),
    line=st.just(0),
)


def bare(rows: list[ResultRow]) -> list[ResultRow]:
    return [row._replace(line=0) for row in rows]


def one(*cells: str, header: str = "") -> ResultRow:
    rows, problems = parse_results(f"{header}\n" + "\t".join(cells))
    assert problems == []
    assert [row.line for row in rows] == [2]
    return rows[0]._replace(line=0)


def lines_named_by(problems: list[str]) -> list[int]:
    return [int(each.split(":")[0].removeprefix("Line ")) for each in problems]


def problems_of(*lines: str) -> list[str]:
    return parse_results("\n".join(lines))[1]


@given(st.lists(slide_rows | case_rows, max_size=5))
def test_what_goes_out_comes_in_again_as_it_was(rows: list[ResultRow]) -> None:
    assert parse_results(results_table(rows)) == (
        [row._replace(line=line, revision=0) for line, row in enumerate(rows, start=2)],
        [],
    )


@given(st.lists(slide_rows | case_rows, max_size=5))
def test_a_file_with_a_mark_and_other_line_ends_is_the_same(rows: list[ResultRow]) -> None:
    table = results_table(rows)
    assert parse_results(("\ufeff" + table.replace("\n", "\r\n")).encode()) == parse_results(table)


@given(st.lists(st.text() | st.just("\t") | st.just("\n") | st.sampled_from(["7", "12"])))
def test_every_line_is_a_row_or_a_problem_or_blank(pieces: list[str]) -> None:
    text = "\n" + "".join(pieces)
    rows, problems = parse_results(text)
    assert not {row.line for row in rows} & set(lines_named_by(problems))
    assert all(each.isprintable() for each in problems)
    if rows:
        table = results_table(rows)
        assert parse_results(table)[1] == []


def test_the_header_is_that_of_slide_scores_exports() -> None:
    plain = ResultRow(7, "reader@lab", "Grade", "2", slide_name="CMU-1", answered_on=NOON)
    assert results_table([plain]) == (
        "ImageID\tImage Name\tBy\tQuestion\tAnswer\tlastModifiedOn\n"
        "7\tCMU-1\treader@lab\tGrade\t2\t2026-07-01T12:00:00Z\n"
    )
    assert results_table([]).count("\n") == 1
    assert results_table([plain], with_cores=True, with_cases=True).split("\n")[0] == (
        "CaseName\tImageID\tImage Name\tBy\tTMA Row\tTMA Col\tTMA Sample\tQuestion\tAnswer"
        "\tlastModifiedOn"
    )
    assert "\t0\t1\tA1\tGrade" in results_table([plain._replace(core=Core(0, 1, "A1"))])


def test_breaks_and_tabs_in_cells_become_blanks() -> None:
    row = ResultRow(7, "a\tb", "q\r\nr", "1\n2\r3", slide_name="\t", case_name="c\nd")
    rows, problems = parse_results(results_table([row]))
    assert problems == []
    assert rows[0]._replace(line=0) == ResultRow(7, "a b", "q r", "1 2 3", " ", "c d")


@pytest.mark.parametrize("value", ["=cmd|' /C calc'!A0", "+1", "@x", '"a"";b"', "", "None", " 2 "])
def test_a_cell_stays_as_it_is(value: str) -> None:
    assert one("7", "s", "r", "q", value).value == value
    assert results_table([one("7", "s", "r", "q", value)]).split("\t")[-2] == value


def test_all_forms_without_a_header() -> None:
    slide = ResultRow(7, "r", "q", "2", slide_name="s")
    core = slide._replace(core=Core(3, 0, "A1"))
    assert one("7", "s", "r", "q", "2") == slide
    assert one("12", "7", "s", "r", "q", "2") == slide._replace(case_name="12")
    assert one("c", "7", "s", "r", "q", "2") == slide._replace(case_name="c")
    assert one("7", "s", "r", "3", "0", "A1", "q", "2") == core
    assert one("c", "7", "s", "r", "3", "0", "A1", "q", "2") == core._replace(case_name="c")
    assert one("c", "r", "q", "2") == ResultRow(None, "r", "q", "2", case_name="c")


def test_a_row_without_a_header_may_end_with_a_time() -> None:
    stamp = "2026-07-01T14:00:00.000+02:00"
    dated = ResultRow(7, "r", "q", "2", slide_name="s", answered_on=NOON)
    assert one("7", "s", "r", "q", "2", stamp) == dated
    assert one("c", "7", "s", "r", "q", "2", stamp) == dated._replace(case_name="c")
    on_core = dated._replace(core=Core(3, 0, "A1"))
    assert one("7", "s", "r", "3", "0", "A1", "q", "2", stamp) == on_core
    assert one("c", "7", "s", "r", "3", "0", "A1", "q", "2", stamp) == on_core._replace(
        case_name="c"
    )
    assert one("c", "r", "q", "2", stamp) == ResultRow(
        None, "r", "q", "2", case_name="c", answered_on=NOON
    )


def sdk_row(**values: object) -> SlideScoreResult:
    result = SlideScoreResult()
    result.user, result.question, result.answer = "r", "q", "2"
    for name, value in values.items():
        setattr(result, name, value)
    return result


def test_rows_that_the_sdk_writes_are_read() -> None:
    def read(**values: object) -> ResultRow:
        return one(*sdk_row(**values).toRow().split("\t"))

    named = {"image_id": 7, "image_name": "s"}
    slide = ResultRow(7, "r", "q", "2", slide_name="s")
    case = ResultRow(None, "r", "q", "2", case_name="c")
    assert read(**named, case_name=None) == slide
    assert read(**named) == slide, "the SDK's own default for a case is an empty name"
    assert read(**named, case_name="c") == slide._replace(case_name="c")
    core = {"tma_row": 3, "tma_col": 0}
    assert read(**named, case_name=None, **core, tma_sample_id="A1") == slide._replace(
        core=Core(3, 0, "A1")
    )
    assert read(**named, case_name="c", **core).core == Core(3, 0, "")
    assert read(image_id=None, case_name="c")._replace(slide_name="") == case
    assert read(image_id=0, case_name="c") == case


@pytest.mark.parametrize("first", ["", "#header", "7\ts\tr\tq\tanswer", "ImageID\tName", "\t\t\t"])
def test_the_first_line_is_thrown_away(first: str) -> None:
    assert one("7", "s", "r", "q", "2", header=first).value == "2"
    assert parse_results(first) == ([], [])


def test_columns_are_taken_by_the_names_in_the_header() -> None:
    header = "Answer\tquestion\tBY\tImage ID\tUnknown\tCaseName\tTMA_Row\tTMA Col"
    row = one("2", "q", "r", " 7 ", "?", "", "", "", header=header)
    assert row == ResultRow(7, "r", "q", "2")
    row = one("2", "q", "r", "", "?", "c", "", "", header=header)
    assert row == ResultRow(None, "r", "q", "2", case_name="c")
    row = one("2", "q", "r", "7", "?", "", "1", "2", header=header)
    assert row.core == Core(1, 2)


def test_the_time_may_be_missing_where_the_header_names_it_last() -> None:
    header = "ImageID\tName\tBy\tQuestion\tAnswer\tlastModifiedOn"
    assert one("7", "s", "r", "q", "2", header=header).answered_on is None
    assert one("7", "s", "r", "q", "2", "2026-07-01T12:00:00", header=header).answered_on == NOON


def test_blank_lines_are_left_out() -> None:
    rows, problems = parse_results("\n\n7\ts\tr\tq\t2\n \n\t\t\t\t\r\n7\ts\tr\tq\t3\r\n\n")
    assert ([row.line for row in rows], problems) == ([3, 6], [])


def test_every_bad_line_is_named() -> None:
    rows, problems = parse_results(
        "\n".join(
            [
                "",
                "7\ts\tr\tq\t2",
                "7\ts\tr\tq",
                "7\ts\tr",
                "7\ts\t \tq\t2",
                "7\ts\tr\t\t2",
                "\t\tr\tq\t2",
                "7\ts\tr\tq\tone\ttwo",
                "7\ts\tr\tx\t0\tA1\tq\t2",
                "7\ts\tr\t1\t\tA1\tq\t2",
                f"{'9' * 19}\ts\tr\tq\t2",
                "c\t0\ts\tr\t1\t1\tA1\tq\t2",
            ]
        )
    )
    # The third line has the form of an answer about a case called "7".
    assert [(row.line, row.slide_id, row.case_name) for row in rows] == [
        (2, 7, None),
        (3, None, "7"),
    ]
    assert [int(each.split(":")[0].removeprefix("Line ")) for each in problems] == list(
        range(4, 13)
    )
    assert "has 3 columns" in problems[0]
    assert "holds a tab" in problems[4]


@pytest.mark.parametrize("cell", ["1_0", "１２", "-7", "7.0", "+7", "0x7", "1e3", "7" * 5000])
def test_an_image_is_named_by_a_plain_number(cell: str) -> None:
    header = "ImageID\tBy\tQuestion\tAnswer"
    (problem,) = problems_of(header, f"{cell}\tr\tq\t2")
    assert problem.startswith("Line 2: ")
    assert len(problem) < 200


def test_rows_that_do_not_fit_their_header_are_named() -> None:
    header = "ImageID\tName\tBy\tQuestion\tAnswer"
    assert problems_of(header, "7\ts\tr\tq", "7\ts\tr\tq\t2\t3") == [
        "Line 2: has 4 columns, and the header has 5",
        "Line 3: has 6 columns, and the header has 5",
    ]


@pytest.mark.parametrize(
    "header", ["ImageID\tBy\tQuestion\tAnswer\tanswer", "Name\tBy\tQuestion\tAnswer"]
)
def test_a_header_that_cannot_be_followed_is_named(header: str) -> None:
    (problem,) = problems_of(header, "7\tr\tq\t2\t3")
    assert problem.startswith("Line 1: ")


@pytest.mark.parametrize("time", ["soon", "20260701", "2026-13-01", "2026-07-01T25:00", "1/7/2026"])
def test_what_is_no_time_is_named(time: str) -> None:
    (problem,) = problems_of("", f"7\ts\tr\tq\t2\t{time}")
    assert "no time" in problem


def test_times_at_the_ends_of_the_calendar_do_no_harm() -> None:
    assert one("7", "s", "r", "q", "2", "0001-01-01T00:00:00").answered_on is not None
    (problem,) = problems_of("", "7\ts\tr\tq\t2\t0001-01-01T00:00:00+14:00")
    assert "no time" in problem


def test_lines_that_are_no_text_are_named() -> None:
    rows, problems = parse_results("\n7\ts\tr\tq\t2\n7\ts\tr\tq\t\ud800\n7\ts\tr\tq\t\0")
    assert rows == []
    assert [each[:7] for each in problems] == ["Line 3:", "Line 4:"]


@pytest.mark.timeout(10)
def test_endless_tables_are_refused_in_no_time() -> None:
    assert problems_of("", "\t" * 5_000_000 + "x") == [
        "Line 2: has more than 100 columns; an answer has 4, 5, 6, 8 or 9"
    ]
    assert problems_of(*[""] * 1_000_002) == [
        "The text has more than 1,000,000 lines; send it in parts."
    ]
    assert problems_of("\t" * 5_000_000, "7\ts\tr\tq\t2") == []
    assert len(problems_of("", " " * 5_000_000 + "\ts\tr\tq\t2")) == 1
    assert parse_results(b"\n\xff") == ([], ["The file is not UTF-8 text; save it as such."])


def test_an_answer_of_ten_megabytes_is_read() -> None:
    value = '[{"x":1,"y":2}' + ',{"x":1,"y":2}' * 700_000 + "]"
    began = time.process_time()
    assert one("7", "s", "r", "q", value).value == value
    assert time.process_time() - began < 1


def test_real_results_are_read_and_written_as_they_were(shared_data: Path) -> None:
    path = shared_data / "scores" / "slidescore" / "nottingham_results.txt"
    rows, problems = parse_results(path.read_bytes())
    assert problems == []
    with path.open(newline="") as file:
        real = list(csv.DictReader(file, delimiter="\t"))
    assert [
        (row.slide_id, row.slide_name, row.author, row.question, row.value) for row in rows
    ] == [
        (int(each["ImageID"]), each["Name"], each["By"], each["Question"], each["Answer"])
        for each in real
    ]
    assert bare(parse_results(results_table(rows))[0]) == bare(rows)


def test_300_000_answers_are_read_nearly_as_fast_as_rows_are_split() -> None:
    table = results_table(
        ResultRow(number % 500 + 1, f"reader{number % 40}@lab", "Grade", str(number % 4), "CMU-1")
        for number in range(300_000)
    )

    def parse() -> list[Any]:
        rows, problems = parse_results(table)
        return rows + problems

    def split() -> list[Any]:
        return list(csv.DictReader(io.StringIO(table), delimiter="\t"))

    # In turns, so that a moment in which the machine is slow is one of neither.
    rounds = [(_seconds(parse), _seconds(split)) for _ in range(3)]
    fastest, yardstick = (min(each) for each in zip(*rounds, strict=True))
    # It takes about as long: half a second.
    assert fastest < 3 * yardstick


def _seconds(read: Callable[[], list[Any]]) -> float:
    # How often rubbish is looked for depends on what else this process holds.
    gc.collect()
    gc.disable()
    try:
        began = time.process_time()
        rows = read()
        took = time.process_time() - began
    finally:
        gc.enable()
    assert len(rows) == 300_000
    return took
