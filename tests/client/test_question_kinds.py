from __future__ import annotations

import pytest

from wsi_lab.client import question_kinds as kinds
from wsi_lab.client.question_lists import questions_of
from wsi_lab.errors import Invalid
from wsi_lab.model.question import QuestionKind


def _made(kind):
    make = kinds.KINDS[kind]
    return make("Q", ["a", "b"]) if kind.has_options else make("Q")


def test_every_kind_has_its_constructor():
    assert set(kinds.KINDS) == set(QuestionKind)
    for kind in QuestionKind:
        question = _made(kind)
        assert question.kind is kind
        assert type(question).__doc__
        assert question == _made(kind)


def test_configurations_are_those_of_slide_score():
    assert kinds.Choice("Grade", [1, 2, 3]).configuration == "1;2;3"
    assert kinds.Poll("P", ("yes", "no")).configuration == "yes;no"
    assert kinds.Points("P", colour="#00ff00").configuration == "#00ff00"
    assert kinds.Shapes("S").configuration == "#e6194b"
    assert kinds.Explanation("E", "Look at the margin.").configuration == "Look at the margin."
    assert kinds.HScore("H").configuration == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda: kinds.Choice("Grade", []),
        lambda: kinds.Choice("Grade", ["a;b"]),
        lambda: kinds.Choice("Grade", ["a", "A"]),
        lambda: kinds.Choice("Grade", ["a", " "]),
        lambda: kinds.Choice("Grade", "abc"),
        lambda: kinds.Shapes("S", colour="red"),
        lambda: kinds.FreeText(" "),
        lambda: kinds.Explanation("E", "a\nb"),
    ],
)
def test_what_is_no_question_cannot_be_made(make):
    with pytest.raises(Invalid):
        make()


def test_questions_are_read_from_constructors_files_and_texts(tmp_path):
    asked = questions_of([kinds.Choice("Grade", ["1", "2"]), kinds.Shapes("Tumour")])
    text = "Grade\tDropDown\t1;2\nTumour;AnnoShapes;#e6194b\n"
    file = tmp_path / "study.x.scores"
    file.write_text(text)
    assert questions_of(text) == questions_of(file) == questions_of(str(file)) == asked
    assert questions_of(kinds.Real("Size")) == [
        {"name": "Size", "kind": "Real", "configuration": ""}
    ]
    assert questions_of(None) == []


def test_what_is_no_list_of_questions_is_told(tmp_path):
    with pytest.raises(Invalid) as refused:
        questions_of("Grade\tNothing\nA\tReal\nB\tNone\n")
    assert len(refused.value.problems) == 2
    with pytest.raises(Invalid, match=r"no file 'gone\.scores'"):
        questions_of(tmp_path / "gone.scores")
    with pytest.raises(TypeError, match="question_kinds"):
        questions_of(["Grade"])
