"""Shapes on slides: drawn, imported from files, exported again."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.model.annotation import Annotation, AnnotationFile, Shape
from wsi_lab.model.answer import Core, ImportReport, Place, checked_author
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question
from wsi_lab.service.annotating.annotation_files import AnnotationFiles, drawn_question
from wsi_lab.service.annotating.answer_content import loaded_annotations, shapes_with_loads
from wsi_lab.service.annotating.importing_asap import read_asap, store_asap
from wsi_lab.service.scoring.answering import is_own, study_for
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.store import annotations as rows
from wsi_lab.store import answers
from wsi_lab.store.bulk import loads

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_LISTED = 100_000
MOST_DRAWN = 100_000
"""Shapes of loads: one by one a million takes ten seconds and a gigabyte."""

Drawn = tuple[Question, Core | None, Shape]
"""A shape, the core it lies on, and what it is part of the answer to."""


class Annotations:
    """Shapes on slides, each part of its author's answer to a question that is drawn.

    Parameters
    ----------
    folder
        Where annotation files lie.
    """

    def __init__(self, transactions: Transactions, folder: Path) -> None:
        self._transactions = transactions
        self._files = AnnotationFiles(transactions, folder)

    def list(
        self,
        actor: Actor,
        study_id: int,
        *,
        slide_id: int | None = None,
        question: str | None = None,
        author: str | None = None,
        with_loads: bool = True,
    ) -> list[Annotation]:
        """Return the shapes of a study, answer by answer, all or some.

        One's own need no right but to view the study. Shapes that are only in a file are not
        among them; those of loads are, if they are not too many to be listed one by one (see
        `wsi_lab.service.annotating.finding` for those).

        Raises
        ------
        TooLarge
            There are more than `MOST_LISTED` shapes in loads.
        """

        def read(transaction: Transaction) -> list[Annotation]:
            own = author is not None and is_own(transaction, author)
            study = transaction.study(study_id, Action.STUDY_VIEW if own else Action.RESULTS_VIEW)
            asked = {each.name: each.id for each in transaction.questions(study)}
            unknown = question is not None and question not in asked
            if unknown or (slide_id is not None and not is_id(slide_id)):
                return []
            question_id = None if question is None else asked[question]
            by_hand = rows.annotations_of_study(
                transaction.connection,
                study.id,
                slide_id=slide_id,
                question_id=question_id,
                author=author,
            )
            closed = transaction.closed_questions(study)
            by_hand = [each for each in by_hand if each.question_id not in closed]
            if not with_loads:
                return by_hand
            wanted = list(asked.values()) if question_id is None else [question_id]
            loaded = loaded_annotations(
                transaction, wanted, slide_id=slide_id, author=author, most=MOST_LISTED
            )
            return sorted([*by_hand, *loaded], key=lambda each: each.answer_id)

        return self._transactions.read(actor, read)

    def shapes(
        self,
        transaction: Transaction,
        slide_id: int,
        author: str,
        question_ids: Sequence[int] | None = None,
        *,
        with_loads: bool = True,
    ) -> Sequence[Drawn]:
        """Return what an author drew on a slide, in the order of the questions.

        For verbs that show it: whether the asker may see the study's results, they have asked.
        Shapes of loads are among them, unless those of an answer are more than `MOST_DRAWN`.

        Parameters
        ----------
        question_ids
            Only answers to these; by default to all.
        with_loads
            Whether shapes of loads are wanted at all.
        """
        study, _ = transaction.slide(slide_id, Action.STUDY_VIEW)
        asked = {
            each.id: each
            for each in transaction.questions(study)
            if each.kind.is_drawn and (question_ids is None or each.id in question_ids)
        }
        order = {question_id: place for place, question_id in enumerate(asked)}
        found: MutableSequence[Drawn] = []
        for answer in sorted(
            rows.drawn_answers(transaction.connection, slide_id, author, asked),
            key=lambda each: (order[each.question_id], each.id),
        ):
            shapes: Iterable[Shape]
            if loads.has_loads(transaction.connection, answer.id):
                shapes = (
                    shapes_with_loads(transaction, answer.id, most=MOST_DRAWN)
                    if with_loads
                    else rows.shapes_of_answer(transaction.connection, answer.id)
                )
            elif answer.value and answer.file_uuid is not None:
                shapes = self._files.shapes(answer.file_uuid)
            else:
                shapes = rows.shapes_of_answer(transaction.connection, answer.id)
            found.extend((asked[answer.question_id], answer.core, shape) for shape in shapes)
        return found

    def import_asap(
        self,
        actor: Actor,
        slide_id: int,
        author: str,
        document: str | bytes,
        questions_map: str = "",
        *,
        name: str | None = None,
    ) -> ImportReport:
        """Make an ASAP document an author's answers on a slide, a question for each colour.

        Parameters
        ----------
        questions_map
            One ``#rrggbb;Question`` a line. A colour that it does not name becomes a new
            question, "Imported annotation" with a number.
        name
            What the import is called in the audit.

        Raises
        ------
        Invalid
            Nothing was stored; ``problems`` says why not.
        """
        author = checked_author(author)

        def look(transaction: Transaction) -> None:
            study, _ = transaction.slide(slide_id, Action.STUDY_VIEW)
            study_for(transaction, study.id, author)

        self._transactions.read(actor, look)
        read = read_asap(document, questions_map)

        def store(transaction: Transaction) -> ImportReport:
            study, _ = transaction.slide(slide_id, Action.STUDY_VIEW)
            study = study_for(transaction, study.id, author)
            return store_asap(transaction, study, Place(slide_id), author, read, name=name)

        return self._transactions.write(actor, store)

    def export_asap(
        self, actor: Actor, slide_id: int, author: str, question: str | None = None
    ) -> str:
        """Return what an author drew on a slide as an ASAP document.

        Parameters
        ----------
        question
            Only the answer to that one.

        Raises
        ------
        NotFound
            The study has no such question.
        """
        from wsi_lab.formats import asap  # noqa: PLC0415 (whoever opens a lab needs no geometry)

        def read(transaction: Transaction) -> Sequence[Drawn]:
            study, _ = transaction.slide(slide_id, Action.STUDY_VIEW)
            if not is_own(transaction, author):
                transaction.slide(slide_id, Action.RESULTS_VIEW)
            wanted = [drawn_question(transaction, study, question).id] if question else None
            return self.shapes(transaction, slide_id, author, wanted)

        found = self._transactions.read(actor, read)
        return asap.document((each.name, each.colour, shape) for each, _, shape in found)

    def begin_file(
        self, actor: Actor, *, study_id: int, place: Place, question: int | str, author: str
    ) -> AnnotationFile:
        """Announce the annotation file that will be an author's answer.

        Parameters
        ----------
        question
            The id or the name of one that is drawn.

        Raises
        ------
        Invalid, NotFound
            The question is not drawn; the study has no such question, slide or case.
        """
        return self._files.begin(actor, study_id, place, question, author)

    def begin_orphan(self, actor: Actor) -> AnnotationFile:
        """Announce an annotation file that is nobody's answer."""
        return self._files.begin_orphan(actor)

    def finish_file(self, actor: Actor, uuid: str, path: Path) -> AnnotationFile:
        """Keep an annotation file that has come; the file itself stays where it is, too.

        Raises
        ------
        Invalid
            It is no annotation file.
        NotFound
            It is not awaited.
        """
        return self._files.finish(actor, uuid, path)

    def convert(
        self,
        actor: Actor,
        *,
        answer_id: int | None = None,
        study_id: int | None = None,
        place: Place | None = None,
        question: int | str | None = None,
        author: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Make an annotation file of an answer and return its UUID.

        Parameters
        ----------
        answer_id
            The answer; else it is told by its study, place, question and author.

        Raises
        ------
        NotFound
            There is no such answer.
        Invalid
            It is not drawn, or its shapes fit in no file.
        """
        if answer_id is None:
            if study_id is None or place is None or question is None or author is None:
                raise Invalid("Name the answer, or its study, place, question and author.")
            key = place, question, author
            answer_id = self._transactions.read(actor, lambda t: _answer_id(t, study_id, *key))
        if not is_id(answer_id):
            raise NotFound(f"There is no answer {answer_id}.")
        return self._files.convert(actor, answer_id, metadata or {})

    def file_of(self, actor: Actor, uuid: str) -> Path:
        """Return where an annotation file lies that the asker may see."""
        return self._files.path_of(actor, uuid)


def _answer_id(
    transaction: Transaction, study_id: int, place: Place, question: int | str, author: str
) -> int:
    study = study_for(transaction, study_id, author)
    asked = drawn_question(transaction, study, question)
    key = answers.key_of(asked.id, place, author.strip())
    known = answers.current(transaction.connection, study.id, [key]).get(key)
    if known is None:
        raise NotFound(f"{author} has not answered '{asked.name}' there.")
    return known.id
