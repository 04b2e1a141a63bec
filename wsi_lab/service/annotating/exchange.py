"""Annotations from files of any format, and into them."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from wsi_lab.errors import Invalid, StorageFull
from wsi_lab.model.answer import checked_author
from wsi_lab.model.exchange import Exported
from wsi_lab.model.feature import Grid
from wsi_lab.model.layer import Box, Layer, ShapeQuery, Tier
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import Slide
from wsi_lab.service.annotating.drawing import Drawing
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.importing import Importer, Order
from wsi_lab.service.annotating.layers import Layers
from wsi_lab.service.annotating.loading import Loads
from wsi_lab.service.annotating.seeing import layer_and_slide
from wsi_lab.service.jobs import Job, Jobs
from wsi_lab.service.scoring.answering import study_for
from wsi_lab.service.transaction import Transaction, Transactions

if TYPE_CHECKING:
    from wsi_lab.model.annotation import Annotation

MOST_MASK_PIXELS = 100_000_000


class Exchange:
    """Brings annotations in from files and takes them out.

    Parameters
    ----------
    folder
        Where files wait until they are read; they have no names there, and leave nothing behind.
    """

    def __init__(
        self,
        transactions: Transactions,
        *,
        layers: Layers,
        drawing: Drawing,
        loads: Loads,
        finder: Finder,
        jobs: Jobs,
        folder: Path,
    ) -> None:
        self._transactions = transactions
        self._layers = layers
        self._drawing = drawing
        self._loads = loads
        self._finder = finder
        self._jobs = jobs
        self._importer = Importer(transactions, layers=layers, drawing=drawing, loads=loads)
        self._folder = folder

    def new_file(self) -> BinaryIO:
        """Return an empty file for what comes in; it is gone once it is closed.

        Raises
        ------
        StorageFull
            There is no room for it.
        """
        try:
            return tempfile.TemporaryFile(dir=self._folder)
        except OSError as error:
            raise StorageFull("The lab's disk cannot take in files now.") from error

    def check_import(
        self,
        actor: Actor,
        layer_id: int,
        slide_id: int,
        *,
        author: str | None = None,
        format: str | None = None,  # noqa: A002 (the field's own word)
        as_bulk: bool | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise what `begin_import` would, as far as that is known before there is a file."""
        by = checked_author(actor.user.email if author is None else author)
        self._check(
            Order(
                actor,
                layer_id,
                slide_id,
                format=format,
                author=by,
                as_bulk=as_bulk,
                options=options or {},
            )
        )

    def begin_import(
        self,
        actor: Actor,
        layer_id: int,
        slide_id: int,
        file: BinaryIO,
        *,
        name: str = "",
        format: str | None = None,  # noqa: A002 (the field's own word)
        author: str | None = None,
        dry_run: bool = False,
        as_bulk: bool | None = None,
        replace: bool = False,
        precision: float = 0.01,
        options: Mapping[str, Any] | None = None,
    ) -> Job:
        """Begin to bring in a file of annotations; the job's result is an `Imported`.

        All of it is stored, or nothing: also when the job is stopped. Shapes of the same file
        that are there already are not drawn again.

        Parameters
        ----------
        file
            Closed when the job is over, or could not be begun.
        name
            Of the file, and of the load that it becomes.
        format
            A name in `wsi_lab.formats.annotation_formats`, or ``arrow``; `None` to tell by the
            file.
        author
            Whose the shapes are; by default the asker's.
        dry_run
            Do all of it, report, and take it back.
        as_bulk
            Whether shapes are loaded at once instead of drawn by hand; `None` when they are many.
        replace
            Whether a load of this name is replaced.
        precision
            Of shapes that are loaded; see `Loads.load`.
        options
            Of the format: what the file does not say itself.

        Raises
        ------
        Invalid, NotAllowed, NotFound
            What is wrong with the request; what is wrong with the file is the job's error.
        Busy
            Too much is under way.
        """
        order = Order(
            actor,
            layer_id,
            slide_id,
            name=name,
            format=format,
            author=checked_author(actor.user.email if author is None else author),
            is_dry_run=dry_run,
            as_bulk=as_bulk,
            replace=replace,
            precision=precision,
            options=options or {},
        )
        try:
            self._check(order)
        except BaseException:
            file.close()
            raise
        title = f"{'Try to import' if dry_run else 'Import'} {name or 'shapes'}"
        work = functools.partial(self._importer.run, order, file)
        return self._jobs.start(actor, title, work, afterwards=file.close)

    def export(
        self,
        actor: Actor,
        layer_id: int,
        slide_id: int,
        format: str,  # noqa: A002 (the field's own word)
        *,
        author: str | None = None,
        labels: Sequence[str] | None = None,
        box: Box | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Exported:
        """Return the shapes on a layer and slide that the asker may see, as a file.

        Parameters
        ----------
        labels
            Only shapes with one of these; ``""`` stands for having none.
        box
            Only shapes whose own boxes touch it.
        options
            Of the format; what slide and layer tell need not be said.

        Raises
        ------
        Invalid
            There is no such format, it does not take the options, or nothing can be written.
        TooLarge
            The format is not made for so many shapes.
        """
        from wsi_lab.formats.annotation_formats import format_of  # noqa: PLC0415 (geometry)
        from wsi_lab.service.annotating import leaving  # noqa: PLC0415 (as above)

        found = format_of(format)
        layer, slide = self._layer_and_slide(actor, layer_id, slide_id)
        given, remarks = leaving.options_for(found, options or {}, slide, layer)
        drawn = self._drawing.list(actor, slide_id, layer_id, author=author, box=box)
        by_hand = [leaving.feature_of(each) for each in drawn if _has_label(each, labels)]
        query = ShapeQuery(
            slide_id=slide_id,
            layer_ids=(layer_id,),
            labels=None if labels is None else tuple(labels),
            authors=None if author is None else (author,),
            box=box,
            tier="bulk",
        )
        loaded = leaving.in_order(self._finder.find(actor, query))
        grids = self._grids(actor, layer_id, slide_id, author) if labels is None else []
        notices, pieces = leaving.written(found, by_hand, loaded, grids, layer=layer, options=given)
        return Exported(
            f"{slide.name} {layer.name}{found.suffixes[0]}",
            found.media_type,
            len(by_hand) + len(loaded),
            (*remarks, *notices),
            pieces,
        )

    def mask(
        self,
        actor: Actor,
        slide_id: int,
        layer_id: int,
        box: Box,
        downsample: float = 1.0,
        *,
        author: str | None = None,
        labels: Sequence[str] | None = None,
        tier: Tier = "all",
    ) -> Iterator[bytes]:
        """Return a rectangle of a slide as a label mask, a PNG that says what its values mean.

        Parameters
        ----------
        box
            In level-0 pixels.
        downsample
            How many level-0 pixels a pixel of the mask is wide.

        Raises
        ------
        Invalid
            The box has no area, or the mask would have too many pixels.
        """
        from wsi_lab.service.annotating import leaving  # noqa: PLC0415 (geometry)

        width, height = (box[2] - box[0]) / downsample, (box[3] - box[1]) / downsample
        if not (width > 0 and height > 0):
            raise Invalid("A mask needs a rectangle with an area.")
        if width * height > MOST_MASK_PIXELS:
            raise Invalid(
                f"A mask may have at most {MOST_MASK_PIXELS:,} pixels; ask for a downsample."
            )
        layer, _ = self._layer_and_slide(actor, layer_id, slide_id)
        query = ShapeQuery(
            slide_id=slide_id,
            layer_ids=(layer_id,),
            labels=None if labels is None else tuple(labels),
            authors=None if author is None else (author,),
            box=box,
            tier=tier,
            properties=(),
        )
        return leaving.mask_pieces(self._finder.find(actor, query), layer, box, downsample)

    def _check(self, order: Order) -> None:
        from wsi_lab.service.annotating.arriving import check_format  # noqa: PLC0415 (geometry)

        check_format(order.format, order.options)

        def check(transaction: Transaction) -> None:
            needed = Action.ANSWER_IMPORT if order.as_bulk else Action.STUDY_VIEW
            study, _, _ = layer_and_slide(transaction, order.layer_id, order.slide_id, needed)
            study_for(transaction, study.id, order.author)

        self._transactions.read(order.actor, check)

    def _layer_and_slide(self, actor: Actor, layer_id: int, slide_id: int) -> tuple[Layer, Slide]:
        _, _, slide = self._transactions.read(
            actor, lambda t: layer_and_slide(t, layer_id, slide_id, Action.STUDY_VIEW)
        )
        return self._layers.get(actor, layer_id), slide

    def _grids(
        self, actor: Actor, layer_id: int, slide_id: int, author: str | None
    ) -> Sequence[Grid]:
        loads = [
            each
            for each in self._loads.list(actor, layer_id, slide_id)
            if each.kind == "grid" and author in {None, each.author} and each.box is not None
        ]

        def read(transaction: Transaction) -> list[Grid]:
            values = [(each, self._finder.grid(transaction, each.id)) for each in loads]
            return [
                Grid(load.name, found, load.box)
                for load, found in values
                if found is not None and load.box is not None
            ]

        return self._transactions.read(actor, read) if loads else []


def _has_label(annotation: Annotation, labels: Sequence[str] | None) -> bool:
    names = {each.name for each in annotation.labels} or {""}
    return labels is None or not names.isdisjoint(labels)
