"""The answer that an author's shapes on a layer and slide are: made, and changed with them.

Its value is empty while all of its shapes are rows. When some of them are in loads, it names a
file of all of them, ``anno2 <uuid>``, which is made when somebody asks for it; each change of the
shapes gives it another, so that whoever has read a file has what it held then.
"""

from __future__ import annotations

import uuid as uuids
from typing import NamedTuple

from wsi_lab.errors import Conflict
from wsi_lab.model.annotation import AnnotationFile
from wsi_lab.model.answer import Place
from wsi_lab.model.question import Question
from wsi_lab.model.study import Study
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import annotation_files, answers
from wsi_lab.store.answers import AnswerRow
from wsi_lab.store.bulk import loads
from wsi_lab.store.columns import time_text

FILE_WORD = "anno2 "
"""How the value of an answer begins whose shapes are in a file, or not all of them rows."""


class DrawnOn(NamedTuple):
    """An answer whose shapes are about to change.

    Attributes
    ----------
    revision
        That it gets by the change, and that new shapes begin with.
    is_new
        It has its revision already: before, there was no answer.
    """

    id: int
    revision: int
    is_new: bool


def answer_to_draw_on(
    transaction: Transaction,
    study: Study,
    question: Question,
    slide_id: int,
    author: str,
    *,
    is_loaded: bool = False,
) -> DrawnOn:
    """Return an author's answer on a slide whose shapes are about to change; made if missing.

    After the shapes are changed, `shapes_changed` has to be told.

    Parameters
    ----------
    is_loaded
        Whether a load will be part of it.

    Raises
    ------
    Conflict
        The answer is a file that cannot be drawn on.
    NotAllowed
        The layer is a restricted task, which does not let the asker draw.
    """
    transaction.require_drawing(study, question)
    place = Place(slide_id)
    key = answers.key_of(question.id, place, author)
    known = answers.current(transaction.connection, study.id, [key]).get(key)
    if known is not None:
        if known.value.startswith(FILE_WORD) and not loads.has_loads(
            transaction.connection, known.id
        ):
            raise Conflict(
                f"The answer of {author} is a file of annotations that cannot be drawn on; "
                "draw under another name, or give another answer in its place."
            )
        return DrawnOn(known.id, known.revision + 1, is_new=False)
    file_uuid = None
    if is_loaded:
        file_uuid = new_file(transaction, study.id, question.id, place, author).uuid
    answer_id = answers.next_id(transaction.connection)
    row = AnswerRow(
        answer_id,
        study.id,
        question.id,
        slide_id,
        None,
        None,
        None,
        None,
        author,
        "" if file_uuid is None else f"{FILE_WORD}{file_uuid}",
        file_uuid,
        time_text(transaction.now),
        transaction.actor.user.id,
        transaction.actor.door,
        1,
    )
    answers.add_answers(transaction.connection, [row])
    return DrawnOn(answer_id, 1, is_new=True)


def drawn_on(transaction: Transaction, answer_id: int) -> DrawnOn:
    """Return an answer whose shapes are about to change, by its id."""
    answer = answers.answer_row(transaction.connection, answer_id)
    return DrawnOn(answer_id, answer.revision + 1, is_new=False)


def shapes_changed(transaction: Transaction, drawn: DrawnOn) -> None:
    """Give an answer the revision that the change of its shapes brings.

    The shapes are changed before: the history asks the answer for its revision.
    """
    connection = transaction.connection
    answer = answers.answer_row(connection, drawn.id)
    if not drawn.is_new:
        file_uuid = None
        if loads.has_loads(connection, drawn.id):
            place = Place(answer.slide_id, answer.case_id)
            file_uuid = new_file(
                transaction, answer.study_id, answer.question_id, place, answer.author
            ).uuid
        changed = answer._replace(
            value="" if file_uuid is None else f"{FILE_WORD}{file_uuid}",
            file_uuid=file_uuid,
            answered_on=time_text(transaction.now),
            answered_by=transaction.actor.user.id,
            door=transaction.actor.door,
            revision=drawn.revision,
        )
        answers.update_answers(connection, [changed])
    answers.note_answered(connection, answer.study_id, transaction.now)


def new_file(
    transaction: Transaction,
    study_id: int | None,
    question_id: int | None,
    place: Place,
    author: str,
    *,
    is_awaited: bool = False,
) -> AnnotationFile:
    """Announce a file of annotations: one that will come, or that is made when it is fetched."""
    file = AnnotationFile(
        uuid=str(uuids.uuid4()),
        study_id=study_id,
        question_id=question_id,
        place=place,
        author=author,
        kind="",
        item_count=0,
        metadata={},
        size=0,
        created_on=transaction.now,
        created_by=transaction.actor.user.id,
        finished_on=None if is_awaited else transaction.now,
    )
    annotation_files.add_file(transaction.connection, file)
    return file
