"""Shapes one by one, with labels of their study: whoever draws them names no layer.

Whoever changes a shape last wins; what it was before is in its history. A shape of a load that
somebody changes becomes one drawn by hand, which the id that it had still leads to.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from wsi_lab.errors import Conflict, Invalid, NotFound
from wsi_lab.model.annotation import Annotation
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import FIRST_BULK_ID
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question
from wsi_lab.model.study import Study
from wsi_lab.service.annotating.any_shape import any_shape
from wsi_lab.service.annotating.drawing import MOST_AT_ONCE
from wsi_lab.service.annotating.drawn_changes import add_drawn, change_drawn, remove_drawn
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.given_shapes import Drawn, drawn_again, drawn_of
from wsi_lab.service.annotating.layer_choice import checked_label_ids, labels_of_study, layer_for
from wsi_lab.service.annotating.seeing import layer
from wsi_lab.service.scoring.answering import study_for
from wsi_lab.service.transaction import Transaction, Transactions

__all__ = ["NewShape", "Shapes"]

Ids = tuple[int, ...]


class NewShape(NamedTuple):
    """A shape that is to be drawn; labels that the feature names are not looked at."""

    slide_id: int
    feature: Feature
    label_ids: Ids = ()


class _Placed(NamedTuple):
    """Where a new shape goes."""

    study: Study
    question: Question
    label_ids: Ids


class Shapes:
    """Shapes one by one, drawn by hand or of a load."""

    def __init__(self, transactions: Transactions, finder: Finder) -> None:
        self._transactions = transactions
        self._finder = finder

    def create(self, actor: Actor, new: Sequence[NewShape]) -> list[Annotation]:
        """Draw shapes in the asker's name, all of them or none, and return them in that order.

        See `wsi_lab.service.annotating.layer_choice.layer_for` for the layers that they go on.

        Raises
        ------
        Invalid
            A shape is not one, or has a label that its study does not have; ``problems`` names
            each.
        NotFound, NotAllowed
            There is no such slide, or the asker may not annotate it.
        Conflict
            The asker's answer on that layer is a file that cannot be drawn on.
        """
        if len(new) > MOST_AT_ONCE:
            raise Invalid(f"At most {MOST_AT_ONCE:,} shapes can be drawn at once; load them.")
        # Long outlines are checked before anybody has to wait for the transaction.
        drawn = drawn_of([_unnamed(each.feature) for each in new])

        def create(transaction: Transaction) -> list[Annotation]:
            placed = _placed(transaction, new, drawn)
            together: dict[tuple[int, int], list[int]] = defaultdict(list)
            for number, (each, where) in enumerate(zip(new, placed, strict=True)):
                together[where.question.id, each.slide_id].append(number)
            added: dict[int, Annotation] = {}
            for (_, slide_id), numbers in together.items():
                study, question, _ = placed[numbers[0]]
                some = add_drawn(
                    transaction,
                    study,
                    question,
                    slide_id,
                    author=transaction.actor.user.email,
                    new=[(None, drawn[each]) for each in numbers],
                    label_ids=[placed[each].label_ids for each in numbers],
                )
                added.update(zip(numbers, some, strict=True))
            return [added[number] for number in range(len(new))]

        return self._transactions.write(actor, create) if new else []

    def get(self, actor: Actor, shape_id: int) -> Annotation:
        """Return one shape.

        Raises
        ------
        NotFound
            There is none that has a place on a slide, or the asker may not see it.
        """
        return self._transactions.read(actor, lambda t: any_shape(t, self._finder, shape_id))

    def change_geometry(self, actor: Actor, shape_id: int, feature: Feature) -> Annotation:
        """Draw a shape anew, and return it; its labels and properties stay.

        Raises
        ------
        Invalid
            It is no shape, or not of the kind of its layer.
        NotFound, NotAllowed
            As for `get`; the asker may not change it.
        """
        drawn = drawn_of([_unnamed(feature)])[0]

        def change(transaction: Transaction) -> Annotation:
            before = any_shape(transaction, self._finder, shape_id)
            wanted = dataclasses.replace(drawn, properties=before.properties)
            return _changed(transaction, before, wanted, _label_ids(before))

        return self._transactions.write(actor, change)

    def add_label(self, actor: Actor, shape_id: int, label_id: int) -> Annotation:
        """Give a shape one more label, and return it.

        Raises
        ------
        Conflict
            It has that label.
        Invalid
            Its study has no such label.
        """

        def added(before: Annotation) -> Ids:
            ids = _label_ids(before)
            if label_id in ids:
                raise Conflict(f"The annotation {before.id} already has the label {label_id}.")
            return (*ids, label_id)

        return self._relabelled(actor, shape_id, added)

    def remove_label(self, actor: Actor, shape_id: int, label_id: int) -> Annotation:
        """Take a label from a shape, and return it.

        Raises
        ------
        NotFound
            It does not have that label.
        """

        def removed(before: Annotation) -> Ids:
            ids = _label_ids(before)
            if label_id not in ids:
                raise NotFound(f"The annotation {before.id} does not have the label {label_id}.")
            return tuple(each for each in ids if each != label_id)

        return self._relabelled(actor, shape_id, removed)

    def replace_labels(self, actor: Actor, shape_id: int, label_ids: Iterable[int]) -> Annotation:
        """Give a shape exactly these labels, and return it.

        Raises
        ------
        Invalid
            Its study has no such label.
        """
        wanted = tuple(label_ids)
        return self._relabelled(actor, shape_id, lambda _: wanted)

    def remove(self, actor: Actor, shape_id: int) -> Annotation:
        """Remove a shape, and return what it was; that stays in the history.

        Raises
        ------
        NotFound, NotAllowed
            As for `get`; the asker may not change it.
        """

        def remove(transaction: Transaction) -> Annotation:
            before = any_shape(transaction, self._finder, shape_id)
            remove_drawn(transaction, before.id, before.revision)
            return before

        return self._transactions.write(actor, remove)

    def _relabelled(
        self, actor: Actor, shape_id: int, labels: Callable[[Annotation], Ids]
    ) -> Annotation:
        def change(transaction: Transaction) -> Annotation:
            before = any_shape(transaction, self._finder, shape_id)
            study, _ = layer(transaction, before.question_id)
            study_for(transaction, study.id, before.author)
            # A shape may keep what was removed since.
            known = labels_of_study(transaction, study) | set(_label_ids(before))
            ids = checked_label_ids(labels(before), known)
            return _changed(transaction, before, _again(before), ids)

        return self._transactions.write(actor, change)


def _placed(
    transaction: Transaction, new: Sequence[NewShape], drawn: Sequence[Drawn]
) -> list[_Placed]:
    """Return where new shapes go.

    Raises
    ------
    Invalid
        Their studies do not have labels that they are to have.
    """
    studies: dict[int, Study] = {}
    for slide_id in dict.fromkeys(each.slide_id for each in new):
        study, _ = transaction.slide(slide_id, Action.STUDY_VIEW)
        studies[slide_id] = study_for(transaction, study.id, transaction.actor.user.email)
    known = {each.id: labels_of_study(transaction, each) for each in studies.values()}
    ids: list[Ids] = []
    problems = []
    for number, each in enumerate(new, start=1):
        try:
            ids.append(checked_label_ids(each.label_ids, known[studies[each.slide_id].id]))
        except Invalid as error:
            problems.append(f"Shape {number}: {error.message}")
    if problems:
        raise Invalid(problems[0], problems=problems)
    layers: dict[Any, Question] = {}
    placed = []
    for each, shape, own in zip(new, drawn, ids, strict=True):
        study = studies[each.slide_id]
        alike = (study.id, own[:1], shape.kind)
        if alike not in layers:
            layers[alike] = layer_for(transaction, study, own, shape.kind)
        placed.append(_Placed(study, layers[alike], own))
    return placed


def _changed(
    transaction: Transaction, before: Annotation, wanted: Drawn, label_ids: Ids
) -> Annotation:
    return change_drawn(transaction, before.id, wanted, before.revision, label_ids=label_ids)


def _again(before: Annotation) -> Drawn:
    """Return a shape that stays where it is, in the words that it came in."""
    shape = before.shape
    feature = Feature(
        shape.kind,
        shape.geometry,
        properties=before.properties,
        source=before.source,
    )
    # What a load tells is rounded in Slide Score's words.
    return drawn_of([feature])[0] if before.id >= FIRST_BULK_ID else drawn_again(feature, before)


def _label_ids(annotation: Annotation) -> Ids:
    return tuple(each.id for each in annotation.labels)


def _unnamed(feature: Feature) -> Feature:
    return dataclasses.replace(feature, labels=())
