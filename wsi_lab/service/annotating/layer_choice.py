"""Which layer a shape goes on where nobody names one, and which labels it may have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from wsi_lab.errors import Invalid, NotAllowed
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.question import Question, QuestionKind, checked_question
from wsi_lab.model.study import Study
from wsi_lab.model.task import Access
from wsi_lab.service.annotating.given_shapes import MOST_LABELS, takes
from wsi_lab.service.annotating.seeing import seen_layers
from wsi_lab.service.annotating.terms import own_label_set
from wsi_lab.service.scoring.questions import add_question
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import layers, ontologies, questions

NAME = "Annotations"
"""Of the layer that a study has for shapes that no other layer asks for."""


def layer_for(
    transaction: Transaction,
    study: Study,
    label_ids: Sequence[int] = (),
    kind: ShapeKind = ShapeKind.POLYGON,
) -> Question:
    """Return the layer that a shape goes on; made if the study has none for it.

    It is the first one whose labels are those among which its first label is, and that the asker
    may draw such a shape on; else the study's own for shapes that no other layer asks for, which
    everybody sees. That the asker may annotate in the study has been asked.

    Raises
    ------
    NotAllowed
        That layer became a task which the asker may not draw in.
    """
    connection = transaction.connection
    closed = transaction.closed_questions(study, Access.WRITE)
    seen = [each.question for each in seen_layers(transaction, study)]
    open_layers = [each for each in seen if each.id not in closed]
    set_id = layers.set_of_label(connection, label_ids[0]) if label_ids else None
    if set_id is not None:
        set_of = {each.id: each.label_set_id for each in layers.layers(connection, open_layers)}
        fitting = [each for each in open_layers if set_of[each.id] == set_id and takes(each, kind)]
        if fitting:
            return min(fitting, key=lambda each: each.id)
    own_id = ontologies.ontology_of_study(connection, study.id).layer_id
    own = None if own_id is None else questions.question(connection, own_id)
    if own is None or not takes(own, kind) or not own.kind.is_drawn:
        return _own_layer(transaction, study)
    if all(each.id != own.id for each in open_layers):
        raise NotAllowed(
            f"The layer '{own.name}' is for some members of the study only; "
            "an administrator of the study can grant it."
        )
    return own


def labels_of_study(transaction: Transaction, study: Study) -> frozenset[int]:
    """Return the labels that shapes of a study may have: those of all of its label sets."""
    return frozenset(
        label.id
        for label_set in layers.label_sets(transaction.connection, study.id)
        for label in label_set.labels
    )


def checked_label_ids(label_ids: Iterable[int], known: Collection[int]) -> tuple[int, ...]:
    """Return labels, each once, in the order given.

    Raises
    ------
    Invalid
        They are too many, or one is not known.
    """
    wanted = tuple(dict.fromkeys(label_ids))
    if len(wanted) > MOST_LABELS:
        raise Invalid(f"A shape may have at most {MOST_LABELS} labels.")
    unknown = [each for each in wanted if each not in known]
    if unknown:
        raise Invalid(f"The study has no label {unknown[0]}.")
    return wanted


def _own_layer(transaction: Transaction, study: Study) -> Question:
    connection = transaction.connection
    taken = {each.name for each in questions.questions(connection, study.id)}
    spec = checked_question(layers.free_name(NAME, taken), QuestionKind.ANNO_SHAPES, "")
    question = add_question(transaction, study, spec)
    ontology = ontologies.ontology_of_study(connection, study.id)
    layers.use_label_set(connection, question.id, own_label_set(transaction, ontology).id)
    layers.set_shared(connection, question.id, is_shared=True)
    ontologies.set_own_layer(connection, ontology.id, question.id)
    layer = layers.layer(connection, question)
    transaction.record("create", "layer", question.id, study_id=study.id, after=layer)
    return question
