from __future__ import annotations

import pytest

from wsi_lab.errors import Conflict, Invalid, NotFound
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab

GRADE = QuestionSpec("Grade", QuestionKind.DROP_DOWN, "1;2;3")
TUMOUR = QuestionSpec("Tumour", QuestionKind.ANNO_SHAPES, "#e6194b")
REMARK = QuestionSpec("Remark", QuestionKind.FREE_TEXT)


def names(lab: Lab, owner: Actor, study: Study) -> list[str]:
    return [each.name for each in lab.questions.list(owner, study.id)]


def test_questions_come_in_the_order_they_were_added(lab: Lab, owner: Actor, study: Study) -> None:
    added = [lab.questions.add(owner, study.id, each) for each in (GRADE, TUMOUR, REMARK)]
    assert lab.questions.list(owner, study.id) == added
    assert [each.position for each in added] == [0, 1, 2]
    assert lab.questions.get(owner, added[1].id) == added[1]
    assert added[0].options == ("1", "2", "3")


def test_question_is_put_in_its_place(lab: Lab, owner: Actor, study: Study) -> None:
    for each in (GRADE, TUMOUR):
        lab.questions.add(owner, study.id, each)
    remark = lab.questions.add(owner, study.id, REMARK, position=0)
    assert names(lab, owner, study) == ["Remark", "Grade", "Tumour"]
    lab.questions.change(owner, remark.id, position=1)
    assert names(lab, owner, study) == ["Grade", "Remark", "Tumour"]
    lab.questions.change(owner, remark.id, position=99)
    assert names(lab, owner, study) == ["Grade", "Tumour", "Remark"]


def test_change_raises_the_revision_and_is_audited(
    lab: Lab, owner: Actor, study: Study, entries
) -> None:
    question = lab.questions.add(owner, study.id, GRADE)
    wanted = QuestionSpec("Grading", QuestionKind.INTEGER)
    changed = lab.questions.change(owner, question.id, revision=1, spec=wanted)
    assert (changed.name, changed.kind, changed.revision) == ("Grading", QuestionKind.INTEGER, 2)
    assert [(e.verb, e.kind) for e in entries()[-2:]] == [
        ("create", "question"),
        ("change", "question"),
    ]
    count = len(entries())
    assert lab.questions.change(owner, question.id, spec=wanted) == changed
    assert len(entries()) == count
    with pytest.raises(Conflict) as refused:
        lab.questions.change(owner, question.id, revision=1, spec=GRADE)
    assert refused.value.details["current"] == 2


def test_name_is_taken_until_the_question_is_removed(lab: Lab, owner: Actor, study: Study) -> None:
    question = lab.questions.add(owner, study.id, GRADE)
    other = lab.questions.add(owner, study.id, REMARK)
    with pytest.raises(Conflict):
        lab.questions.add(owner, study.id, GRADE)
    with pytest.raises(Conflict):
        lab.questions.change(owner, other.id, spec=GRADE)
    assert names(lab, owner, study) == ["Grade", "Remark"]
    lab.questions.remove(owner, question.id)
    with pytest.raises(NotFound):
        lab.questions.get(owner, question.id)
    lab.questions.add(owner, study.id, GRADE)
    assert names(lab, owner, study) == ["Remark", "Grade"]


def test_answers_of_a_removed_question_are_shown_no_more(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    question = lab.questions.add(owner, study.id, GRADE)
    new = NewAnswer("Grade", Place(slide.id), owner.user.email, "2")
    answer = lab.results.submit(owner, study.id, new)
    lab.questions.remove(owner, question.id)
    assert lab.results.rows(owner, study.id) == []
    with pytest.raises(NotFound):
        lab.results.answer(owner, answer.id)
    lab.questions.add(owner, study.id, GRADE)
    assert lab.results.rows(owner, study.id) == []


def test_question_with_answers_stays_drawn_or_not(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    question = lab.questions.add(owner, study.id, GRADE)
    lab.questions.change(owner, question.id, spec=TUMOUR)
    lab.questions.change(owner, question.id, spec=GRADE)
    lab.results.submit(owner, study.id, NewAnswer("Grade", Place(slide.id), owner.user.email, "2"))
    with pytest.raises(Conflict, match="has answers"):
        lab.questions.change(owner, question.id, spec=TUMOUR)
    changed = lab.questions.change(owner, question.id, spec=REMARK)
    assert changed.kind is QuestionKind.FREE_TEXT


@pytest.mark.parametrize("name", ["", "a\tb", "x" * 201])
def test_what_is_no_question_is_refused(lab: Lab, owner: Actor, study: Study, name: str) -> None:
    with pytest.raises(Invalid):
        lab.questions.add(owner, study.id, QuestionSpec(name, QuestionKind.REAL))


@pytest.mark.parametrize("number", [0, -1, 99, 1 << 63])
def test_question_that_there_is_not_is_not_found(lab: Lab, owner: Actor, number: int) -> None:
    with pytest.raises(NotFound):
        lab.questions.change(owner, number, position=0)
    with pytest.raises(NotFound):
        lab.questions.remove(owner, number)
