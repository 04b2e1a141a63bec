"""Ontologies that are of no study yet, and their labels: their makers' alone."""

from __future__ import annotations

from wsi_lab.errors import NotAllowed, NotFound
from wsi_lab.model.ontology import Ontology
from wsi_lab.model.people import Action
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import ontologies as rows


def require_maker(transaction: Transaction, ontology: Ontology, action: Action) -> None:
    """Raise unless the asker may do this to an ontology of no study, as to a study.

    Raises
    ------
    NotFound
        It is somebody else's, and the asker is no site administrator.
    NotAllowed
        They come with a token that may not.
    """
    transaction.require(Action.LAB_VIEW)
    user = transaction.actor.user
    if not user.is_admin and ontology.created_by != user.id:
        raise NotFound(f"There is no ontology {ontology.id}.")
    if action is not Action.STUDY_VIEW:
        require_new(transaction)


def require_new(transaction: Transaction) -> None:
    """Raise `NotAllowed` unless the asker may make an ontology that is of no study."""
    transaction.require(Action.LAB_VIEW)
    token = transaction.actor.token
    if token is not None and (token.read_studies or token.modify_studies):
        raise NotAllowed("A token limited to certain studies may not do this.")


def require_maker_of_set(transaction: Transaction, set_id: int, action: Action) -> None:
    """Raise unless the asker may do this to a label set of no study; see `require_maker`."""
    ontology = rows.ontology_of_set(transaction.connection, set_id)
    if ontology is None:
        raise NotFound(f"There is no label set {set_id}.")
    require_maker(transaction, ontology, action)
