"""Pictures of slides and of what is done on them in tasks, as PHAS makes them.

What draws is imported where it is needed: whoever opens a lab to list users needs none of it.
"""

from __future__ import annotations

import contextlib
import json
import random

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.model.people import Actor
from wsi_lab.service.answers import TileAnswer
from wsi_lab.service.tasks.drawings import TaskDrawings
from wsi_lab.service.tasks.regions import Regions, corners_of
from wsi_lab.service.tasks.samples import Samples
from wsi_lab.service.tasks.slides import TaskSlides
from wsi_lab.service.tasks.tasks import Tasks
from wsi_lab.service.tiles import Tiles


class TaskPictures:
    """Pictures for those who may enter a task."""

    def __init__(  # noqa: PLR0917 (the rooms that it draws from)
        self,
        tiles: Tiles,
        tasks: Tasks,
        slides: TaskSlides,
        drawings: TaskDrawings,
        samples: Samples,
        regions: Regions,
    ) -> None:
        self._tiles = tiles
        self._tasks = tasks
        self._slides = slides
        self._drawings = drawings
        self._samples = samples
        self._regions = regions

    def svg(
        self,
        actor: Actor,
        task_id: int,
        slide_id: int,
        *,
        downsample: int,
        stroke_width: float,
        strip_width: float,
        font_size: str,
        font_color: str,
    ) -> bytes:
        """Return what is drawn on a slide in a task as SVG; see `wsi_lab.formats.phas_svg.render`.

        Raises
        ------
        Invalid, TooLarge
            It cannot be drawn in that style, or is too much to be drawn.
        """
        from wsi_lab.formats.phas_svg.rendering import render  # noqa: PLC0415 (see the module)

        drawing = self._drawings.get(actor, task_id, slide_id)
        properties = self._tiles.shown(actor, slide_id).properties
        return render(
            "" if drawing is None else drawing.text,
            properties.width,
            properties.height,
            downsample=downsample,
            stroke_width=stroke_width,
            strip_width=strip_width,
            font_size=font_size,
            font_color=font_color,
        )

    def thumbnail(self, actor: Actor, task_id: int, slide_id: int, largest_side: int) -> bytes:
        """Return a slide of a task, small, as PNG."""
        from wsi_lab.slides.render import png  # noqa: PLC0415 (see the module)

        self._check_in_task(actor, task_id, slide_id)
        return png(self._tiles.thumbnail_pixels(actor, slide_id, largest_side)).data

    def thumbnail_nifti(
        self, actor: Actor, task_id: int | None, slide_id: int, largest_side: int
    ) -> bytes:
        """Return a slide, small, as a file of NIfTI in gzip.

        Parameters
        ----------
        task_id
            `None` for any slide that the asker may see.

        Raises
        ------
        NotFound
            The slide has no scale, or the task allows no picture of that size.
        """
        from wsi_lab.formats.phas_nifti import Grid, thumbnail_file  # noqa: PLC0415 (see the module)

        if task_id is not None:
            self._check_in_task(actor, task_id, slide_id)
            limit = self._tasks.get(actor, task_id).settings.slide_size_limit
            if limit is not None and largest_side > limit:
                raise NotFound(f"In this task there are pictures of up to {limit:,} pixels only.")
        size, mm = self._scale(actor, slide_id)
        pixels = self._tiles.thumbnail_pixels(actor, slide_id, largest_side)
        return thumbnail_file(pixels, Grid((pixels.shape[1], pixels.shape[0]), size, mm))

    def regions_nifti(self, actor: Actor, task_id: int, slide_id: int, largest_side: int) -> bytes:
        """Return the sampling regions on a slide as a map of their labels: NIfTI in gzip.

        Raises
        ------
        NotFound
            The slide has no scale.
        TooLarge
            There is too much to be drawn.
        """
        from wsi_lab.formats.phas_nifti import Grid, LabelledRing, label_file  # noqa: PLC0415 (see the module)

        regions = self._regions.list(actor, task_id, slide_id)
        size, mm = self._scale(actor, slide_id)
        grid = Grid(self._tiles.thumbnail_size(actor, slide_id, largest_side), size, mm)
        rings = []
        for each in regions:
            # A line or a point that somebody drew elsewhere covers nothing.
            with contextlib.suppress(Invalid):
                if each.label is not None:
                    corners = corners_of(json.loads(each.geometry))
                    rings.append(LabelledRing(each.id, each.label.id, corners))
        return label_file(rings, grid)

    def sample(self, actor: Actor, sample_id: int) -> bytes:
        """Return the patch of a training sample as PNG: a square around its middle."""
        task, shape = self._samples.get(actor, sample_id)
        left, top, right, bottom = shape.box
        middle = int((left + right) / 2 + 0.5), int((top + bottom) / 2 + 0.5)
        side = task.settings.patch_size
        return self._tiles.patch(actor, shape.slide_id, 0, middle, (side, side))

    def random_patch(self, actor: Actor, task_id: int, slide_id: int, side: int) -> bytes:
        """Return a square of a slide of a task, from anywhere on it, as PNG."""
        self._check_in_task(actor, task_id, slide_id)
        properties = self._tiles.shown(actor, slide_id).properties
        x, y = (
            side // 2 + random.randint(0, max(length - side, 0))  # noqa: S311 (nothing secret)
            for length in (properties.width, properties.height)
        )
        return self._tiles.patch(actor, slide_id, 0, (x, y), (side, side))

    def tile_as_png(
        self, actor: Actor, slide_id: int, zoom: int, column: int, row: int
    ) -> TileAnswer:
        """Return a tile of the Deep Zoom grid as PNG; see `Tiles.tile`."""
        return _as_png(self._tiles.tile(actor, slide_id, "deepzoom", zoom, column, row))

    def associated_as_png(self, actor: Actor, slide_id: int, name: str) -> TileAnswer:
        """Return the label, the macro or another image as PNG; see `Tiles.associated`."""
        return _as_png(self._tiles.associated(actor, slide_id, name))

    def _check_in_task(self, actor: Actor, task_id: int, slide_id: int) -> None:
        self._slides.slide(actor, task_id, slide_id, hide_private=True, through_api=False)

    def _scale(self, actor: Actor, slide_id: int) -> tuple[tuple[int, int], tuple[float, float]]:
        """Return the size of a slide in pixels and of a pixel in millimetres."""
        properties = self._tiles.shown(actor, slide_id).properties
        if properties.mpp_x is None or properties.mpp_y is None:
            raise NotFound("The scale of this slide is not known; state its micrometres per pixel.")
        size = properties.width, properties.height
        return size, (properties.mpp_x / 1000, properties.mpp_y / 1000)


def _as_png(image: TileAnswer) -> TileAnswer:
    """Return an image of the lab's own making, or one whose header it has checked, as PNG."""
    from wsi_lab.slides.reader import EncodedImage  # noqa: PLC0415 (see the module)
    from wsi_lab.slides.render import decoded, png  # noqa: PLC0415 (see the module)

    if image.media_type == "image/png":
        return image
    made = png(decoded(EncodedImage(image.data, image.media_type)))
    return TileAnswer(made.data, made.media_type, f'{image.etag[:-1]}-png"')
