"""Ontologies and their terms: the labels of a study, whichever label set they are in."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from wsi_lab.errors import Conflict, Invalid
from wsi_lab.model.layer import NewLabel
from wsi_lab.model.ontology import Ontology, Term
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import checked_name
from wsi_lab.service.annotating.label_sets import (
    add_label,
    change_label,
    checked_changes,
    remove_label,
)
from wsi_lab.service.annotating.layers import checked_label
from wsi_lab.service.annotating.makers import require_new
from wsi_lab.service.annotating.terms import (
    check_name_free,
    label_of_term,
    missing_term,
    ontology,
    own_label_set,
    put_parent,
    take_parent,
    term,
)
from wsi_lab.service.seen import seen_studies
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import ontologies as rows
from wsi_lab.store.label_uses import is_used

MOST_WITHOUT_STUDY = 1000
"""Ontologies of one maker that are of no study."""


class NewTerm(NamedTuple):
    """A term that is to be added to an ontology; see `Ontologies.add_term`."""

    ontology_id: int
    label: NewLabel
    parent: int | None = None


class Ontologies:
    """Ontologies: every study has one, made with it; others wait for their study.

    One of a study is for whoever may view or edit that. One of no study is its maker's, and
    site administrators'.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def get(self, actor: Actor, ontology_id: int) -> Ontology:
        """Return one ontology."""
        return self._transactions.read(actor, lambda t: ontology(t, ontology_id, Action.STUDY_VIEW))

    def of_study(self, actor: Actor, study_id: int) -> Ontology:
        """Return the ontology of a study."""

        def read(transaction: Transaction) -> Ontology:
            study = transaction.study(study_id, Action.STUDY_VIEW)
            return rows.ontology_of_study(transaction.connection, study.id)

        return self._transactions.read(actor, read)

    def create(self, actor: Actor, name: str) -> Ontology:
        """Make an ontology that is of no study yet; everybody who is known may.

        Raises
        ------
        Invalid
            The name is not one, or the asker has too many of them.
        Conflict
            There is one of that name that the asker may see.
        """
        name = checked_name(name, "ontology")

        def create(transaction: Transaction) -> Ontology:
            require_new(transaction)
            user, connection = transaction.actor.user, transaction.connection
            if rows.unbound_count(connection, user.id) >= MOST_WITHOUT_STUDY:
                raise Invalid(
                    f"You have {MOST_WITHOUT_STUDY:,} ontologies that are of no study; remove some."
                )
            _check_name(transaction, name)
            made = rows.add_ontology(
                connection, name, created_by=user.id, created_on=transaction.now
            )
            transaction.record("create", "ontology", made.id, after=made)
            return made

        return self._transactions.write(actor, create)

    def rename(self, actor: Actor, ontology_id: int, name: str) -> Ontology:
        """Give an ontology a name of its own, and return it.

        Raises
        ------
        Invalid
            The name is not one.
        Conflict
            There is another one of that name that the asker may see.
        """
        name = checked_name(name, "ontology")

        def rename(transaction: Transaction) -> Ontology:
            before = ontology(transaction, ontology_id, Action.STUDY_EDIT)
            if before.name == name:
                return before
            _check_name(transaction, name)
            rows.rename_ontology(transaction.connection, before.id, name)
            after = dataclasses.replace(before, name=name)
            _record(transaction, "change", before, after)
            return after

        return self._transactions.write(actor, rename)

    def remove(self, actor: Actor, ontology_id: int) -> None:
        """Remove an ontology that is of no study, with its terms.

        Raises
        ------
        Invalid
            It is a study's.
        """

        def remove(transaction: Transaction) -> None:
            before = ontology(transaction, ontology_id, Action.STUDY_EDIT)
            if before.study_id is not None:
                raise Invalid("A study uses this ontology, so it cannot be removed.")
            rows.remove_ontology(transaction.connection, before)
            _record(transaction, "remove", before, None)

        self._transactions.write(actor, remove)

    def terms(
        self, actor: Actor, *, ontology_id: int | None = None, study_id: int | None = None
    ) -> Sequence[Term]:
        """Return terms in the order of palettes: of an ontology, of a study's, or all."""

        def read(transaction: Transaction) -> Sequence[Term]:
            if ontology_id is not None:
                wanted = [ontology(transaction, ontology_id, Action.STUDY_VIEW)]
            elif study_id is not None:
                study = transaction.study(study_id, Action.STUDY_VIEW)
                wanted = [rows.ontology_of_study(transaction.connection, study.id)]
            else:
                wanted = _seen(transaction)
            return rows.terms(transaction.connection, [each.id for each in wanted])

        return self._transactions.read(actor, read)

    def term(self, actor: Actor, term_id: int) -> Term:
        """Return one term; one that was removed only while shapes still have it."""

        def read(transaction: Transaction) -> Term:
            found, is_removed = term(transaction, term_id, Action.STUDY_VIEW)
            if is_removed and not is_used(transaction.connection, term_id):
                raise missing_term(term_id)
            return found

        return self._transactions.read(actor, read)

    def add_term(
        self,
        actor: Actor,
        ontology_id: int,
        name: str,
        colour: str | None = None,
        *,
        comment: str = "",
        parent: int | None = None,
    ) -> Term:
        """Add a term to the ontology's own label set, and return it.

        Parameters
        ----------
        colour
            ``#rrggbb``; by default the next of the palette.
        parent
            The term that it is a kind of.

        Raises
        ------
        Invalid
            The name, the colour or the comment is not one, or `parent` is of another ontology.
        Conflict
            The ontology has a term of that name.
        """
        new = NewTerm(ontology_id, NewLabel(name, colour, comment), parent)
        (added,) = self.add_terms(actor, [new])
        return added

    def add_terms(self, actor: Actor, new: Sequence[NewTerm]) -> Sequence[Term]:
        """Add terms, all of them or none, and return them in the order given; see `add_term`."""
        return self._transactions.write(actor, lambda t: [_add_term(t, each) for each in new])

    def change_term(
        self,
        actor: Actor,
        term_id: int,
        *,
        name: str | None = None,
        colour: str | None = None,
        comment: str | None = None,
    ) -> Term:
        """Change what is given and return the term as it is now; its shapes keep it.

        Raises
        ------
        Invalid
            The name, the colour or the comment is not one.
        Conflict
            The ontology has another term of that name.
        """
        given = checked_changes(name, colour, comment)

        def change(transaction: Transaction) -> Term:
            label_set, label = label_of_term(transaction, term_id)
            before, _ = term(transaction, term_id, Action.STUDY_EDIT)
            if given.get("name", label.name) != label.name:
                check_name_free(transaction, before.ontology_id, given["name"])
            change_label(transaction, label_set, dataclasses.replace(label, **given))
            return term(transaction, term_id, Action.STUDY_EDIT)[0]

        return self._transactions.write(actor, change)

    def remove_term(self, actor: Actor, term_id: int) -> None:
        """Remove a term that no shape has; terms that were kinds of it are kinds of nothing.

        Raises
        ------
        Invalid
            Shapes have it.
        """

        def remove(transaction: Transaction) -> None:
            label_set, label = label_of_term(transaction, term_id)
            if is_used(transaction.connection, term_id):
                raise Invalid(f"Shapes have the term '{label.name}', so it cannot be removed.")
            remove_label(transaction, label_set, label)

        self._transactions.write(actor, remove)

    def parent(self, actor: Actor, term_id: int) -> int | None:
        """Return the id of the term that a term is a kind of."""
        return self.term(actor, term_id).parent_id

    def set_parent(self, actor: Actor, term_id: int, parent_id: int) -> Term:
        """Say what a term is a kind of, instead of what was said before, and return it.

        Raises
        ------
        Invalid
            The two are of different ontologies, or would be kinds of each other.
        """

        def put(transaction: Transaction) -> Term:
            put_parent(transaction, term_id, parent_id)
            return term(transaction, term_id, Action.STUDY_EDIT)[0]

        return self._transactions.write(actor, put)

    def unset_parent(self, actor: Actor, term_id: int, parent_id: int) -> None:
        """Say that a term is no kind of another one any more.

        Raises
        ------
        NotFound
            It is not.
        """
        self._transactions.write(actor, lambda t: take_parent(t, term_id, parent_id))

    def list(self, actor: Actor) -> Sequence[Ontology]:
        """Return the ontologies that the asker may see, in the order of their ids."""
        return self._transactions.read(actor, _seen)


def _add_term(transaction: Transaction, new: NewTerm) -> Term:
    label = checked_label(new.label)
    of = ontology(transaction, new.ontology_id, Action.STUDY_EDIT)
    check_name_free(transaction, of.id, label.name)
    added = add_label(transaction, own_label_set(transaction, of), label)
    if new.parent is not None:
        put_parent(transaction, added.id, new.parent)
    return term(transaction, added.id, Action.STUDY_EDIT)[0]


def _seen(transaction: Transaction) -> list[Ontology]:
    user = transaction.actor.user
    studies = [each.id for each in seen_studies(transaction)]
    maker = None if user.is_admin else user.id
    return rows.ontologies(transaction.connection, studies, maker=maker)


def _check_name(transaction: Transaction, name: str) -> None:
    # Of those that they may not see, nobody is told what they are called.
    if any(each.name == name for each in _seen(transaction)):
        raise Conflict(f"There already is an ontology named '{name}'.")


def _record(transaction: Transaction, verb: str, before: Ontology, after: Ontology | None) -> None:
    transaction.record(
        verb, "ontology", before.id, study_id=before.study_id, before=before, after=after
    )
