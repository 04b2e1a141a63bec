from __future__ import annotations

import pytest

from wsi_lab.errors import Invalid
from wsi_lab.model.question import Question, QuestionKind, checked_question, problem_of


def question(kind: QuestionKind, configuration: str = "") -> Question:
    return Question(1, 1, 0, "Q", kind, configuration, 1)


@pytest.mark.parametrize(
    ("kind", "configuration", "good", "bad"),
    [
        ("Integer", "", ["3", "-3", "+0"], ["3.5", "x", "1e3", "٣", "9" * 19, " 3"]),
        ("Real", "", ["3", "-0.5", ".5", "1e-3"], ["nan", "inf", "1,5", "0x1", "1_0", "-"]),
        ("PercentageOnly", "", ["0", "100", "12.5", "50 %"], ["101", "-1", "many"]),
        ("IntensitiesOnly", "", ["0", "3"], ["4"]),
        ("HScoreOnly", "", ["300"], ["301"]),
        ("DropDown", "a;;B b", ["a", "B b", "b b"], ["c", "a;B b"]),
        ("ClickFriendlyPollOnly", "yes;;no", ["yes"], ["maybe"]),
        ("PositiveNegativeOnly", "", ["Positive", "negative"], ["both"]),
        ("Checkbox", "", ["True", "false", "1"], ["2"]),
        ("FreeText", "", ["anything\nat all"], []),
        ("Percentage", "", ["12", "not evaluable"], []),
        ("Explanation", "", [], ["I see"]),
        ("AnnoShapes", "#e6194b", ["[]"], []),
    ],
)
def test_answers_are_what_their_question_takes(
    kind: str, configuration: str, good: list[str], bad: list[str]
) -> None:
    asked = question(QuestionKind(kind), configuration)
    assert problem_of(asked, "") is None
    assert {value: problem_of(asked, value) for value in good} == dict.fromkeys(good)
    assert [value for value in bad if problem_of(asked, value) is None] == []


def test_choice_without_options_takes_anything() -> None:
    assert problem_of(question(QuestionKind.DROP_DOWN), "x") is None


def test_kinds_are_numbered_as_slide_score_numbers_them() -> None:
    assert [kind.number for kind in QuestionKind] == list(range(20))
    assert QuestionKind.H_SCORE.number == 15


@pytest.mark.parametrize(
    ("stated", "colour"),
    [("#E6194B;x", "#e6194b"), ("", "#e6194b"), ("red", "#e6194b"), (" #00ff4b ", "#00ff4b")],
)
def test_colour_is_before_the_first_semicolon(stated: str, colour: str) -> None:
    assert question(QuestionKind.ANNO_SHAPES, stated).colour == colour


@pytest.mark.parametrize(
    ("kind", "configuration"), [("Poem", ""), ("", ""), ("Real", "a\nb"), ("Real", "x" * 20_001)]
)
def test_what_is_no_question_is_refused(kind: str, configuration: str) -> None:
    with pytest.raises(Invalid):
        checked_question("Q", kind, configuration)
