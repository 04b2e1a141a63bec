"""Images apart from the studies they are slides of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from wsi_lab.model.study import Slide, Study


@dataclass(frozen=True, slots=True)
class AbstractImage:
    """A file or an object that slides can be made of, in however many studies.

    Attributes
    ----------
    name
        What the file is called. Those who may not see where files lie are told the name of a
        slide of it instead, with the file's ending.
    source
        Where the bytes are; empty for all but those who may see that.
    added_by
        Whose upload it is; `None` for one that came with a slide.
    mpp_x, mpp_y
        Micrometres per level-0 pixel, as the file says.
    slide_ids
        The slides of it that the asker may see.
    """

    id: int
    name: str
    source: str
    added_by: int | None
    added_on: datetime
    format: str
    width: int
    height: int
    objective_power: float | None
    mpp_x: float | None
    mpp_y: float | None
    file_size: int | None
    slide_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """A slide: an image in one study.

    Attributes
    ----------
    image_id
        Of the abstract image.
    file_name
        As `AbstractImage.name`.
    annotation_count
        Of the shapes that the asker may see.
    added_by
        Id of the user who added it, if that is known.
    """

    slide: Slide
    study: Study
    image_id: int
    file_name: str
    annotation_count: int
    added_by: int | None


@dataclass(frozen=True, slots=True)
class ImageCounts:
    """How many slides a study has, and how many shapes on them the asker may see."""

    slides: int
    annotations: int
