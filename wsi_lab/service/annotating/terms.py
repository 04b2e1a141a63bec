"""Ontologies and terms as a change works with them, inside its transaction."""

from __future__ import annotations

from wsi_lab.errors import Conflict, Invalid, NotFound
from wsi_lab.model.layer import Label, LabelSet
from wsi_lab.model.ontology import Ontology, Term
from wsi_lab.model.people import Action
from wsi_lab.service.annotating.label_sets import label_in_set, recorded
from wsi_lab.service.annotating.makers import require_maker
from wsi_lab.service.transaction import Transaction, is_id
from wsi_lab.store import layers
from wsi_lab.store import ontologies as rows


def ontology(transaction: Transaction, ontology_id: int, action: Action) -> Ontology:
    """Return an ontology that the asker may do this to, as to its study.

    Raises
    ------
    NotFound
        There is none, or the asker may not know that there is.
    """
    missing = NotFound(f"There is no ontology {ontology_id}.")
    found = rows.ontology(transaction.connection, ontology_id) if is_id(ontology_id) else None
    if found is None:
        raise missing
    try:
        if found.study_id is None:
            require_maker(transaction, found, action)
        else:
            transaction.study(found.study_id, action)
    except NotFound:
        raise missing from None
    return found


def own_label_set(transaction: Transaction, of: Ontology) -> LabelSet:
    """Return the label set that new terms of an ontology go into, made if it has none.

    For verbs that have asked for the right.
    """
    connection = transaction.connection
    if of.label_set_id is None:
        set_id = layers.new_label_set(connection, of.study_id, of.name)
        rows.set_own_label_set(connection, of.id, set_id)
        return recorded(transaction, set_id, "create", None)
    found = layers.label_set_by_id(connection, of.label_set_id)
    assert found is not None  # noqa: S101 (the ontology refers to it)
    return found


def check_name_free(transaction: Transaction, ontology_id: int, name: str) -> None:
    """Raise `Conflict` when an ontology has a term of that name, in whichever label set."""
    if any(each.name == name for each in rows.terms(transaction.connection, [ontology_id])):
        raise Conflict(f"The ontology already has a term named '{name}'.")


def term(transaction: Transaction, term_id: int, action: Action) -> tuple[Term, bool]:
    """Return a term that the asker may do this to, and whether it was removed.

    Raises
    ------
    NotFound
        There is none, or the asker may not know that there is.
    """
    known = rows.term(transaction.connection, term_id) if is_id(term_id) else None
    if known is None:
        raise missing_term(term_id)
    try:
        ontology(transaction, known[0].ontology_id, action)
    except NotFound:
        raise missing_term(term_id) from None
    return known


def label_of_term(transaction: Transaction, term_id: int) -> tuple[LabelSet, Label]:
    """Return the label that a term is, and its label set, which the asker may edit."""
    try:
        return label_in_set(transaction, term_id, Action.STUDY_EDIT)
    except NotFound:
        raise missing_term(term_id) from None


def put_parent(transaction: Transaction, term_id: int, parent_id: int) -> None:
    """Say what a term is a kind of; see `Ontologies.set_parent`."""
    before, parent = (_present(transaction, each) for each in (term_id, parent_id))
    if before.ontology_id != parent.ontology_id:
        raise Invalid("A term can only be a kind of a term of the same ontology.")
    if term_id in {parent_id, *rows.ancestors(transaction.connection, parent_id)}:
        raise Invalid(f"'{parent.name}' is a kind of '{before.name}' already, or is the same.")
    if before.parent_id != parent_id:
        rows.set_parent(transaction.connection, term_id, parent_id)
        _record_parent(transaction, before, parent_id)


def take_parent(transaction: Transaction, term_id: int, parent_id: int) -> None:
    """Say that a term is no kind of another one; see `Ontologies.unset_parent`."""
    before = _present(transaction, term_id)
    if before.parent_id != parent_id:
        raise NotFound(f"The term {term_id} is not a kind of the term {parent_id}.")
    rows.set_parent(transaction.connection, term_id, None)
    _record_parent(transaction, before, None)


def missing_term(term_id: int) -> NotFound:
    """Return the error for a term that there is not."""
    return NotFound(f"There is no term {term_id}.")


def _present(transaction: Transaction, term_id: int) -> Term:
    found, is_removed = term(transaction, term_id, Action.STUDY_EDIT)
    if is_removed:
        raise missing_term(term_id)
    return found


def _record_parent(transaction: Transaction, before: Term, parent_id: int | None) -> None:
    of = rows.ontology(transaction.connection, before.ontology_id)
    transaction.record(
        "change",
        "term",
        before.id,
        study_id=None if of is None else of.study_id,
        before={"parent": before.parent_id},
        after={"parent": parent_id},
    )
