"""Who looked at which slide, where and for how long."""

from __future__ import annotations

from collections.abc import Sequence

from wsi_lab.errors import Invalid, NotFound, TooLarge
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.viewing import Session, SessionEvent
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.store import sessions as rows

MOST_AT_ONCE = 10_000
MOST_EVENTS = 1_000_000
LARGEST_NUMBER = (1 << 53) - 1
"""What a page can count to."""


class Sessions:
    """Who looked at which slide, where and for how long."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def begin(self, actor: Actor, slide_id: int, events: Sequence[SessionEvent] = ()) -> int:
        """Write down that the asker looks at a slide now, and return the session's id.

        Parameters
        ----------
        events
            What they have seen already; see `add_events`.
        """
        _check_all(events)

        def begin(transaction: Transaction) -> int:
            study, slide = transaction.slide(slide_id, Action.SLIDE_VIEW)
            session_id = rows.add_session(
                transaction.connection,
                study.id,
                slide.id,
                transaction.actor.user.id,
                transaction.now,
            )
            rows.add_events(transaction.connection, session_id, events)
            return session_id

        return self._transactions.write(actor, begin)

    def add_events(self, actor: Actor, session_id: int, events: Sequence[SessionEvent]) -> None:
        """Add what the asker has seen to their own session.

        Raises
        ------
        Invalid
            One of the numbers is none, or time or size is negative.
        TooLarge
            There are more than `MOST_AT_ONCE`, or the session has `MOST_EVENTS` already.
        NotFound
            There is no such session, or it is somebody else's.
        """
        _check_all(events)

        def add(transaction: Transaction) -> None:
            session = self._find(transaction, session_id)
            if session is None or session.user_id != transaction.actor.user.id:
                raise _missing(session_id)
            transaction.slide(session.slide_id, Action.SLIDE_VIEW)
            if rows.count_events(transaction.connection, session_id) + len(events) > MOST_EVENTS:
                raise TooLarge(f"A session has at most {MOST_EVENTS:,} events; begin another one.")
            rows.add_events(transaction.connection, session_id, events)

        self._transactions.write(actor, add)

    def events(self, actor: Actor, study_id: int, session_id: int) -> list[SessionEvent]:
        """Return what was seen in a session, in its order. Needs the right 'results'.

        Raises
        ------
        NotFound
            The study has no such session.
        """

        def read(transaction: Transaction) -> list[SessionEvent]:
            transaction.study(study_id, Action.RESULTS_VIEW)
            session = self._find(transaction, session_id)
            if session is None or session.study_id != study_id:
                raise _missing(session_id)
            return rows.events(transaction.connection, session_id)

        return self._transactions.read(actor, read)

    def list(
        self,
        actor: Actor,
        study_id: int,
        *,
        slide_id: int | None = None,
        email: str | None = None,
    ) -> list[Session]:
        """Return a study's sessions in the order of their ids. Needs the right 'results'.

        Parameters
        ----------
        slide_id, email
            Only those of that slide or that user.
        """

        def read(transaction: Transaction) -> list[Session]:
            transaction.study(study_id, Action.RESULTS_VIEW)
            if slide_id is not None and not is_id(slide_id):
                return []
            return rows.sessions(
                transaction.connection, study_id, slide_id=slide_id, email=email or None
            )

        return self._transactions.read(actor, read)

    @staticmethod
    def _find(transaction: Transaction, session_id: int) -> Session | None:
        return rows.session(transaction.connection, session_id) if is_id(session_id) else None


def _missing(session_id: int) -> NotFound:
    return NotFound(f"There is no session {session_id}.")


def _check_all(events: Sequence[SessionEvent]) -> None:
    if len(events) > MOST_AT_ONCE:
        raise TooLarge(f"At most {MOST_AT_ONCE:,} events can be added at once.")
    for event in events:
        _check(event)


def _check(event: SessionEvent) -> None:
    if min(event.at_ms, event.width, event.height) < 0:
        raise Invalid("The time and the size of an event are not negative.")
    if any(abs(number) > LARGEST_NUMBER for number in event):
        raise Invalid("The numbers of an event are too large.")
