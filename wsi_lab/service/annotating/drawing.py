"""Shapes that are drawn by hand: added, changed and removed one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from wsi_lab.errors import Conflict, Invalid
from wsi_lab.model.annotation import Annotation
from wsi_lab.model.answer import checked_author
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import Box
from wsi_lab.model.people import Action, Actor
from wsi_lab.service.annotating.drawn_changes import add_drawn, change_drawn, remove_drawn
from wsi_lab.service.annotating.given_shapes import (
    drawn_again,
    drawn_of,
)
from wsi_lab.service.annotating.seeing import layer_and_slide, seen_layer
from wsi_lab.service.annotating.single_shapes import (
    check_seen,
    missing,
    seen_shape,
    shape_now,
)
from wsi_lab.service.scoring.answering import study_for
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.store import drawing as rows
from wsi_lab.store import people

MOST_AT_ONCE = 10_000
LONGEST_KEY = 100


class Drawing:
    """Shapes drawn by hand, each a part of its author's answer.

    A shape of a load that somebody changes becomes one of its author's shapes drawn by hand.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def list(
        self,
        actor: Actor,
        slide_id: int,
        layer_id: int,
        *,
        author: str | None = None,
        box: Box | None = None,
    ) -> list[Annotation]:
        """Return the shapes drawn by hand on a layer and slide that the asker may see.

        Parameters
        ----------
        box
            Only those whose own boxes touch it.
        """

        def read(transaction: Transaction) -> list[Annotation]:
            layer_and_slide(transaction, layer_id, slide_id, Action.STUDY_VIEW)
            seen = seen_layer(transaction, layer_id)
            found = rows.drawn_on_layer(
                transaction.connection, layer_id, slide_id, author=author, box=box
            )
            return [each for each in found if seen.shows(each.author)]

        return self._transactions.read(actor, read)

    def get(self, actor: Actor, annotation_id: int) -> Annotation:
        """Return one shape drawn by hand.

        Raises
        ------
        NotFound
            There is none, or the asker may not see it.
        """
        return self._transactions.read(actor, lambda t: seen_shape(t, annotation_id))

    def history(self, actor: Actor, annotation_id: int) -> Sequence[Annotation]:
        """Return all that a shape was, the oldest form first and the current one last.

        Also of one that was removed.
        """

        def read(transaction: Transaction) -> Sequence[Annotation]:
            if not is_id(annotation_id):
                raise missing(annotation_id)
            found = rows.earlier(transaction.connection, annotation_id)
            found += rows.drawn(transaction.connection, [annotation_id])
            if not found:
                raise missing(annotation_id)
            check_seen(transaction, found[-1])
            return found

        return self._transactions.read(actor, read)

    def add(
        self,
        actor: Actor,
        slide_id: int,
        layer_id: int,
        shapes: Sequence[tuple[str | None, Feature]],
        *,
        author: str | None = None,
    ) -> Sequence[Annotation]:
        """Draw shapes, all of them or none, and return them.

        Parameters
        ----------
        shapes
            Each with what the client calls it, or `None`. One that is drawn again under the
            same key is there once, and returned as it is now.
        author
            Whose they are; by default the asker's.

        Raises
        ------
        Invalid
            A shape is not one, or not of the kind of the layer; ``problems`` names each.
        Conflict
            The author's answer is a file that cannot be drawn on, or a key is that of a shape
            elsewhere.
        """
        return self._transactions.write(
            actor, self.adding(actor, slide_id, layer_id, shapes, author=author)
        )

    def adding(
        self,
        actor: Actor,
        slide_id: int,
        layer_id: int,
        shapes: Sequence[tuple[str | None, Feature]],
        *,
        author: str | None = None,
    ) -> Callable[[Transaction], Sequence[Annotation]]:
        """Return what `add` does in its transaction, for verbs that do more in one."""
        by = checked_author(actor.user.email if author is None else author)
        if len(shapes) > MOST_AT_ONCE:
            raise Invalid(f"At most {MOST_AT_ONCE:,} shapes can be drawn at once; load them.")
        drawn = drawn_of([feature for _, feature in shapes])
        keys = [_checked_key(key) for key, _ in shapes]
        given = [key for key in keys if key is not None]
        if len(set(given)) < len(given):
            raise Invalid("Each shape has a key of its own.")

        def add(transaction: Transaction) -> Sequence[Annotation]:
            study, question, _ = layer_and_slide(transaction, layer_id, slide_id, Action.STUDY_VIEW)
            study_for(transaction, study.id, by)
            ids = rows.ids_of_keys(transaction.connection, given)
            known = {
                each.client_key: each for each in rows.drawn(transaction.connection, ids.values())
            }
            _check_same_place(known.values(), layer_id, slide_id, by)
            new = [
                (key, shape)
                for key, shape in zip(keys, drawn, strict=True)
                if key is None or key not in known
            ]
            added = iter(add_drawn(transaction, study, question, slide_id, author=by, new=new))
            return [next(added) if key is None or key not in known else known[key] for key in keys]

        return add

    def change(
        self, actor: Actor, annotation_id: int, feature: Feature, revision: int
    ) -> Annotation:
        """Make a shape another one and return it as it is now; equal again changes nothing.

        Parameters
        ----------
        annotation_id
            Of a shape drawn by hand, or of one of a load, which becomes one drawn by hand: it
            then has another id.

        Raises
        ------
        Conflict
            `revision` is not the current one; ``details["current"]`` is the shape as it is now,
            or `None` when it is gone.
        Invalid
            The shape is not one.
        """
        return self.edit(actor, annotation_id, lambda _: feature, revision)

    def edit(
        self,
        actor: Actor,
        annotation_id: int,
        edit: Callable[[Feature], Feature],
        revision: int,
    ) -> Annotation:
        """Make a shape what a function makes of it; see `change`."""
        feature, stored = self._transactions.read(actor, lambda t: shape_now(t, annotation_id))
        # Long outlines are checked and told before anybody has to wait for the transaction.
        edited = edit(feature)
        wanted = drawn_of([edited])[0] if stored is None else drawn_again(edited, stored)

        return self._transactions.write(
            actor, lambda transaction: change_drawn(transaction, annotation_id, wanted, revision)
        )

    def emails(self, actor: Actor, annotations: Iterable[Annotation]) -> dict[int, str]:
        """Return the addresses of those who changed shapes last, by their ids."""
        ids = {each.changed_by for each in annotations}

        def read(transaction: Transaction) -> dict[int, str]:
            found = (people.user(transaction.connection, each) for each in ids)
            return {user.id: user.email for user in found if user is not None}

        return self._transactions.read(actor, read)

    def remove(self, actor: Actor, annotation_id: int, revision: int) -> None:
        """Remove a shape, drawn by hand or of a load; what it was stays in the history.

        Raises
        ------
        Conflict
            `revision` is not the current one; see `change`.
        """
        self._transactions.write(
            actor, lambda transaction: remove_drawn(transaction, annotation_id, revision)
        )


def _check_same_place(
    known: Iterable[Annotation], layer_id: int, slide_id: int, author: str
) -> None:
    for each in known:
        same = (each.question_id, each.place.slide_id, each.author.lower())
        if same != (layer_id, slide_id, author.lower()):
            raise Conflict("The key is that of a shape on another slide or layer, or by another.")


def _checked_key(key: str | None) -> str | None:
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise Invalid(f"The key of a shape has 1 to {LONGEST_KEY} characters.")
    return key
