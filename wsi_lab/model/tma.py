"""Maps of tissue microarrays: which core lies in which row and column."""

from __future__ import annotations

from dataclasses import dataclass, field

LARGEST_SIDE = 200
"""Rows or columns of a map."""


@dataclass(frozen=True, slots=True)
class MapCore:
    """One core that a map names. Places without a core have none."""

    row: int
    column: int
    sample: str
    is_control: bool = False


@dataclass(frozen=True, slots=True)
class TmaLayout:
    """What a map file says.

    Attributes
    ----------
    slides
        Files it applies to, as the map names them.
    force
        Whether it replaces a map that a slide already has.
    properties
        Everything in the header, by names in small letters.
    """

    row_count: int
    column_count: int
    cores: tuple[MapCore, ...]
    slides: tuple[str, ...] = ()
    force: bool = False
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TmaMap:
    """A map of a study.

    Attributes
    ----------
    text
        The file it came from, unchanged.
    """

    id: int
    study_id: int
    name: str
    text: str
    row_count: int
    column_count: int
    revision: int
