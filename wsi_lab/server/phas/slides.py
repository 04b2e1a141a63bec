"""What a slide is like, and pictures of it."""

from __future__ import annotations

import re
from typing import ClassVar

from wsi_lab.errors import Invalid
from wsi_lab.model.people import Actor
from wsi_lab.server.parsing import whole_id, whole_numbers
from wsi_lab.server.phas.handlers import (
    BYTES,
    PNG,
    PhasHandler,
    task_and_slide,
)
from wsi_lab.service.lab import Lab

THUMBNAIL_SIDE = 512
_WHOLE = re.compile(r"-?[0-9]{1,9}", re.ASCII)


class SlideOfProject(PhasHandler):
    """Base of handlers about a slide that is looked for in a project, whatever the task."""

    async def slide(self, project: str, slide_id: str) -> int:
        """Return the id of a slide that the project has."""
        slide = whole_id(slide_id, "slide")
        await self.ask(study_with_slide, self.lab, self.actor, project, slide)
        return slide


class HeaderHandler(SlideOfProject):
    """How large a slide is."""

    async def get(self, project: str, slide_id: str) -> None:
        """Return its size, and how far apart its pixels are in millimetres, if that is known."""
        slide = await self.slide(project, slide_id)
        shown = await self.draw(self.lab.tiles.shown, self.actor, slide)
        properties = shown.properties
        mpp = properties.mpp_x, properties.mpp_y
        spacing = [each / 1000 for each in mpp if each is not None]
        await self.send_json(
            {
                "dimensions": [properties.width, properties.height],
                "spacing": spacing if len(spacing) == 2 else None,
            }
        )


class OpenSlideHeaderHandler(SlideOfProject):
    """A slide's levels and properties."""

    async def get(self, project: str, slide_id: str) -> None:
        """Return them as OpenSlide has them."""
        slide = await self.slide(project, slide_id)
        await self.send_json(await self.draw(self.lab.tiles.header, self.actor, slide))


class PathHandler(PhasHandler):
    """Where the file of a slide lies."""

    async def get(self, project: str, slide_id: str) -> None:
        """Return that; there is no second place that a copy of it lies at."""
        slide, hide = whole_id(slide_id, "slide"), self.anonymise
        path = await self.ask(_path, self.lab, self.actor, project, slide, hide_private=hide)
        await self.send_json({"remote": path, "local": path})


class PatchHandler(SlideOfProject):
    """A rectangle of a slide."""

    async def get(  # noqa: PLR0917 (what the address says, in its order)
        self, project: str, slide_id: str, level: str, x: str, y: str, width: str, height: str
    ) -> None:
        """Return it as PNG, clear where there is no slide."""
        place = _whole(x), _whole(y)
        number, *size = whole_numbers(level=level, width=width, height=height)
        slide = await self.slide(project, slide_id)
        verb = self.lab.tiles.patch
        await self.send_file(
            await self.draw(verb, self.actor, slide, number, place, (size[0], size[1])), PNG
        )


class RandomPatchHandler(PhasHandler):
    """A square of a slide, from anywhere on it."""

    async def get(self, task_id: str, slide_id: str, width: str) -> None:
        """Return it as PNG."""
        ids = task_and_slide(task_id, slide_id)
        (side,) = whole_numbers(width=width)
        data = await self.draw(self.lab.task_pictures.random_patch, self.actor, *ids, side)
        await self.send_file(data, PNG)


class ThumbnailHandler(PhasHandler):
    """A slide, small."""

    async def get(self, task_id: str, slide_id: str) -> None:
        """Return it as PNG."""
        verb = self.lab.task_pictures.thumbnail
        ids = task_and_slide(task_id, slide_id)
        await self.send_file(await self.draw(verb, self.actor, *ids, THUMBNAIL_SIDE), PNG)


class ThumbnailNiftiHandler(PhasHandler):
    """A slide, small, with its scale."""

    async def get(self, task_id: str, slide_id: str, size: str) -> None:
        """Return it as a file of NIfTI."""
        verb = self.lab.task_pictures.thumbnail_nifti
        ids, (side,) = task_and_slide(task_id, slide_id), whole_numbers(size=size)
        data = await self.wait_in(self.site.previews, verb, self.actor, *ids, side)
        await self.send_file(data, BYTES, saved_as=f"slide_{ids[1]}_raw_{side}.nii.gz")


class ThumbnailOfProjectNiftiHandler(SlideOfProject):
    """The same, where no task is named: older clients ask for it so."""

    async def get(self, project: str, slide_id: str, size: str) -> None:
        """Return it as a file of NIfTI."""
        (side,) = whole_numbers(size=size)
        slide = await self.slide(project, slide_id)
        verb = self.lab.task_pictures.thumbnail_nifti
        data = await self.wait_in(self.site.previews, verb, self.actor, None, slide, side)
        await self.send_file(data, BYTES, saved_as=f"slide_{slide}_raw_{side}.nii.gz")


class RegionsNiftiHandler(PhasHandler):
    """The sampling regions on a slide, as a map of labels."""

    async def get(self, task_id: str, slide_id: str, size: str) -> None:
        """Return it as a file of NIfTI."""
        verb = self.lab.task_pictures.regions_nifti
        ids, (side,) = task_and_slide(task_id, slide_id), whole_numbers(size=size)
        data = await self.wait_in(self.site.previews, verb, self.actor, *ids, side)
        await self.send_file(data, BYTES, saved_as=f"slide_{ids[1]}_{side}.nii.gz")


class SampleImageHandler(PhasHandler):
    """The patch of a training sample."""

    async def get(self, sample_id: str) -> None:
        """Return it as PNG."""
        sample = whole_id(sample_id, "training sample")
        data = await self.draw(self.lab.task_pictures.sample, self.actor, sample)
        await self.send_file(data, PNG)


class AssociatedHandler(PhasHandler):
    """The label or the macro of a slide."""

    name: ClassVar[str] = ""

    async def get(self, project: str, slide_id: str) -> None:
        """Return it as PNG."""
        if self.anonymise:
            raise Invalid("Labels and macros may tell private names, which are hidden now.")
        slide = whole_id(slide_id, "slide")
        data = await self.draw(_associated, self.lab, self.actor, project, slide, self.name)
        await self.send_file(data, PNG)


class LabelImageHandler(AssociatedHandler):
    """The label of a slide."""

    name: ClassVar[str] = "label"


class MacroImageHandler(AssociatedHandler):
    """The macro of a slide."""

    name: ClassVar[str] = "macro"


def study_with_slide(lab: Lab, actor: Actor, project: str, slide_id: int) -> int:
    """Return the id of the study that a project is, if it has a slide that the asker may see.

    Raises
    ------
    NotFound
        There is no such project, or no such slide in it.
    """
    study = lab.tasks.study(actor, project)
    lab.task_slides.in_study(actor, study.id, slide_id)
    return study.id


def _path(lab: Lab, actor: Actor, project: str, slide_id: int, *, hide_private: bool) -> str:
    study_id = study_with_slide(lab, actor, project, slide_id)
    return lab.task_slides.path(actor, study_id, slide_id, hide_private=hide_private)


def _associated(lab: Lab, actor: Actor, project: str, slide_id: int, name: str) -> bytes:
    study_id = study_with_slide(lab, actor, project, slide_id)
    lab.task_slides.check_private(actor, study_id, slide_id)
    return lab.task_pictures.associated_as_png(actor, slide_id, name).data


def _whole(text: str) -> int:
    if _WHOLE.fullmatch(text) is None:
        raise Invalid("Patches lie around whole numbers of pixels.")
    return int(text)
