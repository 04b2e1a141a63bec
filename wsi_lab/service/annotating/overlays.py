"""What is drawn on a slide, as tiles over the slide's own, and what lies at a place."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from wsi_lab.errors import Invalid, OutOfRange
from wsi_lab.model.annotation import FARTHEST
from wsi_lab.model.people import READING_DOOR, Action, Actor
from wsi_lab.model.slide import TileGrid
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.overlay_content import Content, content_of, contents
from wsi_lab.service.annotating.overlay_style import Style
from wsi_lab.service.annotating.slide_layers import SlideLayers, slide_layers
from wsi_lab.service.answers import TileAnswer
from wsi_lab.service.tiles import Tiles
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.slides.kept import Kept
from wsi_lab.store.connection import Connection
from wsi_lab.store.db import Database

if TYPE_CHECKING:
    from wsi_lab.service.annotating.at_place import Place, There
    from wsi_lab.service.annotating.overlay_drawing import Frame
    from wsi_lab.service.annotating.overlay_making import Maker
    from wsi_lab.service.annotating.overlay_style import Choice
    from wsi_lab.slides.reader import Pixels

__all__ = ["OverlayKind", "OverlayTile", "Overlays", "TilePlace"]

OverlayKind = Literal["png", "mvt"]

MEDIA_TYPES: dict[OverlayKind, str] = {
    "png": "image/png",
    "mvt": "application/vnd.mapbox-vector-tile",
}
LARGEST_TILES = 48 << 20
"""Bytes of tiles that are kept."""
MOST_REMEMBERED = 4096
DEEPER_ZOOMS = 3
"""So many zooms beyond full resolution there are, for outlines that stay sharp."""


class TilePlace(NamedTuple):
    """A tile of the map grid of a slide."""

    slide_id: int
    layer_id: int
    zoom: int
    column: int
    row: int


class OverlayTile(NamedTuple):
    """A tile, and what the content that it shows a part of is known by.

    Attributes
    ----------
    revisions
        Of the layer on the slide, and of the tier that is shown (see
        `wsi_lab.service.annotating.overlay_content.Content`).
    """

    image: TileAnswer
    revisions: tuple[str, str]


_Key = tuple[int, int | None, int, int, bool]


class _Remembered(NamedTuple):
    generation: int
    content: Content


class Overlays:
    """Tiles of layers, and what is there under a mouse.

    Everybody sees their own shapes; those of others need the right `results`, unless the layer
    is shared.
    """

    def __init__(
        self, database: Database, transactions: Transactions, finder: Finder, tiles: Tiles
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._finder = finder
        self._tiles = tiles
        self._kept: Kept[TileAnswer] = Kept(LARGEST_TILES, lambda tile: len(tile.data) + 500)
        self._remembered: dict[_Key, _Remembered] = {}
        self._is_warm = False

    def tile_at_once(
        self, actor: Actor, place: TilePlace, style: Style, kind: OverlayKind = "png"
    ) -> OverlayTile | None:
        """Return a tile if that needs no waiting, else `None`.

        Raises
        ------
        OutOfRange
            The grid has no such tile.
        """
        shown = self._tiles.shown_at_once(actor, place.slide_id)
        content = self._content_at_once(actor, place)
        if shown is None or content is None:
            return None
        frame = _frame(shown.grids["map"], place)
        found = self._kept.get(_key(content, frame, style, kind))
        return None if found is None else _tile(found, content, style)

    def tile(
        self, actor: Actor, place: TilePlace, style: Style, kind: OverlayKind = "png"
    ) -> OverlayTile:
        """Return a tile of a layer on the slide's map grid; may block.

        Its ETag names its bytes. There are `DEEPER_ZOOMS` more zooms than the slide has. Grids
        lie lowest, then the shapes of loads, then those drawn by hand, the small ones on the
        large ones.

        Parameters
        ----------
        kind
            ``"png"``, or ``"mvt"`` for a vector tile, of which only `Style.choice` is heeded.

        Raises
        ------
        OutOfRange
            The grid has no such tile.
        NotFound, NotAllowed
            The asker may not see the slide, or its study has no such layer.
        SlideMissing, UnsupportedSlide, DamagedSlide, Busy
            The slide cannot be opened.
        """
        shown = self._tiles.shown(actor, place.slide_id)
        from wsi_lab.geometry.colour_maps import colour_map  # noqa: PLC0415 (only for pictures)

        colour_map(style.colour_map)
        frame = _frame(shown.grids["map"], place)
        content = self._content(actor, place)

        def make(connection: Connection) -> TileAnswer:
            return self._made(connection, content, frame, style, kind)

        image = self._kept.make(
            _key(content, frame, style, kind), lambda: self._database.read(make)
        )
        return _tile(image, content, style)

    def layers(self, actor: Actor, slide_id: int) -> SlideLayers:
        """Return the layers of a slide's study, and what there is of each on the slide.

        Raises
        ------
        NotFound, NotAllowed
            The asker may not see the slide.
        """
        found = self._transactions.read(actor, lambda t: slide_layers(t, slide_id))
        if not self._is_warm and any(
            each.hand_count or each.bulk_count or each.grids for each in found.layers
        ):
            # Whoever asks this will want tiles next; once on a machine, what draws them takes
            # some seconds to compile.
            from wsi_lab.geometry.compiled import warm  # noqa: PLC0415 (only for pictures)

            self._is_warm = True
            warm()
        return found

    def at(
        self,
        actor: Actor,
        slide_id: int,
        place: Place,
        choice: Choice,
        *,
        layer_ids: Sequence[int] | None = None,
        limit: int = 10,
    ) -> There:
        """Return what is at a place of a slide: shapes, topmost first, and values of grids.

        Parameters
        ----------
        layer_ids
            Only on these layers; the later a layer comes in the study, the higher it lies.
        limit
            At most so many shapes.

        Raises
        ------
        Invalid
            The place or the limit is out of bounds.
        NotFound, NotAllowed
            The asker may not see the slide, or its study has no such layer.
        """
        from wsi_lab.service.annotating import at_place  # noqa: PLC0415 (needs geometry)

        if not (abs(place.x) < FARTHEST and abs(place.y) < FARTHEST):
            raise Invalid("The place is none on a slide.")
        if not 0 <= place.radius <= at_place.LARGEST_RADIUS:
            raise Invalid(f"The radius is 0 to {at_place.LARGEST_RADIUS:,.0f} level-0 pixels.")
        if not 1 <= limit <= at_place.MOST_HITS:
            raise Invalid(f"The limit is 1 to {at_place.MOST_HITS} shapes.")

        def read(transaction: Transaction) -> There:
            study, slide = transaction.slide(slide_id, Action.STUDY_VIEW)
            found = contents(transaction, study, slide, layer_ids)
            looker = at_place.Looker(transaction, study, self._finder, place, choice)
            hits: list[at_place.Hit] = []
            for content in reversed(found):
                for each in looker.hits(content):
                    hits.append(each)
                    if len(hits) == limit:
                        break
                if len(hits) == limit:
                    break
            values = [
                each for content in reversed(found) for each in looker.values(content, self._maker)
            ]
            return at_place.There(hits, values)

        return self._transactions.read(actor, read)

    def drawn_over(
        self,
        actor: Actor,
        slide_id: int,
        pixels: Pixels,
        *,
        origin: tuple[float, float],
        downsample: float,
        style: Style,
        layer_ids: Sequence[int] | None = None,
    ) -> Pixels:
        """Return pixels of a slide with what is drawn on layers over them.

        Parameters
        ----------
        pixels
            ``(rows, columns, 3) uint8``.
        origin
            What the left top corner shows, in level-0 pixels.
        downsample
            Level-0 pixels per pixel.
        layer_ids
            Only these layers.

        Raises
        ------
        NotFound, NotAllowed
            The asker may not see the slide, or its study has no such layer.
        """

        def look(transaction: Transaction) -> list[Content]:
            study, slide = transaction.slide(slide_id, Action.STUDY_VIEW)
            return contents(transaction, study, slide, layer_ids)

        found = [
            each for each in self._transactions.read(actor, look) if each.loads or each.answers
        ]
        if not found:
            return pixels
        place = (*origin, downsample)
        return self._database.read(
            lambda connection: self._maker.drawn_over(connection, found, pixels, place, style)
        )

    @functools.cached_property
    def _maker(self) -> Maker:
        # Whoever opens a lab to list users needs no geometry.
        from wsi_lab.service.annotating.overlay_making import Maker  # noqa: PLC0415 (as said)

        return Maker(self._finder)

    def _content_at_once(self, actor: Actor, place: TilePlace) -> Content | None:
        """Return what there is, if nothing was committed since that was looked up.

        Whether the asker's token still holds, whoever asks for the slide itself is told.
        """
        known = self._remembered.get(_asked_by(actor, place))
        if known is None or known.generation != self._database.generation():
            return None
        return known.content

    def _content(self, actor: Actor, place: TilePlace) -> Content:
        known = self._content_at_once(actor, place)
        if known is not None:
            return known
        # Before reading: what is committed meanwhile must make this old.
        generation = self._database.generation()
        content = self._transactions.read(
            actor, lambda t: content_of(t, place.slide_id, place.layer_id)
        )
        self._remember(_asked_by(actor, place), _Remembered(generation, content))
        return content

    def _made(
        self,
        connection: Connection,
        content: Content,
        frame: Frame,
        style: Style,
        kind: OverlayKind,
    ) -> TileAnswer:
        if kind == "mvt":
            data = self._maker.vector_tile(connection, content, frame, style.choice)
        else:
            picture = self._maker.picture(connection, content, frame, style)
            data = _empty(frame.columns) if picture is None else picture.png()
        digest = hashlib.blake2b(data, digest_size=12).hexdigest()
        return TileAnswer(data, MEDIA_TYPES[kind], f'"{digest}"')

    def _remember(self, key: _Key, known: _Remembered) -> None:
        while len(self._remembered) >= MOST_REMEMBERED:
            oldest = next(iter(self._remembered), None)
            if oldest is not None:
                self._remembered.pop(oldest, None)
        self._remembered[key] = known


def _tile(image: TileAnswer, content: Content, style: Style) -> OverlayTile:
    return OverlayTile(image, (content.revision, content.revisions[style.choice.tier]))


def _asked_by(actor: Actor, place: TilePlace) -> _Key:
    token_id = None if actor.token is None else actor.token.id
    # Readers see less than they may elsewhere.
    is_reader = actor.door == READING_DOOR
    return actor.user.id, token_id, place.slide_id, place.layer_id, is_reader


def _key(content: Content, frame: Frame, style: Style, kind: OverlayKind) -> tuple[object, ...]:
    if kind == "mvt":
        style = Style(style.choice)
    # The words say which slide and layer it is, and whose shapes are seen.
    return content.revisions[style.choice.tier], frame, style, kind


def _frame(grid: TileGrid, place: TilePlace) -> Frame:
    """Return what a tile shows.

    Raises
    ------
    OutOfRange
        The grid, with the zooms beyond it, has no such tile.
    """
    from wsi_lab.service.annotating.overlay_drawing import Frame  # noqa: PLC0415 (needs numpy)

    deeper = max(0, place.zoom - (grid.level_count - 1))
    if deeper > DEEPER_ZOOMS:
        raise OutOfRange(
            f"Zoom {place.zoom} does not exist; overlays of this slide have zooms "
            f"0-{grid.level_count - 1 + DEEPER_ZOOMS}."
        )
    finest = dataclasses.replace(
        grid,
        width=grid.width << deeper,
        height=grid.height << deeper,
        level_count=grid.level_count + deeper,
    )
    level = finest.check(place.zoom, place.column, place.row)
    downsample = level.downsample / (1 << deeper)
    side = grid.tile_size * downsample
    return Frame(place.column * side, place.row * side, grid.tile_size, grid.tile_size, downsample)


@functools.cache
def _empty(side: int) -> bytes:
    """Return a tile that shows nothing."""
    import numpy as np  # noqa: PLC0415 (whoever opens a lab needs none of it)

    from wsi_lab.geometry.png import indexed_png  # noqa: PLC0415 (as above)

    return indexed_png(np.zeros((side, side), np.uint8), np.zeros((1, 4), np.uint8))
