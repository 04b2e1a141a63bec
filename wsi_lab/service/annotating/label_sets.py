"""Label sets of a study: labels that belong together, for one layer or for several."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from wsi_lab.errors import Conflict, Invalid, NotFound
from wsi_lab.model.layer import Label, LabelSet, NewLabel
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import checked_description, checked_name
from wsi_lab.model.task import LabelUse
from wsi_lab.service.annotating.layers import (
    MOST_LABELS,
    checked_colour,
    checked_label,
    checked_labels,
)
from wsi_lab.service.annotating.makers import require_maker_of_set
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.store import layers as rows
from wsi_lab.store.label_uses import is_used, label_uses


class LabelSets:
    """Label sets and their labels."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def get(self, actor: Actor, label_set_id: int) -> LabelSet:
        """Return one label set."""
        return self._transactions.read(
            actor, lambda transaction: _label_set(transaction, label_set_id, Action.STUDY_VIEW)
        )

    def create(
        self,
        actor: Actor,
        study_id: int,
        name: str,
        labels: Sequence[NewLabel] = (),
        *,
        description: str = "",
    ) -> LabelSet:
        """Make a label set and return it.

        Raises
        ------
        Invalid
            A name or a colour is not one, or a label is named twice.
        Conflict
            The study has a label set of that name.
        """
        name = checked_name(name, "label set")
        description = checked_description(description, "label set")
        new = checked_labels(labels)

        def create(transaction: Transaction) -> LabelSet:
            study = transaction.study(study_id, Action.STUDY_EDIT)
            made = rows.add_label_set(transaction.connection, study.id, name, description)
            rows.add_labels(transaction.connection, made, new)
            return recorded(transaction, made.id, "create", None)

        return self._transactions.write(actor, create)

    def add_label(self, actor: Actor, label_set_id: int, new: NewLabel) -> Label:
        """Add a label behind the others and return it.

        Raises
        ------
        Conflict
            The set has a label of that name.
        """
        new = checked_label(new)

        def add(transaction: Transaction) -> Label:
            before = _label_set(transaction, label_set_id, Action.STUDY_EDIT)
            return add_label(transaction, before, new)

        return self._transactions.write(actor, add)

    def change_label(
        self,
        actor: Actor,
        label_id: int,
        *,
        name: str | None = None,
        colour: str | None = None,
        description: str | None = None,
    ) -> Label:
        """Change what is given and return the label as it is now; its shapes keep it.

        Raises
        ------
        Conflict
            Its set has another label of that name.
        """
        given = checked_changes(name, colour, description)

        def change(transaction: Transaction) -> Label:
            before, label = label_in_set(transaction, label_id, Action.STUDY_EDIT)
            return change_label(transaction, before, dataclasses.replace(label, **given))

        return self._transactions.write(actor, change)

    def remove_label(self, actor: Actor, label_id: int) -> None:
        """Remove a label that nothing has.

        Raises
        ------
        Conflict
            Shapes have it.
        """

        def remove(transaction: Transaction) -> None:
            before, label = label_in_set(transaction, label_id, Action.STUDY_EDIT)
            if is_used(transaction.connection, label.id):
                raise Conflict(f"Shapes have the label '{label.name}', so it cannot be removed.")
            remove_label(transaction, before, label)

        self._transactions.write(actor, remove)

    def uses(self, actor: Actor, label_set_id: int) -> list[LabelUse]:
        """Return a set's labels in the order of their ids, and how often tasks have each."""

        def read(transaction: Transaction) -> list[LabelUse]:
            found = _label_set(transaction, label_set_id, Action.STUDY_VIEW)
            return label_uses(transaction.connection, found)

        return self._transactions.read(actor, read)

    def list(self, actor: Actor, study_id: int) -> list[LabelSet]:
        """Return a study's label sets, in the order of their ids."""

        def read(transaction: Transaction) -> list[LabelSet]:
            study = transaction.study(study_id, Action.STUDY_VIEW)
            return rows.label_sets(transaction.connection, study.id)

        return self._transactions.read(actor, read)


def label_in_set(transaction: Transaction, label_id: int, action: Action) -> tuple[LabelSet, Label]:
    """Return a label and its set, which the asker may do this to.

    Raises
    ------
    NotFound
        There is none, or the asker may not know that there is.
    """
    missing = NotFound(f"There is no label {label_id}.")
    set_id = rows.set_of_label(transaction.connection, label_id) if is_id(label_id) else None
    if set_id is None:
        raise missing
    try:
        found = _label_set(transaction, set_id, action)
    except NotFound:
        raise missing from None
    return found, next(each for each in found.labels if each.id == label_id)


def add_label(transaction: Transaction, label_set: LabelSet, new: NewLabel) -> Label:
    """Add a label, as `LabelSets.add_label` does, inside a change of whoever may."""
    _check_free(label_set, new.name)
    if len(label_set.labels) >= MOST_LABELS:
        raise Invalid(f"A label set may have at most {MOST_LABELS:,} labels.")
    (added,) = rows.add_labels(transaction.connection, label_set, [new])
    recorded(transaction, label_set.id, "change", label_set)
    return added


def change_label(transaction: Transaction, label_set: LabelSet, after: Label) -> Label:
    """Change a label, as `LabelSets.change_label` does, inside a change of whoever may."""
    _check_free(label_set, after.name, label_id=after.id)
    order = [after if each.id == after.id else each for each in label_set.labels]
    rows.put_labels(transaction.connection, label_set, order, (), transaction.now)
    recorded(transaction, label_set.id, "change", label_set)
    return after


def remove_label(transaction: Transaction, label_set: LabelSet, label: Label) -> None:
    """Remove a label that nothing has, inside a change of whoever may."""
    order = [each for each in label_set.labels if each.id != label.id]
    rows.put_labels(transaction.connection, label_set, order, [label.id], transaction.now)
    recorded(transaction, label_set.id, "change", label_set)


def recorded(transaction: Transaction, set_id: int, verb: str, before: LabelSet | None) -> LabelSet:
    """Write down in the audit what became of a label set, and return it as it is now."""
    after = rows.label_set_by_id(transaction.connection, set_id)
    assert after is not None  # noqa: S101 (it was read or made in this transaction)
    if before is None or after != dataclasses.replace(before, revision=after.revision):
        transaction.record(
            verb, "label set", set_id, study_id=after.study_id, before=before, after=after
        )
    return after


def checked_changes(
    name: str | None, colour: str | None, description: str | None
) -> dict[str, Any]:
    """Return what is given of a label, by the names of its fields.

    Raises
    ------
    Invalid
        A name, a colour or a description is not one.
    """
    given: dict[str, Any] = {}
    if name is not None:
        given["name"] = checked_name(name, "label")
    if colour is not None:
        given["colour"] = checked_colour(colour)
    if description is not None:
        given["description"] = checked_description(description, "label")
    return given


def _label_set(transaction: Transaction, label_set_id: int, action: Action) -> LabelSet:
    missing = NotFound(f"There is no label set {label_set_id}.")
    found = (
        rows.label_set_by_id(transaction.connection, label_set_id) if is_id(label_set_id) else None
    )
    if found is None:
        raise missing
    try:
        if found.study_id is not None:
            transaction.study(found.study_id, action)
        else:
            require_maker_of_set(transaction, found.id, action)
    except NotFound:
        raise missing from None
    return found


def _check_free(label_set: LabelSet, name: str, *, label_id: int | None = None) -> None:
    if any(each.name == name and each.id != label_id for each in label_set.labels):
        raise Conflict(f"There already is a label '{name}' in '{label_set.name}'.")
