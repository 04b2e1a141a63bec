"""A slide and its pixels."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wsi_lab.client.connection import Connection, parsed, segment, words
from wsi_lab.errors import DamagedSlide, Invalid, WsiLabError
from wsi_lab.model.slide import Level, SlideProperties, TileGrid

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

THUMBNAIL_SIDE = 512


@dataclass(frozen=True, kw_only=True)
class _Fields:
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
class _LevelFields:
    width: int
    height: int
    tile_width: int
    tile_height: int
    downsample: float


@dataclass(frozen=True, kw_only=True)
class _GridFields:
    tile_size: int
    zooms: int


@dataclass(frozen=True, kw_only=True)
class _Facts:
    format: str
    width: int
    height: int
    mpp_x: float | None
    mpp_y: float | None
    objective_power: float | None
    levels: tuple[_LevelFields, ...]
    metadata: dict[str, str]
    version: str
    grid: _GridFields
    associated: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Slide(_Fields):
    """One whole-slide image in a study, as it was when it was read.

    Frame: level-0 pixels, x right, y down, origin in the top left corner.

    Attributes
    ----------
    case
        Public name of the case, or `None`.
    width, height
        Size of level 0 in pixels.
    mpp_x, mpp_y
        Micrometres per level-0 pixel, or `None` when nobody knows.
    objective_power
        Magnification of the objective, for example 20.0, or `None`.
    added_on
        In UTC.
    description
        HTML.
    rotation
        Degrees clockwise that it is turned by when shown.
    tma_map_id
        The map of the cores on it, if it is a tissue microarray.
    file_size
        Bytes, when it was added; `None` if nobody knows.
    """

    connection: Connection = field(repr=False, compare=False)

    def __repr__(self) -> str:
        scale = "scale unknown" if self.mpp is None else f"{self.mpp:.4g} µm/px"
        return (
            f"<Slide {self.id} {self.name!r}, {self.width} x {self.height} px, {scale}, "
            f"{self.format}>"
        )

    def _repr_png_(self) -> bytes | None:
        # The sentence above stays readable when there is no picture to show.
        try:
            picture = self.thumbnail()
        except WsiLabError:
            return None
        buffer = io.BytesIO()
        picture.save(buffer, format="png")
        return buffer.getvalue()

    @property
    def mpp(self) -> float | None:
        """Micrometres per level-0 pixel, the mean of both directions, or `None`."""
        if self.mpp_x is None or self.mpp_y is None:
            return None
        return (self.mpp_x + self.mpp_y) / 2

    @property
    def properties(self) -> SlideProperties:
        """What the file says about itself; asked for once for each slide object."""
        facts = self._facts
        return SlideProperties(
            format=facts.format,
            levels=tuple(Level(**vars(level)) for level in facts.levels),
            mpp_x=facts.mpp_x,
            mpp_y=facts.mpp_y,
            objective_power=facts.objective_power,
            associated=facts.associated,
            metadata=facts.metadata,
            version=facts.version,
        )

    @property
    def levels(self) -> tuple[Level, ...]:
        """The stored resolutions, from the full one down."""
        return self.properties.levels

    @property
    def grid(self) -> TileGrid:
        """The tiles that viewers ask for: zoom 0 is one tile, the last zoom full resolution."""
        facts = self._facts
        return TileGrid(
            width=facts.width,
            height=facts.height,
            tile_size=facts.grid.tile_size,
            level_count=facts.grid.zooms,
        )

    def region(
        self,
        location: tuple[float, float],
        size: tuple[int, int],
        *,
        level: int | None = None,
        mpp: float | None = None,
    ) -> npt.NDArray[np.uint8]:
        """Return a rectangle of the slide, white where it lies outside.

        Parameters
        ----------
        location
            Top left corner ``(x, y)`` in level-0 pixels.
        size
            ``(width, height)`` of the result, in pixels of the result.
        level
            A stored level; the default is level 0.
        mpp
            Micrometres per pixel of the result, instead of a level.

        Returns
        -------
        numpy.ndarray
            ``(rows, columns, 3) uint8`` RGB.

        Raises
        ------
        Invalid
            Both level and mpp are given, or mpp where the scale is unknown, or the size is empty
            or no two whole numbers.
        OutOfRange
            There is no such level.
        TooLarge
            More pixels than one request may ask for.
        """
        import numpy as np  # noqa: PLC0415 (only for those who want pixels)

        x, y = _place(location)
        width, height = _size(size)
        body = self.connection.get_bytes(
            f"v1/slides/{self.id}/region",
            x=x,
            y=y,
            width=width,
            height=height,
            level=None if level is None else _whole(level, "A level is a whole number."),
            mpp=mpp,
            format="npy",
        )
        try:
            pixels = np.load(io.BytesIO(body), allow_pickle=False)
        except ValueError as error:
            raise _unreadable() from error
        if pixels.shape != (height, width, 3) or pixels.dtype != np.uint8:
            raise _unreadable()
        return np.asarray(pixels, dtype=np.uint8)

    def thumbnail(self, max_size: int | tuple[int, int] = THUMBNAIL_SIDE) -> Image.Image:
        """Return the whole slide, no larger than `max_size` ``(width, height)`` in pixels.

        One number stands for both.
        """
        pair = max_size if hasattr(max_size, "__len__") else (max_size, max_size)
        width, height = _size(pair)
        body = self.connection.get_bytes(
            f"v1/slides/{self.id}/thumbnail", width=width, height=height
        )
        return _picture(body)

    def associated(self, name: str) -> Image.Image:
        """Return the label, macro or another image beside the pyramid.

        They may show who the patient is; this needs the right `private`.

        Raises
        ------
        NotFound
            The slide has no image of that name; `properties.associated` lists them.
        NotAllowed
            The right is missing.
        """
        body = self.connection.get_bytes(f"v1/slides/{self.id}/associated/{segment(name)}")
        return _picture(body)

    def view(self, **options: Any) -> Any:
        """Return a viewer of this slide for a notebook: `wsi_lab.widgets.SlideViewer`.

        Parameters
        ----------
        **options
            Handed to the viewer, for example ``height="600px"``.
        """
        if self.connection.viewer is None:
            raise WsiLabError("This lab was opened without a viewer; use wsi_lab.connect().")
        return self.connection.viewer(self, **options)

    def change(self, **changes: Any) -> Slide:
        """Change what is known about the slide, or how it is shown.

        That is name, block, section, number, stain, tags, mpp (which stands for mpp_x and mpp_y),
        mpp_x, mpp_y, case_id, description (HTML), and rotation (0, 90, 180 or 270 degrees
        clockwise). Returns the slide as it is then.

        Raises
        ------
        Conflict
            Somebody changed it since this object was read.
        """
        body = dict(changes)
        if "mpp" in body:
            mpp = body.pop("mpp")
            body = {"mpp_x": mpp, "mpp_y": mpp, **body}
        if "tags" in body:
            body["tags"] = words(body["tags"])
        data = self.connection.json(
            "PATCH", f"v1/slides/{self.id}", body=body, revision=self.revision
        )
        return slide_of(self.connection, data)

    def set_tma_map(self, name: str | None) -> Slide:
        """Say which of the study's TMA maps tells its cores, or none; return the new slide."""
        self.connection.json("PUT", f"v1/slides/{self.id}/tma-map", body={"name": name})
        return slide_of(self.connection, self.connection.get(f"v1/slides/{self.id}"))

    def remove(self) -> None:
        """Remove the slide from its study. The file stays where it is."""
        self.connection.json("DELETE", f"v1/slides/{self.id}", revision=self.revision)

    @cached_property
    def _facts(self) -> _Facts:
        return parsed(_Facts, self.connection.get(f"v1/slides/{self.id}/properties"))


def slide_of(connection: Connection, data: Any) -> Slide:
    """Return the slide of an answer."""
    return Slide(connection=connection, **vars(parsed(_Fields, data)))


def _place(location: Any) -> tuple[float, float]:
    try:
        x, y = (float(each) for each in location)
    except (TypeError, ValueError):
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise Invalid("A location is (x, y): two finite numbers, in level-0 pixels.")
    return x, y


def _size(size: Any) -> tuple[int, int]:
    sentence = "A size is (width, height): two whole numbers from 1 on, in pixels of the result."
    try:
        width, height = (_whole(each, sentence) for each in size)
    except (TypeError, ValueError) as error:
        raise Invalid(sentence) from error
    if width < 1 or height < 1:
        raise Invalid(sentence)
    return width, height


def _whole(number: Any, sentence: str) -> int:
    """Return a whole number of any type (NumPy's too, and 512.0) as an int."""
    try:
        whole = int(number)
    except (TypeError, ValueError, OverflowError) as error:
        raise Invalid(sentence) from error
    if whole != number:
        raise Invalid(sentence)
    return whole


def _picture(body: bytes) -> Image.Image:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 (only for those who look)

    try:
        return Image.open(io.BytesIO(body))
    except UnidentifiedImageError as error:
        raise _unreadable() from error


def _unreadable() -> DamagedSlide:
    return DamagedSlide(
        "What the lab sent is not a picture. It and this client may be of different versions."
    )
