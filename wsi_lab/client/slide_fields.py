"""What a lab says of a slide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class SlideFields:
    """What is known of a slide; see `wsi_lab.client.Slide`."""

    id: int
    study_id: int
    case_id: int | None
    case: str | None
    name: str
    block: str
    section: str
    number: str
    stain: str
    tags: tuple[str, ...]
    format: str
    width: int
    height: int
    objective_power: float | None
    mpp_x: float | None
    mpp_y: float | None
    added_on: datetime
    revision: int
    description: str = ""
    rotation: int = 0
    tma_map_id: int | None = None
    file_size: int | None = None


@dataclass(frozen=True, kw_only=True)
class LevelFields:
    """A stored resolution."""

    width: int
    height: int
    tile_width: int
    tile_height: int
    downsample: float


@dataclass(frozen=True, kw_only=True)
class GridFields:
    """The tiles that viewers ask for."""

    tile_size: int
    zooms: int


@dataclass(frozen=True, kw_only=True)
class SlideFacts:
    """What the file says about itself."""

    format: str
    width: int
    height: int
    mpp_x: float | None
    mpp_y: float | None
    objective_power: float | None
    levels: tuple[LevelFields, ...]
    metadata: dict[str, str]
    version: str
    grid: GridFields
    associated: tuple[str, ...] = ()
