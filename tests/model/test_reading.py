from __future__ import annotations

import pytest

from wsi_lab.model.case_order import case_order
from wsi_lab.model.reading import ReadingSettings, SlideOfCase, items_of

SLIDES = [SlideOfCase(11, 1), SlideOfCase(12, 2), SlideOfCase(13, None), SlideOfCase(14, 1)]
SHUFFLED = {"shufflecases": "true", "shuffleseed": "7"}


def ids(settings: dict[str, str], reader: str = "anna@lab") -> list[tuple[int, ...]]:
    return [item.slide_ids for item in items_of(ReadingSettings.of(settings), reader, SLIDES)]


def test_slides_of_a_case_stay_together_in_the_order_of_the_study() -> None:
    assert ids({}) == [(11,), (14,), (12,), (13,)]


def test_cases_are_items_where_they_are_scored() -> None:
    items = items_of(ReadingSettings.of({"scorecases": "true"}), "anna@lab", SLIDES)
    assert [(item.slide_ids, item.case_id) for item in items] == [
        ((11, 14), 1),
        ((12,), 2),
        ((13,), None),
    ]
    assert [(item.number, item.first_slide) for item in items] == [(1, 1), (2, 3), (3, 4)]


@pytest.mark.parametrize("reader", ["anna@lab", "ben@lab", "cleo@lab"])
def test_order_of_cases_is_the_one_of_the_seed_and_the_reader(reader: str) -> None:
    slides = {1: [(11,), (14,)], 2: [(12,)], -13: [(13,)]}
    expected = [each for case in case_order(7, reader, slides) for each in slides[case]]
    assert ids(SHUFFLED, reader) == expected


def test_readers_get_different_orders() -> None:
    assert len({tuple(ids(SHUFFLED, f"reader{number}@lab")) for number in range(20)}) > 1


def test_case_that_comes_later_leaves_the_others_in_their_order() -> None:
    settings = ReadingSettings.of(SHUFFLED)
    before = [item.slide_ids for item in items_of(settings, "anna@lab", SLIDES)]
    more = [*SLIDES, SlideOfCase(15, 3)]
    after = [item.slide_ids for item in items_of(settings, "anna@lab", more)]
    assert [each for each in after if each != (15,)] == before


@pytest.mark.parametrize(
    ("settings", "may_change"),
    [
        ({}, True),
        ({"allowchangingscores": "true"}, True),
        ({"allowchangingscores": "false"}, False),
        ({"disallowrewritingscores": "true"}, False),
        ({"disallowrewritingscores": "true", "allowchangingscores": "true"}, False),
    ],
)
def test_answers_may_change_unless_the_study_forbids_it(
    settings: dict[str, str], may_change: bool
) -> None:
    assert ReadingSettings.of(settings).may_change is may_change


def test_samples_are_told_where_names_are_or_where_the_study_says_so() -> None:
    hidden = {"hideslidenames": "true"}
    assert ReadingSettings.of({}).shows_samples
    assert not ReadingSettings.of(hidden).shows_samples
    assert ReadingSettings.of({**hidden, "showtmasampleids": "true"}).shows_samples
