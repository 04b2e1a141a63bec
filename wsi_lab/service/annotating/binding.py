"""Giving a study the terms of an ontology that was made before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_lab.model.layer import NewLabel
from wsi_lab.model.people import Action
from wsi_lab.service.annotating.label_sets import recorded
from wsi_lab.service.annotating.terms import ontology, own_label_set
from wsi_lab.store import layers
from wsi_lab.store import ontologies as rows

if TYPE_CHECKING:
    from wsi_lab.model.ontology import Ontology, Term
    from wsi_lab.model.study import Study
    from wsi_lab.service.transaction import Transaction


def bind(transaction: Transaction, ontology_id: int, study: Study) -> Ontology:
    """Give a study that is being made the terms of an ontology, and return the study's ontology.

    One that waits for its study becomes this one's, in the place of that which was made with the
    study. The terms of another study's are copied: same names and colours, other ids.

    That the asker may make or edit the study has been asked.

    Raises
    ------
    NotFound
        There is no such ontology, or the asker may not see it.
    """
    found = ontology(transaction, ontology_id, Action.STUDY_VIEW)
    own = rows.ontology_of_study(transaction.connection, study.id)
    if found.id == own.id:
        return own
    if found.study_id is None:
        # With it goes the right to change it.
        found = ontology(transaction, ontology_id, Action.STUDY_EDIT)
        return _bound(transaction, found, own)
    _copy(transaction, found, own)
    return rows.ontology_of_study(transaction.connection, study.id)


def _bound(transaction: Transaction, found: Ontology, own: Ontology) -> Ontology:
    connection = transaction.connection
    set_id = found.label_set_id
    before = None if set_id is None else layers.label_set_by_id(connection, set_id)
    rows.bind_ontology(connection, found, own)
    if set_id is not None:
        recorded(transaction, set_id, "change", before)
    after = rows.ontology(connection, found.id)
    assert after is not None  # noqa: S101 (it was read in this transaction)
    transaction.record(
        "change", "ontology", after.id, study_id=after.study_id, before=found, after=after
    )
    return after


def _copy(transaction: Transaction, found: Ontology, own: Ontology) -> None:
    connection = transaction.connection
    # Several label sets of one study may have labels of the same name.
    known = {each.name for each in rows.terms(connection, [own.id])}
    terms: list[Term] = []
    for each in rows.terms(connection, [found.id]):
        if each.name not in known:
            terms.append(each)
            known.add(each.name)
    if not terms:
        return
    label_set = own_label_set(transaction, own)
    new = [NewLabel(each.name, each.colour, each.description) for each in terms]
    added = layers.add_labels(connection, label_set, new)
    copies = {each.id: copy.id for each, copy in zip(terms, added, strict=True)}
    for each in terms:
        if each.parent_id in copies:
            rows.set_parent(connection, copies[each.id], copies[each.parent_id])
    recorded(transaction, label_set.id, "change", label_set)
