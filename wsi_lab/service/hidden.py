"""What there is, but not for whoever asks: for doors whose clients are told that much."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from wsi_lab.model.people import Action, Actor
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.store import studies
from wsi_lab.store.belonging import belonging

Kind = Literal["study", "slide", "shape", "ontology", "label", "image", "user", "file", "link"]


class Hidden:
    """Tells what is hidden from what is not there.

    Everywhere else the two look the same. Only interfaces that owe their clients the difference
    ask for it, and only for those who are known.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def any_of(self, actor: Actor, things: Iterable[tuple[Kind, int]]) -> bool:
        """Return whether one of the things exists, in no study that the asker may view.

        Parameters
        ----------
        things
            Kinds and ids.
        """
        wanted = [(kind, thing_id) for kind, thing_id in things if is_id(thing_id)]

        def read(transaction: Transaction) -> bool:
            return any(_is_hidden(transaction, *each) for each in wanted)

        return bool(wanted) and self._transactions.read(actor, read)


def _is_hidden(transaction: Transaction, kind: Kind, thing_id: int) -> bool:
    found = belonging(transaction.connection, kind, thing_id)
    if found is None:
        return False
    user = transaction.actor.user
    if user.is_admin or (user.id in found.owner_ids and not found.study_ids):
        return False
    there = studies.studies(transaction.connection, found.study_ids)
    return not any(transaction.may(Action.STUDY_VIEW, each) for each in there)
