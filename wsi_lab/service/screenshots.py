"""Pictures of slides with what was drawn on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_lab.errors import Invalid, OutOfRange
from wsi_lab.model.annotation import Shape
from wsi_lab.model.answer import Core
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question
from wsi_lab.model.slide import LARGEST_REGION_PIXELS, TileGrid
from wsi_lab.service.annotating.annotations import Annotations
from wsi_lab.service.annotating.overlay_style import Choice, Style
from wsi_lab.service.annotating.overlays import Overlays
from wsi_lab.service.tiles import Tiles
from wsi_lab.service.transaction import Transaction, Transactions

if TYPE_CHECKING:
    from wsi_lab.slides.overlay import Mark
    from wsi_lab.slides.reader import Pixels

LARGEST_PICTURE = 50_000_000
"""Pixels."""
LONGEST_SIDE = 65_000
"""Pixels; a JPEG file cannot have many more."""

LOADS = Style(fill=0.2, width=2)
"""How shapes of loads look: as those drawn by hand."""

Box = tuple[float, float, float, float]
Drawn = Sequence[tuple[Question, Core | None, Shape]]


@dataclass(frozen=True, slots=True)
class _View:
    """What a picture shows: whence, how large it is, and level-0 pixels per pixel."""

    x: float
    y: float
    width: int
    height: int
    downsample: float


class Screenshots:
    """Pictures of slides with what was drawn on them."""

    def __init__(
        self,
        transactions: Transactions,
        tiles: Tiles,
        annotations: Annotations,
        overlays: Overlays,
    ) -> None:
        self._transactions = transactions
        self._tiles = tiles
        self._annotations = annotations
        self._overlays = overlays

    def picture(
        self,
        actor: Actor,
        slide_id: int,
        *,
        level: int,
        box: Box | None = None,
        author: str | None = None,
        question: str | None = None,
        question_ids: Sequence[int] | None = None,
        scalebar: bool = False,
    ) -> bytes:
        """Return a JPEG picture of a slide, or of a part of it, with what one author drew.

        Parameters
        ----------
        level
            Of the Deep Zoom pyramid: the larger, the more detail. More than there are is the
            last one.
        box
            ``(x, y, width, height)`` in level-0 pixels, cut at the slide's edges; the default,
            and one of zeros, is the whole slide.
        author
            Whose drawings to show; one who has none gives the plain picture.
        question, question_ids
            Show the answers to these only; not both.
        scalebar
            Whether to draw one, where the slide's scale is known.

        Raises
        ------
        Invalid
            Both ways of naming questions are used, or the picture would be larger than
            `LARGEST_PICTURE`.
        OutOfRange
            The box lies outside the slide, or the level is negative.
        NotFound, NotAllowed
            The asker may not see the slide, or the study's results.
        SlideMissing, UnsupportedSlide, DamagedSlide, TooLarge, Busy
            The file cannot be shown.
        """
        if question and question_ids:
            raise Invalid("Name one question, or the ids of several; not both.")
        drawn, layer_ids = self._drawn(actor, slide_id, author, question, question_ids)
        shown = self._tiles.shown(actor, slide_id)
        properties = shown.properties
        view = _view(shown.grids["deepzoom"], box, level)
        pixels = self._pixels(actor, slide_id, view)
        from wsi_lab.slides import overlay, render  # noqa: PLC0415 (only where slides are loaded)

        if author and layer_ids:
            # However many they are; and below what was drawn one by one.
            pixels = self._overlays.drawn_over(
                actor,
                slide_id,
                pixels,
                origin=(view.x, view.y),
                downsample=view.downsample,
                style=dataclasses.replace(LOADS, choice=Choice(author=author, tier="bulk")),
                layer_ids=layer_ids,
            )
        if drawn:
            extent = (properties.width, properties.height)
            marks = [_mark(asked.colour, shape, extent) for asked, _, shape in drawn]
            pixels = overlay.draw(
                pixels, marks, origin=(view.x, view.y), downsample=view.downsample
            )
        if scalebar and properties.mpp is not None:
            pixels = overlay.with_scalebar(pixels, properties.mpp * view.downsample)
        return render.jpeg(pixels).data

    def _drawn(
        self,
        actor: Actor,
        slide_id: int,
        author: str | None,
        question: str | None,
        question_ids: Sequence[int] | None,
    ) -> tuple[Drawn, list[int]]:
        """Return what an author drew by hand, and the layers that are shown."""

        def read(transaction: Transaction) -> tuple[Drawn, list[int]]:
            study, _ = transaction.slide(slide_id, Action.RESULTS_VIEW)
            if not author:
                return (), []
            wanted = list(question_ids) if question_ids else None
            found = self._annotations.shapes(
                transaction, slide_id, author, wanted, with_loads=False
            )
            layers = [
                each.id
                for each in transaction.questions(study)
                if each.kind.is_drawn
                and (not question or each.name == question)
                and (wanted is None or each.id in wanted)
            ]
            return [each for each in found if not question or each[0].name == question], layers

        return self._transactions.read(actor, read)

    def _pixels(self, actor: Actor, slide_id: int, view: _View) -> Pixels:
        """Return the pixels, read in bands where they are more than are read at once."""
        rows = max(1, LARGEST_REGION_PIXELS // view.width)
        bands = [
            self._tiles.region(
                actor,
                slide_id,
                (view.x, view.y + top * view.downsample),
                (view.width, min(rows, view.height - top)),
                downsample=view.downsample,
            )
            for top in range(0, view.height, rows)
        ]
        if len(bands) == 1:
            return bands[0]
        import numpy as np  # noqa: PLC0415 (whoever opens a lab to list users needs none of it)

        return np.concatenate(bands)


def _view(grid: TileGrid, box: Box | None, level: int) -> _View:
    if level < 0:
        raise OutOfRange("The level of a picture is 0 or more.")
    left, top, right, bottom = 0.0, 0.0, float(grid.width), float(grid.height)
    if box is not None and any(box):
        x, y, width, height = box
        left, top = max(left, x), max(top, y)
        right, bottom = min(right, x + width), min(bottom, y + height)
        if right <= left or bottom <= top:
            raise OutOfRange("The picture would show nothing of the slide.")
    scale = 1 << max(0, grid.level_count - 1 - level)
    columns = max(1, round((right - left) / scale))
    rows = max(1, round((bottom - top) / scale))
    if columns * rows > LARGEST_PICTURE or max(columns, rows) > LONGEST_SIDE:
        raise Invalid(
            f"A picture of {columns} x {rows} pixels is too large; "
            f"at most {LARGEST_PICTURE:,} pixels, and {LONGEST_SIDE:,} on a side, are drawn. "
            "Ask for a lower level."
        )
    # The smaller of the two, so that no white from beyond the edge comes in.
    downsample = min((right - left) / columns, (bottom - top) / rows)
    return _View(left, top, columns, rows, downsample)


def _mark(colour: str, shape: Shape, extent: tuple[int, int]) -> Mark:
    from wsi_lab.formats.slidescore_shapes import heat_map_of, labels_of  # noqa: PLC0415 (as above)
    from wsi_lab.slides.overlay import Heat, Mark, Words  # noqa: PLC0415 (as above)

    words = tuple(
        Words(label.text, label.x, label.y, label.font_size)
        for label in labels_of(shape)
        if label.always
    )
    found = heat_map_of(shape)
    if found is None:
        return Mark(colour, shape.geometry, words=words)
    right = extent[0] if found.width is None else found.x + found.width
    bottom = extent[1] if found.height is None else found.y + found.height
    return Mark(colour, heat=Heat(found.values, (found.x, found.y, right, bottom)), words=words)
