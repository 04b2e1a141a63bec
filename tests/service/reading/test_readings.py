"""What readers are shown, and what is kept from them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wsi_lab.errors import NotAllowed, NotFound
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question
from wsi_lab.model.reading import ReadingSettings, SlideOfCase, items_of
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab

BLIND = {"hideslidenames": "true", "shufflecases": "true", "shuffleseed": "7"}


def test_reader_gets_all_items_in_their_own_order(
    lab: Lab, study: Study, slides: list[Slide], set_up, anna: Actor, ben: Actor
) -> None:
    set_up(**BLIND)
    rows = [SlideOfCase(each.id, each.case_id) for each in slides]
    for reader in (anna, ben):
        items = items_of(ReadingSettings.of(BLIND), reader.user.email, rows)
        found = lab.readings.open(reader, study.id)
        assert [each.number for each in found.items] == [1, 2, 3, 4, 5]
        assert [lab.readings.slide_id(reader, study.id, number) for number in range(1, 6)] == [
            slide_id for item in items for slide_id in item.slide_ids
        ]
    assert lab.readings.numbers(anna, study.id) != lab.readings.numbers(ben, study.id)


def test_blind_reader_is_told_numbers_instead_of_names(
    lab: Lab, study: Study, set_up, anna: Actor
) -> None:
    set_up(**BLIND)
    found = lab.readings.open(anna, study.id)
    assert [each.name for each in found.items] == [f"Slide {number}" for number in range(1, 6)]
    assert lab.readings.item(anna, study.id, 2).name == "Slide 2"
    set_up(**BLIND, scorecases="true")
    cases = lab.readings.open(anna, study.id).items
    assert [len(each.slides) for each in cases].count(2) == 2
    named = {each.name for each in cases} | {s.name for each in cases for s in each.slides}
    assert all(name.startswith(("Case ", "Slide ")) for name in named)


def test_names_are_told_where_they_are_not_hidden(
    lab: Lab, owner: Actor, study: Study, slides: list[Slide], set_up, anna: Actor
) -> None:
    set_up(scorecases="true")
    (first, second) = lab.cases.list(owner, study.id).items
    lab.cases.change(owner, first.id, revision=first.revision, public_name="C1")
    items = lab.readings.open(anna, study.id).items
    assert [each.name for each in items] == ["C1", second.public_name, "slide 2"]
    assert [each.name for each in items[0].slides] == ["slide 0", "slide 3"]
    # The name of a case without one tells its id, and so the order of the study.
    set_up(scorecases="true", shufflecases="true", shuffleseed="7")
    found = {each.name for each in lab.readings.open(anna, study.id).items}
    assert second.public_name not in found
    assert "C1" in found


def test_item_has_its_slides_as_a_viewer_needs_them(
    lab: Lab, study: Study, set_up, anna: Actor
) -> None:
    set_up(scorecases="true", **BLIND)
    for item in lab.readings.open(anna, study.id).items:
        page = lab.readings.item(anna, study.id, item.number)
        assert [each for each, _ in page.slides] == list(item.slides)
        assert all(shown.properties.width == 2220 for _, shown in page.slides)


@pytest.mark.parametrize("number", [0, 6, -1, 2**62])
def test_item_of_another_number_is_not_there(
    lab: Lab, study: Study, set_up, anna: Actor, number: int
) -> None:
    set_up()
    with pytest.raises(NotFound, match="in this reading"):
        lab.readings.item(anna, study.id, number)
    with pytest.raises(NotFound, match="in this reading"):
        lab.readings.slide_id(anna, study.id, number)


def test_study_that_is_not_published_is_open_to_those_who_set_it_up_only(
    lab: Lab, owner: Actor, study: Study, questions, as_user, anna: Actor
) -> None:
    editor = as_user("editor@lab", rights="score edit", study=study)
    assert len(lab.readings.open(editor, study.id).items) == 5
    asks: list[Callable[[], object]] = [
        lambda: lab.readings.open(anna, study.id),
        lambda: lab.readings.item(anna, study.id, 1),
        lambda: lab.readings.slide_id(anna, study.id, 1),
        lambda: lab.readings.note_time(anna, study.id, 1, key="a", seconds=1),
    ]
    for ask in asks:
        with pytest.raises(NotAllowed, match="not open to readers yet"):
            ask()
    lab.studies.publish(owner, study.id)
    for ask in asks:
        ask()
    lab.studies.unpublish(owner, study.id)
    for ask in asks:
        with pytest.raises(NotAllowed, match="not open to readers yet"):
            ask()


def test_members_who_may_not_score_read_nothing(lab: Lab, study: Study, set_up, as_user) -> None:
    set_up()
    with pytest.raises(NotAllowed):
        lab.readings.open(as_user("viewer@lab", rights="view", study=study), study.id)
    with pytest.raises(NotFound):
        lab.readings.open(as_user("stranger@lab"), study.id)


def test_questions_say_whether_they_are_needed(lab: Lab, study: Study, set_up, anna: Actor) -> None:
    set_up()
    found = lab.readings.open(anna, study.id)
    assert {each.question.name: each.is_needed for each in found.questions} == {
        "Grade": True,
        "Percent": True,
        "Remark": False,
        "Mitoses": True,
    }
    assert {each.needed for each in found.items} == {3}


def test_others_are_shown_after_ones_own_answer_where_the_study_shows_them(
    lab: Lab,
    owner: Actor,
    study: Study,
    slides: list[Slide],
    questions: dict[str, Question],
    set_up,
    anna: Actor,
) -> None:
    for name, value in (("Grade", "3"), ("Percent", "10")):
        new = NewAnswer(name, Place(slides[0].id), "ben@lab", value)
        lab.results.submit(owner, study.id, new)
    for settings, shown in (({}, False), ({"showotherpeoplesscores": "true"}, True)):
        set_up(**settings)
        number = lab.readings.numbers(anna, study.id)[slides[0].id]
        lab.readings.answer(
            anna, study.id, number, question_id=questions["Grade"].id, value="1", revision=0
        )
        others = lab.readings.item(anna, study.id, number).others
        assert [(each.reader, each.value) for each in others] == [("ben@lab", "3")] * shown


def test_numbers_are_known_at_once_until_something_of_them_changes(
    lab: Lab, owner: Actor, study: Study, slides: list[Slide], questions, set_up, anna: Actor
) -> None:
    set_up()
    at_once = lab.readings.slide_id_at_once
    assert at_once(anna, study.id, 5) is None
    last = lab.readings.slide_id(anna, study.id, 5)
    assert at_once(anna, study.id, 5) == last == slides[2].id
    # An answer changes nothing of it.
    lab.readings.answer(anna, study.id, 5, question_id=questions["Grade"].id, value="1", revision=0)
    assert at_once(anna, study.id, 5) == last
    moved = lab.slides.get(owner, slides[2].id)
    lab.slides.change(owner, moved.id, revision=moved.revision, case_id=slides[0].case_id)
    assert at_once(anna, study.id, 5) is None
    assert lab.readings.slide_id(anna, study.id, 5) == slides[4].id
    set_up(shufflecases="true", shuffleseed="3")
    assert at_once(anna, study.id, 5) is None
    lab.readings.slide_id(anna, study.id, 5)
    lab.studies.remove_member(owner, study.id, "anna@lab")
    assert at_once(anna, study.id, 5) is None
    with pytest.raises(NotFound):
        lab.readings.slide_id(anna, study.id, 5)


def test_veiled_words_are_the_same_for_the_same_and_tell_nothing(lab: Lab, settings) -> None:
    once = lab.readings.veiled("slide 7")
    assert once == lab.readings.veiled("slide 7") != lab.readings.veiled("slide 8")
    lab.close()
    with Lab.open(settings) as again:
        assert again.readings.veiled("slide 7") == once
