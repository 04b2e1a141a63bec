"""Files that are attached to things: reports, tables, whatever goes with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from wsi_lab.model.remark import ThingKind

LARGEST_ATTACHED = 256 << 20
"""Bytes of one file."""


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file that is attached to a thing.

    Attributes
    ----------
    name
        What it is called; not where it lies.
    size
        Bytes.
    """

    id: int
    kind: ThingKind
    thing_id: int
    name: str
    size: int
    created_on: datetime
    created_by: int
