"""How far readers are."""

from __future__ import annotations

import dataclasses

import pytest

from wsi_lab.errors import NotAllowed
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, QuestionKind, QuestionSpec
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.task import TaskSettings
from wsi_lab.service.lab import Lab


def figures(lab: Lab, owner: Actor, study: Study) -> dict[str, tuple[int, int, int, int]]:
    return {
        each.reader: (each.answered, each.needed, each.items_done, each.items)
        for each in lab.reports.progress(owner, study.id)
    }


@pytest.fixture
def answer(lab: Lab, study: Study, questions: dict[str, Question]):
    def answer(reader: Actor, number: int, **values: str) -> None:
        for name, value in values.items():
            lab.readings.answer(
                reader, study.id, number, question_id=questions[name].id, value=value, revision=0
            )

    return answer


def test_progress_counts_answers_and_items_of_every_reader(
    lab: Lab, owner: Actor, study: Study, set_up, answer, anna: Actor, ben: Actor, clock
) -> None:
    set_up(hideslidenames="true", shufflecases="true", timecases="true")
    answer(anna, 1, Grade="1", Percent="10", Mitoses="[]", Remark="odd")
    clock.pass_(minutes=1)
    answer(anna, 2, Grade="1")
    lab.readings.note_time(anna, study.id, 1, key="a", seconds=4)
    lab.readings.note_time(anna, study.id, 2, key="b", seconds=2.5)
    assert figures(lab, owner, study) == {"anna@lab": (4, 15, 1, 5), "ben@lab": (0, 15, 0, 5)}
    first, second = lab.reports.progress(owner, study.id)
    assert (first.answered_on, first.seconds) == (clock.time, 6.5)
    assert (second.answered_on, second.seconds) == (None, None)
    # What is told readers one by one is what is told of all.
    opened = lab.readings.open(anna, study.id).items
    assert sum(each.answered for each in opened) == first.answered


def test_answers_from_elsewhere_count_under_any_spelling_of_their_author(
    lab: Lab, owner: Actor, study: Study, slides: list[Slide], set_up, answer, anna: Actor
) -> None:
    set_up()
    answer(anna, 1, Grade="1")
    for author, slide in (("ANNA@lab", slides[1]), ("model-7", slides[1])):
        new = NewAnswer("Grade", Place(slide.id), author, "2")
        lab.results.submit(owner, study.id, new)
    assert figures(lab, owner, study) == {"anna@lab": (2, 15, 0, 5), "model-7": (1, 15, 0, 5)}


def test_answer_that_was_taken_back_does_not_count(
    lab: Lab, owner: Actor, study: Study, questions, set_up, answer, anna: Actor
) -> None:
    set_up()
    answer(anna, 1, Grade="1")
    lab.readings.answer(anna, study.id, 1, question_id=questions["Grade"].id, value="", revision=1)
    assert figures(lab, owner, study)["anna@lab"] == (0, 15, 0, 5)


def test_cases_count_where_they_are_scored(
    lab: Lab, owner: Actor, study: Study, slides: list[Slide], set_up, answer, anna: Actor
) -> None:
    set_up()
    answer(anna, 1, Grade="1", Percent="1", Mitoses="[]")
    set_up(scorecases="true")
    # Of what was said of a slide only shapes are about its case.
    assert figures(lab, owner, study) == {"anna@lab": (1, 9, 0, 3)}
    answer(anna, 1, Grade="1", Percent="1")
    answer(anna, 3, Grade="1", Percent="1", Mitoses="[]")
    assert figures(lab, owner, study) == {"anna@lab": (6, 9, 2, 3)}


def test_cores_count_one_by_one_but_controls_do_not(
    lab: Lab, owner: Actor, study: Study, slides, questions, set_up, answer, anna: Actor
) -> None:
    lab.tma_maps.create(owner, study.id, "tma.map", "controls: K\n\nA\tB\nK\n")
    lab.tma_maps.assign(owner, study.id, slides[0].id, "tma.map")
    set_up()
    for core in ((0, 0), (0, 1), (1, 0)):
        for name in ("Grade", "Percent"):
            lab.readings.answer(
                anna,
                study.id,
                1,
                question_id=questions[name].id,
                value="1",
                revision=0,
                core=core,
            )
    assert figures(lab, owner, study)["anna@lab"] == (4, 17, 0, 5)
    answer(anna, 1, Mitoses="[]")
    assert figures(lab, owner, study)["anna@lab"] == (5, 17, 1, 5)
    # What was said of the slide before it had a map is about no core.
    new = NewAnswer("Grade", Place(slides[0].id), "ben@lab", "2")
    lab.results.submit(owner, study.id, new)
    assert figures(lab, owner, study)["ben@lab"] == (0, 17, 0, 5)


def test_nobody_waits_for_answers_to_restricted_tasks_and_removed_questions(
    lab: Lab, owner: Actor, study: Study, questions, set_up, anna: Actor
) -> None:
    set_up()
    lab.tasks.create(owner, study.id, TaskSettings("secret", is_restricted=True))
    assert figures(lab, owner, study)["anna@lab"] == (0, 15, 0, 5)
    grade = lab.questions.get(owner, questions["Grade"].id)
    lab.questions.remove(owner, grade.id, revision=grade.revision)
    assert figures(lab, owner, study)["anna@lab"] == (0, 10, 0, 5)


def test_study_without_questions_or_slides_has_nothing_to_do(
    lab: Lab, owner: Actor, study: Study, anna: Actor
) -> None:
    (progress,) = lab.reports.progress(owner, study.id)
    assert dataclasses.astuple(progress) == ("anna@lab", 0, 0, 0, 0, None, None)


def test_cases_of_a_study_without_slides_are_its_items(lab: Lab, owner: Actor, as_user) -> None:
    study = lab.studies.create(owner, "cases")
    as_user("anna@lab", rights="score", study=study)
    lab.questions.add(owner, study.id, QuestionSpec("Grade", QuestionKind.INTEGER))
    first, _ = (lab.cases.create(owner, study.id, name=name) for name in ("A", "B"))
    assert figures(lab, owner, study) == {"anna@lab": (0, 2, 0, 2)}
    lab.results.submit(
        owner, study.id, NewAnswer("Grade", Place(case_id=first.id), "anna@lab", "1")
    )
    assert figures(lab, owner, study) == {"anna@lab": (1, 2, 1, 2)}


def test_reports_need_the_right_results(
    lab: Lab, study: Study, set_up, anna: Actor, as_user
) -> None:
    set_up()
    for report in (lab.reports.progress, lab.reports.times):
        with pytest.raises(NotAllowed):
            report(anna, study.id)
        assert report(as_user("chief@lab", rights="results", study=study), study.id) is not None
