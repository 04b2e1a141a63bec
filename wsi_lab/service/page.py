"""What the page of a slide shows to whoever opens it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.study_settings import is_on
from wsi_lab.service.annotating.annotations import Annotations
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.load_figures import layers_of_loads
from wsi_lab.service.annotating.overlay_content import contents
from wsi_lab.service.answers import Shown
from wsi_lab.service.figures import Box, Extent, Layer, Room, add_shapes, layers_of_text
from wsi_lab.service.scoring.answering import is_own
from wsi_lab.service.scoring.tma_boxes import boxes, map_of
from wsi_lab.service.tiles import Tiles
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import annotations as annotation_rows
from wsi_lab.store import slides as slide_rows
from wsi_lab.store import tma_maps as map_rows


@dataclass(frozen=True, slots=True)
class CoreWish:
    """The core that somebody wants to see: by row and column, from 0, or by its sample."""

    row: int | None = None
    column: int | None = None
    sample: str | None = None


@dataclass(frozen=True, slots=True)
class CoreOnSlide:
    """A core, and where it lies on its slide: ``(x, y, width, height)`` in level-0 pixels."""

    row: int
    column: int
    sample: str
    box: Box


@dataclass(frozen=True, slots=True)
class SlidePage:
    """What a page tells of a slide.

    Attributes
    ----------
    name
        `None` where the study hides the names of its slides from whoever asks.
    description
        As text.
    """

    slide_id: int
    study_id: int
    name: str | None
    description: str
    shown: Shown
    core: CoreOnSlide | None


class Pages:
    """What the page of a slide shows to whoever opens it."""

    def __init__(
        self,
        transactions: Transactions,
        tiles: Tiles,
        annotations: Annotations,
        finder: Finder,
    ) -> None:
        self._transactions = transactions
        self._tiles = tiles
        self._annotations = annotations
        self._finder = finder

    def open(
        self,
        actor: Actor,
        *,
        slide_id: int | None = None,
        study_id: int | None = None,
        core: CoreWish | None = None,
    ) -> SlidePage:
        """Return what the page of a slide tells.

        Where nobody has said where the cores of a tissue microarray lie, they are taken to lie
        on an even grid over the whole slide, as many rows and columns as their map has.

        Parameters
        ----------
        slide_id, study_id
            The slide, and the study that it must be of; a study alone shows its first slide.
        core
            What to show first.

        Raises
        ------
        Invalid
            Neither slide nor study is named, or the core is named by halves.
        NotFound, NotAllowed
            The asker may not see the slide, it is of another study, or it has no such core.
        SlideMissing, UnsupportedSlide, DamagedSlide, Busy
            The file cannot be shown.
        """

        def read(transaction: Transaction) -> tuple[Study, Slide, str | None, CoreOnSlide | None]:
            study, slide = _slide(transaction, slide_id, study_id)
            hidden = is_on(study.settings, "hideslidenames")
            sees_name = not hidden or transaction.may(Action.STUDY_EDIT, study)
            found = None if core is None else _core(transaction, slide, core)
            return study, slide, slide.name if sees_name else None, found

        study, slide, name, found = self._transactions.read(actor, read)
        from wsi_lab.formats.plain_text import plain_text  # noqa: PLC0415 (only for pages)

        shown = self._tiles.shown(actor, slide.id)
        return SlidePage(slide.id, study.id, name, plain_text(slide.description), shown, found)

    @staticmethod
    def drawn(text: str, extent: Extent) -> list[Layer]:
        """Return what an address asks to be drawn; see `layers_of_text`."""
        return layers_of_text(text, extent)

    def layers(self, actor: Actor, slide_id: int) -> list[Layer]:
        """Return what is drawn on a slide, a layer for each question and author.

        Loads have a layer for each label: with their shapes where there is room for all of
        them, else with how many lie where. Without the right 'results' those are the asker's
        own answers only, and loads on layers that are shared.

        Raises
        ------
        NotFound, NotAllowed
            The asker may not see the slide.
        """

        def read(transaction: Transaction) -> list[Layer]:
            study, slide = transaction.slide(slide_id, Action.SLIDE_VIEW)
            if not transaction.may(Action.STUDY_VIEW, study):
                return []
            sees_all = transaction.may(Action.RESULTS_VIEW, study)
            authors = annotation_rows.drawing_authors(transaction.connection, slide.id)
            seen = [each for each in authors if sees_all or is_own(transaction, each)]
            room = Room()
            layers = self._layers(transaction, slide, seen, room)
            found = contents(transaction, study, slide)
            return [*layers, *layers_of_loads(transaction.connection, self._finder, found, room)]

        return self._transactions.read(actor, read)

    def _layers(
        self, transaction: Transaction, slide: Slide, authors: Sequence[str], room: Room
    ) -> list[Layer]:
        layers: list[Layer] = []
        for author in authors:
            drawn = self._annotations.shapes(transaction, slide.id, author, with_loads=False)
            # An author's answers come in the order of the questions.
            for question, same in groupby(drawn, key=itemgetter(0)):
                layer = Layer(question.name, author, question.colour)
                shapes = (shape for _, _, shape in same)
                add_shapes(layer, shapes, (slide.width, slide.height), room)
                layers.append(layer)
        return layers


def _slide(
    transaction: Transaction, slide_id: int | None, study_id: int | None
) -> tuple[Study, Slide]:
    if slide_id is not None:
        study, slide = transaction.slide(slide_id, Action.SLIDE_VIEW)
        if study_id is not None and study.id != study_id:
            raise NotFound(f"The study has no slide {slide_id}.")
        return study, slide
    if study_id is None:
        raise Invalid("Name the slide to show by 'imageId', or its study by 'studyId'.")
    study = transaction.study(study_id, Action.SLIDE_VIEW)
    first = slide_rows.slides(transaction.connection, study.id, after=0, limit=1)
    if not first:
        raise NotFound("The study has no slides yet.")
    return study, first[0]


def _core(transaction: Transaction, slide: Slide, wish: CoreWish) -> CoreOnSlide:
    has_place = wish.row is not None and wish.column is not None
    if (wish.sample is None) == (wish.row is None and wish.column is None) or (
        wish.sample is None and not has_place
    ):
        raise Invalid("Name a core by its row and its column, or by its sample.")
    tma_map = map_of(transaction, slide)
    if tma_map is None:
        raise NotFound("This slide has no TMA map, so that nobody knows its cores.")
    cores = map_rows.cores(transaction.connection, tma_map.id)
    row, column, sample = wish.row, wish.column, ""
    for each in cores:
        # Of several cores of a sample the first one is shown.
        if wish.sample == each.sample or (row, column) == (each.row, each.column):
            row, column, sample = each.row, each.column, each.sample
            break
    if row is None or column is None:
        raise NotFound("The slide's TMA map has no core of that sample.")
    if not (0 <= row < tma_map.row_count and 0 <= column < tma_map.column_count):
        raise NotFound("The slide's TMA map has no such row and column.")
    return CoreOnSlide(row, column, sample, boxes(transaction, slide)[row, column])
