"""DICOM's bulk simple annotations: groups of points, lines and areas in the slide's pixels."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.classic import MOST_SHAPES
from wsi_lab.formats.safe import quoted
from wsi_lab.model.annotation import FARTHEST, ShapeKind
from wsi_lab.model.feature import Document, Feature, Notice

MICROSCOPY_ANNOTATIONS = "1.2.840.10008.5.1.4.1.1.91.1"
LARGEST_FILE = 1 << 28
ELLIPSE_CORNERS = 64
_KINDS = {
    "POINT": ShapeKind.POINT,
    "POLYLINE": ShapeKind.POLYLINE,
    "POLYGON": ShapeKind.POLYGON,
    "ELLIPSE": ShapeKind.ELLIPSE,
    "RECTANGLE": ShapeKind.RECTANGLE,
}
_LENGTHS = {"POINT": 1, "ELLIPSE": 4, "RECTANGLE": 4}
_CORNERS = {ShapeKind.POINT: 1, ShapeKind.POLYLINE: 2}


def read(data: bytes) -> Document:
    """Return the annotations of a file; the label is that of their group.

    Raises
    ------
    Invalid
        It is no such file, or is in millimetres instead of pixels.
    """
    if len(data) > LARGEST_FILE:
        raise TooLarge(f"A DICOM file of annotations may have at most {LARGEST_FILE:,} bytes.")
    # Elements of nothing, a million of them, are no file that anybody wrote.
    if data[128:132] != b"DICM" or data[132:134] != b"\x02\0":
        raise Invalid("This DICOM file cannot be read: it does not begin as one.")
    dataset = _dataset(data)
    if str(dataset.get("SOPClassUID")) != MICROSCOPY_ANNOTATIONS:
        raise Invalid("This DICOM file holds no bulk simple annotations.")
    if dataset.get("AnnotationCoordinateType") != "2D":
        raise Invalid("The annotations of this DICOM file are in millimetres of the slide's stage.")
    notices = []
    if dataset.get("PixelOriginInterpretation") == "FRAME":
        what = "Places are told from the corner of single frames; they are taken as the slide's."
        notices.append(Notice("Document", what))
    features: list[Feature] = []
    for number, group in enumerate(dataset.get("AnnotationGroupSequence") or (), start=1):
        where = f"Group {number}"
        try:
            features += _group(group, where, notices)
        except (ValueError, TypeError, IndexError, AttributeError, KeyError):
            notices.append(Notice(where, "Its annotations are damaged; they are left out."))
        if len(features) > MOST_SHAPES:
            raise TooLarge(f"A document may have at most {MOST_SHAPES:,} shapes.")
    return Document(features, notices=notices)


def _dataset(data: bytes) -> Any:
    import pydicom  # noqa: PLC0415 (only who reads such files waits for it)
    from pydicom.errors import InvalidDicomError  # noqa: PLC0415 (as above)

    try:
        with warnings.catch_warnings():
            # What is wrong with a file is an error here, or does not matter.
            warnings.simplefilter("ignore")
            return pydicom.dcmread(BytesIO(data))
    except (InvalidDicomError, OSError, ValueError, TypeError, KeyError, EOFError) as error:
        raise Invalid(f"This DICOM file cannot be read: {str(error)[:100]}") from None


def _group(group: Any, where: str, notices: list[Notice]) -> list[Feature]:
    graphic = str(group.GraphicType)
    if graphic not in _KINDS:
        notices.append(Notice(where, f"{quoted(graphic)} is no type of shape that is known."))
        return []
    points = _points(group)
    bounds = _bounds(group, graphic, len(points))
    label = str(group.get("AnnotationGroupLabel", "")).strip()
    measured = dict(_measurements(group, len(bounds) - 1))
    features = []
    lost = 0
    for place, (begin, end) in enumerate(pairwise(bounds)):
        corners = points[begin:end]
        if len(corners) < _CORNERS.get(_KINDS[graphic], 3) or not np.all(abs(corners) <= FARTHEST):
            lost += 1
            continue
        properties = {name: values[place] for name, values in measured.items() if place in values}
        geometry = _geometry(graphic, corners)
        features.append(Feature(_KINDS[graphic], geometry, (label,) if label else (), properties))
    if lost:
        what = f"{lost:,} annotations have too few corners, or lie on no slide; they are left out."
        notices.append(Notice(where, what))
    return features


def _points(group: Any) -> NDArray[np.float64]:
    double = group.get("DoublePointCoordinatesData")
    if double is not None:
        found = np.frombuffer(double, "<f8")
    else:
        found = np.frombuffer(group.PointCoordinatesData, "<f4")
    return found.astype(np.float64).reshape(-1, 2)


def _bounds(group: Any, graphic: str, count: int) -> list[int]:
    """Return where the points of each annotation begin, and where the last one's end."""
    if graphic in _LENGTHS:
        return list(range(0, count + 1, _LENGTHS[graphic]))
    # Places in the list of numbers, of which a point has two, counted from 1.
    starts = (np.frombuffer(group.LongPrimitivePointIndexList, "<u4").astype(np.int64) - 1) // 2
    if np.any(np.diff(starts) < 0) or np.any(starts > count):
        message = "Annotations do not lie one after the other."
        raise ValueError(message)
    return [*starts.tolist(), count]


def _geometry(graphic: str, corners: NDArray[np.float64]) -> shapely.Geometry:
    if graphic == "POINT":
        return shapely.Point(corners[0])
    if graphic == "POLYLINE":
        return shapely.LineString(corners)
    if graphic == "ELLIPSE":
        centre = corners.mean(axis=0)
        major, minor = (corners[1] - corners[0]) / 2, (corners[3] - corners[2]) / 2
        turn = np.linspace(0, 2 * np.pi, ELLIPSE_CORNERS, endpoint=False)
        outline = centre + np.outer(np.cos(turn), major) + np.outer(np.sin(turn), minor)
        return shapely.Polygon(outline)
    return shapely.Polygon(corners)


def _measurements(group: Any, count: int) -> Iterator[tuple[str, dict[int, float]]]:
    for item in group.get("MeasurementsSequence") or ():
        name = str(item.ConceptNameCodeSequence[0].CodeMeaning)
        units = item.get("MeasurementUnitsCodeSequence")
        if units:
            name = f"{name} ({units[0].CodeValue})"
        said = item.MeasurementValuesSequence[0]
        values = np.frombuffer(said.FloatingPointValues, "<f4").astype(float).tolist()
        places = said.get("AnnotationIndexList")
        if places is None:
            yield name, dict(enumerate(values[:count]))
        else:
            whose = (np.frombuffer(places, "<u4").astype(np.int64) - 1).tolist()
            yield name, dict(zip(whose, values, strict=False))
