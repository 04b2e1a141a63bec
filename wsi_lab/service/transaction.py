"""One question or change: who asks, one transaction, and the audit of what was done in it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound, NotIdentified
from wsi_lab.model.people import THE_LAB, Action, Actor, Decision, Resource, Token, may
from wsi_lab.model.question import Question
from wsi_lab.model.study import Case, Slide, Study
from wsi_lab.model.study_settings import is_blind
from wsi_lab.model.task import Access
from wsi_lab.service.clock import Clock
from wsi_lab.store import audit, people, questions, slides, studies, tasks
from wsi_lab.store.connection import Connection
from wsi_lab.store.db import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a verb works with.

    Attributes
    ----------
    connection
        For the functions of the store.
    actor
        Who asks, as the store knows them inside this transaction: rights that were taken away
        a moment ago are gone.
    now
        When it happens.
    """

    connection: Connection
    actor: Actor
    now: datetime

    def may(self, action: Action, study: Study | None = None) -> bool:
        """Return whether the asker may."""
        return self._decide(action, study).allowed

    def require(self, action: Action) -> None:
        """Raise `NotAllowed` unless the asker may do this to the lab as a whole."""
        decision = self._decide(action, None)
        if not decision.allowed:
            raise NotAllowed(decision.reason)

    def require_for_new(self, action: Action, name: str) -> None:
        """Raise `NotAllowed` unless the asker may do this to a study that is to be made."""
        decision = may(self.actor, action, Resource(study_name=name))
        if not decision.allowed:
            raise NotAllowed(decision.reason)

    def study(self, study_id: int, action: Action) -> Study:
        """Return a study that the asker may do this to.

        Raises
        ------
        NotFound
            There is none, or the asker may not know that there is.
        NotAllowed
            They may know of it, but not do this.
        """
        return self._study(study_id, action, f"There is no study {study_id}.")

    def study_by_name(self, name: str, action: Action) -> Study:
        """Return the study of that name; see `study`."""
        missing = f"There is no study named '{name}'."
        study = studies.study_by_name(self.connection, name)
        if study is None:
            raise NotFound(missing)
        return self._study(study.id, action, missing)

    def case(self, case_id: int, action: Action) -> tuple[Study, Case]:
        """Return a case, with its private name, and its study; see `study`."""
        missing = f"There is no case {case_id}."
        case = studies.case(self.connection, case_id) if is_id(case_id) else None
        if case is None:
            raise NotFound(missing)
        return self._study_of(case.study_id, action, missing), case

    def slide(self, slide_id: int, action: Action) -> tuple[Study, Slide]:
        """Return a slide, with its path, and its study; see `study`."""
        missing = f"There is no slide {slide_id}."
        slide = slides.slide(self.connection, slide_id) if is_id(slide_id) else None
        if slide is None:
            raise NotFound(missing)
        return self._study_of(slide.study_id, action, missing), slide

    def questions(self, study: Study) -> list[Question]:
        """Return the questions of a study in their order, those closed to the asker left out."""
        closed = self.closed_questions(study)
        found = questions.questions(self.connection, study.id)
        return [each for each in found if each.id not in closed]

    def closed_questions(self, study: Study, least: Access = Access.READ) -> frozenset[int]:
        """Return the questions that are restricted tasks which the asker may not do so much in.

        Administrators of the study do anything in all of them.
        """
        restricted = tasks.restricted(self.connection, study.id)
        if not restricted or self.may(Action.STUDY_ADMIN, study):
            return frozenset()
        granted = tasks.accesses(self.connection, self.actor.user.id)
        return frozenset(each for each in restricted if granted.get(each, Access.NONE) < least)

    def require_drawing(self, study: Study, *drawn_on: Question) -> None:
        """Raise `NotAllowed` for a restricted task that lets the asker read, and not write."""
        closed = self.closed_questions(study, Access.WRITE)
        for question in drawn_on:
            if question.id in closed:
                raise NotAllowed(
                    f"On '{question.name}' only those may draw whom it lets write; "
                    "an administrator of the study can grant it."
                )

    def record(
        self,
        verb: str,
        kind: str,
        thing_id: int,
        *,
        study_id: int | None = None,
        before: Any = None,
        after: Any = None,
    ) -> None:
        """Write down in the audit what was done."""
        audit.record(
            self.connection,
            self.actor,
            verb,
            kind,
            thing_id,
            happened_on=self.now,
            study_id=study_id,
            before=before,
            after=after,
        )

    def _study_of(self, study_id: int, action: Action, missing: str) -> Study:
        """Return the study of a case or slide; whoever reads it blind learns of none by its id."""
        try:
            return self._study(study_id, action, missing)
        except NotAllowed:
            study = studies.study(self.connection, study_id)
            if study is not None and not self.may(Action.STUDY_VIEW, study):
                raise NotFound(missing) from None
            raise

    def _study(self, study_id: int, action: Action, missing: str) -> Study:
        study = studies.study(self.connection, study_id) if is_id(study_id) else None
        if study is None:
            raise NotFound(missing)
        decision = self._decide(action, study)
        if decision.allowed:
            return study
        if decision.visible:
            raise NotAllowed(decision.reason)
        raise NotFound(missing)

    def _decide(self, action: Action, study: Study | None) -> Decision:
        resource = (
            THE_LAB
            if study is None
            else Resource(
                study.id,
                study.name,
                created_with=study.created_with,
                is_blind=is_blind(study.settings),
            )
        )
        return may(self.actor, action, resource)


class Transactions:
    """Runs verbs, each in one transaction, for whoever asks."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def read(self, actor: Actor, query: Callable[[Transaction], T]) -> T:
        """Run a query and return what it returned.

        Raises
        ------
        NotIdentified
            The asker is no longer known, or their token has ended.
        """
        with _text_checked():
            return self._database.read(self._with(actor, query))

    def write(self, actor: Actor, change: Callable[[Transaction], T]) -> T:
        """Run a change and return what it returned, once it is on disk.

        Raises
        ------
        NotIdentified
            The asker is no longer known, or their token has ended.
        StorageFull, Busy
            Nothing was changed.
        """
        with _text_checked():
            return self._database.write(self._with(actor, change))

    def rehearse(self, actor: Actor, change: Callable[[Transaction], T]) -> T:
        """Run a change, return what it returned, and take it back: nothing was changed.

        Raises what `write` raises, and whatever the change does.
        """
        try:
            self.write(actor, lambda transaction: _take_back(change(transaction)))
        except _TakenBack as rehearsed:
            returned: T = rehearsed.returned
            return returned
        raise AssertionError("a rehearsal always ends by being taken back")

    def _with(self, actor: Actor, run: Callable[[Transaction], T]) -> Callable[[Connection], T]:
        def inside(connection: Connection) -> T:
            now = self._clock.now()
            asker = current_actor(
                connection, actor.user.id, actor.token.id if actor.token else None, actor.door, now
            )
            return run(Transaction(connection, asker, now))

        return inside


class _TakenBack(Exception):
    """Ends a transaction that is not to be kept."""

    def __init__(self, returned: Any) -> None:
        super().__init__()
        self.returned = returned


def _take_back(returned: object) -> NoReturn:
    raise _TakenBack(returned)


@contextlib.contextmanager
def _text_checked() -> Iterator[None]:
    try:
        yield
    except UnicodeEncodeError as error:
        # Half a surrogate pair, which JSON can spell and no database can hold.
        raise Invalid("The text holds characters that are not valid Unicode.") from error


def current_actor(
    connection: Connection, user_id: int, token_id: int | None, door: str, now: datetime
) -> Actor:
    """Return who asks, as the store knows them now.

    Raises
    ------
    NotIdentified
        There is no such user, or the token is revoked or has expired.
    """
    user = people.user(connection, user_id)
    token = None if token_id is None else people.token(connection, token_id)
    if user is None or (token_id is not None and (token is None or has_expired(token, now))):
        raise NotIdentified("These credentials are not valid, or not any more.")
    return Actor(user, people.rights_of_user(connection, user_id), token, door)


def is_id(number: int) -> bool:
    """Return whether a number can be an id: SQLite's whole numbers have 64 bits."""
    return 0 < number < 1 << 63


def has_expired(token: Token, now: datetime) -> bool:
    """Return whether a token's time is over."""
    return token.expires_on is not None and now >= token.expires_on


def check_revision(current: int, given: int, what: str) -> None:
    """Raise `Conflict` when a change was made from another revision than the current one."""
    if given != current:
        raise Conflict(
            f"This {what} was changed since you read it; read it again and repeat the change.",
            current=current,
        )
