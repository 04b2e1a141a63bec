"""Annotations that come as files: announced, kept, read, and made of answers."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.annotation import AnnotationFile, Shape
from wsi_lab.model.answer import Answer, Place, checked_author
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question
from wsi_lab.model.study import Study
from wsi_lab.service.annotating.answer_content import Content, content_of, file_of
from wsi_lab.service.annotating.arrived_files import read_file, store_file
from wsi_lab.service.annotating.drawn_answers import FILE_WORD, new_file
from wsi_lab.service.scoring.answering import Given, check_place, is_own, keep, study_for
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.service.uploading.files import put
from wsi_lab.store import annotation_files as rows
from wsi_lab.store import annotations as drawings
from wsi_lab.store import answers, questions, studies

LIFETIME = timedelta(hours=24)
"""How long a file that never comes is waited for. Its upload is given up as soon."""


class AnnotationFiles:
    """Annotations that come as files, each of one author about one place.

    Parameters
    ----------
    folder
        Where they lie, each under its UUID.
    """

    def __init__(self, transactions: Transactions, folder: Path) -> None:
        self._transactions = transactions
        self._folder = folder
        self._making = threading.Lock()

    def begin(
        self, actor: Actor, study_id: int, place: Place, question: int | str, author: str
    ) -> AnnotationFile:
        """Announce the file that will be an author's answer to a question that is drawn."""
        author = checked_author(author)

        def begin(transaction: Transaction) -> AnnotationFile:
            study = study_for(transaction, study_id, author)
            asked = drawn_question(transaction, study, question)
            check_place(transaction, study, place)
            return new_file(transaction, study.id, asked.id, place, author, is_awaited=True)

        self._sweep(actor)
        return self._transactions.write(actor, begin)

    def begin_orphan(self, actor: Actor) -> AnnotationFile:
        """Announce a file that is nobody's answer."""

        def begin(transaction: Transaction) -> AnnotationFile:
            _require_some_import(transaction)
            author = transaction.actor.user.email
            return new_file(transaction, None, None, Place(), author, is_awaited=True)

        self._sweep(actor)
        return self._transactions.write(actor, begin)

    def finish(self, actor: Actor, uuid: str, path: Path) -> AnnotationFile:
        """Keep a file that has come, and make it the answer it was announced as.

        To finish it once more changes nothing.

        Raises
        ------
        Invalid
            It is no annotation file.
        """
        begun, question = self._transactions.read(actor, lambda t: self._begun(t, uuid))
        if begun.finished_on is not None:
            return begun
        found = read_file(begun, question, path)
        finished = dataclasses.replace(
            begun,
            kind=found.kind,
            item_count=found.item_count,
            metadata=found.metadata,
            size=path.stat().st_size,
        )

        def finish(transaction: Transaction) -> AnnotationFile:
            awaited = self._awaited(transaction, uuid)
            if awaited.finished_on is not None:
                return awaited
            file = dataclasses.replace(finished, finished_on=transaction.now)
            rows.finish_file(transaction.connection, file)
            if file.study_id is not None and file.question_id is not None:
                study = study_for(transaction, file.study_id, file.author)
                asked = drawn_question(transaction, study, file.question_id)
                store_file(transaction, study, asked, file, found)
            _record(transaction, "create", file)
            return file

        # The row of a file is there before the file is, and a sweep takes only what has none.
        put(path, self._path(uuid))
        return self._transactions.write(actor, finish)

    def convert(self, actor: Actor, answer_id: int, metadata: Mapping[str, Any]) -> str:
        """Make a file of the shapes of an answer, and return its UUID. The shapes stay.

        Raises
        ------
        Invalid
            The answer is not drawn, or its shapes fit in no file.
        Conflict
            The answer was changed meanwhile.
        """
        from wsi_lab.formats import anno2  # noqa: PLC0415 (as above)

        def look(transaction: Transaction) -> tuple[Study, Answer, Sequence[Shape]]:
            study, answer = _answer_to_convert(transaction, answer_id)
            shapes = drawings.shapes_of_answer(transaction.connection, answer.id)
            return study, answer, shapes

        study, answer, shapes = self._transactions.read(actor, look)
        if answer.file_uuid is not None and answer.value == f"{FILE_WORD}{answer.file_uuid}":
            return answer.file_uuid
        data = anno2.write(shapes, metadata)
        begun = self._transactions.write(
            actor,
            lambda t: new_file(
                t, study.id, answer.question_id, answer.place, answer.author, is_awaited=True
            ),
        )
        _write(self._path(begun.uuid), data)
        kind = anno2.read(data).kind

        def attach(transaction: Transaction) -> str:
            study, now = _answer_to_convert(transaction, answer_id)
            if now.revision != answer.revision:
                raise Conflict("This answer was changed meanwhile; convert it again.")
            file = dataclasses.replace(
                begun,
                kind=kind,
                item_count=len(shapes),
                metadata=dict(metadata),
                size=len(data),
                finished_on=transaction.now,
            )
            rows.finish_file(transaction.connection, file)
            question = drawn_question(transaction, study, now.question_id)
            drawn = drawings.shape_rows(shapes)
            given = Given(
                question, now.place, now.author, "", drawn, now.answered_on, file_uuid=file.uuid
            )
            keep(transaction, study, [given])
            _record(transaction, "convert", file)
            return file.uuid

        return self._transactions.write(actor, attach)

    def path_of(self, actor: Actor, uuid: str) -> Path:
        """Return where a file lies that the asker may see.

        Raises
        ------
        NotFound
            There is none, or it has not come yet, or the asker may not know that there is.
        """

        def read(transaction: Transaction) -> None:
            missing = NotFound(f"There is no annotation file {uuid}.")
            file = rows.file(transaction.connection, uuid)
            if file is None or file.finished_on is None:
                raise missing
            user = transaction.actor.user
            if file.study_id is None:
                if not user.is_admin and file.created_by != user.id:
                    raise missing
                _require_some_import(transaction)
                return
            own = is_own(transaction, file.author)
            transaction.study(file.study_id, Action.STUDY_VIEW if own else Action.RESULTS_VIEW)

        self._transactions.read(actor, read)
        path = self._path(uuid)
        if not path.exists():
            self._make(actor, uuid)
        return path

    def shapes(self, uuid: str) -> list[Shape]:
        """Return the shapes in a file; none when there are too many to draw, or it is gone."""
        from wsi_lab.formats import anno2  # noqa: PLC0415 (as above)

        try:
            return anno2.read(self._path(uuid)).shapes or []
        except (OSError, Invalid):
            return []

    def _make(self, actor: Actor, uuid: str) -> None:
        """Make a file of what the answer that names it was made of.

        Raises
        ------
        NotFound
            It is a file that came, and is gone; or some of its loads were removed since.
        """
        with self._making:
            if self._path(uuid).exists():
                return
            content = self._transactions.read(actor, lambda t: _content(t, uuid))
            _write(self._path(uuid), file_of(content))

    def _begun(self, transaction: Transaction, uuid: str) -> tuple[AnnotationFile, Question | None]:
        file = self._awaited(transaction, uuid)
        question = None
        if file.question_id is not None:
            question = questions.question(transaction.connection, file.question_id)
        return file, question

    def _awaited(self, transaction: Transaction, uuid: str) -> AnnotationFile:
        file = rows.file(transaction.connection, uuid)
        if file is None or file.created_by != transaction.actor.user.id:
            raise NotFound("This annotation file is not awaited, or not any more.")
        if file.study_id is None:
            _require_some_import(transaction)
        else:
            study_for(transaction, file.study_id, file.author)
        return file

    def _path(self, uuid: str) -> Path:
        return self._folder / uuid

    def _sweep(self, actor: Actor) -> None:
        """Remove files whose slide or study is gone, and forget those that never came."""
        present = {path.name for path in self._folder.iterdir()}

        def forget(transaction: Transaction) -> set[str]:
            rows.forget_unfinished(transaction.connection, transaction.now - LIFETIME)
            return rows.known_files(transaction.connection)

        # What is on its way has a hidden name with the UUID of its upload in it.
        for name in present - self._transactions.write(actor, forget):
            if not name.startswith("."):
                self._path(name).unlink(missing_ok=True)


def drawn_question(transaction: Transaction, study: Study, question: int | str) -> Question:
    """Return a question of a study, by id or name, whose answers are drawn.

    Raises
    ------
    NotFound, Invalid
        The study has no such question; or it is not drawn.
    """
    for each in transaction.questions(study):
        if question in {each.id, each.name}:
            if not each.kind.is_drawn:
                raise Invalid(f"The answer to '{each.name}' is not drawn.")
            return each
    raise NotFound(f"There is no question '{question}' in this study.")


def _answer_to_convert(transaction: Transaction, answer_id: int) -> tuple[Study, Answer]:
    missing = NotFound(f"There is no answer {answer_id}.")
    answer = answers.answer(transaction.connection, answer_id)
    if answer is None:
        raise missing
    try:
        study = study_for(transaction, answer.study_id, answer.author)
    except NotFound:
        raise missing from None
    drawn_question(transaction, study, answer.question_id)
    return study, answer


def _content(transaction: Transaction, uuid: str) -> Content:
    missing = NotFound(f"There is no annotation file {uuid} any more.")
    connection = transaction.connection
    file = rows.file(connection, uuid)
    if file is None or file.study_id is None or file.question_id is None:
        raise missing
    key = answers.key_of(file.question_id, file.place, file.author)
    known = answers.current(connection, file.study_id, [key]).get(key)
    revision = None if known is None else answers.revision_of_file(connection, known.id, uuid)
    if known is None or revision is None:
        raise missing
    content = content_of(transaction, known.id, revision)
    if not content.loaded and not content.grids:
        raise missing
    return content


def _record(transaction: Transaction, verb: str, file: AnnotationFile) -> None:
    transaction.record(verb, "annotation-file", 0, study_id=file.study_id, after=file)


def _require_some_import(transaction: Transaction) -> None:
    """Raise `NotAllowed` unless the asker may bring answers into some study."""
    if transaction.may(Action.ANSWER_IMPORT):
        return
    own = studies.studies(transaction.connection, transaction.actor.rights)
    if not any(transaction.may(Action.ANSWER_IMPORT, study) for study in own):
        raise NotAllowed("This needs the right 'edit' in a study, and a token for scores.")


def _write(path: Path, data: bytes) -> None:
    # Two processes may make the same file at the same time.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.made")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        put(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
