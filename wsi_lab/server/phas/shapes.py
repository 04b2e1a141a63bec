"""Training samples and sampling regions: shapes with one label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from wsi_lab.model.layer import Box
from wsi_lab.model.people import Actor
from wsi_lab.model.task import ManifestFilter, TaskShape
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.phas.handlers import (
    CSV,
    SUCCESS,
    TEXT,
    ChangingByGet,
    PhasHandler,
    PhasReceiver,
    check_raw,
    required_id,
    task_and_slide,
)
from wsi_lab.server.phas.manifests import csv_of
from wsi_lab.service.lab import Lab

LARGEST_SHAPE = 8 << 20

_EDIT = ("creator", "editor", "t_create", "t_edit")
_PLACE = ("id", "x0", "y0", "x1", "y1", "label", "label_name", "slide", "slide_name", "task")
SAMPLE_COLUMNS = (*_PLACE, "have_patch", *_EDIT)
REGION_COLUMNS = (*_PLACE, "json", *_EDIT)


class _NewSample(msgspec.Struct):
    label_id: int
    geometry: Box


class _ChangedSample(_NewSample, kw_only=True):
    id: int


class _NewRegion(msgspec.Struct):
    label_id: int
    geometry: Any


class _ChangedRegion(_NewRegion, kw_only=True):
    id: int


class _Removed(msgspec.Struct):
    id: int


class SamplesHandler(PhasHandler):
    """The training samples on a slide."""

    async def get(self, task_id: str, slide_id: str) -> None:
        """Return them, those changed last first."""
        ids = task_and_slide(task_id, slide_id)
        found = await self.ask(self.lab.samples.list, self.actor, *ids)
        await self.send_json([sample_row(each) for each in found])


class AddSampleHandler(PhasReceiver):
    """Places training samples."""

    async def post(self, task_id: str, slide_id: str) -> None:
        """Place one and return its id."""
        new = await self.json(_NewSample)
        ids = task_and_slide(task_id, slide_id)
        verb = self.lab.samples.create
        made = await self.ask(verb, self.actor, *ids, new.label_id, new.geometry)
        await self.send_json({"id": made})


class ChangeSampleHandler(PhasReceiver):
    """Changes training samples."""

    async def post(self, task_id: str, slide_id: str) -> None:
        """Move one or give it another label."""
        new = await self.json(_ChangedSample)
        task, _ = task_and_slide(task_id, slide_id)
        verb = self.lab.samples.change
        await self.ask(verb, self.actor, task, new.id, new.label_id, new.geometry)
        await self.send_file(SUCCESS, TEXT)


class RemoveSampleHandler(PhasReceiver):
    """Removes training samples."""

    async def post(self, task_id: str, slide_id: str) -> None:
        """Remove one."""
        form = await self.form()
        task, _ = task_and_slide(task_id, slide_id)
        sample_id = required_id(form, "id")
        await self.ask(self.lab.samples.remove, self.actor, task, sample_id)
        await self.send_file(SUCCESS, TEXT)


class RegionsHandler(PhasHandler):
    """The sampling regions on a slide."""

    async def get(self, task_id: str, mode: str, resolution: str, slide_id: str) -> None:
        """Return them, those changed last first."""
        check_raw(mode, resolution)
        ids = task_and_slide(task_id, slide_id)
        found = await self.ask(self.lab.regions.list, self.actor, *ids)
        await self.send_json([region_row(each) for each in found])


class AddRegionHandler(PhasReceiver):
    """Draws sampling regions."""

    async def post(self, task_id: str, mode: str, resolution: str, slide_id: str) -> None:
        """Draw one and return its id."""
        new = await self.json(_NewRegion)
        check_raw(mode, resolution)
        ids = task_and_slide(task_id, slide_id)
        verb = self.lab.regions.create
        made = await self.ask(verb, self.actor, *ids, new.label_id, new.geometry)
        await self.send_json({"id": made})


class ChangeRegionHandler(PhasReceiver):
    """Changes sampling regions."""

    async def post(self, task_id: str, mode: str, resolution: str, slide_id: str) -> None:
        """Draw one anew or give it another label, and return its id."""
        new = await self.json(_ChangedRegion)
        check_raw(mode, resolution)
        task, _ = task_and_slide(task_id, slide_id)
        verb = self.lab.regions.change
        await self.ask(verb, self.actor, task, new.id, new.label_id, new.geometry)
        await self.send_json({"id": new.id})


class RemoveRegionHandler(PhasReceiver):
    """Removes sampling regions."""

    async def post(self, task_id: str, slide_id: str) -> None:
        """Remove one."""
        removed = await self.json(_Removed)
        task, _ = task_and_slide(task_id, slide_id)
        await self.ask(self.lab.regions.remove, self.actor, task, removed.id)
        await self.send_file(SUCCESS, TEXT)


class RemoveRegionsHandler(ChangingByGet):
    """Removes all sampling regions on a slide."""

    async def change(self, *args: str) -> None:
        """Remove them."""
        await self.ask(self.lab.regions.remove_all, self.actor, *task_and_slide(*args))
        await self.send_file(SUCCESS, TEXT)


class SamplesTableHandler(PhasHandler):
    """The training samples of a task."""

    async def get(self, task_id: str) -> None:
        """Return all of them, as a table."""
        task = whole_id(task_id, "task")
        verb, hide = _samples_table, self.anonymise
        data = await self.ask(verb, self.lab, self.actor, task, hide_private=hide)
        await self.send_file(data, CSV)


class RegionsTableHandler(PhasHandler):
    """The sampling regions of a task."""

    async def get(self, task_id: str) -> None:
        """Return all of them, as a table."""
        task = whole_id(task_id, "task")
        verb, hide = _regions_table, self.anonymise
        data = await self.ask(verb, self.lab, self.actor, task, hide_private=hide)
        await self.send_file(data, CSV)


def sample_row(shape: TaskShape) -> dict[str, Any]:
    """Return a training sample as clients get it."""
    return {**_placed(shape), "have_patch": 1, **_edited(shape)}


def region_row(shape: TaskShape) -> dict[str, Any]:
    """Return a sampling region as clients get it: its geometry is JSON in a text."""
    return {**_placed(shape), "json": shape.geometry, **_edited(shape)}


def _placed(shape: TaskShape) -> dict[str, Any]:
    x0, y0, x1, y1 = shape.box
    return {
        "id": shape.id,
        "x0": x0,
        "y0": y0,
        "x1": x1,
        "y1": y1,
        "label": None if shape.label is None else shape.label.id,
        "slide": shape.slide_id,
        "task": shape.task_id,
        "meta_id": shape.id,
    }


def _edited(shape: TaskShape) -> dict[str, Any]:
    edit = shape.edit
    return {
        "creator": edit.created_by,
        "editor": edit.changed_by,
        # Seconds since 1970, as programs have them from PHAS.
        "t_create": edit.created_on.timestamp(),
        "t_edit": edit.changed_on.timestamp(),
        "color": None if shape.label is None else shape.label.colour,
    }


def _samples_table(lab: Lab, actor: Actor, task_id: int, *, hide_private: bool) -> bytes:
    names = _slide_names(lab, actor, task_id, hide_private=hide_private)
    rows = ((each, sample_row(each)) for each in lab.samples.list(actor, task_id))
    return csv_of(SAMPLE_COLUMNS, [_cells(SAMPLE_COLUMNS, *each, names) for each in rows])


def _regions_table(lab: Lab, actor: Actor, task_id: int, *, hide_private: bool) -> bytes:
    names = _slide_names(lab, actor, task_id, hide_private=hide_private)
    rows = ((each, region_row(each)) for each in lab.regions.list(actor, task_id))
    return csv_of(REGION_COLUMNS, [_cells(REGION_COLUMNS, *each, names) for each in rows])


def _slide_names(
    lab: Lab, actor: Actor, task_id: int, *, hide_private: bool
) -> dict[int, str | None]:
    verb, everything = lab.task_slides.manifest, ManifestFilter()
    slides = verb(actor, task_id, everything, hide_private=hide_private)
    return {each.id: each.name for each in slides}


def _cells(
    columns: Sequence[str],
    shape: TaskShape,
    row: Mapping[str, Any],
    names: Mapping[int, str | None],
) -> list[Any]:
    told = {
        **row,
        "label_name": None if shape.label is None else shape.label.name,
        "slide_name": names.get(shape.slide_id),
    }
    return [told[each] for each in columns]
