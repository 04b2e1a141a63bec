"""How far the readers of a study are, and how long they looked."""

from __future__ import annotations

from wsi_lab.model.people import Action, Actor, Right
from wsi_lab.model.reading import Progress, ReadingTime
from wsi_lab.service.reading.needs import needs_of_study
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import people
from wsi_lab.store import readings as rows
from wsi_lab.store.answers import folded


class Reports:
    """What those who run a study are told of its readings."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def progress(self, actor: Actor, study_id: int) -> list[Progress]:
        """Return how far readers are: who may score, and who else has answered anything.

        Needs the right 'results'.
        """

        def read(transaction: Transaction) -> list[Progress]:
            connection = transaction.connection
            study = transaction.study(study_id, Action.RESULTS_VIEW)
            needs = needs_of_study(transaction, study)
            needed = sum(each.needed for each in needs.wanted)
            items = sum(each.needed > 0 for each in needs.wanted)
            found = rows.tallies(connection, study.id, needs.wanted, needs.asked)
            known = {folded(each.author): each for each in found}
            seconds = {
                folded(reader): total
                for reader, total in rows.seconds_of_readers(connection, study.id).items()
            }
            names = {folded(each.author): each.author for each in found}
            names |= {
                folded(each.email): each.email
                for each in people.members(connection, study.id)
                if Right.SCORE in each.rights
            }
            progress = []
            for key in sorted(names):
                tally = known.get(key) or rows.Tally(names[key], 0, 0, None)
                progress.append(
                    Progress(
                        reader=names[key],
                        answered=tally.answered,
                        needed=needed,
                        items_done=tally.items_done,
                        items=items,
                        answered_on=tally.answered_on,
                        seconds=seconds.get(key),
                    )
                )
            return progress

        return self._transactions.read(actor, read)

    def times(self, actor: Actor, study_id: int) -> list[ReadingTime]:
        """Return all visits of readers to items. Needs the right 'results'."""

        def read(transaction: Transaction) -> list[ReadingTime]:
            study = transaction.study(study_id, Action.RESULTS_VIEW)
            return rows.times(transaction.connection, study.id)

        return self._transactions.read(actor, read)
