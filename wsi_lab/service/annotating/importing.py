"""Annotations of a file, stored in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from wsi_lab.model.exchange import MOST_NOTICES, Imported, LabelFound
from wsi_lab.model.layer import Load
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import Slide
from wsi_lab.service.annotating.drawing import Drawing
from wsi_lab.service.annotating.layers import Layers
from wsi_lab.service.annotating.loading import Loads
from wsi_lab.service.annotating.preparing import Watch
from wsi_lab.service.annotating.seeing import layer_and_slide
from wsi_lab.service.jobs import Task
from wsi_lab.service.transaction import Transaction, Transactions

if TYPE_CHECKING:
    from wsi_lab.model.feature import Feature
    from wsi_lab.service.annotating.arriving import Arrived

_READ, _READY = 0.3, 0.95
"""How much is done when a file is read, and when all is ready to be stored."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done with a file; see `wsi_lab.service.annotating.exchange.Exchange`."""

    actor: Actor
    layer_id: int
    slide_id: int
    author: str
    name: str = ""
    format: str | None = None
    is_dry_run: bool = False
    as_bulk: bool | None = None
    replace: bool = False
    precision: float = 0.01
    options: Mapping[str, Any] = field(default_factory=dict)


class Importer:
    """Stores what files hold: all of a file, or nothing."""

    def __init__(
        self, transactions: Transactions, *, layers: Layers, drawing: Drawing, loads: Loads
    ) -> None:
        self._transactions = transactions
        self._layers = layers
        self._drawing = drawing
        self._loads = loads

    def run(self, order: Order, file: BinaryIO, task: Task) -> Imported[Load]:
        """Do what is ordered and say what came of it.

        Raises
        ------
        wsi_lab.service.jobs.Stopped
            The task was stopped; nothing is stored.
        """
        from wsi_lab.service.annotating.arriving import read_file  # noqa: PLC0415 (geometry)

        task.tell(0.0, "Reading the file")
        arrived = read_file(
            file,
            name=order.name,
            format_name=order.format,
            as_bulk=order.as_bulk,
            options=order.options,
            slide=self._slide(order),
            task=task,
        )
        task.check()
        task.tell(_READ, "Getting the shapes ready")
        draw = arrived.keyed(order.layer_id, order.slide_id, order.author.lower())
        steps = self._steps(order, arrived, draw, task)
        known = {
            each.name: each.colour for each in self._layers.get(order.actor, order.layer_id).labels
        }

        def store(transaction: Transaction) -> tuple[int, list[Load]]:
            from wsi_lab.store.drawing import ids_of_keys  # noqa: PLC0415 (only who imports)

            task.check()
            there = ids_of_keys(transaction.connection, [key for key, _ in draw])
            done = [step(transaction) for step in steps]
            task.check()
            return len(there), [each for each in done if isinstance(each, Load)]

        task.tell(_READ, "Storing")
        run = self._transactions.rehearse if order.is_dry_run else self._transactions.write
        unchanged, loads = run(order.actor, store)
        return _report(order, arrived, known, unchanged, loads)

    def _slide(self, order: Order) -> Slide:
        _, _, slide = self._transactions.read(
            order.actor,
            lambda t: layer_and_slide(t, order.layer_id, order.slide_id, Action.STUDY_VIEW),
        )
        return slide

    def _steps(
        self, order: Order, arrived: Arrived, draw: Sequence[tuple[str, Feature]], task: Task
    ) -> list[Callable[[Transaction], Any]]:
        """Return all that is to be done in one transaction, ready to be done."""
        steps: list[Callable[[Transaction], Any]] = []
        if draw:
            steps.append(
                self._drawing.adding(
                    order.actor, order.slide_id, order.layer_id, draw, author=order.author
                )
            )
        if arrived.columns is not None:
            steps.append(
                self._loads.loading(
                    order.actor,
                    order.layer_id,
                    order.slide_id,
                    arrived.columns,
                    author=order.author,
                    name=order.name,
                    precision=order.precision,
                    colours=arrived.colours,
                    replace=order.replace,
                    watch=Watch(
                        lambda done: task.tell(_READ + (_READY - _READ) * done),
                        lambda: task.is_stopped,
                    ),
                )
            )
        steps += [
            self._loads.loading_grid(
                order.actor,
                order.layer_id,
                order.slide_id,
                grid,
                author=order.author,
                replace=order.replace,
            )
            for grid in arrived.grids
        ]
        return steps


def _report(
    order: Order,
    arrived: Arrived,
    known: Mapping[str, str],
    unchanged: int,
    loads: Sequence[Load],
) -> Imported[Load]:
    labels = tuple(
        LabelFound(name, known.get(name, arrived.colours.get(name)), count, name not in known)
        for name, count in arrived.labels().items()
    )
    return Imported(
        format=arrived.format,
        title=arrived.title,
        shape_count=arrived.shape_count,
        kinds=arrived.kinds(),
        labels=labels,
        grid_count=len(arrived.grids),
        notices=tuple(arrived.notices[:MOST_NOTICES]),
        notice_count=len(arrived.notices),
        drawn_count=len(arrived.by_hand) - unchanged,
        unchanged_count=unchanged,
        loads=tuple(loads),
        is_dry_run=order.is_dry_run,
    )
