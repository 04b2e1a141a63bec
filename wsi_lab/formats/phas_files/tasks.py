"""Settings of tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wsi_lab.errors import Invalid
from wsi_lab.formats.phas_files.checking import JsonObject, Problems
from wsi_lab.formats.safe import quoted, read_json
from wsi_lab.model.study import checked_name, checked_text
from wsi_lab.model.task import (
    DEFAULT_PATCH_SIZE,
    Selection,
    TaskMode,
    TaskSettings,
)

LARGEST = 1 << 20
LONGEST_NAME = 80
LONGEST_DESCRIPTION = 1024
LARGEST_BOX = 1_000_000
LARGEST_PATCH = 4096
_MEMBERS = (
    *("name", "mode", "restrict-access", "desc", "reference-task", "anonymize"),
    *("download-slide-size-limit", "stains", "specimens", "tags", "dltrain", "sampling"),
)
_TAGS = ("any", "all", "not")
_BOXES = ("labelset", "min-size", "max-size", "display-patch-size")
_OUTLINES = ("labelset",)


def read_task(data: bytes) -> TaskSettings:
    """Return what a JSON object says of a task.

    Raises
    ------
    Invalid
        Something is wrong with it; ``problems`` lists everything that is.

    Examples
    --------
    >>> settings = read_task(b'{"name": "Grading", "mode": "annot", "restrict-access": false}')
    >>> settings.name, settings.mode.value, settings.is_restricted
    ('Grading', 'annot', False)
    """
    members = read_json(data, most_bytes=LARGEST)
    if not isinstance(members, dict):
        raise Invalid("The settings of a task are a JSON object.")
    problems = Problems("This task cannot be made")
    said = JsonObject(members, problems, where="", known=_MEMBERS)
    mode = _mode(said)
    boxes, outlines = said.object("dltrain", _BOXES), said.object("sampling", _OUTLINES)
    label_sets = {TaskMode.DLTRAIN: boxes, TaskMode.SAMPLING: outlines}
    limit = said.number("download-slide-size-limit", -LARGEST_BOX, LARGEST_BOX)
    settings = TaskSettings(
        name=said.text("name", _name, required=True) or "",
        mode=mode or TaskMode.ANNOT,
        description=said.text("desc", _description),
        is_restricted=said.flag("restrict-access", required=True),
        is_anonymised=said.flag("anonymize"),
        reference=said.text("reference-task", _name),
        label_set=_label_set(said, mode, label_sets) if mode in label_sets else None,
        selection=_selection(said),
        slide_size_limit=None if limit is None or limit < 0 else limit,
    )
    sized = _with_boxes(settings, boxes)
    problems.require_none()
    return sized if settings.mode is TaskMode.DLTRAIN else settings


def write_task(settings: TaskSettings) -> dict[str, Any]:
    """Return what `read_task` reads.

    Examples
    --------
    >>> write_task(TaskSettings("Grading"))
    {'name': 'Grading', 'mode': 'annot', 'restrict-access': False, 'anonymize': False}
    """
    selection = settings.selection
    tags = {
        "any": selection.tags_any,
        "all": selection.tags_all,
        "not": selection.tags_not,
    }
    is_boxes = settings.mode is TaskMode.DLTRAIN
    is_labelled = is_boxes or settings.mode is TaskMode.SAMPLING
    labelled = {
        "labelset": settings.label_set if is_labelled else None,
        "min-size": settings.smallest_box if is_boxes else None,
        "max-size": settings.largest_box if is_boxes else None,
        "display-patch-size": settings.patch_size if is_boxes else None,
    }
    said = {
        "name": settings.name,
        "mode": settings.mode.value,
        "restrict-access": settings.is_restricted,
        "anonymize": settings.is_anonymised,
        "desc": settings.description,
        "reference-task": settings.reference,
        "download-slide-size-limit": settings.slide_size_limit,
        "stains": _listed(selection.stains),
        "specimens": _listed(selection.cases),
        "tags": _stated({name: _listed(words) for name, words in tags.items()}) or None,
        settings.mode.value: _stated(labelled) or None,
    }
    return _stated(said)


def _mode(said: JsonObject) -> TaskMode | None:
    mode = said.text("mode", _known_mode, required=True)
    return TaskMode(mode) if mode else None


def _known_mode(text: str) -> str:
    if text not in set(TaskMode):
        raise Invalid(f"{quoted(text)} is no mode; there are {', '.join(TaskMode)}.")
    return text


def _name(text: str) -> str:
    name = checked_name(text, "task")
    if len(name) > LONGEST_NAME:
        raise Invalid(f"The name of a task may have at most {LONGEST_NAME} characters.")
    return name


def _description(text: str) -> str:
    if len(text) > LONGEST_DESCRIPTION:
        raise Invalid(f"The description may have at most {LONGEST_DESCRIPTION:,} characters.")
    return text


def _label_set(
    said: JsonObject, mode: TaskMode | None, parts: dict[TaskMode, JsonObject | None]
) -> str | None:
    if mode is None:
        return None
    part = parts[mode]
    if part is None:
        said.say(mode.value, "it is missing; it names the label set")
        return None
    return part.text("labelset", lambda text: checked_name(text, "label set"), required=True)


def _selection(said: JsonObject) -> Selection:
    tags = said.object("tags", _TAGS)
    found = {}
    if tags is not None:
        found = {name: tags.texts(name, lambda text: checked_name(text, "tag")) for name in _TAGS}
    return Selection(
        stains=said.texts("stains", lambda text: checked_text(text, "stain")),
        cases=said.texts("specimens", lambda text: checked_name(text, "specimen")),
        tags_any=found.get("any"),
        tags_all=found.get("all"),
        tags_not=found.get("not"),
    )


def _with_boxes(settings: TaskSettings, boxes: JsonObject | None) -> TaskSettings:
    if boxes is None:
        return settings
    smallest = boxes.number("min-size", 0, LARGEST_BOX)
    largest = boxes.number("max-size", 1, LARGEST_BOX)
    if smallest is not None and largest is not None and smallest > largest:
        boxes.say("max-size", f"it is smaller than 'min-size', {smallest}")
    patch = boxes.number("display-patch-size", 1, LARGEST_PATCH)
    return replace(
        settings,
        smallest_box=smallest,
        largest_box=largest,
        patch_size=DEFAULT_PATCH_SIZE if patch is None else patch,
    )


def _listed(words: tuple[str, ...] | None) -> list[str] | None:
    return None if words is None else list(words)


def _stated(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
