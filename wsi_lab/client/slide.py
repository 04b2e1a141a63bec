"""A slide and its pixels."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wsi_lab.client import exports, pictures
from wsi_lab.client.connection import Connection, parsed, segment, words
from wsi_lab.client.cores import WithCores
from wsi_lab.client.exports import Mask
from wsi_lab.client.layer_ids import layer_id_of
from wsi_lab.client.shape_tables import LabelChoice, Where, table_of_shapes
from wsi_lab.client.slide_fields import SlideFacts, SlideFields
from wsi_lab.errors import Invalid, WsiLabError
from wsi_lab.model.slide import Level, SlideProperties, TileGrid

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

THUMBNAIL_SIDE = 512


@dataclass(frozen=True, kw_only=True)
class Slide(SlideFields, WithCores):
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

        x, y = pictures.place(location)
        width, height = pictures.size(size)
        body = self.connection.get_bytes(
            f"v1/slides/{self.id}/region",
            x=x,
            y=y,
            width=width,
            height=height,
            level=None if level is None else pictures.whole(level, "A level is a whole number."),
            mpp=mpp,
            format="npy",
        )
        try:
            pixels = np.load(io.BytesIO(body), allow_pickle=False)
        except ValueError as error:
            raise pictures.unreadable() from error
        if pixels.shape != (height, width, 3) or pixels.dtype != np.uint8:
            raise pictures.unreadable()
        return np.asarray(pixels, dtype=np.uint8)

    def thumbnail(self, max_size: int | tuple[int, int] = THUMBNAIL_SIDE) -> Image.Image:
        """Return the whole slide, no larger than `max_size` ``(width, height)`` in pixels.

        One number stands for both.
        """
        pair = max_size if hasattr(max_size, "__len__") else (max_size, max_size)
        width, height = pictures.size(pair)
        body = self.connection.get_bytes(
            f"v1/slides/{self.id}/thumbnail", width=width, height=height
        )
        return pictures.opened(body)

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
        return pictures.opened(body)

    def annotations(
        self,
        *,
        layer: Any = None,
        label: LabelChoice = (),
        within: Any = None,
        centroid: bool = False,
        reader: str | Sequence[str] | None = None,
        where: Where = (),
        properties: str | Iterable[str] | None = None,
        limit: int | None = None,
    ) -> gpd.GeoDataFrame:
        """Return the shapes on it, one row each, indexed by id, in the order they were given in.

        Geometries are in level-0 pixels, x right and y down (`crs` is `None`); ``attrs["mpp"]``
        holds the micrometres per pixel (see `wsi_lab.client.areas`). Columns are slide_id, slide,
        layer, label, labels (where a shape has several), reader, tier (hand or bulk), shape,
        revision, changed_on (UTC), geometry, and one for each property.

        Parameters
        ----------
        layer
            Only on this layer: itself, its name or its id; or several of them.
        label
            Only with this label, or one of these; `None` for shapes without one.
        within
            Only shapes that touch a box ``(left, top, right, bottom)`` with their own boxes, or
            that intersect a polygon or the polygons of a GeoDataFrame.
        centroid
            Whether the centre of mass must lie in there instead.
        reader
            Only by this author, or one of these.
        where
            What properties must be: ``{"score": (">", 0.5), "stain": "HER2"}``, or triples
            ``[("score", ">", 0.5)]``; the comparisons are =, !=, <, <=, >, >= and in.
        properties
            Which properties are wanted, one or several; by default all.
        limit
            At most so many of them, those that were given first.

        Examples
        --------
        >>> slide.annotations(layer="nuclei", within=(0, 0, 500, 500))  # doctest: +SKIP
        """
        found = table_of_shapes(
            self.connection,
            self.study_id,
            slide_id=self.id,
            layer=layer,
            label=label,
            within=within,
            centroid=centroid,
            reader=reader,
            where=where,
            properties=properties,
            limit=limit,
        )
        found.attrs["mpp"] = self.mpp
        return found

    def mask(
        self,
        layer: Any,
        region: tuple[float, float, float, float] | None = None,
        *,
        mpp: float | None = None,
        downsample: float | None = None,
        label: LabelChoice = (),
        reader: str | None = None,
    ) -> Mask:
        """Return what is on a layer as a label mask: ``values``, ``labels``, ``colours``.

        Parameters
        ----------
        layer
            Itself, its name or its id.
        region
            ``(left, top, width, height)`` in level-0 pixels; by default the whole slide.
        mpp, downsample
            Micrometres, or level-0 pixels, per pixel of the mask; by default one level-0 pixel.
        label, reader
            Only shapes with one of these labels (`None` for none), or by this author.

        Raises
        ------
        Invalid
            Both mpp and downsample are given, or mpp where the scale is unknown; or it would have
            too many pixels.
        """
        if mpp is not None and downsample is not None:
            raise Invalid("A mask has an mpp or a downsample, not both.")
        if mpp is not None:
            if self.mpp is None:
                raise Invalid("The scale of this slide is not known; ask for a downsample instead.")
            downsample = mpp / self.mpp
        return exports.mask(
            self.connection,
            self.id,
            layer_id_of(self.connection, self.study_id, layer),
            (0, 0, self.width, self.height) if region is None else region,
            downsample=1.0 if downsample is None else downsample,
            label=label,
            reader=reader,
        )

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
    def _facts(self) -> SlideFacts:
        return parsed(SlideFacts, self.connection.get(f"v1/slides/{self.id}/properties"))


def slide_of(connection: Connection, data: Any) -> Slide:
    """Return the slide of an answer."""
    return Slide(connection=connection, **vars(parsed(SlideFields, data)))
