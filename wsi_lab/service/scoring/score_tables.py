"""Whole tables of answers, written as they are read, and not once more while nothing changes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import IO

from wsi_lab.model.answer import WantedAnswers
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import Study
from wsi_lab.service.scoring.selecting import selection_of, study_of_wanted
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import answer_lines, audit
from wsi_lab.store.answer_selection import Selection
from wsi_lab.store.columns import json_text

_SHAPE = 1
"""Changes when the same answers become another table."""


class TableForm(StrEnum):
    """How a table of answers is written."""

    ARROW = "arrow"
    """A stream of record batches."""
    CSV = "csv"
    RESULTS = "results"
    """Slide Score's table of results, with tabs between cells."""


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """What became of a table that was asked for.

    Attributes
    ----------
    tag
        Differs from that of any other table, and from this one's as soon as it may differ.
    is_known
        Whether whoever asks has it; then nothing was written.
    """

    tag: str
    is_known: bool


class ScoreTables:
    """Tables of all of a study's answers, or of some."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def write(
        self,
        actor: Actor,
        study_id: int,
        wanted: WantedAnswers,
        form: TableForm,
        to: IO[bytes],
        *,
        mine: bool = False,
        known: Collection[str] = (),
    ) -> WrittenTable:
        """Write a table of answers in the order in which they were first given.

        Those of others need the right 'results'.

        Parameters
        ----------
        to
            Where to; something that never waits for whoever reads it, as the lab cannot be tidied
            up as long as this lasts.
        mine
            Only the asker's own.
        known
            Tags of the tables that whoever asks has.
        """

        def read(transaction: Transaction) -> WrittenTable:
            study = study_of_wanted(transaction, study_id, mine=mine)
            selection = selection_of(transaction, study, wanted, mine=mine)
            tag = _tag(transaction, study, selection, form)
            if tag in known:
                return WrittenTable(tag, is_known=True)
            _write(transaction, study, selection, form, to)
            return WrittenTable(tag, is_known=False)

        return self._transactions.read(actor, read)


def results_lines(
    transaction: Transaction, study: Study, selection: Selection | None
) -> Iterator[bytes]:
    """Yield Slide Score's table of results piece by piece."""
    from wsi_lab.formats.slidescore_results import results_columns  # noqa: PLC0415 (only here)

    connection = transaction.connection
    with_cores, with_cases = (
        (False, False)
        if selection is None
        else answer_lines.has_cores_and_cases(connection, selection)
    )
    columns = results_columns(with_cores=with_cores, with_cases=with_cases)
    yield "\t".join(columns).encode() + b"\n"
    if selection is not None:
        yield from answer_lines.answer_lines(
            connection,
            selection,
            list(columns.values()),
            with_private_names=transaction.may(Action.CASE_PRIVATE, study),
        )


def _write(
    transaction: Transaction,
    study: Study,
    selection: Selection | None,
    form: TableForm,
    to: IO[bytes],
) -> None:
    if form is TableForm.RESULTS:
        for piece in results_lines(transaction, study, selection):
            to.write(piece)
        return
    # Whoever opens a lab to list users needs no Arrow.
    from wsi_lab.formats.score_tables import ArrowWriter, CsvWriter  # noqa: PLC0415 (as said)
    from wsi_lab.service.scoring.score_batches import score_batches  # noqa: PLC0415 (as said)

    writer = ArrowWriter(to) if form is TableForm.ARROW else CsvWriter(to)
    if selection is not None:
        for part in score_batches(transaction, study, selection):
            writer.write(part)
    writer.close()


def _tag(
    transaction: Transaction, study: Study, selection: Selection | None, form: TableForm
) -> str:
    """Return what names a table: what is asked for, by whom, and the study's last change.

    Whatever a table shows is in the study, and every change in that is in the audit.
    """
    said = (
        _SHAPE,
        form,
        audit.last_entry(transaction.connection, study.id),
        transaction.may(Action.CASE_PRIVATE, study),
        None if selection is None else astuple(selection),
        study.id,
    )
    return hashlib.sha256(json_text(said).encode()).hexdigest()[:32]
