"""A slide of a task: what is known of it, and its pixels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict, cast

from wsi_lab.client.phas.client import fields
from wsi_lab.client.phas.connection import no_phas, project_segment
from wsi_lab.client.phas.files import handed_over
from wsi_lab.client.phas.pictures import picture
from wsi_lab.client.phas.tasks import Task, number
from wsi_lab.client.pictures import place, whole
from wsi_lab.client.pictures import size as size_of
from wsi_lab.errors import Invalid, OutOfRange

if TYPE_CHECKING:
    from PIL import Image


class SlideDetail(TypedDict):
    """What a server says of a slide; some say more."""

    block_name: str
    section: int
    slide: int
    stain: str
    specimen_public: str | None
    specimen_private: str | None


class _Header(TypedDict):
    dimensions: list[int]
    spacing: list[float] | None


class _RawHeader(TypedDict):
    level_dimensions: list[list[int]]
    level_downsamples: list[float]
    properties: dict[str, str]


class Slide:
    """A slide, seen through a task that holds it.

    What the server says of the file (`dimensions`, `properties`, `fullpath`, `tags` …) is read
    when it is first asked for, and kept.

    Parameters
    ----------
    task
        Decides what you may see of the slide.
    slide_id
        As `Task.slide_manifest` gives it.

    Attributes
    ----------
    detail
        What the server says of the slide: ``specimen_display``, ``block_name``, ``stain`` …
    """

    def __init__(self, task: Task, slide_id: int) -> None:
        self.task = task
        self.task_id = task.task_id
        self.project = task.project
        self.client = task.client
        self.slide_id = number(slide_id)
        answer = self.client.connection.get_json(self._of_task("info"))
        self.detail = cast("SlideDetail", fields(answer, *SlideDetail.__required_keys__))

    def __repr__(self) -> str:
        return f"<Slide {self.slide_id} of task {self.task_id} of project {self.project!r}>"

    def __str__(self) -> str:
        return "\n".join(
            [
                f"Slide {self.slide_id} of task {self.task_id}",
                f"  Specimen, public name: {self.specimen_public}",
                f"  Specimen, private name: {self.specimen_private or 'hidden'}",
                f"  Block: {self.block_name}",
                f"  Section: {self.section}",
                f"  Slide: {self.slide_number}",
                f"  Stain: {self.stain}",
            ]
        )

    @property
    def specimen_private(self) -> str | None:
        """The private name of its specimen; `None` while that is hidden."""
        return self.detail["specimen_private"]

    @property
    def specimen_public(self) -> str | None:
        """The public name of its specimen."""
        return self.detail["specimen_public"]

    @property
    def block_name(self) -> str:
        """The block it was cut from."""
        return self.detail["block_name"]

    @property
    def section(self) -> int:
        """The number of its section in the block."""
        return self.detail["section"]

    @property
    def slide_number(self) -> int:
        """Its number in the section."""
        return self.detail["slide"]

    @property
    def stain(self) -> str:
        """How it is stained."""
        return self.detail["stain"]

    @property
    def dimensions(self) -> list[int]:
        """Width and height in level-0 pixels."""
        return self._header["dimensions"]

    @property
    def spacing(self) -> list[float] | None:
        """Width and height of a level-0 pixel in **millimetres**; `None` where not known."""
        return self._header["spacing"]

    @property
    def level_dimensions(self) -> list[list[int]]:
        """Width and height of each level."""
        return self._raw_header["level_dimensions"]

    @property
    def level_downsamples(self) -> list[float]:
        """How many level-0 pixels a pixel of each level is wide."""
        return self._raw_header["level_downsamples"]

    @property
    def properties(self) -> dict[str, str]:
        """What the scanner and OpenSlide say of the slide."""
        return self._raw_header["properties"]

    @cached_property
    def fullpath(self) -> str:
        """Path or address of the file at the server; for administrators of the slide."""
        answer = self.client.connection.get_json(self._of_project("filepath"))
        return str(fields(answer, "remote")["remote"])

    @cached_property
    def tags(self) -> list[str]:
        """Words by which slides are chosen for tasks and manifests."""
        answer = self.client.connection.get_json(self._of_task("tags"))
        if not isinstance(answer, list):
            raise no_phas()
        return answer

    def thumbnail_nifti_image(
        self, filename: str | os.PathLike[str] | None = None, max_dim: int = 1000
    ) -> bytes | None:
        """Return the slide made small, in colours: a NIfTI file, with gzip.

        Parameters
        ----------
        filename
            Write the file there and return nothing.
        max_dim
            The longer side of the image.

        Raises
        ------
        NotFound
            The size of the slide's pixels is not known, or the task allows no image that large.
        """
        longest = whole(max_dim, "max_dim is a whole number of pixels.")
        name = f"slide_{self.slide_id}_raw_{longest}.nii.gz"
        path = f"dzi/download/task/{self.task_id}/{name}"
        return handed_over(self.client.connection.get(path), filename)

    def get_patch(self, center: Any, level: int, size: Any, tile_size: int = 1024) -> Image.Image:
        """Return a rectangle of the slide, RGBA; transparent where it is off the slide.

        Parameters
        ----------
        center
            ``(x, y)`` in level-0 pixels; fractions are cut off.
        level
            From which pixels are taken.
        size
            ``(width, height)`` of the picture, in pixels of that level.
        tile_size
            Ask for it in squares of this side, or at once when it is 0. At other levels than 0,
            tiles may be off by a fraction of a pixel.
        """
        x, y = place(center)
        width, height = size_of(size)
        level = whole(level, "A level is a whole number.")
        tile_size = whole(tile_size, "tile_size is a whole number of pixels.")
        if tile_size < 0:
            raise Invalid("tile_size is a whole number of pixels from 1 on, or 0 for no tiles.")
        if tile_size == 0:
            return self._patch(level, (x, y), (width, height))
        downsample = self._downsample(level)
        whole_image: Image.Image | None = None
        for left, across in _steps(width, tile_size):
            for top, down in _steps(height, tile_size):
                tile_centre = (
                    x + downsample * (left - 0.5 * (width - across)),
                    y + downsample * (top - 0.5 * (height - down)),
                )
                tile = self._patch(level, tile_centre, (across, down))
                if whole_image is None:
                    whole_image = _blank(tile.mode, (width, height))
                whole_image.paste(tile, (left, top))
        assert whole_image is not None  # noqa: S101 (a size has at least one tile)
        return whole_image

    def _patch(self, level: int, centre: tuple[float, float], size: tuple[int, int]) -> Image.Image:
        x, y = (int(each) for each in centre)
        if level == 0 and min(x, y) < 0:
            return self._patch_from_outside((x, y), size)
        return self._asked_patch(level, (x, y), size)

    def _patch_from_outside(self, centre: tuple[int, int], size: tuple[int, int]) -> Image.Image:
        # PHAS has no address for a centre left of or above the slide, so that what lies left of
        # and above the slide is not asked for.
        corner = [middle - int(0.5 * side) for middle, side in zip(centre, size, strict=True)]
        cut = [max(0, -each) for each in corner]
        left_over = [side - less for side, less in zip(size, cut, strict=True)]
        if min(left_over) <= 0:
            return _blank("RGBA", size)
        across, down = left_over
        x, y = (
            start + less + int(0.5 * side)
            for start, less, side in zip(corner, cut, left_over, strict=True)
        )
        part = self._asked_patch(0, (x, y), (across, down))
        image = _blank(part.mode, size)
        image.paste(part, (cut[0], cut[1]))
        return image

    def _asked_patch(
        self, level: int, centre: tuple[int, int], size: tuple[int, int]
    ) -> Image.Image:
        (x, y), (width, height) = centre, size
        name = f"{x}_{y}_{width}_{height}.png"
        project = project_segment(self.project)
        path = f"dzi/patch/{project}/{self.slide_id}/raw/{level}/{name}"
        return picture(self.client.connection.get(path), size)

    def _downsample(self, level: int) -> float:
        levels = self.level_downsamples
        if not 0 <= level < len(levels):
            raise OutOfRange(f"The slide has levels 0 to {len(levels) - 1}.")
        return levels[level]

    @cached_property
    def _header(self) -> _Header:
        answer = self.client.connection.get_json(self._of_project("header"))
        return cast("_Header", fields(answer, *_Header.__required_keys__))

    @cached_property
    def _raw_header(self) -> _RawHeader:
        name = f"slide_{self.slide_id}_raw_header.json"
        path = f"dzi/download/{project_segment(self.project)}/{name}"
        answer = self.client.connection.get_json(path)
        return cast("_RawHeader", fields(answer, *_RawHeader.__required_keys__))

    def _of_task(self, what: str) -> str:
        return f"api/task/{self.task_id}/slide/{self.slide_id}/{what}"

    def _of_project(self, what: str) -> str:
        return f"dzi/{project_segment(self.project)}/{self.slide_id}/{what}"


def _steps(length: int, step: int) -> Iterator[tuple[int, int]]:
    """Yield where tiles begin along a side, and how long they are."""
    for start in range(0, length, step):
        yield start, min(step, length - start)


def _blank(mode: str, size: tuple[int, int]) -> Image.Image:
    from PIL import Image  # noqa: PLC0415 (only for those who look)

    return Image.new(mode, size)
