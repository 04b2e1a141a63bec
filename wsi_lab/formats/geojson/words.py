"""What GeoJSON features say beside their geometry: labels, colours, measurements, the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, MutableMapping
from typing import Any

from wsi_lab.formats.safe import quoted

LABEL_KEYS = ("label", "class_name", "class", "Class", "category")
"""Where programs write what a shape is, besides QuPath's ``classification``."""
OBJECT_TYPES = {
    "PathAnnotationObject": "annotation",
    "PathDetectionObject": "detection",
    "PathCellObject": "cell",
    "PathTileObject": "tile",
    "TMACoreObject": "tmaCore",
    "PathRootObject": "root",
}
"""What QuPath before 0.4 wrote as the id of a feature, and what it means."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_LONGEST_LABEL = 255


def labels_of(
    properties: MutableMapping[str, Any], colours: MutableMapping[str, str], odd: Counter[str]
) -> tuple[str, ...]:
    """Take the labels out of a feature's properties, and the colours that they state.

    Parameters
    ----------
    odd
        Counts what is not understood; where it is, the property stays.

    Examples
    --------
    >>> properties = {"classification": {"name": "Tumor", "color": [200, 0, 0]}, "name": "A"}
    >>> colours = {}
    >>> labels_of(properties, colours, Counter()), properties, colours
    (('Tumor',), {'name': 'A'}, {'Tumor': '#c80000'})
    """
    if not properties:
        return ()
    if "classification" in properties:
        found = _classification(properties["classification"], colours, odd)
        if found is not None:
            del properties["classification"]
            return found
    several = properties.get("labels")
    if isinstance(several, list) and several and all(isinstance(each, str) for each in several):
        del properties["labels"]
        return tuple(dict.fromkeys(several))
    for key in LABEL_KEYS:
        label = label_of(properties[key]) if key in properties else None
        if label is not None:
            del properties[key]
            return (label,)
    return ()


def measured(properties: MutableMapping[str, Any], odd: Counter[str]) -> None:
    """Put measurements beside the other properties, under their names.

    Examples
    --------
    >>> properties = {"measurements": [{"name": "Area", "value": 2.5}]}
    >>> measured(properties, Counter())
    >>> properties
    {'Area': 2.5}
    """
    said = properties.get("measurements")
    pairs: list[tuple[str, Any]] = []
    if isinstance(said, dict):
        pairs = list(said.items())
    elif isinstance(said, list):
        pairs = [
            (each["name"], each.get("value"))
            for each in said
            if isinstance(each, dict) and isinstance(each.get("name"), str)
        ]
        if len(pairs) < len(said):
            odd["Measurements are not pairs of name and value; they stay as they are."] += 1
            return
    elif "measurements" in properties:
        odd["Measurements are neither a list nor an object; they stay as they are."] += 1
        return
    properties.pop("measurements", None)
    for name, value in pairs:
        if name in properties:
            odd[f"A measurement is called as a property, {quoted(name)}; it got '(measured)'."] += 1
            name = f"{name} (measured)"  # noqa: PLW2901 - the same thing under another name
        properties[name] = value


def colour_of(said: Any) -> str | None:
    """Return ``#rrggbb`` of what is said to be a colour, or `None`.

    Examples
    --------
    >>> colour_of([200, 0, 10]), colour_of(-16744320), colour_of("#ABCDEF"), colour_of("red")
    ('#c8000a', '#008080', '#abcdef', None)
    """
    if isinstance(said, bool):
        return None
    if isinstance(said, int):
        return f"#{said & 0xFFFFFF:06x}"
    if isinstance(said, str) and _COLOUR.fullmatch(said):
        return said.lower()
    if (
        isinstance(said, list)
        and len(said) in {3, 4}
        and all(type(each) is int and 0 <= each <= 255 for each in said)
    ):
        return "#{:02x}{:02x}{:02x}".format(*said[:3])
    return None


def rgb_of(colour: str) -> list[int]:
    """Return red, green and blue of ``#rrggbb``."""
    return list(bytes.fromhex(colour.removeprefix("#")))


def keep_colour(
    colours: MutableMapping[str, str], label: str, colour: str, odd: Counter[str]
) -> None:
    """Keep a label's colour, the first that is stated."""
    if colours.setdefault(label, colour) != colour:
        odd[f"{quoted(label)} has several colours; the first is kept."] += 1


def _classification(
    said: Any, colours: MutableMapping[str, str], odd: Counter[str]
) -> tuple[str, ...] | None:
    """Return labels, or `None` where it is not understood."""
    if said is None:
        return ()
    if isinstance(said, str):
        label = label_of(said)
        return () if label is None else (label,)
    label = _name(said) if isinstance(said, dict) else None
    if label is None:
        odd["A classification has no name; it stays as it is."] += 1
        return None
    stated = said.get("color", said.get("colorRGB", said.get("colour")))
    colour = colour_of(stated)
    if colour is not None:
        keep_colour(colours, label, colour, odd)
    elif stated is not None:
        odd[f"The colour of {quoted(label)} is not understood."] += 1
    for key in said.keys() - {"name", "names", "color", "colorRGB", "colour"}:
        odd[f"{quoted(key)} of a classification is not kept."] += 1
    return (label,)


def _name(said: Mapping[str, Any]) -> str | None:
    names = said.get("names")
    if isinstance(names, list) and names and all(isinstance(each, str) for each in names):
        # So QuPath itself writes a class that is derived of others.
        return label_of(": ".join(names))
    return label_of(said.get("name"))


def label_of(said: Any) -> str | None:
    """Return what is said to be a label, or `None` where that is none."""
    if isinstance(said, dict):
        said = said.get("value", said.get("name"))
    if isinstance(said, int) and not isinstance(said, bool):
        said = str(said)
    if not isinstance(said, str):
        return None
    said = said.strip()
    return said if 0 < len(said) <= _LONGEST_LABEL else None
