"""What readers give: answers, and how long they looked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import shapely

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, QuestionKind, QuestionSpec
from wsi_lab.model.reading import items_of
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab
from wsi_lab.service.reading import order
from wsi_lab.service.reading.pages import OwnAnswer
from wsi_lab.service.transaction import Transactions

BLIND = {"hideslidenames": "true", "shufflecases": "true", "shuffleseed": "7"}
POINT = Feature(ShapeKind.POINT, shapely.Point(10, 20))


@pytest.fixture
def give(lab: Lab, study: Study, questions: dict[str, Question], anna: Actor):
    def give(number: int, name: str, value: str, revision: int = 0, **more: Any) -> OwnAnswer:
        return lab.readings.answer(
            more.pop("by", anna),
            study.id,
            number,
            question_id=questions[name].id,
            value=value,
            revision=revision,
            **more,
        )

    return give


def test_answer_is_about_the_slide_of_that_number_and_by_the_reader(
    lab: Lab, owner: Actor, study: Study, set_up, give, anna: Actor, clock, entries
) -> None:
    set_up(**BLIND)
    given = give(4, "Grade", "2")
    assert (given.value, given.revision, given.answered_on) == ("2", 1, clock.time)
    (row,) = lab.results.rows(owner, study.id)
    assert (row.author, row.question, row.value) == ("anna@lab", "Grade", "2")
    assert row.slide_id == lab.readings.slide_id(anna, study.id, 4)
    (entry,) = [each for each in entries() if each.kind == "answer"]
    assert entry.door == "reading"


def test_reader_goes_on_where_they_stopped(
    lab: Lab, study: Study, set_up, give, anna: Actor, ben: Actor
) -> None:
    set_up(**BLIND)
    give(2, "Grade", "2")
    give(2, "Percent", "35")
    give(2, "Remark", "odd")
    give(3, "Grade", "1")
    counts = [(each.answered, each.needed) for each in lab.readings.open(anna, study.id).items]
    assert counts == [(0, 3), (2, 3), (1, 3), (0, 3), (0, 3)]
    told = {each.question_id: each.value for each in lab.readings.item(anna, study.id, 2).answers}
    assert sorted(told.values()) == ["2", "35", "odd"]
    assert {each.answered for each in lab.readings.open(ben, study.id).items} == {0}


def test_answer_that_is_equal_changes_nothing_whatever_its_revision(
    lab: Lab, set_up, give, clock, entries
) -> None:
    set_up()
    first = give(1, "Grade", "2")
    count = len(entries())
    clock.pass_(minutes=1)
    assert give(1, "Grade", "2", revision=0) == first
    assert len(entries()) == count


def test_answer_from_another_revision_is_a_conflict_that_tells_the_present_one(
    set_up, give
) -> None:
    set_up()
    give(1, "Grade", "2")
    now = give(1, "Grade", "3", revision=1)
    for stale in (0, 1, 7):
        with pytest.raises(Conflict) as refused:
            give(1, "Grade", "1", revision=stale)
        assert refused.value.details["current"] == now
    with pytest.raises(Conflict) as refused:
        give(2, "Grade", "1", revision=4)
    assert refused.value.details["current"] is None


@pytest.mark.parametrize(
    "forbidding", [{"disallowrewritingscores": "true"}, {"allowchangingscores": "false"}]
)
def test_answers_stay_as_they_are_where_changing_them_is_forbidden(
    lab: Lab, study: Study, set_up, give, as_user, anna: Actor, forbidding: dict[str, str]
) -> None:
    set_up(**forbidding)
    assert not lab.readings.open(anna, study.id).may_change
    first = give(1, "Grade", "2")
    for value in ("3", ""):
        with pytest.raises(NotAllowed, match="cannot be changed"):
            give(1, "Grade", value, revision=1)
    # To repeat it, as after a lost connection, is no change.
    assert give(1, "Grade", "2", revision=0) == first
    give(1, "Percent", "3")
    admin = as_user("admin@lab", rights="score admin", study=study)
    give(1, "Grade", "1", by=admin)
    assert give(1, "Grade", "3", revision=1, by=admin).value == "3"
    assert lab.readings.open(admin, study.id).may_change


@pytest.mark.parametrize(("name", "value"), [("Grade", "4"), ("Percent", "101"), ("Percent", "x")])
def test_what_is_no_answer_is_refused(set_up, give, name: str, value: str) -> None:
    set_up()
    with pytest.raises(Invalid, match=name):
        give(1, name, value)


def test_question_of_another_study_is_not_there(
    lab: Lab, owner: Actor, study: Study, set_up, anna: Actor
) -> None:
    set_up()
    with pytest.raises(NotFound, match="question"):
        lab.readings.answer(anna, study.id, 1, question_id=10**9, value="1", revision=0)


def test_case_is_answered_about_as_a_whole_where_cases_are_scored(
    lab: Lab, owner: Actor, study: Study, slides: list[Slide], set_up, give, anna: Actor
) -> None:
    set_up(scorecases="true")
    give(1, "Grade", "2")
    give(3, "Grade", "1")
    found = [(each.slide_id, each.value) for each in lab.results.rows(owner, study.id)]
    assert found == [(None, "2"), (slides[2].id, "1")]
    assert [each.answered for each in lab.readings.open(anna, study.id).items] == [1, 0, 1]
    with pytest.raises(Invalid, match="not their cores"):
        give(1, "Percent", "1", core=(0, 0))


def test_what_is_drawn_on_any_slide_of_a_case_answers_for_it(
    lab: Lab,
    study: Study,
    slides: list[Slide],
    questions: dict[str, Question],
    set_up,
    give,
    anna: Actor,
) -> None:
    set_up(scorecases="true")
    layer = questions["Mitoses"].id
    for slide in (slides[0], slides[3]):
        lab.drawing.add(anna, slide.id, layer, [(None, POINT), (None, POINT)])
    give(2, "Mitoses", "[]")
    items = lab.readings.open(anna, study.id).items
    assert [each.answered for each in items] == [1, 1, 0]
    told = [lab.readings.item(anna, study.id, number).answers for number in (1, 2)]
    assert [each.shape_count for answers in told for each in answers] == [4, 0]
    with pytest.raises(Conflict, match="remove them"):
        give(1, "Mitoses", "[]")
    with pytest.raises(Invalid, match="on a slide"):
        give(2, "Mitoses", '[{"x": 1, "y": 2}]')


def test_nothing_to_mark_is_an_answer(
    lab: Lab, study: Study, set_up, give, questions, anna: Actor
) -> None:
    set_up()
    given = give(1, "Mitoses", "[]")
    assert (given.value, given.shape_count) == ("", 0)
    assert lab.readings.open(anna, study.id).items[0].answered == 1
    slide = lab.readings.slide_id(anna, study.id, 2)
    lab.drawing.add(anna, slide, questions["Mitoses"].id, [(None, POINT)])
    (drawn,) = lab.readings.item(anna, study.id, 2).answers
    assert (drawn.value, drawn.shape_count, drawn.revision) == ("", 1, 1)
    cleared = give(2, "Mitoses", "[]", revision=1)
    assert (cleared.shape_count, cleared.revision) == (0, 2)


def test_nothing_to_mark_is_for_good_where_changing_is_forbidden(
    lab: Lab, study: Study, set_up, give, questions, anna: Actor
) -> None:
    set_up(disallowrewritingscores="true")
    give(1, "Mitoses", "[]")
    layer, numbers = questions["Mitoses"].id, lab.readings.numbers(anna, study.id)
    slide_ids = {number: slide_id for slide_id, number in numbers.items()}
    with pytest.raises(NotAllowed, match="cannot be changed"):
        lab.readings.check_may_draw(anna, study.id, layer, slide_ids[1])
    lab.readings.check_may_draw(anna, study.id, layer, slide_ids[2])


def test_slide_that_went_meanwhile_is_nothing_that_was_answered_for_good(
    lab: Lab, owner: Actor, study: Study, set_up, questions, anna: Actor
) -> None:
    set_up(disallowrewritingscores="true", scorecases="true")
    slide = lab.readings.slide_id(anna, study.id, 1)
    lab.slides.remove(owner, slide, revision=lab.slides.get(owner, slide).revision)
    lab.readings.check_may_draw(anna, study.id, questions["Mitoses"].id, slide)


@pytest.fixture
def before_writing(monkeypatch: pytest.MonkeyPatch):
    """Return a function that lets something happen once, just before the next change."""

    def before_writing(happens: Callable[[], object]) -> None:
        write = Transactions.write

        def late(*given: Any) -> Any:
            monkeypatch.setattr(Transactions, "write", write)
            happens()
            return write(*given)

        monkeypatch.setattr(Transactions, "write", late)

    return before_writing


def test_answer_and_time_are_of_what_has_the_number_when_they_are_stored(
    lab: Lab, owner: Actor, study: Study, set_up, give, anna: Actor, before_writing
) -> None:
    set_up(**BLIND, timecases="true")
    first = lab.readings.slide_id(anna, study.id, 1)

    def remove_first() -> None:
        slide = lab.readings.slide_id(anna, study.id, 1)
        lab.slides.remove(owner, slide, revision=lab.slides.get(owner, slide).revision)

    before_writing(remove_first)
    give(1, "Grade", "2")
    second = lab.readings.slide_id(anna, study.id, 1)
    (row,) = lab.results.rows(owner, study.id)
    assert row.slide_id == second != first
    before_writing(remove_first)
    lab.readings.note_time(anna, study.id, 1, key="visit", seconds=2)
    (time,) = lab.reports.times(owner, study.id)
    assert time.slide_id == lab.readings.slide_id(anna, study.id, 1) != second
    before_writing(lambda: set_up(scorecases="true"))
    give(1, "Percent", "3")
    assert {row.slide_id for row in lab.results.rows(owner, study.id, question="Percent")} == {None}


def test_answer_that_the_question_takes_no_more_is_refused(
    lab: Lab, owner: Actor, study: Study, questions, set_up, give, before_writing
) -> None:
    set_up()
    grade = questions["Grade"]
    spec = QuestionSpec("Grade", QuestionKind.DROP_DOWN, "low;high")
    before_writing(lambda: lab.questions.change(owner, grade.id, spec=spec))
    with pytest.raises(Invalid, match="Grade"):
        give(1, "Grade", "2")
    assert lab.results.rows(owner, study.id) == []


def test_slides_are_put_in_order_once_for_an_answer(
    monkeypatch: pytest.MonkeyPatch, lab: Lab, study: Study, set_up, give, anna: Actor
) -> None:
    set_up(timecases="true")
    orders = []

    def counted(*given: Any) -> Any:
        orders.append(given)
        return items_of(*given)

    monkeypatch.setattr(order, "items_of", counted)
    give(1, "Grade", "2")
    assert len(orders) == 1
    lab.readings.note_time(anna, study.id, 1, key="visit", seconds=2)
    assert len(orders) == 2


@pytest.fixture
def cores(lab: Lab, owner: Actor, study: Study, slides: list[Slide]) -> None:
    """Three cores, one of them a control, on the first slide."""
    text = "controls: K\n\nA\tB\nK\n"
    lab.tma_maps.create(owner, study.id, "tma.map", text)
    lab.tma_maps.assign(owner, study.id, slides[0].id, "tma.map")


def test_cores_are_answered_about_one_by_one(
    lab: Lab, owner: Actor, study: Study, cores, set_up, give, anna: Actor
) -> None:
    set_up()
    item = lab.readings.open(anna, study.id).items[0]
    # Two questions in words for two cores, and shapes once; the control needs none.
    assert (item.core_count, item.needed) == (3, 5)
    page = lab.readings.item(anna, study.id, 1)
    assert [(each.row, each.column, each.sample, each.is_control) for each in page.cores] == [
        (0, 0, "A", False),
        (0, 1, "B", False),
        (1, 0, "K", True),
    ]
    assert page.cores[1].box == (1110.0, 0.0, 1110.0, 1483.5)
    give(1, "Grade", "2", core=(0, 1))
    give(1, "Grade", "3", core=(1, 0))
    give(1, "Grade", "1", core=(0, 0))
    told = lab.readings.item(anna, study.id, 1).answers
    assert {each.core: each.value for each in told} == {(0, 0): "1", (0, 1): "2", (1, 0): "3"}
    assert lab.readings.open(anna, study.id).items[0].answered == 2
    assert {row.core.sample for row in lab.results.rows(owner, study.id) if row.core} == set("ABK")


def test_core_must_be_named_and_be_there(cores, set_up, give) -> None:
    set_up()
    with pytest.raises(Invalid, match="name the one"):
        give(1, "Grade", "2")
    with pytest.raises(NotFound, match="no core in row 1 and column 1"):
        give(1, "Grade", "2", core=(1, 1))
    with pytest.raises(NotFound, match="no core"):
        give(2, "Grade", "2", core=(0, 0))
    with pytest.raises(Invalid, match="about the slide"):
        give(1, "Mitoses", "[]", core=(0, 0))


def test_samples_are_hidden_with_the_names(
    lab: Lab, study: Study, cores, set_up, anna: Actor
) -> None:
    set_up(hideslidenames="true")
    assert {each.sample for each in lab.readings.item(anna, study.id, 1).cores} == {""}
    set_up(hideslidenames="true", showtmasampleids="true")
    assert {each.sample for each in lab.readings.item(anna, study.id, 1).cores} == set("ABK")


def test_longest_time_of_a_visit_counts(
    lab: Lab, owner: Actor, study: Study, slides: list[Slide], set_up, anna: Actor, clock
) -> None:
    set_up(timecases="true")
    started = clock.time
    for after, seconds in ((5, 5.0), (7, 12.5), (0, 12.5), (1, 3.0)):
        clock.pass_(seconds=after)
        lab.readings.note_time(anna, study.id, 5, key="visit", seconds=seconds)
    lab.readings.note_time(anna, study.id, 5, key="another", seconds=1)
    times = lab.reports.times(owner, study.id)
    assert [(each.reader, each.slide_id, each.case_id, each.seconds) for each in times] == [
        ("anna@lab", slides[2].id, None, 12.5),
        ("anna@lab", slides[2].id, None, 1.0),
    ]
    assert times[0].opened_on == started


def test_time_is_kept_of_cases_where_they_are_scored(
    lab: Lab, owner: Actor, study: Study, slides: list[Slide], set_up, anna: Actor
) -> None:
    set_up(timecases="true", scorecases="true")
    lab.readings.note_time(anna, study.id, 1, key="visit", seconds=2)
    (time,) = lab.reports.times(owner, study.id)
    assert (time.slide_id, time.case_id) == (None, slides[0].case_id)


def test_time_is_not_kept_where_the_study_does_not_ask_for_it(
    lab: Lab, owner: Actor, study: Study, set_up, anna: Actor
) -> None:
    set_up()
    lab.readings.note_time(anna, study.id, 1, key="visit", seconds=2)
    assert lab.reports.times(owner, study.id) == []


@pytest.mark.parametrize(
    ("key", "seconds"),
    [("", 1), ("x" * 101, 1), ("a\n", 1), ("a", -1), ("a", math.nan), ("a", math.inf), ("a", 1e9)],
)
def test_time_that_is_none_is_refused(
    lab: Lab, study: Study, set_up, anna: Actor, key: str, seconds: float
) -> None:
    set_up(timecases="true")
    with pytest.raises(Invalid):
        lab.readings.note_time(anna, study.id, 1, key=key, seconds=seconds)
