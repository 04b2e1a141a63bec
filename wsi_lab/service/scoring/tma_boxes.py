"""Where the cores of a tissue microarray lie on its slide."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from wsi_lab.errors import Conflict, Invalid, NotFound
from wsi_lab.formats.slidescore_config import parse_map
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.tma import (
    LARGEST_SIDE,
    Box,
    CoreBox,
    CoreFit,
    PlacedCore,
    SlideCores,
    TmaMap,
    checked_boxes,
    even_box,
)
from wsi_lab.service.new_slides import store_changes
from wsi_lab.service.tiles import Tiles
from wsi_lab.service.transaction import Transaction, Transactions, check_revision
from wsi_lab.store import tma_boxes as rows
from wsi_lab.store import tma_maps as map_rows

if TYPE_CHECKING:
    from wsi_lab.geometry.tma_grid import CoreGrid

PICTURE_SIDE = 2000
"""Pixels of the longer side of the picture in which cores are looked for."""
_LONGEST_NAME = 80
"""Of a map that is named after its slide; a number may follow."""
_NO_MAP = "This slide has no TMA map, so that nobody knows its cores."


def boxes(transaction: Transaction, slide: Slide) -> dict[tuple[int, int], Box]:
    """Return where each place of the map of a slide lies, by row and column; none without a map.

    Places that nobody fitted or put are taken to lie on an even grid over the whole slide.
    """
    tma_map = map_of(transaction, slide)
    if tma_map is None:
        return {}
    return _boxes(rows.boxes(transaction.connection, slide.id), slide, tma_map)


def map_of(transaction: Transaction, slide: Slide) -> TmaMap | None:
    """Return the map of the cores on a slide."""
    if slide.tma_map_id is None:
        return None
    return map_rows.map_by_id(transaction.connection, slide.tma_map_id)


class TmaBoxes:
    """Where cores lie: found in a picture, put by hand, or on an even grid."""

    def __init__(self, transactions: Transactions, tiles: Tiles) -> None:
        self._transactions = transactions
        self._tiles = tiles

    def slide_cores(self, actor: Actor, slide_id: int) -> SlideCores:
        """Return all places of the map of a slide, and where they lie.

        Raises
        ------
        NotFound
            The slide has no map.
        """

        def read(transaction: Transaction) -> SlideCores:
            _, slide = transaction.slide(slide_id, Action.STUDY_VIEW)
            return _cores(transaction, slide)

        return self._transactions.read(actor, read)

    def fit(
        self, actor: Actor, slide_id: int, rows: int | None = None, columns: int | None = None
    ) -> SlideCores:
        """Find the cores in a picture of the slide, and store where they lie; may block.

        Boxes that were there before are replaced. A slide without a map gets one that is named
        after it and calls its cores A1, A2, … in rows from the top; places without tissue are
        empty in it.

        Parameters
        ----------
        rows, columns
            How many there are. By default as many as the map of the slide has; without a map,
            as many as are seen.

        Raises
        ------
        Invalid
            No grid of cores was found, or not one of that size; or the map has another size.
        Conflict
            The slide got another map meanwhile.
        SlideMissing, UnsupportedSlide, DamagedSlide, Busy
            The file cannot be shown.
        """
        _check_sides(rows, columns)

        def begin(transaction: Transaction) -> tuple[Slide, TmaMap | None]:
            _, slide = transaction.slide(slide_id, Action.STUDY_EDIT)
            return slide, map_of(transaction, slide)

        slide, tma_map = self._transactions.read(actor, begin)
        if tma_map is not None:
            _require_size(tma_map, rows, columns)
            rows, columns = tma_map.row_count, tma_map.column_count
        grid = self._look(actor, slide, rows, columns)

        def store(transaction: Transaction) -> SlideCores:
            study, now = transaction.slide(slide_id, Action.STUDY_EDIT)
            known = map_of(transaction, now)
            if known != tma_map:
                raise Conflict("The TMA map of this slide was changed meanwhile; fit it again.")
            if known is None:
                made = _make_map(transaction, study, now, grid)
                now = store_changes(transaction, study, now, {"tma_map_id": made.id})
            return _store_grid(transaction, study, now, grid)

        return self._transactions.write(actor, store)

    def set_boxes(
        self,
        actor: Actor,
        slide_id: int,
        given: Sequence[CoreBox],
        *,
        revision: int | None = None,
    ) -> SlideCores:
        """Say by hand where some or all places lie; the others stay as they are.

        Parameters
        ----------
        given
            Where nothing is said of tissue, what was known of it stays.
        revision
            Of the fit that they correct, 0 for none; by default it is not asked.

        Raises
        ------
        Invalid
            A place is not on the map, or a box is none; ``problems`` names each.
        NotFound
            The slide has no map.
        Conflict
            They were changed since that revision.
        """

        def put(transaction: Transaction) -> SlideCores:
            study, slide = transaction.slide(slide_id, Action.STUDY_EDIT)
            tma_map = _required_map(transaction, slide)
            checked = checked_boxes(given, tma_map.row_count, tma_map.column_count)
            fit = rows.fit_of(transaction.connection, slide.id)
            if revision is not None:
                check_revision(0 if fit is None else fit.revision, revision, "grid of cores")
            store_boxes(transaction, study, slide, checked)
            return _cores(transaction, slide)

        return self._transactions.write(actor, put)

    def clear(self, actor: Actor, slide_id: int) -> None:
        """Forget where the cores of a slide lie: they are on an even grid again."""

        def clear(transaction: Transaction) -> None:
            study, slide = transaction.slide(slide_id, Action.STUDY_EDIT)
            before = rows.fit_of(transaction.connection, slide.id)
            if before is not None:
                rows.remove_fit(transaction.connection, slide.id)
                transaction.record(
                    "remove", "tma-boxes", slide.id, study_id=study.id, before=before
                )

        self._transactions.write(actor, clear)

    def _look(self, actor: Actor, slide: Slide, rows: int | None, columns: int | None) -> CoreGrid:
        from wsi_lab.geometry.tma_grid import fit_grid  # noqa: PLC0415 (scipy, only for fits)

        downsample = max(1.0, max(slide.width, slide.height) / PICTURE_SIDE)
        size = (math.ceil(slide.width / downsample), math.ceil(slide.height / downsample))
        picture = self._tiles.region(actor, slide.id, (0, 0), size, downsample=downsample)
        return fit_grid(picture, downsample, rows=rows, columns=columns)


def store_boxes(
    transaction: Transaction, study: Study, slide: Slide, given: Sequence[CoreBox]
) -> None:
    """Put boxes that somebody drew; the right, and that they lie on the map, has been checked."""
    before = rows.fit_of(transaction.connection, slide.id)
    known = rows.boxes(transaction.connection, slide.id)
    put = [
        each
        if each.is_found is not None or (each.row, each.column) not in known
        else dataclasses.replace(each, is_found=known[each.row, each.column].is_found)
        for each in given
    ]
    if not [each for each in put if known.get((each.row, each.column)) != each]:
        return
    # How well the others were fitted is still true.
    rows.put_fit(transaction.connection, slide.id, _following(transaction, before))
    rows.put_boxes(transaction.connection, slide.id, put)
    transaction.record(
        "change",
        "tma-boxes",
        slide.id,
        study_id=study.id,
        before=[known[place] for each in put if (place := (each.row, each.column)) in known],
        after=put,
    )


def _store_grid(transaction: Transaction, study: Study, slide: Slide, grid: CoreGrid) -> SlideCores:
    connection = transaction.connection
    before = rows.fit_of(connection, slide.id)
    after = dataclasses.replace(
        _following(transaction, before),
        confidence=grid.confidence,
        residual=grid.residual,
        angle=grid.angle,
    )
    rows.put_fit(connection, slide.id, after)
    rows.remove_boxes(connection, slide.id)
    rows.put_boxes(connection, slide.id, grid.places)
    transaction.record("fit", "tma-boxes", slide.id, study_id=study.id, before=before, after=after)
    return _cores(transaction, slide)


def _following(transaction: Transaction, before: CoreFit | None) -> CoreFit:
    now, by = transaction.now, transaction.actor.user.id
    if before is None:
        return CoreFit(1, now, by)
    return dataclasses.replace(before, revision=before.revision + 1, changed_on=now, changed_by=by)


def _cores(transaction: Transaction, slide: Slide) -> SlideCores:
    tma_map = _required_map(transaction, slide)
    connection = transaction.connection
    named = {(each.row, each.column): each for each in map_rows.cores(connection, tma_map.id)}
    known = rows.boxes(connection, slide.id)
    places = []
    for (row, column), box in _boxes(known, slide, tma_map).items():
        core, stored = named.get((row, column)), known.get((row, column))
        places.append(
            PlacedCore(
                row,
                column,
                "" if core is None else core.sample,
                core is not None and core.is_control,
                box,
                None if stored is None else stored.is_found,
            )
        )
    return SlideCores(slide.id, tma_map, tuple(places), rows.fit_of(connection, slide.id))


def _boxes(
    known: Mapping[tuple[int, int], CoreBox], slide: Slide, tma_map: TmaMap
) -> dict[tuple[int, int], Box]:
    size = (slide.width, slide.height)
    return {
        (row, column): known[row, column].box
        if (row, column) in known
        else even_box(tma_map, size, row, column)
        for row in range(tma_map.row_count)
        for column in range(tma_map.column_count)
    }


def _required_map(transaction: Transaction, slide: Slide) -> TmaMap:
    found = map_of(transaction, slide)
    if found is None:
        raise NotFound(_NO_MAP)
    return found


def _check_sides(rows: int | None, columns: int | None) -> None:
    if any(count is not None and not 1 <= count <= LARGEST_SIDE for count in (rows, columns)):
        raise Invalid(f"A TMA map has from 1 to {LARGEST_SIDE} rows and columns.")


def _require_size(tma_map: TmaMap, rows: int | None, columns: int | None) -> None:
    size = (tma_map.row_count, tma_map.column_count)
    if (size[0] if rows is None else rows, size[1] if columns is None else columns) != size:
        raise Invalid(
            f"The TMA map of this slide has {size[0]} rows and {size[1]} columns; "
            "leave the numbers out, or give the slide another map."
        )


def _make_map(transaction: Transaction, study: Study, slide: Slide, grid: CoreGrid) -> TmaMap:
    text = map_text_of(grid)
    name = _free_name(transaction, study, slide)
    made = map_rows.add_map(transaction.connection, study.id, name, text, parse_map(text))
    transaction.record("create", "tma-map", made.id, study_id=study.id, after=made)
    return made


def map_text_of(grid: CoreGrid) -> str:
    """Return the file of a map that names the cores which were found, and keeps empty places."""
    names = [["-"] * grid.column_count for _ in range(grid.row_count)]
    for each in grid.places:
        if each.is_found:
            names[each.row][each.column] = f"{row_letters(each.row)}{each.column + 1}"
    return "ignore: -\n\n" + "".join("\t".join(line) + "\n" for line in names)


def row_letters(row: int) -> str:
    """Return what a row is called, as in a spreadsheet.

    Examples
    --------
    >>> row_letters(0), row_letters(25), row_letters(26)
    ('A', 'Z', 'AA')
    """
    before, last = divmod(row, 26)
    return (row_letters(before - 1) if before else "") + chr(ord("A") + last)


def _free_name(transaction: Transaction, study: Study, slide: Slide) -> str:
    """Return the name of a slide, as a file could have it, with a number if it is taken."""
    plain = re.sub(r"[^\w .()+-]", "_", slide.name)
    while len(plain.encode()) > _LONGEST_NAME:
        plain = plain[:-1]
    plain = plain.strip(" .") or "TMA"
    taken = {each.name for each in map_rows.maps(transaction.connection, study.id)}
    number, name = 1, plain
    while name in taken:
        number += 1
        name = f"{plain} {number}"
    return name
