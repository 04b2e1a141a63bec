"""Layers of a study and their labels."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TypeVar

from wsi_lab.errors import Invalid
from wsi_lab.model.layer import Label, Layer, NewLabel
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question, QuestionKind, QuestionSpec, checked_question
from wsi_lab.model.study import Study, checked_description, checked_name
from wsi_lab.service.annotating.seeing import layer as layer_question
from wsi_lab.service.annotating.seeing import seen_layers
from wsi_lab.service.scoring.questions import add_question, change_question
from wsi_lab.service.transaction import Transaction, Transactions, check_revision
from wsi_lab.store import layers as rows
from wsi_lab.store import questions

MOST_LABELS = 1000

_Label = TypeVar("_Label", bound=NewLabel | Label)
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Layers:
    """Layers: the study's questions that are drawn, with their labels."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def list(self, actor: Actor, study_id: int) -> list[Layer]:
        """Return a study's layers, in the order of its questions."""

        def read(transaction: Transaction) -> list[Layer]:
            study = transaction.study(study_id, Action.STUDY_VIEW)
            seen = seen_layers(transaction, study)
            return rows.layers(transaction.connection, [each.question for each in seen])

        return self._transactions.read(actor, read)

    def get(self, actor: Actor, layer_id: int) -> Layer:
        """Return one layer."""

        def read(transaction: Transaction) -> Layer:
            _, question = layer_question(transaction, layer_id)
            return rows.layer(transaction.connection, question)

        return self._transactions.read(actor, read)

    def create(
        self,
        actor: Actor,
        study_id: int,
        name: str,
        *,
        kind: QuestionKind = QuestionKind.ANNO_SHAPES,
        colour: str = "",
        labels: Sequence[NewLabel] = (),
        is_shared: bool = False,
    ) -> Layer:
        """Make a layer, which is a question of the study at once, and return it.

        Parameters
        ----------
        kind
            What is drawn on it: shapes of any kind, only points, or only lines.
        colour
            ``#rrggbb`` of shapes without a label.
        is_shared
            Whether everybody who may view the study sees all shapes.

        Raises
        ------
        Invalid
            The name, a label or a colour is not one; the kind is not drawn.
        Conflict
            The study has a question of that name.
        """
        if not kind.is_drawn:
            raise Invalid("A layer holds shapes, points or lines.")
        if colour:
            checked_colour(colour)
        spec = checked_question(name, kind, colour)
        new = checked_labels(labels)

        def create(transaction: Transaction) -> Layer:
            study = transaction.study(study_id, Action.STUDY_EDIT)
            question = add_question(transaction, study, spec)
            layer = rows.layer(transaction.connection, question)
            if new:
                rows.add_labels(
                    transaction.connection, rows.label_set(transaction.connection, layer), new
                )
            if is_shared:
                rows.set_shared(transaction.connection, question.id, is_shared=True)
            return _recorded(transaction, study, question, "create", None)

        return self._transactions.write(actor, create)

    def change(
        self,
        actor: Actor,
        layer_id: int,
        *,
        revision: int,
        name: str | None = None,
        colour: str | None = None,
        is_shared: bool | None = None,
    ) -> Layer:
        """Change what is given and return the layer as it is now.

        Raises
        ------
        Conflict
            `revision` is not the current one (``details["current"]``), or the name is taken.
        """
        if colour:
            checked_colour(colour)

        def change(transaction: Transaction) -> Layer:
            study, question, before = _layer_to_change(transaction, layer_id, revision)
            spec = QuestionSpec(question.name, question.kind, question.configuration)
            if name is not None or colour is not None:
                spec = checked_question(
                    question.name if name is None else name,
                    question.kind,
                    _recoloured(question.configuration, colour),
                )
            question = change_question(transaction, study, question, spec)
            if is_shared is not None and is_shared != before.is_shared:
                rows.set_shared(transaction.connection, question.id, is_shared=is_shared)
            return _recorded(transaction, study, question, "change", before)

        return self._transactions.write(actor, change)

    def set_labels(
        self, actor: Actor, layer_id: int, labels: Sequence[NewLabel | Label], revision: int
    ) -> Layer:
        """Give a layer exactly these labels, in this order, and return it.

        A `Label` keeps its shapes and gets the name and colour that it has here; a `NewLabel`
        whose name there is already is that one. Shapes keep labels that are removed.

        Raises
        ------
        Conflict
            `revision` is not the layer's current one (``details["current"]``).
        Invalid
            A name is not one or is there twice, or the layer has no label of an id.
        """
        checked = checked_labels(labels)

        def put(transaction: Transaction) -> Layer:
            connection = transaction.connection
            study, question, before = _layer_to_change(transaction, layer_id, revision)
            known = {each.name: each for each in before.labels}
            wanted = [_as_wanted(each, known) for each in checked]
            kept = [each for each in wanted if isinstance(each, Label)]
            kept_ids = {each.id for each in kept}
            known_ids = {each.id for each in before.labels}
            if len(kept_ids) < len(kept) or not kept_ids <= known_ids:
                raise Invalid("A label that is to stay is one of the layer's, and named once.")
            label_set = rows.label_set(connection, before)
            # Names that are given up are free before new labels take them.
            rows.put_labels(connection, label_set, kept, known_ids - kept_ids, transaction.now)
            new = [each for each in wanted if isinstance(each, NewLabel)]
            added = iter(rows.add_labels(connection, rows.label_set(connection, before), new))
            order = [each if isinstance(each, Label) else next(added) for each in wanted]
            rows.put_labels(connection, label_set, order, (), transaction.now)
            return _recorded(transaction, study, question, "change", before)

        return self._transactions.write(actor, put)

    def remove(self, actor: Actor, layer_id: int, *, revision: int) -> None:
        """Remove a layer from the study; its shapes are kept, but shown no more.

        Raises
        ------
        Conflict
            `revision` is not the current one (``details["current"]``).
        """

        def remove(transaction: Transaction) -> None:
            study, question, before = _layer_to_change(transaction, layer_id, revision)
            questions.remove_question(transaction.connection, question.id, transaction.now)
            transaction.record("remove", "layer", question.id, study_id=study.id, before=before)

        self._transactions.write(actor, remove)


def _layer_to_change(
    transaction: Transaction, layer_id: int, revision: int
) -> tuple[Study, Question, Layer]:
    study, question = layer_question(transaction, layer_id, Action.STUDY_EDIT)
    layer = rows.layer(transaction.connection, question)
    check_revision(layer.revision, revision, "layer")
    return study, question, layer


def _recorded(
    transaction: Transaction, study: Study, question: Question, verb: str, before: Layer | None
) -> Layer:
    after = rows.layer(transaction.connection, question)
    if before is None or dataclasses.replace(after, revision=0) != dataclasses.replace(
        before, revision=0
    ):
        transaction.record(
            verb, "layer", question.id, study_id=study.id, before=before, after=after
        )
    return after


def _as_wanted(each: Label | NewLabel, known: dict[str, Label]) -> Label | NewLabel:
    if isinstance(each, Label) or each.name not in known:
        return each
    named = known[each.name]
    return dataclasses.replace(
        named,
        colour=each.colour or named.colour,
        description=each.description or named.description,
    )


def checked_labels(labels: Sequence[_Label]) -> list[_Label]:
    """Return labels with names, colours and descriptions that are some, each named once.

    Raises
    ------
    Invalid
        They are not.
    """
    if len(labels) > MOST_LABELS:
        raise Invalid(f"A layer may have at most {MOST_LABELS:,} labels.")
    checked = [checked_label(each) for each in labels]
    names = [each.name for each in checked]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Invalid(f"Each label is named once; twice are: {', '.join(twice[:5])}.")
    return checked


def checked_label(label: _Label) -> _Label:
    """Return a label with a name, a colour and a description that are some.

    Raises
    ------
    Invalid
        They are not.
    """
    return dataclasses.replace(
        label,
        name=checked_name(label.name, "label"),
        colour=None if label.colour is None else checked_colour(label.colour),  # type: ignore[arg-type]  # a Label has a colour
        description=checked_description(label.description, "label"),
    )


def checked_colour(colour: str) -> str:
    """Return a colour as ``#rrggbb`` in small letters.

    Raises
    ------
    Invalid
        It is none.
    """
    if not _COLOUR.fullmatch(colour):
        raise Invalid(f"'{colour[:20]}' is not a colour; one looks like #d55e00.")
    return colour.lower()


def _recoloured(configuration: str, colour: str | None) -> str:
    if colour is None:
        return configuration
    _, semicolon, rest = configuration.partition(";")
    return f"{colour}{semicolon}{rest}"
