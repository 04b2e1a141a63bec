"""What is of use in the OME-XML of a TIFF: the scale, the objective, the channels' colours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

LONGEST_XML = 16 * 1024 * 1024

_UM = {"m": 1e6, "cm": 1e4, "mm": 1e3, "µm": 1.0, "um": 1.0, "nm": 1e-3, "pm": 1e-6}


@dataclass(frozen=True, slots=True)
class OmeFacts:
    """What an OME-XML says of its first picture.

    Attributes
    ----------
    mpp
        Micrometres per pixel ``(x, y)``, or `None`.
    objective_power
        Nominal magnification, or `None`.
    colours
        RGB of each channel, as far as it is given.
    properties
        Further facts, by the names of `wsi_lab.slides.deident`.
    """

    mpp: tuple[float, float] | None = None
    objective_power: float | None = None
    colours: tuple[tuple[int, int, int], ...] = ()
    properties: dict[str, str] = field(default_factory=dict)


def ome_facts(xml: str | None) -> OmeFacts:
    """Return what an OME-XML says; nothing where it is missing or broken.

    Examples
    --------
    >>> ome_facts('<OME><Image><Pixels PhysicalSizeX="0.25" PhysicalSizeY="250" '
    ...           'PhysicalSizeYUnit="nm"/></Image></OME>').mpp
    (0.25, 0.25)
    """
    if not xml or len(xml) > LONGEST_XML:
        return OmeFacts()
    try:
        # tifffile has parsed the same text before; expat itself refuses entity bombs, and the
        # process this runs in has little memory and no secrets.
        root = ET.fromstring(xml)  # noqa: S314 (see above)
    except (ET.ParseError, ValueError):
        return OmeFacts()
    pixels = next(_named(root, "Pixels"), None)
    objective = next(_named(root, "Objective"), None)
    facts: dict[str, str] = {}
    for element, names in (
        (pixels, ("PhysicalSizeX", "PhysicalSizeY", "SizeC", "SizeT", "SizeZ", "Type")),
        (objective, ("NominalMagnification", "LensNA")),
    ):
        if element is not None:
            facts |= {f"ome.{name}": element.get(name, "") for name in names}
    power = _number(facts.get("ome.NominalMagnification"))
    return OmeFacts(
        mpp=None if pixels is None else _mpp(pixels),
        objective_power=power if power and 0 < power <= 1000 else None,
        colours=() if pixels is None else _colours(pixels),
        properties={name: value for name, value in facts.items() if value},
    )


def _named(element: ET.Element, name: str) -> Iterator[ET.Element]:
    """Yield elements below by their name, whichever edition of the schema they belong to."""
    return (found for found in element.iter() if found.tag.rpartition("}")[2] == name)


def _mpp(pixels: ET.Element) -> tuple[float, float] | None:
    sides = []
    for side in ("PhysicalSizeX", "PhysicalSizeY"):
        size = _number(pixels.get(side))
        um = _UM.get(pixels.get(f"{side}Unit", "µm"))
        if size is None or um is None:
            return None
        sides.append(size * um)
    return sides[0], sides[1]


def _colours(pixels: ET.Element) -> tuple[tuple[int, int, int], ...]:
    colours = []
    for channel in _named(pixels, "Channel"):
        # A signed 32-bit number, red in the highest byte, alpha in the lowest.
        stated = _number(channel.get("Color"))
        if stated is None or not -(2**31) <= stated < 2**31:
            return ()
        rgba = int(stated) & 0xFFFFFFFF
        colours.append((rgba >> 24, rgba >> 16 & 255, rgba >> 8 & 255))
    # White is what writers put who do not know, and black cannot be seen.
    return tuple(colours) if len(set(colours)) > 1 and (0, 0, 0) not in colours else ()


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
