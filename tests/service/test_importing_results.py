"""Tables of results: all or nothing, in and out again."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from wsi_lab.errors import Invalid, NotAllowed
from wsi_lab.model.answer import Core, NewAnswer, Place, ResultRow
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab
from wsi_lab.store import slides as slide_rows

HEADER = "ImageID\tImage Name\tBy\tQuestion\tAnswer\n"


@pytest.fixture(autouse=True)
def asked(lab: Lab, owner: Actor, study: Study) -> None:
    for spec in (
        QuestionSpec("Grade", QuestionKind.INTEGER),
        QuestionSpec("Remark", QuestionKind.FREE_TEXT),
        QuestionSpec("Tumour", QuestionKind.ANNO_SHAPES, "#e6194b"),
    ):
        lab.questions.add(owner, study.id, spec)


@pytest.fixture
def more_slides(lab: Lab, slide: Slide) -> Callable[[int], list[int]]:
    """Make as many slides of the study as wanted, and return the ids of all."""

    def make(count: int) -> list[int]:
        new = [
            dataclasses.replace(slide, name=f"case_{number:03}", case_id=None)
            for number in range(1, count)
        ]
        made = lab._database.write(lambda c: [slide_rows.add_slide(c, each).id for each in new])
        return [slide.id, *made]

    return make


def test_table_is_stored_and_again_changes_nothing(
    lab: Lab, owner: Actor, study: Study, slide: Slide, entries
) -> None:
    table = HEADER + (
        f"{slide.id}\tCMU-1\treader@lab\tGrade\t2\n"
        f"{slide.id}\tCMU-1\treader@lab\tRemark\tNone\n"
        f'{slide.id}\tCMU-1\tmodel\tTumour\t[{{"type":"brush","later":[1]}}]\n'
    )
    report = lab.results.import_table(owner, study.id, table)
    assert (report.stored, report.unchanged, report.log) == (3, 0, ())
    before = lab.results.rows(owner, study.id), len(entries()), lab.studies.get(owner, study.id)
    assert entries()[-1].after == '{"stored":3,"unchanged":0}'
    again = lab.results.import_table(owner, study.id, table)
    assert (again.stored, again.unchanged) == (0, 3)
    after = lab.results.rows(owner, study.id), len(entries()), lab.studies.get(owner, study.id)
    assert after == before


def test_every_bad_line_is_named_and_nothing_stored(
    lab: Lab, owner: Actor, study: Study, slide: Slide, entries
) -> None:
    count = len(entries())
    table = (
        f"\n{slide.id}\tn\ta\tGrade\t1\n"
        f"{slide.id}\tn\ta\tUnasked\t1\n"
        "999\tn\ta\tGrade\t1\n"
        f"{slide.id}\tn\ta\n"
        "No such case\ta\tGrade\t1\n"
        f"{slide.id}\tn\ta\tTumour\tNone\n"
        f"{slide.id}\tn\t{'a' * 300}\tGrade\t1\n"
        f"{slide.id}\tn\ta\tRemark\t[{{\n"
        f"{slide.id}\tn\ta\tTumour\tanno2 1234\n"
    )
    with pytest.raises(Invalid) as refused:
        lab.results.import_table(owner, study.id, table)
    named = [problem.partition(":")[0] for problem in refused.value.problems]
    assert named == [f"Line {number}" for number in range(3, 11)]
    assert any("file" in problem for problem in refused.value.problems)
    assert lab.results.rows(owner, study.id) == []
    assert len(entries()) == count
    assert lab.studies.get(owner, study.id).answered_on is None


def test_slide_of_another_study_is_unknown(lab: Lab, owner: Actor, slide: Slide) -> None:
    other = lab.studies.create(owner, "other")
    lab.questions.add(owner, other.id, QuestionSpec("Grade", QuestionKind.INTEGER))
    with pytest.raises(Invalid, match="one problem"):
        lab.results.import_table(owner, other.id, f"\n{slide.id}\tn\ta\tGrade\t1\n")


def test_of_two_lines_about_the_same_the_later_counts(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    lines = "".join(f"{slide.id}\tn\t{by}\tGrade\t{value}\n" for by, value in ["a1", "b2", "A3"])
    report = lab.results.import_table(owner, study.id, HEADER + lines)
    assert report.stored == 2
    assert report.log == ("Line 4: takes the place of an earlier line.",)
    assert {row.author: row.value for row in lab.results.rows(owner, study.id)} == {
        "b": "2",
        "A": "3",
    }


def test_cases_and_cores_come_out_as_they_came_in(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    table = (
        "CaseName\tImageID\tImage Name\tBy\tTMA Row\tTMA Col\tTMA Sample\tQuestion\tAnswer"
        "\tlastModifiedOn\n"
        "Müller\t\t\ta\t\t\t\tGrade\t1\t2020-05-06T07:08:09Z\n"
        f"Müller\t{slide.id}\tCMU-1\ta\t0\t3\tS 7\tGrade\t2\t0001-01-01T00:00:00Z\n"
        f"Müller\t{slide.id}\tCMU-1\ta\t\t\t\tGrade\t3\t2026-07-01T12:00:00Z\n"
    )
    lab.results.import_table(owner, study.id, table)
    assert lab.results.table(owner, study.id) == table
    assert lab.results.import_table(owner, study.id, table).stored == 0


def test_case_is_known_by_the_name_that_the_asker_may_know(
    lab: Lab, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    public = as_user("e@lab", rights="edit results", study=study)
    private = as_user("p@lab", rights="edit private", study=study)
    for actor, known, unknown in ((public, "C1", "Müller"), (private, "Müller", "C1")):
        with pytest.raises(Invalid):
            lab.results.import_table(actor, study.id, f"\n{unknown}\ta\tGrade\t1\n")
        lab.results.import_table(actor, study.id, f"\n{known}\ta\tGrade\t1\n")
    assert [row.case_name for row in lab.results.rows(public, study.id)] == ["C1"]


def test_public_name_of_two_cases_names_neither(
    lab: Lab, owner: Actor, study: Study, as_user: Callable[..., Actor]
) -> None:
    for name in ("one", "two"):
        lab.cases.create(owner, study.id, name, "same")
    editor = as_user("e@lab", rights="edit", study=study)
    with pytest.raises(Invalid) as refused:
        lab.results.import_table(editor, study.id, "\nsame\ta\tGrade\t1\n")
    assert "several cases" in refused.value.problems[0]


def test_answer_without_a_case_gets_none(
    lab: Lab, owner: Actor, study: Study, more_slides: Callable[[int], list[int]]
) -> None:
    _, bare = more_slides(2)
    lab.results.import_table(owner, study.id, f"\n{bare}\tx\ta\tGrade\t1\n")
    assert lab.results.rows(owner, study.id)[0].case_name is None


def test_reader_may_bring_in_nothing(
    lab: Lab, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    reader = as_user("reader@lab", rights="score", study=study)
    with pytest.raises(NotAllowed):
        lab.results.import_table(reader, study.id, f"\n{slide.id}\tn\treader@lab\tGrade\t1\n")


def test_rows_can_be_brought_in_without_a_table(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    rows = [ResultRow(slide.id, "a", "Grade", "1", core=Core(1, 2, "S"))]
    assert lab.results.import_rows(owner, study.id, rows).stored == 1
    with pytest.raises(Invalid) as refused:
        lab.results.import_rows(owner, study.id, [*rows, ResultRow(slide.id, "a", "?", "1")])
    assert refused.value.problems == ("Row 2: There is no question '?' in this study.",)


def test_drawn_answers_of_many_can_change_at_once(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    def table(shift: int) -> str:
        def shape(number: int) -> str:
            corner = f'{{"x":{number},"y":0}}'
            return f'{{"type":"rect","corner":{corner},"size":{{"x":1,"y":1}}}}'

        lines = (
            f"{slide.id}\tn\tr{reader}\tTumour\t[{shape(0)},{shape(shift)},{shape(reader)}]\n"
            for reader in range(50)
        )
        return HEADER + "".join(lines)

    lab.results.import_table(owner, study.id, table(1))
    before = lab.annotations.list(owner, study.id)
    assert lab.results.import_table(owner, study.id, table(2)).stored == 50
    after = lab.annotations.list(owner, study.id)
    kept = {each.id for each in before} & {each.id for each in after}
    assert len(kept) >= 100
    first = lab.results.rows(owner, study.id, author="r7")[0]
    history = lab.results.history(owner, first.answer_id)
    assert [each.value in table(n) for n, each in enumerate(history, start=1)] == [True, True]


def test_nottingham_grades_go_in_and_out(
    lab: Lab,
    owner: Actor,
    study: Study,
    shared_data: Path,
    more_slides: Callable[[int], list[int]],
) -> None:
    text = (shared_data / "scores" / "slidescore" / "nottingham_results.txt").read_text()
    lines = [line.split("\t") for line in text.splitlines()]
    for name in sorted({line[3] for line in lines[1:]}):
        if name != "Grade":
            lab.questions.add(owner, study.id, QuestionSpec(name, QuestionKind.INTEGER))
    ids = more_slides(max(int(line[0]) for line in lines[1:]))
    mapped = [[str(ids[int(line[0]) - 1]), *line[1:]] for line in lines[1:]]
    table = HEADER + "".join("\t".join(line) + "\n" for line in mapped)
    # Of the processor: what else the machine does is not the lab's doing.
    started = time.process_time()
    report = lab.results.import_table(owner, study.id, table)
    stored = time.process_time()
    out = lab.results.table(owner, study.id)
    assert report.stored == len(lines) - 1
    assert stored - started < 2
    assert time.process_time() - stored < 2
    told = [line.split("\t") for line in out.splitlines()[1:]]
    place = out.splitlines()[0].split("\t").index("ImageID")
    assert [[row[place], *row[place + 2 : place + 5]] for row in told] == [
        [row[0], *row[2:]] for row in mapped
    ]


words = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\u2028\u2029"),
    min_size=1,
    max_size=20,
)


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from(["a@lab", "model"]),
            st.none() | st.builds(Core, st.integers(0, 20), st.integers(0, 20)),
        ),
        words,
        max_size=8,
    )
)
def test_what_goes_out_comes_in_equal(
    lab: Lab, owner: Actor, study: Study, slide: Slide, answers: dict[tuple[str, Core], str]
) -> None:
    rows = [
        ResultRow(slide.id, author, "Remark", value, core=core)
        for (author, core), value in answers.items()
        if not value.startswith("[{")
    ]
    lab.results.import_rows(owner, study.id, rows)
    table = lab.results.table(owner, study.id)
    assert lab.results.import_table(owner, study.id, table).stored == 0
    assert lab.results.table(owner, study.id) == table


def test_answer_of_a_reader_is_kept_beside_what_is_brought_in(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    mine = NewAnswer("Grade", Place(slide.id), owner.user.email, "1")
    lab.results.submit(owner, study.id, mine)
    lab.results.import_table(owner, study.id, f"\n{slide.id}\tn\tmodel\tGrade\t2\n")
    assert [row.value for row in lab.results.rows(owner, study.id)] == ["1", "2"]
