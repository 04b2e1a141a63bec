"""Label sets of a project and their labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsi_lab.errors import NotFound
from wsi_lab.model.layer import LabelSet, NewLabel
from wsi_lab.model.people import Actor
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.phas.handlers import PhasHandler, PhasReceiver, required
from wsi_lab.service.lab import Lab


class LabelsHandler(PhasHandler):
    """The labels of a set."""

    async def get(self, project: str, label_set_id: str) -> None:
        """Return them, and how often tasks have each."""
        set_id = whole_id(label_set_id, "label set")
        await self.send_json(await self.ask(_labels, self.lab, self.actor, project, set_id))


class LabelSetsHandler(PhasHandler):
    """The label sets of a project."""

    async def get(self, project: str) -> None:
        """Return them."""
        await self.send_json(await self.ask(_label_sets, self.lab, self.actor, project))


class AddLabelSetHandler(PhasReceiver):
    """Makes label sets."""

    async def post(self, project: str) -> None:
        """Make one and return its id."""
        form = await self.form()
        made = await self.ask(_add_label_set, self.lab, self.actor, project, form)
        await self.send_json({"id": made.id})


class AddLabelHandler(PhasReceiver):
    """Adds labels."""

    async def post(self, project: str, label_set_id: str) -> None:
        """Add one to a set and return its id."""
        form = await self.form()
        set_id = whole_id(label_set_id, "label set")
        made = await self.ask(_add_label, self.lab, self.actor, project, set_id, form)
        await self.send_json({"id": made})


class ChangeLabelHandler(PhasReceiver):
    """Changes labels."""

    async def post(self, project: str, label_id: str) -> None:
        """Change what the form names and return the label's id."""
        form = await self.form()
        label = whole_id(label_id, "label")
        await self.ask(_change_label, self.lab, self.actor, project, label, form)
        await self.send_json({"id": label})


class RemoveLabelHandler(PhasReceiver):
    """Removes labels."""

    async def post(self, project: str, label_id: str) -> None:
        """Remove one that nothing has."""
        await self.nothing()
        label = whole_id(label_id, "label")
        await self.ask(_remove_label, self.lab, self.actor, project, label)
        await self.send_json({"status": "ok"})


def _label_set(lab: Lab, actor: Actor, project: str, set_id: int) -> LabelSet:
    study = lab.tasks.study(actor, project)
    missing = NotFound(f"There is no label set {set_id} in this project.")
    try:
        found = lab.label_sets.get(actor, set_id)
    except NotFound:
        raise missing from None
    if found.study_id != study.id:
        raise missing
    return found


def _labels(lab: Lab, actor: Actor, project: str, set_id: int) -> list[dict[str, Any]]:
    found = _label_set(lab, actor, project, set_id)
    return [
        {
            "id": use.label.id,
            "name": use.label.name,
            "description": use.label.description or None,
            "color": use.label.colour,
            "n_samples": use.sample_count,
            "n_sampling_rois": use.region_count,
        }
        for use in lab.label_sets.uses(actor, found.id)
    ]


def _label_sets(lab: Lab, actor: Actor, project: str) -> list[dict[str, Any]]:
    study = lab.tasks.study(actor, project)
    return [
        {
            "id": each.id,
            "name": each.name,
            "description": each.description or None,
            "n_labels": len(each.labels),
        }
        for each in lab.label_sets.list(actor, study.id)
    ]


def _add_label_set(lab: Lab, actor: Actor, project: str, form: Mapping[str, str]) -> LabelSet:
    study = lab.tasks.study(actor, project)
    name, description = required(form, "name"), form.get("desc", "")
    return lab.label_sets.create(actor, study.id, name, description=description)


def _add_label(lab: Lab, actor: Actor, project: str, set_id: int, form: Mapping[str, str]) -> int:
    found = _label_set(lab, actor, project, set_id)
    new = NewLabel(required(form, "name"), form.get("color") or None, form.get("desc", ""))
    return lab.label_sets.add_label(actor, found.id, new).id


def _change_label(
    lab: Lab, actor: Actor, project: str, label_id: int, form: Mapping[str, str]
) -> None:
    _check_in_project(lab, actor, project, label_id)
    lab.label_sets.change_label(
        actor,
        label_id,
        name=form.get("name"),
        colour=form.get("color"),
        description=form.get("desc"),
    )


def _remove_label(lab: Lab, actor: Actor, project: str, label_id: int) -> None:
    _check_in_project(lab, actor, project, label_id)
    lab.label_sets.remove_label(actor, label_id)


def _check_in_project(lab: Lab, actor: Actor, project: str, label_id: int) -> None:
    study = lab.tasks.study(actor, project)
    there = lab.label_sets.list(actor, study.id)
    if not any(label.id == label_id for each in there for label in each.labels):
        raise NotFound(f"There is no label {label_id} in this project.")
