"""Descriptions of things: one each, in HTML of which only what is harmless is kept."""

from __future__ import annotations

from wsi_lab.errors import NotFound
from wsi_lab.formats.markup import cleaned
from wsi_lab.model.people import Actor
from wsi_lab.model.remark import Description, ThingKind
from wsi_lab.model.study import checked_description
from wsi_lab.service.new_slides import store_changes
from wsi_lab.service.things import Thing, thing_to_change, thing_to_see
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import remarks as rows


class Describing:
    """Descriptions of things; that of a slide is the one it has everywhere."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def description(self, actor: Actor, kind: ThingKind | str, thing_id: int) -> Description:
        """Return the description of a thing.

        Raises
        ------
        NotFound
            It has none.
        """

        def read(transaction: Transaction) -> Description:
            return _present(transaction, thing_to_see(transaction, kind, thing_id))

        return self._transactions.read(actor, read)

    def put_description(
        self, actor: Actor, kind: ThingKind | str, thing_id: int, html: str
    ) -> Description:
        """Describe a thing, in place of what was there, and return the description.

        Raises
        ------
        Invalid
            It is too long, holds control characters, or nothing harmless is in it.
        """
        text = cleaned(checked_description(html, "thing"))

        def put(transaction: Transaction) -> Description:
            thing = thing_to_change(transaction, kind, thing_id)
            before = _description(transaction, thing)
            if before is not None and before.html == text:
                return before
            _store(transaction, thing, before, text)
            return _present(transaction, thing_to_see(transaction, thing.kind, thing.id))

        return self._transactions.write(actor, put)

    def remove_description(self, actor: Actor, kind: ThingKind | str, thing_id: int) -> None:
        """Remove the description of a thing.

        Raises
        ------
        NotFound
            It has none.
        """

        def remove(transaction: Transaction) -> None:
            thing = thing_to_change(transaction, kind, thing_id)
            _store(transaction, thing, _present(transaction, thing), None)

        self._transactions.write(actor, remove)


def _description(transaction: Transaction, thing: Thing) -> Description | None:
    if thing.slide is not None:
        html = thing.slide.description
        return Description(thing.kind, thing.id, html) if html else None
    return rows.description(transaction.connection, thing.kind, thing.id)


def _present(transaction: Transaction, thing: Thing) -> Description:
    found = _description(transaction, thing)
    if found is None:
        raise NotFound("It has no description.")
    return found


def _store(
    transaction: Transaction, thing: Thing, before: Description | None, html: str | None
) -> None:
    connection = transaction.connection
    if thing.slide is not None and thing.study is not None:
        store_changes(transaction, thing.study, thing.slide, {"description": html or ""})
        return
    if html is None:
        rows.remove_description(connection, thing.kind, thing.id)
    else:
        user_id = transaction.actor.user.id
        rows.put_description(connection, thing.kind, thing.id, html, transaction.now, user_id)
    transaction.record(
        "remove" if html is None else "create" if before is None else "change",
        f"{thing.kind.value} description",
        thing.id,
        study_id=thing.study_id,
        before=before,
        after=rows.description(connection, thing.kind, thing.id),
    )
