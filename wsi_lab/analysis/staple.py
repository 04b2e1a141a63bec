"""What readers' masks and shapes say together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge, WsiLabError
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.masks import label_mask, outlines

if TYPE_CHECKING:
    import geopandas as gpd

ConsensusMethod = Literal["majority", "staple"]

MOST_PIXELS = 1 << 25
"""Of a mask that shapes become; STAPLE takes 16 bytes and more for each."""
_AREAS = (3, 6)
"""Shapely's numbers of polygons and of several in one."""


@dataclass(frozen=True, slots=True)
class StapleResult:
    """What is likely there, and how well each reader found it.

    Attributes
    ----------
    probability
        ``(rows, columns) float64``: how likely each pixel is part of it.
    sensitivity, specificity
        Of each reader, in the order of the masks: how much of what is there they marked, and how
        much of what is not they left out. NaN where there is nothing, or nothing else.
    iterations
        How many steps it took.
    """

    probability: NDArray[np.float64]
    sensitivity: tuple[float, ...]
    specificity: tuple[float, ...]
    iterations: int

    @property
    def consensus(self) -> NDArray[np.bool_]:
        """What is more likely part of it than not, ``(rows, columns) bool``."""
        found: NDArray[np.bool_] = self.probability >= 0.5
        return found

    @property
    def sentence(self) -> str:
        """What a paper's methods and results say of it, citation included."""
        return (
            f"The consensus of {len(self.sensitivity)} readers' masks was estimated by STAPLE, as "
            f"SimpleITK computes it; sensitivity was {_range(self.sensitivity)} and specificity "
            f"{_range(self.specificity)} [Warfield et al., 2004]."
        )


def staple(masks: Sequence[Any]) -> StapleResult:
    """Estimate what is there from the masks of several readers, and how well each found it.

    STAPLE (simultaneous truth and performance level estimation) weighs readers by how far they
    agree with all: Warfield, Zou and Wells, IEEE Transactions on Medical Imaging 2004;23:903. It
    is SimpleITK's. How large the masks are matters: a wide margin that everybody left out makes
    all specificities near 1.

    Parameters
    ----------
    masks
        Two or more of the same size, ``(rows, columns)``, true where a reader marked something.

    Raises
    ------
    Invalid
        There are fewer than two masks, or they differ in size.
    WsiLabError
        SimpleITK is not installed.

    Examples
    --------
    >>> drawn = np.zeros((4, 6), bool)
    >>> drawn[1:3, 1:4] = True
    >>> found = staple([drawn, drawn, np.roll(drawn, 1)])  # doctest: +SKIP
    >>> found.consensus.sum(), found.sensitivity[0]  # doctest: +SKIP
    (6, 1.0)
    """
    whole = [np.asarray(mask, bool) for mask in masks]
    if len(whole) < 2:
        raise Invalid("A consensus is of the masks of two readers or more.")
    if whole[0].ndim != 2 or not whole[0].size or len({mask.shape for mask in whole}) > 1:
        raise Invalid("The masks of readers have rows and columns, all of them as many.")
    if not any(mask.any() for mask in whole) or all(mask.all() for mask in whole):
        return _all_alike(whole)
    sitk = _simple_itk()
    estimate = sitk.STAPLEImageFilter()
    estimate.SetForegroundValue(1)
    image = estimate.Execute([sitk.GetImageFromArray(mask.view(np.uint8)) for mask in whole])
    return StapleResult(
        sitk.GetArrayFromImage(image),
        tuple(estimate.GetSensitivity()),
        tuple(estimate.GetSpecificity()),
        int(estimate.GetElapsedIterations()),
    )


def consensus_shapes(
    readers: gpd.GeoDataFrame | Sequence[Any],
    method: ConsensusMethod = "majority",
    *,
    pixel_size: float,
    box: tuple[float, float, float, float] | None = None,
) -> gpd.GeoSeries:
    """Return what most readers, or STAPLE, hold to be inside of areas, as polygons.

    Parameters
    ----------
    readers
        What each reader drew: a geometry, a list or a GeoSeries of them, or a GeoDataFrame. Or one
        GeoDataFrame of all of them with a column ``reader``, as `Study.annotations` returns it for
        a slide; readers who drew nothing are not part of that.
    method
        ``"majority"``: more than half of the readers; or ``"staple"``, see `staple`.
    pixel_size
        Of the masks that are compared, in level-0 pixels; outlines run along their sides.
    box
        ``(left, top, right, bottom)`` of the masks; by default of all that was drawn.

    Raises
    ------
    Invalid
        There are fewer than two readers, or something that was drawn is no area.
    TooLarge
        The masks would have too many pixels.

    Examples
    --------
    >>> drawn = [shapely.box(0, 0, 4, 4), shapely.box(2, 0, 6, 4), shapely.box(2, 0, 4, 2)]
    >>> consensus_shapes(drawn, pixel_size=1)[0].bounds
    (2.0, 0.0, 4.0, 4.0)
    """
    import geopandas as gpd  # noqa: PLC0415 (half a second, only for those who have shapes)

    drawn = _by_reader(readers)
    if len(drawn) < 2:
        raise Invalid("A consensus is of the shapes of two readers or more.")
    if method not in {"majority", "staple"}:
        raise Invalid("A consensus of shapes is by 'majority' or by 'staple'.")
    if not 0 < pixel_size < math.inf:
        raise Invalid("The size of a pixel is a finite number above 0.")
    frame = _box_of(drawn, pixel_size) if box is None else box
    if frame is None:
        return gpd.GeoSeries([], dtype="geometry")
    left, top, right, bottom = frame
    if (right - left) * (bottom - top) / pixel_size**2 > MOST_PIXELS:
        raise TooLarge(
            f"These shapes would be masks of more than {MOST_PIXELS:,} pixels; "
            "say a larger pixel_size, or a box."
        )
    masks = [
        label_mask(
            ShapeColumns.from_geometries(shapes),
            frame,
            pixel_size,
            np.ones(len(shapes), np.int64),
        )
        for shapes in drawn
    ]
    if method == "staple":
        agreed: NDArray[np.bool_] = staple(masks).consensus
    else:
        agreed = np.asarray(2 * np.sum(masks, axis=0, dtype=np.int32) > len(masks))
    areas = outlines(agreed.astype(np.uint8), origin=(left, top), downsample=pixel_size)
    return gpd.GeoSeries(areas.to_geometries())


def _by_reader(readers: Any) -> list[NDArray[np.object_]]:
    """Return the areas of each reader."""
    if hasattr(readers, "columns"):
        if "reader" not in readers.columns:
            raise Invalid("The table of shapes needs a column 'reader', or be one for each reader.")
        readers = [of_one.geometry for _, of_one in readers.groupby("reader")]
    drawn = []
    for each in readers:
        shapes = getattr(each, "geometry", each) if hasattr(each, "columns") else each
        found = np.array([shapes] if isinstance(shapes, shapely.Geometry) else [*shapes], object)
        is_nothing: NDArray[np.bool_] = shapely.is_missing(found) | shapely.is_empty(found)
        found = found[~is_nothing]
        if not np.isin(shapely.get_type_id(found), _AREAS).all():
            raise Invalid("A consensus is of areas; points and lines have none.")
        drawn.append(found)
    return drawn


def _box_of(
    drawn: Sequence[NDArray[np.object_]], pixel_size: float
) -> tuple[float, float, float, float] | None:
    """Return where all shapes lie, in whole pixels, or `None` when there are none."""
    every = np.concatenate(drawn)
    if not len(every):
        return None
    left, top, right, bottom = shapely.total_bounds(every) / pixel_size
    corners = math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)
    x0, y0, x1, y1 = (corner * pixel_size for corner in corners)
    return x0, y0, x1, y1


def _all_alike(masks: Sequence[NDArray[np.bool_]]) -> StapleResult:
    """Return the result where nobody marked anything, or everybody all: nothing to estimate."""
    is_there = bool(masks[0].any())
    perfect, unknown = (1.0,) * len(masks), (math.nan,) * len(masks)
    return StapleResult(
        np.full(masks[0].shape, float(is_there)),
        perfect if is_there else unknown,
        unknown if is_there else perfect,
        0,
    )


def _simple_itk() -> Any:
    try:
        import SimpleITK  # noqa: PLC0415 (large, and installed only by those who want it)
    except ImportError as error:
        raise WsiLabError(
            "STAPLE needs SimpleITK, which is not installed: "
            'python -m pip install "wsi-lab[staple]", then restart the kernel.'
        ) from error
    return SimpleITK


def _range(values: Sequence[float]) -> str:
    if any(map(math.isnan, values)):
        return "not defined"
    return f"{min(values):.2f} to {max(values):.2f}"
