from __future__ import annotations

import pytest

from wsi_lab.errors import Invalid
from wsi_lab.model.people import Right
from wsi_lab.model.study_plan import (
    PlannedCase,
    PlannedMember,
    PlannedQuestion,
    StudyPlan,
    checked_plan,
)


def test_plan_is_put_in_order() -> None:
    plan = StudyPlan(
        " pilot ",
        settings={"Organ": " breast"},
        cases=(PlannedCase(" H-1 ", " A"),),
        questions=(PlannedQuestion(" Grade", "dropdown", "1;2"),),
        members=(PlannedMember(" anna@lab ", frozenset({"Score"})),),
    )
    checked = checked_plan(plan)
    assert (checked.name, checked.settings) == ("pilot", {"organ": "breast"})
    assert checked.cases == (PlannedCase("H-1", "A"),)
    assert checked.questions == (PlannedQuestion("Grade", "DropDown", "1;2"),)
    assert checked.members == (PlannedMember("anna@lab", frozenset({Right.VIEW, Right.SCORE})),)


def test_every_problem_is_named_at_once() -> None:
    plan = StudyPlan(
        "12",
        "\0",
        settings={"colour": "red", "organ": "a\nb"},
        cases=(PlannedCase(""), PlannedCase("a"), PlannedCase("a")),
        questions=(
            PlannedQuestion("a", "Nothing"),
            PlannedQuestion("b", "Real"),
            PlannedQuestion("b", "Real"),
        ),
        members=(
            PlannedMember("nobody", frozenset({"view"})),
            PlannedMember("a@lab", frozenset({"fly"})),
            PlannedMember("b@lab", frozenset()),
            PlannedMember("c@lab", frozenset({"view"})),
            PlannedMember("C@LAB", frozenset({"view"})),
        ),
    )
    with pytest.raises(Invalid, match=r"No study was made: .*\(11 more problems\.\)") as refused:
        checked_plan(plan)
    assert len(refused.value.problems) == 12
