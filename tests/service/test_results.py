"""Answers one by one, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.answer import Answer, Core, NewAnswer, Place, ResultRow
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab

POINTS = '[{"x": 1.50, "y": 2},{"x":3,"y":4e0,"note":"ü"}]'


@pytest.fixture(autouse=True)
def asked(lab: Lab, owner: Actor, study: Study) -> None:
    for spec in (
        QuestionSpec("Grade", QuestionKind.DROP_DOWN, "1;2;3"),
        QuestionSpec("Remark", QuestionKind.FREE_TEXT),
        QuestionSpec("Mitoses", QuestionKind.ANNO_POINTS, "#00ff00"),
    ):
        lab.questions.add(owner, study.id, spec)


@pytest.fixture
def reader(as_user: Callable[..., Actor], study: Study) -> Actor:
    return as_user("reader@lab", rights="score", study=study)


def give(
    lab: Lab,
    actor: Actor,
    slide: Slide,
    value: str,
    *,
    question: str = "Grade",
    author: str = "",
    core: Core | None = None,
    revision: int | None = None,
) -> Answer:
    new = NewAnswer(question, Place(slide.id, core=core), author or actor.user.email, value)
    return lab.results.submit(actor, slide.study_id, new, revision=revision)


def test_answer_is_stored_and_found(lab: Lab, reader: Actor, slide: Slide, clock) -> None:
    answer = give(lab, reader, slide, "2")
    assert (answer.value, answer.author, answer.revision) == ("2", "reader@lab", 1)
    assert (answer.answered_on, answer.answered_by) == (clock.time, reader.user.id)
    assert lab.results.answer(reader, answer.id) == answer
    (row,) = lab.results.own_rows(reader, slide.study_id)
    assert row == ResultRow(
        slide.id,
        "reader@lab",
        "Grade",
        "2",
        slide_name="CMU-1",
        case_name="C1",
        answered_on=clock.time,
        answer_id=answer.id,
        revision=1,
    )


def test_later_answer_takes_the_place_of_the_earlier_one(
    lab: Lab, owner: Actor, reader: Actor, slide: Slide, clock
) -> None:
    first = give(lab, reader, slide, "2")
    clock.pass_(minutes=1)
    second = give(lab, reader, slide, "3")
    assert (second.id, second.revision, second.value) == (first.id, 2, "3")
    assert [row.value for row in lab.results.rows(owner, slide.study_id)] == ["3"]
    assert lab.results.history(reader, first.id) == [first, second]


def test_equal_answer_is_left_alone(lab: Lab, owner: Actor, reader: Actor, slide, entries) -> None:
    first = give(lab, reader, slide, "2", revision=0)
    drawn = give(lab, reader, slide, POINTS, question="Mitoses")
    count = len(entries())
    answered_on = lab.studies.get(owner, slide.study_id).answered_on
    # Whoever repeats what is stored, as after a lost connection, meets no conflict.
    assert give(lab, reader, slide, "2", revision=0) == first
    assert give(lab, reader, slide, POINTS, question="Mitoses") == drawn
    assert give(lab, reader, slide, "2", author="READER@lab") == first
    assert len(entries()) == count
    assert lab.studies.get(owner, slide.study_id).answered_on == answered_on


def test_stale_revision_is_refused(lab: Lab, reader: Actor, slide: Slide) -> None:
    give(lab, reader, slide, "1", revision=0)
    give(lab, reader, slide, "2", revision=1)
    for stale in (0, 1):
        with pytest.raises(Conflict) as refused:
            give(lab, reader, slide, "3", revision=stale)
        assert refused.value.details["current"] == 2
    assert [row.value for row in lab.results.own_rows(reader, slide.study_id)] == ["2"]


def test_places_and_authors_are_answered_for_one_by_one(
    lab: Lab, owner: Actor, slide: Slide
) -> None:
    case = lab.cases.list(owner, slide.study_id).items[0]
    cores = [Core(0, 0), Core(0, 1, "S1"), Core(1, 0)]
    for core in (None, *cores):
        give(lab, owner, slide, "1", core=core)
        give(lab, owner, slide, "2", core=core, author="model-7")
    about_case = NewAnswer("Grade", Place(case_id=case.id), "model-7", "3")
    lab.results.submit(owner, slide.study_id, about_case)
    rows = lab.results.rows(owner, slide.study_id)
    assert [(row.slide_id, row.author, row.core, row.value) for row in rows] == [
        *(
            (slide.id, author, core, value)
            for core in (None, *cores)
            for author, value in (("owner@localhost", "1"), ("model-7", "2"))
        ),
        (None, "model-7", None, "3"),
    ]
    assert {row.case_name for row in rows} == {"Müller"}


def test_shapes_come_back_as_they_were_drawn(lab: Lab, reader: Actor, slide: Slide) -> None:
    answer = give(lab, reader, slide, POINTS, question="Mitoses")
    assert answer.value == POINTS
    less = give(lab, reader, slide, '[{"x":3,"y":4e0,"note":"ü"}]', question="Mitoses")
    assert less.value == '[{"x":3,"y":4e0,"note":"ü"}]'
    none = give(lab, reader, slide, "[]", question="Mitoses")
    assert (none.value, none.revision) == ("[]", 3)
    history = lab.results.history(reader, answer.id)
    assert [each.value for each in history] == [POINTS, less.value, "[]"]


def test_history_outlives_shapes_that_come_back(lab: Lab, reader: Actor, slide: Slide) -> None:
    values = [
        '[{"x":1,"y":1},{"x":2,"y":2},{"x":3,"y":3}]',
        '[{"x":3,"y":3},{"x":1,"y":1}]',
        '[{"x":4,"y":4},{"x":3,"y":3},{"x":3,"y":3},{"x":2,"y":2}]',
        "[]",
        '[{"x":1,"y":1},{"x":2,"y":2},{"x":3,"y":3}]',
    ]
    answers = [give(lab, reader, slide, value, question="Mitoses") for value in values]
    assert [answer.value for answer in answers] == values
    history = lab.results.history(reader, answers[0].id)
    assert [(each.revision, each.value) for each in history] == list(enumerate(values, start=1))


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("Grade", "4"),
        ("Mitoses", "none"),
        ("Mitoses", '[{"x": NaN, "y": 1}]'),
        ("Mitoses", '{"x": 1}'),
        ("Mitoses", "anno2 123"),
        ("Remark", "[{no JSON"),
    ],
)
def test_what_is_no_answer_is_refused(
    lab: Lab, reader: Actor, slide: Slide, question: str, value: str
) -> None:
    with pytest.raises(Invalid):
        give(lab, reader, slide, value, question=question)
    assert lab.results.own_rows(reader, slide.study_id) == []


def test_what_is_not_in_the_study_is_not_found(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    def give_about(place: Place, question: str = "Grade") -> None:
        lab.results.submit(owner, study.id, NewAnswer(question, place, "a", "1"))

    for place in (Place(99), Place(case_id=99), Place(slide.id, case_id=99), Place(1 << 70)):
        with pytest.raises(NotFound):
            give_about(place)
    with pytest.raises(NotFound):
        give_about(Place(slide.id), "Unasked")
    for place in (Place(), Place(case_id=1, core=Core(0, 0))):
        with pytest.raises(Invalid):
            give_about(place)


def test_nobody_answers_in_the_name_of_others(lab: Lab, reader: Actor, slide: Slide) -> None:
    with pytest.raises(NotAllowed):
        give(lab, reader, slide, "2", author="other@lab")


def test_answers_of_others_are_not_seen(
    lab: Lab, owner: Actor, reader: Actor, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    theirs = give(lab, owner, slide, "1")
    mine = give(lab, reader, slide, "2")
    assert [row.answer_id for row in lab.results.own_rows(reader, slide.study_id)] == [mine.id]
    with pytest.raises(NotAllowed):
        lab.results.answer(reader, theirs.id)
    with pytest.raises(NotFound):
        lab.results.answer(as_user("stranger@lab"), theirs.id)
    assert lab.results.answer(owner, mine.id) == mine


def test_rows_are_some_or_all(lab: Lab, owner: Actor, slide: Slide) -> None:
    give(lab, owner, slide, "1", author="a")
    give(lab, owner, slide, "2", author="B")
    give(lab, owner, slide, "x", author="a", question="Remark")
    case = slide.case_id

    def values(**wanted) -> list[str]:
        return [row.value for row in lab.results.rows(owner, slide.study_id, **wanted)]

    assert values() == ["1", "2", "x"]
    assert values(author="b") == ["2"]
    assert values(question="Remark", author="a") == ["x"]
    assert values(slide_id=slide.id, question="Grade") == ["1", "2"]
    assert values(case_id=case) == ["1", "2", "x"]
    for nothing in ({"slide_id": 99}, {"case_id": 99}, {"slide_id": 1 << 70}, {"author": "c"}):
        assert values(**nothing) == []


def test_private_names_of_cases_are_for_those_who_may_see_them(
    lab: Lab, owner: Actor, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    give(lab, owner, slide, "1")
    shown = {
        rights: lab.results.rows(as_user(email, rights=rights, study=study), study.id)
        for email, rights in (("r@lab", "results"), ("p@lab", "results private"))
    }
    assert shown["results"][0].case_name == "C1"
    assert shown["results private"][0].case_name == "Müller"


def test_studies_that_got_answers_since(
    lab: Lab, owner: Actor, study: Study, slide: Slide, clock, as_user: Callable[..., Actor]
) -> None:
    lab.studies.create(owner, "quiet")
    before = clock.time
    assert lab.results.updated_since(owner, datetime(2000, 1, 1, tzinfo=UTC)) == []
    clock.pass_(seconds=5)
    give(lab, owner, slide, "1")
    assert lab.results.updated_since(owner, before) == [study.id]
    assert lab.results.updated_since(owner, clock.time) == []
    assert lab.results.updated_since(as_user("r@lab", rights="score", study=study), before) == []


def test_every_answer_is_audited(lab: Lab, reader: Actor, slide: Slide, entries) -> None:
    give(lab, reader, slide, "1")
    give(lab, reader, slide, "2")
    give(lab, reader, slide, POINTS, question="Mitoses")
    made, changed, drawn = [each for each in entries() if each.kind == "answer"]
    assert (made.verb, changed.verb, drawn.verb) == ("create", "change", "create")
    assert '"value":"1"' in changed.before
    assert '"value":"2"' in changed.after
    # Shapes can be millions, and the history has them.
    assert "1.50" not in drawn.after
