"""Shapes and grids that come at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from wsi_lab.errors import NotFound
from wsi_lab.model.answer import checked_author
from wsi_lab.model.feature import Grid
from wsi_lab.model.layer import Load
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question
from wsi_lab.model.study import checked_name
from wsi_lab.service.annotating import taking_out
from wsi_lab.service.annotating.drawn_answers import answer_to_draw_on, drawn_on, shapes_changed
from wsi_lab.service.annotating.preparing import (
    IsStopped,
    Prepared,
    Progress,
    Watch,
    prepared,
    prepared_grid,
)
from wsi_lab.service.annotating.seeing import layer, layer_and_slide, seen_layer
from wsi_lab.service.annotating.storing import equal_load, remove_load, store_load
from wsi_lab.service.annotating.taking_out import BulkShape
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.store.bulk import loads
from wsi_lab.store.bulk.loads import StoredLoad

if TYPE_CHECKING:
    from wsi_lab.geometry.columns import ShapeColumns

__all__ = ["BulkShape", "Loads"]


class Loads:
    """What a model says about a slide: loaded at once, kept as it is."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def load(
        self,
        actor: Actor,
        layer_id: int,
        slide_id: int,
        columns: ShapeColumns,
        *,
        author: str | None = None,
        name: str = "",
        precision: float = 0.01,
        colours: Mapping[str, str] | None = None,
        replace: bool = False,
        progress: Progress | None = None,
        stopped: IsStopped | None = None,
    ) -> Load:
        """Store shapes at once: all of them or none.

        The very same shapes of the same author on the same layer and slide are stored once: who
        loads them again gets the load that is there.

        Parameters
        ----------
        author
            By default whoever asks.
        name
            Of the author's loads on a layer and slide one has a name; loads without a name may
            be several.
        precision
            Coordinates are at most half of it off, in level-0 pixels; 0 keeps them as they are.
        colours
            ``#rrggbb`` of labels that the layer does not have yet, by name.
        replace
            Take the place of the load that has the name.
        progress
            Is told how much is done, from 0 to 1.
        stopped
            Is asked now and then; once it says so, nothing is stored.

        Raises
        ------
        Conflict
            There is a load of that name, with other shapes.
        Invalid
            The shapes do not fit the layer or cannot be stored.
        wsi_lab.service.jobs.Stopped
            `stopped` said so; nothing is stored.
        """
        watch = Watch(progress, stopped)
        store = self.loading(
            actor,
            layer_id,
            slide_id,
            columns,
            author=author,
            name=name,
            precision=precision,
            colours=colours,
            replace=replace,
            watch=watch,
        )
        load = self._transactions.write(actor, store)
        watch.finished()
        return load

    def loading(
        self,
        actor: Actor,
        layer_id: int,
        slide_id: int,
        columns: ShapeColumns,
        *,
        author: str | None = None,
        name: str = "",
        precision: float = 0.01,
        colours: Mapping[str, str] | None = None,
        replace: bool = False,
        watch: Watch | None = None,
    ) -> Callable[[Transaction], Load]:
        """Return what `load` does in its transaction, for verbs that do more in one."""
        asked = self._asked(actor, layer_id, slide_id)
        watch = watch or Watch(None, None)
        ready = prepared(columns, asked.kind, precision=precision, watch=watch)
        return self._storing(
            actor,
            asked,
            slide_id,
            ready,
            author=author,
            name=name,
            colours=colours or {},
            replace=replace,
            watch=watch,
        )

    def load_grid(
        self,
        actor: Actor,
        layer_id: int,
        slide_id: int,
        grid: Grid,
        *,
        author: str | None = None,
        replace: bool = False,
    ) -> Load:
        """Store a grid of values, such as a heat map, by its name; see `load`."""
        return self._transactions.write(
            actor,
            self.loading_grid(actor, layer_id, slide_id, grid, author=author, replace=replace),
        )

    def loading_grid(
        self,
        actor: Actor,
        layer_id: int,
        slide_id: int,
        grid: Grid,
        *,
        author: str | None = None,
        replace: bool = False,
    ) -> Callable[[Transaction], Load]:
        """Return what `load_grid` does in its transaction, for verbs that do more in one."""
        asked = self._asked(actor, layer_id, slide_id)
        return self._storing(
            actor,
            asked,
            slide_id,
            prepared_grid(grid),
            author=author,
            name=grid.name,
            colours={},
            replace=replace,
            watch=Watch(None, None),
        )

    def list(self, actor: Actor, layer_id: int, slide_id: int | None = None) -> list[Load]:
        """Return the loads of a layer that the asker may see, the oldest first."""

        def read(transaction: Transaction) -> list[Load]:
            seen = seen_layer(transaction, layer_id)
            if slide_id is not None and not is_id(slide_id):
                return []
            found = loads.loads(
                transaction.connection,
                question_ids=[layer_id],
                slide_id=slide_id,
                author=seen.only,
            )
            return [stored.load for stored in found]

        return self._transactions.read(actor, read)

    def get(self, actor: Actor, load_id: int) -> Load:
        """Return one load."""

        def read(transaction: Transaction) -> Load:
            stored = _stored(transaction, load_id)
            try:
                seen = seen_layer(transaction, stored.load.layer_id)
            except NotFound:
                raise _missing(load_id) from None
            if not seen.shows(stored.load.author):
                raise _missing(load_id)
            return stored.load

        return self._transactions.read(actor, read)

    def remove(self, actor: Actor, load_id: int) -> None:
        """Remove a load for good; shapes of it that became hand-made stay."""

        def remove(transaction: Transaction) -> None:
            stored = _stored(transaction, load_id)
            try:
                study, question = layer(transaction, stored.load.layer_id, Action.ANSWER_IMPORT)
            except NotFound:
                raise _missing(load_id) from None
            transaction.require_drawing(study, question)
            drawn = drawn_on(transaction, stored.answer_id)
            remove_load(transaction, question, stored)
            shapes_changed(transaction, drawn)

        self._transactions.write(actor, remove)

    def shape(self, transaction: Transaction, bulk_id: int) -> BulkShape:
        """Return one shape of a load by its id, for verbs that have asked who may.

        Raises
        ------
        NotFound
            There is none.
        Conflict
            It is no part of its load any more; ``details["current"]`` is the id of the
            annotation that it became, or `None` when it was removed.
        """
        return taking_out.shape(transaction, bulk_id)[0]

    def take_out(
        self, transaction: Transaction, bulk_id: int, annotation_id: int | None
    ) -> BulkShape:
        """Take a shape out of its load, because it became an annotation or was removed.

        For verbs that have asked who may do this. They change its answer, too, before and after
        (see `wsi_lab.service.annotating.drawn_answers`). Raises what `shape` raises.
        """
        return taking_out.take_out(transaction, bulk_id, annotation_id)

    def _asked(self, actor: Actor, layer_id: int, slide_id: int) -> Question:
        """Return the layer when the asker may load something on it."""
        _, question, _ = self._transactions.read(
            actor, lambda t: layer_and_slide(t, layer_id, slide_id, Action.ANSWER_IMPORT)
        )
        return question

    def _storing(
        self,
        actor: Actor,
        asked: Question,
        slide_id: int,
        ready: Prepared,
        *,
        author: str | None,
        name: str,
        colours: Mapping[str, str],
        replace: bool,
        watch: Watch,
    ) -> Callable[[Transaction], Load]:
        by = checked_author(actor.user.email if author is None else author)
        called = checked_name(name, "load") if name else ""

        def store(transaction: Transaction) -> Load:
            study, question, _ = layer_and_slide(
                transaction, asked.id, slide_id, Action.ANSWER_IMPORT
            )
            if question.kind is not asked.kind:
                raise NotFound(f"There is no layer '{asked.name}' of that kind any more.")
            drawn = answer_to_draw_on(transaction, study, question, slide_id, by, is_loaded=True)
            same = equal_load(
                transaction, question, slide_id, ready, author=by, name=called, replace=replace
            )
            if same is not None:
                return same.load
            load = store_load(
                transaction,
                question,
                slide_id,
                drawn,
                ready,
                author=by,
                name=called,
                colours=colours,
                watch=watch,
            )
            shapes_changed(transaction, drawn)
            return load

        return store


def _stored(transaction: Transaction, load_id: int) -> StoredLoad:
    stored = loads.load(transaction.connection, load_id) if is_id(load_id) else None
    if stored is None:
        raise _missing(load_id)
    return stored


def _missing(load_id: int) -> NotFound:
    return NotFound(f"There is no load {load_id}.")
