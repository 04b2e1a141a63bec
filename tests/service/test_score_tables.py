"""Whole tables of answers: equal in all forms, of any moment, and not written twice."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsi_lab.errors import Invalid, NotAllowed
from wsi_lab.formats.score_tables import COLUMNS
from wsi_lab.formats.slidescore_results import results_table
from wsi_lab.model.answer import Core, NewAnswer, Place, ResultRow, WantedAnswers
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.model.source import Source
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.service.scoring.score_tables import TableForm, WrittenTable
from wsi_lab.store import answer_packing

POINTS = '[{"x":1,"y":1},{"x":2,"y":2}]'
POINT = '[{"x":2,"y":2}]'


@pytest.fixture
def asked(lab: Lab, owner: Actor, study: Study) -> None:
    for spec in (
        QuestionSpec("Grade", QuestionKind.INTEGER),
        QuestionSpec("Remark", QuestionKind.FREE_TEXT),
        QuestionSpec("Mitoses", QuestionKind.ANNO_POINTS, "#00ff00"),
    ):
        lab.questions.add(owner, study.id, spec)


def give(
    lab: Lab,
    actor: Actor,
    slide: Slide,
    value: str,
    *,
    question: str = "Grade",
    author: str = "a@lab",
    core: Core | None = None,
) -> int:
    new = NewAnswer(question, Place(slide.id, core=core), author, value)
    return lab.results.submit(actor, slide.study_id, new).id


def written(
    lab: Lab, actor: Actor, study_id: int, form: TableForm, **wanted: Any
) -> tuple[bytes, WrittenTable]:
    more = {name: wanted.pop(name) for name in ("mine", "known") if name in wanted}
    to = io.BytesIO()
    found = lab.score_tables.write(actor, study_id, WantedAnswers(**wanted), form, to, **more)
    return to.getvalue(), found


def arrow(lab: Lab, actor: Actor, study_id: int, **wanted: Any) -> list[dict[str, Any]]:
    body, _ = written(lab, actor, study_id, TableForm.ARROW, **wanted)
    rows: list[dict[str, Any]] = pa.ipc.open_stream(body).read_all().to_pylist()
    return rows


def values(lab: Lab, actor: Actor, study_id: int, **wanted: Any) -> list[str]:
    """The answers of a table, which are the same in rows and in Slide Score's table."""
    found = [row["answer"] for row in arrow(lab, actor, study_id, **wanted)]
    assert [row.value for row in lab.results.rows(actor, study_id, **wanted)] == found
    assert lab.results.table(actor, study_id, **wanted).count("\n") == len(found) + 1
    return found


def check_equal(lab: Lab, actor: Actor, study_id: int, **wanted: Any) -> None:
    """Compare all forms of a table with the rows that it is made of."""
    rows = lab.results.rows(actor, study_id, **wanted)
    assert lab.results.table(actor, study_id, **wanted) == results_table(rows)
    expected = [
        {
            "case": row.case_name or None,
            "slide": row.slide_name or None,
            "slide_id": row.slide_id,
            "core_row": row.core.row if row.core else None,
            "core_column": row.core.column if row.core else None,
            "core_sample": (row.core and row.core.sample) or None,
            "reader": row.author,
            "question": row.question,
            "answer": row.value,
            "answered_on": row.answered_on,
            "answer_id": row.answer_id,
            "revision": row.revision,
        }
        for row in rows
    ]
    found = arrow(lab, actor, study_id, **wanted)
    kinds = {each.name: each.kind.value for each in lab.questions.list(actor, study_id)}
    assert [row.pop("kind") for row in found] == [kinds[row.question] for row in rows]
    assert found == expected
    body, _ = written(lab, actor, study_id, TableForm.CSV, **wanted)
    lines = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    for line, row in zip(lines, expected, strict=True):
        assert {name: line[name] for name in row if name != "answered_on"} == {
            name: "" if cell is None else str(cell)
            for name, cell in row.items()
            if name != "answered_on"
        }
        assert datetime.fromisoformat(line["answered_on"]) == row["answered_on"]


@pytest.fixture(scope="module")
def free_texts(tmp_path_factory: pytest.TempPathFactory, demo_slide: Path) -> Any:
    """A lab with many free texts to be answered, for all examples of one test."""
    home = tmp_path_factory.mktemp("free texts")
    roots = (Source.at(str(demo_slide.parent)),)
    with Lab.open(LabSettings(home / "home", slide_roots=roots, workers=1)) as lab:
        owner = lab.people.owner("tests", name="owner")
        study = lab.studies.create(owner, "free texts")
        slide = lab.slides.add(owner, study.id, demo_slide, name='A "b", ü')
        for name in ("Why, really?", 'The "other"'):
            lab.questions.add(owner, study.id, QuestionSpec(name, QuestionKind.FREE_TEXT))
        yield lab, owner, study, slide


_texts = st.text(
    st.one_of(
        st.sampled_from(
            ['"', ",", "\t", "\n", "\r", "\x1e", "\x00", "\x0b", "ü", "診", "\U0001f52c"]
        ),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=12,
).filter(lambda text: not text.startswith("[{"))
_answers = st.one_of(_texts, st.integers(1000, 3000).map("x".__mul__))


@settings(max_examples=60)
@given(
    said=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(-1, 2), _texts, _answers),
        max_size=12,
    ),
    rows=st.integers(1, 5),
    most_bytes=st.integers(1, 5000),
)
def test_tables_of_any_texts_are_equal_in_all_forms(
    free_texts: Any, said: Any, rows: int, most_bytes: int
) -> None:
    lab, owner, study, slide = free_texts
    names = [each.name for each in lab.questions.list(owner, study.id)]
    given_rows = {
        (reader, question, core): ResultRow(
            slide.id,
            f"reader-{reader}@ü",
            names[question],
            value,
            core=None if core < 0 else Core(0, core, sample),
        )
        for reader, question, core, sample, value in said
    }
    lab.results.import_rows(owner, study.id, list(given_rows.values()))
    with (
        mock.patch.object(answer_packing, "ROWS", rows),
        mock.patch.object(answer_packing, "LARGEST_BYTES", most_bytes),
    ):
        check_equal(lab, owner, study.id)
        check_equal(lab, owner, study.id, author="READER-1@ü", question=names[0])


@pytest.mark.usefixtures("asked")
def test_shapes_are_the_answers_to_drawn_questions(lab: Lab, owner: Actor, slide: Slide) -> None:
    give(lab, owner, slide, POINTS, question="Mitoses")
    give(lab, owner, slide, "2")
    give(lab, owner, slide, "[]", question="Mitoses", author="b@lab")
    assert values(lab, owner, slide.study_id) == [POINTS, "2", "[]"]
    check_equal(lab, owner, slide.study_id)


@pytest.mark.usefixtures("asked")
def test_answers_are_as_they_were_then(lab: Lab, owner: Actor, slide: Slide, clock: Any) -> None:
    moments = []
    for steps in (
        [("1", "Grade", "a@lab"), (POINTS, "Mitoses", "a@lab")],
        [("2", "Grade", "a@lab"), ("x", "Remark", "b@lab")],
        [(POINT, "Mitoses", "a@lab"), ("", "Remark", "b@lab")],
        [("[]", "Mitoses", "a@lab"), ("y", "Remark", "b@lab"), ("3", "Grade", "a@lab")],
    ):
        moments.append(clock.time)
        clock.pass_(minutes=1)
        for value, question, author in steps:
            give(lab, owner, slide, value, question=question, author=author)
    moments.append(clock.time)
    found = [values(lab, owner, slide.study_id, as_of=moment) for moment in moments]
    assert found == [[], ["1", POINTS], ["2", POINTS, "x"], ["2", POINT], ["3", "[]", "y"]]
    for moment in moments:
        check_equal(lab, owner, slide.study_id, as_of=moment)
    rows = lab.results.rows(owner, slide.study_id, as_of=moments[2], author="A@lab")
    second = [(row.question, row.revision) for row in rows]
    assert second == [("Grade", 2), ("Mitoses", 1)]


@pytest.mark.usefixtures("asked")
def test_moment_may_be_of_any_time_zone_and_is_utc_without(
    lab: Lab, owner: Actor, slide: Slide, clock: Any
) -> None:
    give(lab, owner, slide, "1")
    there = clock.time.astimezone(timezone(timedelta(hours=-7)))
    for moment in (there, clock.time.replace(tzinfo=None)):
        assert values(lab, owner, slide.study_id, as_of=moment) == ["1"]
        before = moment - timedelta(microseconds=1)
        assert values(lab, owner, slide.study_id, as_of=before) == []
    first = datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))
    with pytest.raises(Invalid, match="as_of"):
        values(lab, owner, slide.study_id, as_of=first)


@pytest.mark.usefixtures("asked")
def test_complete_readers_have_answered_all_that_is_needed(
    lab: Lab, owner: Actor, study: Study, slide: Slide, slide_file: Path, clock: Any
) -> None:
    other = lab.slides.add(owner, study.id, slide_file, name="other")
    for each in (slide, other):
        give(lab, owner, each, "1")
        give(lab, owner, each, "1", author="b@lab")
        give(lab, owner, each, "[]", question="Mitoses")
    give(lab, owner, slide, "[]", question="Mitoses", author="b@lab")
    give(lab, owner, slide, "x", question="Remark", author="c@lab")
    early = clock.time
    assert {row["reader"] for row in arrow(lab, owner, study.id, complete=True)} == {"a@lab"}
    clock.pass_(minutes=1)
    give(lab, owner, other, POINT, question="Mitoses", author="B@lab")
    give(lab, owner, other, "", author="a@lab")
    now = {row["reader"] for row in arrow(lab, owner, study.id, complete=True)}
    assert now == {"b@lab", "B@lab"}
    assert values(lab, owner, study.id, complete=True, question="Mitoses") == ["[]", POINT]
    then = arrow(lab, owner, study.id, complete=True, as_of=early)
    assert {row["reader"] for row in then} == {"a@lab"}
    check_equal(lab, owner, study.id, complete=True)


def test_cores_of_a_map_are_all_needed_but_controls(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    lab.questions.add(owner, study.id, QuestionSpec("Grade", QuestionKind.INTEGER))
    lab.tma_maps.create(owner, study.id, "m", "controls: K\n\nA1\tK\nB1\n")
    lab.tma_maps.assign(owner, study.id, slide.id, "m")
    for place in (Core(0, 0, "A1"), Core(1, 0, "B1"), Core(0, 1)):
        assert values(lab, owner, study.id, complete=True) == []
        give(lab, owner, slide, "1", core=place)
        if place == Core(1, 0, "B1"):
            break
    give(lab, owner, slide, "1", author="b@lab")
    assert values(lab, owner, study.id, complete=True) == ["1", "1"]
    check_equal(lab, owner, study.id, complete=True)


@pytest.mark.usefixtures("asked")
def test_table_is_not_written_again_until_something_in_the_study_changes(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    give(lab, owner, slide, "1")

    def tag() -> str:
        body, found = written(lab, owner, study.id, TableForm.ARROW)
        again, known = written(lab, owner, study.id, TableForm.ARROW, known=["x", found.tag])
        assert (known.is_known, known.tag, again) == (True, found.tag, b"")
        assert body
        assert not found.is_known
        return found.tag

    grade = lab.questions.list(owner, study.id)[0]
    degree = QuestionSpec("Degree", grade.kind)
    seen = [tag()]
    lab.studies.create(owner, "another study")
    give(lab, owner, slide, "1")
    assert tag() == seen[0]
    for change in (
        lambda: give(lab, owner, slide, "2"),
        lambda: give(lab, owner, slide, POINTS, question="Mitoses"),
        lambda: give(lab, owner, slide, POINT, question="Mitoses"),
        lambda: lab.questions.change(owner, grade.id, spec=degree),
        lambda: lab.slides.change(owner, slide.id, revision=slide.revision, name="renamed"),
        lambda: lab.cases.change(owner, slide.case_id or 0, revision=1, public_name="C2"),
    ):
        change()
        seen.append(tag())
    assert len(set(seen)) == len(seen)


@pytest.mark.usefixtures("asked")
def test_tables_that_differ_have_different_tags(
    lab: Lab, owner: Actor, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    give(lab, owner, slide, "1")
    results = as_user("r@lab", rights="results", study=study)
    private = as_user("p@lab", rights="results private", study=study)

    def tag(actor: Actor, form: TableForm = TableForm.CSV, **wanted: Any) -> str:
        return written(lab, actor, study.id, form, **wanted)[1].tag

    found = [
        *(tag(owner, form) for form in TableForm),
        tag(results),
        tag(owner, question="Grade"),
        tag(owner, author="a@lab"),
        tag(owner, complete=True),
        tag(owner, as_of=datetime(2026, 1, 1, tzinfo=UTC)),
        tag(owner, slide_id=99),
        tag(owner, slide_id=1 << 70),
        tag(owner, mine=True),
    ]
    assert len(set(found)) == len(found)
    assert tag(private) == tag(owner)


@pytest.mark.usefixtures("asked")
def test_tables_of_others_need_the_right_to_results(
    lab: Lab, owner: Actor, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    reader = as_user("a@lab", rights="score", study=study)
    give(lab, owner, slide, "1", author="b@lab")
    tag = written(lab, owner, study.id, TableForm.ARROW)[1].tag
    for known in ([], [tag]):
        with pytest.raises(NotAllowed):
            written(lab, reader, study.id, TableForm.ARROW, known=known)
    give(lab, owner, slide, "2")
    assert [row["answer"] for row in arrow(lab, reader, study.id, mine=True)] == ["2"]
    shown = arrow(lab, as_user("r@lab", rights="results", study=study), study.id)
    assert {row["case"] for row in shown} == {"C1"}
    assert {row["case"] for row in arrow(lab, owner, study.id)} == {"Müller"}


@pytest.mark.usefixtures("asked")
def test_case_without_a_public_name_is_called_the_same_in_all_forms(
    lab: Lab, owner: Actor, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    give(lab, owner, slide, "1")
    case = lab.cases.get(owner, slide.case_id or 0)
    lab.cases.change(owner, case.id, revision=case.revision, public_name="")
    results = as_user("r@lab", rights="results", study=study)
    (row,) = lab.results.rows(results, study.id)
    assert row.case_name == f"Anon {case.id:04d}"
    assert written(lab, results, study.id, TableForm.RESULTS)[0].decode() == results_table([row])
    check_equal(lab, results, study.id)


@pytest.mark.usefixtures("asked")
def test_empty_table_has_all_columns(lab: Lab, owner: Actor, study: Study) -> None:
    body, _ = written(lab, owner, study.id, TableForm.ARROW)
    assert tuple(pa.ipc.open_stream(body).read_all().column_names) == COLUMNS
    assert written(lab, owner, study.id, TableForm.RESULTS)[0].count(b"\n") == 1
    check_equal(lab, owner, study.id)


@pytest.mark.usefixtures("asked")
def test_removed_questions_take_their_answers_out_of_tables(
    lab: Lab, owner: Actor, study: Study, slide: Slide, clock: Any
) -> None:
    give(lab, owner, slide, "1")
    give(lab, owner, slide, "x", question="Remark")
    grade = lab.questions.list(owner, study.id)[0]
    lab.questions.remove(owner, grade.id)
    assert values(lab, owner, study.id) == ["x"]
    assert values(lab, owner, study.id, as_of=clock.time) == ["x"]


def test_what_a_table_is_written_to_stays_open(lab: Lab, owner: Actor, study: Study) -> None:
    with tempfile.SpooledTemporaryFile(16) as file:
        lab.score_tables.write(owner, study.id, WantedAnswers(), TableForm.ARROW, file)
        assert file.tell() > 16
