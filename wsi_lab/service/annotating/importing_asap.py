"""ASAP documents as they come in: each colour is the answer to one question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from wsi_lab.errors import Invalid
from wsi_lab.model.annotation import Shape, ShapeKind
from wsi_lab.model.answer import ImportReport, Place
from wsi_lab.model.people import Action
from wsi_lab.model.question import DEFAULT_COLOUR, Question, QuestionKind, QuestionSpec
from wsi_lab.model.study import Study
from wsi_lab.service.scoring.answering import Given, keep
from wsi_lab.service.scoring.questions import add_question
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import annotations as drawings

NEW_QUESTION = "Imported annotation"


class AsapRead(NamedTuple):
    """A document that was read.

    Attributes
    ----------
    shapes
        By colour.
    names
        Of questions, by colour.
    """

    shapes: Mapping[str, Sequence[Shape]]
    names: Mapping[str, str]


def read_asap(document: str | bytes, questions_map: str) -> AsapRead:
    """Read a document and which question each colour is for; see `Annotations.import_asap`."""
    from wsi_lab.formats import asap  # noqa: PLC0415 (whoever opens a lab needs no geometry)

    names, problems = asap.questions_map(questions_map)
    if problems:
        raise Invalid("The map of questions cannot be read.", problems=problems)
    shapes: dict[str, list[Shape]] = defaultdict(list)
    for each in asap.parse(document):
        shapes[each.colour].append(each.shape)
    return AsapRead(shapes, names)


def store_asap(
    transaction: Transaction,
    study: Study,
    place: Place,
    author: str,
    read: AsapRead,
    *,
    name: str | None = None,
) -> ImportReport:
    """Store answers and the questions they need, or say what is wrong with each colour."""
    known = {each.name: each for each in transaction.questions(study)}
    problems = [
        problem
        for colour, question_name in read.names.items()
        if (problem := _problem(known.get(question_name), colour, question_name, read))
    ]
    if problems:
        raise Invalid("Nothing was stored.", problems=problems)
    if not read.shapes.keys() <= read.names.keys():
        # Whoever may answer in their own name may do that, and ask nothing.
        transaction.study(study.id, Action.ANSWER_IMPORT)
    by_question: dict[str, list[Shape]] = defaultdict(list)
    log: list[str] = []
    for colour, shapes in read.shapes.items():
        question_name = read.names.get(colour)
        if question_name is None:
            question = _new_question(transaction, study, known, colour, shapes)
            known[question.name] = question
            question_name = question.name
            log.append(f"Made the question '{question.name}' for the colour {colour or 'of none'}.")
        by_question[question_name].extend(shapes)
    given = [
        Given(known[each], place, author, "", drawings.shape_rows(_fitting(known[each], shapes)))
        for each, shapes in by_question.items()
    ]
    stored = sum(keep(transaction, study, given).changed)
    if stored:
        after = {"author": author, "stored": stored, "name": name or ""}
        transaction.record("import", "answers", study.id, study_id=study.id, after=after)
    return ImportReport(stored, len(given) - stored, tuple(log))


def _problem(question: Question | None, colour: str, name: str, read: AsapRead) -> str | None:
    if question is None:
        return f"There is no question '{name}' in this study, which {colour} is for."
    if not question.kind.is_drawn:
        return f"The answer to '{name}', which {colour} is for, is not drawn."
    if question.kind is QuestionKind.ANNO_POINTS and not _are_points(read.shapes.get(colour, ())):
        return f"'{name}' takes points only, and {colour} has other shapes."
    return None


def _new_question(
    transaction: Transaction,
    study: Study,
    known: Mapping[str, Question],
    colour: str,
    shapes: Sequence[Shape],
) -> Question:
    number = 1
    while f"{NEW_QUESTION} {number}" in known:
        number += 1
    kind = QuestionKind.ANNO_POINTS if _are_points(shapes) else QuestionKind.ANNO_SHAPES
    spec = QuestionSpec(f"{NEW_QUESTION} {number}", kind, colour or DEFAULT_COLOUR)
    return add_question(transaction, study, spec)


def _fitting(question: Question, shapes: Sequence[Shape]) -> list[Shape]:
    if question.kind is QuestionKind.ANNO_POINTS:
        return list(shapes)
    from wsi_lab.formats import asap  # noqa: PLC0415 (as above)

    return [asap.as_ellipse(shape) if shape.kind is ShapeKind.POINT else shape for shape in shapes]


def _are_points(shapes: Iterable[Shape]) -> bool:
    return all(shape.kind is ShapeKind.POINT for shape in shapes)
