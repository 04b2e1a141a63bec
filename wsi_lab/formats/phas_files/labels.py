"""Label sets."""

from __future__ import annotations

import re

from wsi_lab.errors import Invalid
from wsi_lab.formats.phas_files.checking import JsonObject, Problems
from wsi_lab.formats.safe import quoted, read_json
from wsi_lab.model.layer import NewLabel
from wsi_lab.model.study import checked_description, checked_name

LARGEST = 4 << 20
_COLOUR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
_MEMBERS = ("name", "color", "description")


def read_label_set(data: bytes) -> list[NewLabel]:
    """Return the labels of a label set: a JSON list of ``{"name", "color", "description"}``.

    Raises
    ------
    Invalid
        Something is wrong with it; ``problems`` lists everything that is.

    Examples
    --------
    >>> read_label_set(b'[{"name": "tumour", "color": "#F00"}]')
    [NewLabel(name='tumour', colour='#ff0000', description='')]
    """
    items = read_json(data, most_bytes=LARGEST)
    if not isinstance(items, list):
        raise Invalid("A label set is a JSON list of labels, each with a name and a color.")
    problems = Problems("This label set cannot be used")
    labels: dict[str, NewLabel] = {}
    for number, item in enumerate(items, start=1):
        if problems.are_too_many:
            break
        if not isinstance(item, dict):
            problems.add(f"Label {number}: it is no object")
            continue
        label = _label(JsonObject(item, problems, where=f"Label {number}, ", known=_MEMBERS))
        if label.name in labels:
            problems.add(f"Label {number}: {quoted(label.name)} is named a second time")
        elif label.name:
            labels[label.name] = label
    problems.require_none()
    return list(labels.values())


def _label(said: JsonObject) -> NewLabel:
    name = said.text("name", lambda text: checked_name(text, "label"), required=True)
    colour = said.text("color", _colour)
    description = said.text("description", lambda text: checked_description(text, "label"))
    return NewLabel(name or "", colour, description or "")


def _colour(text: str) -> str:
    text = text.strip().lower()
    if not _COLOUR.fullmatch(text):
        raise Invalid(f"{quoted(text)} is no colour; one looks like #d55e00.")
    digits = text[1:]
    return text if len(digits) == 6 else "#" + "".join(2 * digit for digit in digits)
