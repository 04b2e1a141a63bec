"""Lists of shapes, page by page: those drawn by hand and those of loads, the newest first."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.model.annotation import Annotation
from wsi_lab.model.layer import FIRST_BULK_ID
from wsi_lab.model.people import Actor, User
from wsi_lab.model.shape_list import ListQuery, ShapePage
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.list_scope import (
    Owners,
    Place,
    Scope,
    check_list,
    label_check,
    scope_of,
)
from wsi_lab.service.annotating.listed_by_hand import Alike, alike_shapes, ids_by_hand
from wsi_lab.service.annotating.listed_loads import ListedLoads, loads_in, of_loads
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.slides.kept import Kept
from wsi_lab.store import drawing, people
from wsi_lab.store.db import Database

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MOST_LISTED", "ListQuery", "ShapeLists", "ShapePage"]

MOST_LISTED = 100_000
"""Shapes on one page: each is told by itself."""
LARGEST_LISTS = 64 << 20
"""Bytes of all lists that are remembered."""


class ShapeLists:
    """Lists shapes that somebody may see, in the order of their ids, the greatest first.

    What was listed is remembered until somebody changes anything, so that the next page costs
    little more than reading what is on it. Heat maps, and shapes that have no place on a slide,
    are not listed. Shapes of loads are told without words of Slide Score.
    """

    def __init__(self, database: Database, transactions: Transactions, finder: Finder) -> None:
        self._database = database
        self._transactions = transactions
        self._loads = ListedLoads(finder)
        self._lists: Kept[NDArray[np.int64]] = Kept(
            LARGEST_LISTS, lambda ids: ids.nbytes + 1000, keep_last=True
        )
        self._alike: Kept[list[Alike]] = Kept(LARGEST_LISTS, _size, keep_last=True)

    def page(
        self, actor: Actor, query: ListQuery, *, offset: int = 0, limit: int | None = None
    ) -> ShapePage:
        """Return how many shapes there are, and some of them.

        One's own need no right but to view the study, those of others the right `results`,
        unless the layer is shared.

        Parameters
        ----------
        offset
            How many come before the page.
        limit
            How many are on it; `None` for all that come.

        Raises
        ------
        Invalid
            The query names neither studies nor slides, or a place that there is not.
        NotFound, NotAllowed
            There is no such study or slide, or the asker may not view it.
        TooLarge
            There would be more than `MOST_LISTED` on the page.
        """
        check_list(query)
        if offset < 0 or (limit is not None and limit < 0):
            raise Invalid("A page begins at 0 or later, and holds 0 shapes or more.")
        # Before reading: what is committed meanwhile must make what is remembered old.
        generation = self._database.generation()

        def read(transaction: Transaction) -> ShapePage:
            scope = scope_of(transaction, query)
            key = _key(generation, scope, query)
            ids = self._lists.get(key)
            is_remembered = ids is not None
            if ids is None:
                ids = self._ids(transaction, scope, query, generation)
                self._lists.keep(key, ids)
            page = self._page(transaction, scope, ids, offset, limit)
            if is_remembered and len(page.shapes) < len(_part(ids, offset, limit)):
                # Somebody has removed shapes since the number of the generation was read.
                ids = self._ids(transaction, scope, query, None)
                page = self._page(transaction, scope, ids, offset, limit)
            return page

        return self._transactions.read(actor, read)

    def found(self, transaction: Transaction, query: ListQuery) -> tuple[Scope, NDArray[np.int64]]:
        """Return where a list looks, and the ids of all shapes on it, for verbs that show them."""
        check_list(query)
        scope = scope_of(transaction, query)
        return scope, self._ids(transaction, scope, query, None)

    def owners(self, actor: Actor, shapes: Iterable[Annotation]) -> dict[int, User]:
        """Return whose shapes are, by the shapes' ids.

        They are their author's; of an author who is no user, such as a program, of whoever
        loaded or changed them last.
        """
        shapes = list(shapes)

        def read(transaction: Transaction) -> dict[int, User]:
            connection = transaction.connection
            by_author = _found(
                partial(people.user_by_email, connection), {each.author for each in shapes}
            )
            by_id = _found(
                partial(people.user, connection),
                {each.changed_by for each in shapes if each.author not in by_author},
            )
            owners = {
                each.id: by_author.get(each.author) or by_id.get(each.changed_by) for each in shapes
            }
            return {shape_id: user for shape_id, user in owners.items() if user is not None}

        return self._transactions.read(actor, read)

    def _ids(
        self, transaction: Transaction, scope: Scope, query: ListQuery, generation: int | None
    ) -> NDArray[np.int64]:
        """Return the ids of all that are listed, the greatest first."""
        import numpy as np  # noqa: PLC0415 (whoever opens a lab needs none of it)

        conditions: dict[str, Any] = {
            "owners": Owners(transaction.connection, query.emails),
            "labels": label_check(query),
            "place": Place(query),
        }
        alike = self._known(transaction, scope, generation)
        ids = np.concatenate([
            ids_by_hand(transaction.connection, scope, alike, **conditions),
            self._loads.ids(transaction, scope, **conditions),
        ])  # fmt: skip
        if query.ids is not None:
            ids = ids[np.isin(ids, [each for each in query.ids if is_id(each)])]
        if query.without_ids:
            ids = ids[~np.isin(ids, [each for each in query.without_ids if is_id(each)])]
        found: NDArray[np.int64] = np.sort(ids)[::-1]
        return found

    def _known(self, transaction: Transaction, scope: Scope, generation: int | None) -> list[Alike]:
        if generation is None:
            return alike_shapes(transaction, scope)
        key = _key(generation, scope)
        known = self._alike.get(key)
        if known is None:
            known = alike_shapes(transaction, scope)
            self._alike.keep(key, known)
        return known

    def _page(
        self,
        transaction: Transaction,
        scope: Scope,
        ids: NDArray[np.int64],
        offset: int,
        limit: int | None,
    ) -> ShapePage:
        wanted = _part(ids, offset, limit)
        if len(wanted) > MOST_LISTED:
            raise TooLarge(
                f"There are {len(wanted):,} shapes, too many to list at once; ask for at most "
                f"{MOST_LISTED:,} at a time."
            )
        found = {
            each.id: each
            for each in drawing.drawn(
                transaction.connection, wanted[wanted < FIRST_BULK_ID].tolist()
            )
        }
        if len(found) < len(wanted):
            stored = loads_in(transaction, scope)
            for one, own in zip(stored, of_loads(stored, wanted), strict=True):
                if len(own):
                    shapes = self._loads.annotations(transaction, one, own)
                    found.update((each.id, each) for each in shapes)
        order = (found.get(each) for each in wanted.tolist())
        return ShapePage(len(ids), [each for each in order if each is not None])


def _part(ids: NDArray[np.int64], offset: int, limit: int | None) -> NDArray[np.int64]:
    return ids[offset:] if limit is None else ids[offset : offset + limit]


def _key(generation: int, scope: Scope, query: ListQuery | None = None) -> bytes:
    """Return what names a list, few bytes however much was asked for."""
    import shapely  # noqa: PLC0415 (as above)

    geometry = None if query is None else query.geometry
    said = None if query is None else dataclasses.replace(query, geometry=None)
    words = repr((generation, scope.key, said)).encode()
    return hashlib.sha256(words + (b"" if geometry is None else shapely.to_wkb(geometry))).digest()


def _size(alike: list[Alike]) -> int:
    return sum(each.ids.nbytes + 500 for each in alike) + 1000


def _found(look_up: Callable[[Any], User | None], keys: Iterable[Any]) -> dict[Any, User]:
    found = ((key, look_up(key)) for key in keys)
    return {key: user for key, user in found if user is not None}
