"""Lists of shapes, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from wsi_lab.model.annotation import Annotation
from wsi_lab.model.layer import Box

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which shapes are listed; all conditions hold together, and `None` is none.

    Attributes
    ----------
    study_ids, slide_ids
        On the slides of these studies; on these slides. One of the two at least.
    ids
        Only these.
    emails
        Whose they are: their authors', or, of authors who are no users, such as programs, of
        whoever loaded or changed them last.
    label_ids
        With at least one of these.
    without_label
        Without any; together with `label_ids`, either.
    several_labels
        With two or more.
    box
        That intersect it, edges included; in level-0 pixels.
    geometry
        That intersect it; in level-0 pixels.
    distance
        With `geometry`: that are at most so many pixels from it, instead.
    without_ids
        Not these.
    """

    study_ids: tuple[int, ...] | None = None
    slide_ids: tuple[int, ...] | None = None
    ids: tuple[int, ...] | None = None
    emails: tuple[str, ...] | None = None
    label_ids: tuple[int, ...] | None = None
    without_label: bool = False
    several_labels: bool = False
    box: Box | None = None
    geometry: BaseGeometry | None = None
    distance: float | None = None
    without_ids: tuple[int, ...] = ()


class ShapePage(NamedTuple):
    """Some of the shapes of a list, and how many there are of all."""

    total: int
    shapes: list[Annotation]
