"""What a lab says of a study."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StudyFields:
    """What is known of a study; see `wsi_lab.client.Study`."""

    id: int
    name: str
    description: str
    created_on: datetime
    published_on: datetime | None
    revision: int
    slide_count: int
    rights: frozenset[str]
    friendly_name: str = ""
    folder: str = ""
    settings: dict[str, str] = field(default_factory=dict, hash=False)
    answered_on: datetime | None = None


def row_of(study: StudyFields) -> dict[str, Any]:
    """Return what a table shows of a study."""
    return {
        "id": study.id,
        "name": study.name,
        "description": study.description,
        "slides": study.slide_count,
        "created": f"{study.created_on:%Y-%m-%d}",
        "your rights": study.rights,
    }
