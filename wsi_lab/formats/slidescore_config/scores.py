"""Questions: ``study.<name>.scores``."""

from __future__ import annotations

from collections.abc import Iterable

from wsi_lab.errors import Invalid
from wsi_lab.formats.safe import quoted
from wsi_lab.formats.slidescore_config.lines import each_line, file_of
from wsi_lab.model.question import QuestionSpec, checked_question


def parse_question(line: str) -> QuestionSpec:
    r"""Return the question of one line: name, type and configuration, between tabs or ``;``.

    Raises
    ------
    Invalid
        The line names no type, or one that there is not.

    Examples
    --------
    >>> parse_question("Grade;DropDown;1;2;3")
    QuestionSpec(name='Grade', kind=<QuestionKind.DROP_DOWN: 'DropDown'>, configuration='1;2;3')
    """
    line = line.strip("\r\n")
    fields = line.split("\t" if "\t" in line else ";", 2)
    if len(fields) < 2:
        raise Invalid("A question has a name and a type, for example 'Tumour;AnnoShapes;#e6194b'.")
    return checked_question(*fields)


def parse_scores(text: str | bytes) -> tuple[list[QuestionSpec], list[str]]:
    """Return the questions of a ``.scores`` file."""
    questions: dict[str, QuestionSpec] = {}

    def read(_: int, line: str) -> None:
        question = parse_question(line)
        if question.name in questions:
            raise Invalid(f"names the question {quoted(question.name)} a second time")
        questions[question.name] = question

    problems = each_line(text, read)
    return list(questions.values()), problems


def scores_text(questions: Iterable[QuestionSpec]) -> str:
    r"""Return the ``.scores`` file of questions.

    Examples
    --------
    >>> scores_text([parse_question("Grade;DropDown;1;2;3")])
    'Grade\tDropDown\t1;2;3\n'
    """
    return file_of(
        "\t".join((each.name, each.kind, each.configuration)[: 3 if each.configuration else 2])
        for each in questions
    )
