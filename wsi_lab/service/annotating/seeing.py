"""Which layers there are for whoever asks, and whose shapes on them they may see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.model.people import READING_DOOR, Action
from wsi_lab.model.question import Question
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.study_settings import shares_shapes
from wsi_lab.service.transaction import Transaction, is_id
from wsi_lab.store import answers, layers, questions


class Seen(NamedTuple):
    """A layer, and whose shapes on it the asker may see.

    Attributes
    ----------
    only
        The author whose shapes these are; `None` for everybody's.
    """

    study: Study
    question: Question
    only: str | None

    def shows(self, author: str) -> bool:
        """Return whether the asker may see what an author drew."""
        return self.only is None or answers.folded(author) == answers.folded(self.only)


def layer(
    transaction: Transaction, layer_id: int, action: Action = Action.STUDY_VIEW
) -> tuple[Study, Question]:
    """Return a layer and its study, which the asker may do this to.

    Raises
    ------
    NotFound
        There is none, or the asker may not know that there is.
    """
    missing = NotFound(f"There is no layer {layer_id}.")
    found = questions.question(transaction.connection, layer_id) if is_id(layer_id) else None
    if found is None or not found.kind.is_drawn:
        raise missing
    try:
        study = transaction.study(found.study_id, action)
    except NotFound:
        raise missing from None
    if found.id in transaction.closed_questions(study):
        raise missing
    return study, found


def seen_layer(transaction: Transaction, layer_id: int) -> Seen:
    """Return a layer of a study that the asker may view."""
    study, found = layer(transaction, layer_id)
    return _seen(transaction, study, [found])[0]


def seen_layers(
    transaction: Transaction, study: Study, layer_ids: Iterable[int] | None = None
) -> list[Seen]:
    """Return the layers of a study in their order, all or some.

    Raises
    ------
    NotFound
        One of `layer_ids` is no layer of the study.
    """
    found = [each for each in transaction.questions(study) if each.kind.is_drawn]
    if layer_ids is not None:
        wanted = set(layer_ids)
        unknown = wanted - {each.id for each in found}
        if unknown:
            raise NotFound(f"There is no layer {min(unknown)} in this study.")
        found = [each for each in found if each.id in wanted]
    return _seen(transaction, study, found)


def layer_and_slide(
    transaction: Transaction, layer_id: int, slide_id: int, action: Action
) -> tuple[Study, Question, Slide]:
    """Return a layer and a slide, and the study that both belong to.

    Raises
    ------
    Invalid
        The slide is one of another study.
    """
    study, found = layer(transaction, layer_id, action)
    of_slide, slide = transaction.slide(slide_id, Action.STUDY_VIEW)
    if of_slide.id != study.id:
        raise Invalid("The slide and the layer are not of the same study.")
    return study, found, slide


def _seen(transaction: Transaction, study: Study, found: list[Question]) -> list[Seen]:
    # Whoever reads sees what a reader sees, whatever they may besides.
    reads = transaction.actor.door == READING_DOOR
    if not reads and transaction.may(Action.RESULTS_VIEW, study):
        return [Seen(study, each, None) for each in found]
    shared = set()
    if shares_shapes(study.settings):
        there = layers.layers(transaction.connection, found)
        shared = {each.id for each in there if each.is_shared}
    own = transaction.actor.user.email
    return [Seen(study, each, None if each.id in shared else own) for each in found]
