"""Tables of QuPath and of Slide Score, and DICOM's groups: formats that are read only."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats import dicom_ann, qupath_table, slidescore_tables
from wsi_lab.model.annotation import ShapeKind

HEADER = "Image\tClass\tCentroid X µm\tCentroid Y µm\tNucleus: Area"


def table(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def test_objects_lie_where_their_table_says_in_micrometres() -> None:
    document = qupath_table.read(table(HEADER, "a.svs\tTumor\t10\t20.5\t3.25"), mpp=0.5)
    (feature,) = document.features
    assert (feature.kind, feature.labels) == (ShapeKind.POINT, ("Tumor",))
    assert (feature.geometry.x, feature.geometry.y) == (20, 41)
    assert feature.properties == {"Image": "a.svs", "Nucleus: Area": 3.25}


def test_micrometres_need_the_size_of_a_pixel() -> None:
    with pytest.raises(Invalid, match="state mpp"):
        qupath_table.read(table(HEADER, "a.svs\tTumor\t10\t20.5\t3.25"))


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_tables_of_other_marks_and_pixels_are_read(mark: str) -> None:
    header = mark.join(["Class", "Centroid X px", "Centroid Y px"])
    document = qupath_table.read(table(header, mark.join(['"a b"', "1", "2"])))
    assert [each.labels for each in document.features] == [("a b",)]


def test_objects_that_lie_nowhere_are_told() -> None:
    lines = ["a\tb\tNaN\t1\t2", "a\tb\t\t1\t2", "a\tb\t1\t1e300\t2", "a\tb\t3\t4\t5"]
    document = qupath_table.read(table(HEADER, *lines), mpp=1)
    assert len(document.features) == 1
    assert str(document.notices[0]).startswith("Line 2, 3, 4: 3 of the objects lie nowhere")


def test_names_that_run_together_are_taken_apart(shared_data: Path) -> None:
    data = (shared_data / "annotations" / "qupath" / "detections.tsv").read_bytes()
    document = qupath_table.read(data, mpp=0.25)
    assert len(document.features) == 9
    properties = document.features[0].properties
    assert "Hematoxylin: Nucleus: Mean" in properties
    assert "Hematoxylin: Nucleus: Median" in properties
    assert len(properties) == 58
    assert "run together" in str(document.notices[0])


def test_names_that_cannot_be_taken_apart_are_not_believed() -> None:
    document = qupath_table.read(table(HEADER, "a\tb\t1\t2\t3\t4\t5"), mpp=1)
    assert document.features[0].properties == {"Image": "a"}
    assert "nobody knows what is what" in str(document.notices[0])


def test_lines_of_another_length_are_told() -> None:
    lines = ["a\tb\t1\t2\t3", "a\tb\t1", "a\tb\t4\t5\t"]
    document = qupath_table.read(table(HEADER, *lines), mpp=1)
    assert len(document.features) == 2
    assert str(document.notices[0]).startswith("1 line: There are more or fewer values")
    assert document.features[1].properties == {"Image": "a"}


def test_more_than_can_be_objects_are_for_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (qupath_table, slidescore_tables):
        monkeypatch.setattr(module, "MOST_SINGLY", 1)
    objects = b"Centroid X px\tCentroid Y px\n1\t2\n3\t4\n"
    for module, data in ((qupath_table, objects), (slidescore_tables, b"1 2\n3 4\n")):
        with pytest.raises(TooLarge, match="in bulk only"):
            module.read(data)
        assert len(module.read_columns(data).columns) == 2


@pytest.mark.parametrize("data", [b"", b"a\tb\n1\t2", b"Centroid X px\n1"])
def test_what_is_no_table_of_objects_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        qupath_table.read(data)


def test_lines_of_slide_score_are_points_or_outlines() -> None:
    document = slidescore_tables.read(b"1 2\n\n3\t4\n1 2 3 4 5 6\nx 1\n1 2 3\n1e999 1\n")
    assert [each.kind for each in document.features] == [
        ShapeKind.POINT, ShapeKind.POINT, ShapeKind.POLYGON,
    ]  # fmt: skip
    assert [str(each) for each in document.notices] == [
        "2 lines: It is not made of numbers of pixels; it is left out.",
        "1 line: It has no number of values that a point or an outline has; it is left out.",
    ]


def test_a_heat_map_is_a_grid(shared_data: Path) -> None:
    data = (shared_data / "annotations" / "slidescore" / "heatmap.tsv").read_bytes()
    (grid,) = slidescore_tables.read(data).grids
    assert grid.box == (250, 250, 250 + 8 * 16, 250 + 2 * 16)
    assert grid.values[0, 0] == 128
    assert grid.values[1].tolist()[1:] == [255, 200, 150, 100, 50, 0, 5]
    assert np.isnan(grid.values[0, 1])
    (binary,) = slidescore_tables.read(b"binary-heatmap 0 0 4\n1 1\n-1 2\nx y\n").grids
    assert binary.values[1, 1] == 255


@pytest.mark.parametrize(
    "data", [b"", b"Heatmap 1 2\n1 1 1", b"Heatmap 0 0 0\n1 1 1", b"Heatmap 0 0 1\n", b"hello 1"]
)
def test_what_is_no_table_of_shapes_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        slidescore_tables.read(data)


def test_a_heat_map_that_would_be_huge_is_refused() -> None:
    with pytest.raises(TooLarge, match="cells"):
        slidescore_tables.read(b"Heatmap 0 0 1\n900000 900000 1\n")


def group(graphic: str, points: list[float], starts: list[int] | None = None) -> Dataset:
    one = Dataset()
    one.AnnotationGroupLabel = "nuclei"
    one.GraphicType = graphic
    one.PointCoordinatesData = np.array(points, "<f4").tobytes()
    if starts is not None:
        one.LongPrimitivePointIndexList = np.array(starts, "<u4").tobytes()
    return one


def dicom(*groups: Dataset, coordinates: str = "2D", origin: str = "VOLUME") -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = dicom_ann.MICROSCOPY_ANNOTATIONS
    dataset.SOPInstanceUID = "1.2.3"
    dataset.AnnotationCoordinateType = coordinates
    dataset.PixelOriginInterpretation = origin
    dataset.AnnotationGroupSequence = Sequence(groups)
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def test_groups_of_dicom_have_a_label_and_measurements(shared_data: Path) -> None:
    data = (shared_data / "annotations" / "dicom" / "sm_annotations.dcm").read_bytes()
    document = dicom_ann.read(data)
    assert [each.labels for each in document.features] == [("nuclei",)] * 2
    assert [each.geometry.coords[0] for each in document.features] == [
        pytest.approx((34.6, 18.4)), pytest.approx((28.7, 34.9)),
    ]  # fmt: skip
    assert document.features[0].properties == {"Area (um2)": pytest.approx(20.4)}


def test_all_shapes_of_dicom_are_read() -> None:
    data = dicom(
        group("RECTANGLE", [0, 0, 4, 0, 4, 2, 0, 2]),
        group("ELLIPSE", [0, 5, 10, 5, 5, 3, 5, 7]),
        group("POLYGON", [0, 0, 4, 0, 4, 4, 10, 10, 14, 10, 14, 14, 10, 14], [1, 7]),
        group("POLYLINE", [0, 0, 4, 0], [1]),
    )
    features = dicom_ann.read(data).features
    assert [each.kind for each in features] == [
        ShapeKind.RECTANGLE, ShapeKind.ELLIPSE, ShapeKind.POLYGON, ShapeKind.POLYGON,
        ShapeKind.POLYLINE,
    ]  # fmt: skip
    assert [round(each.geometry.area, 1) for each in features] == [8, 31.4, 8, 16, 0]
    assert features[1].geometry.bounds == pytest.approx((0, 3, 10, 7))


def test_groups_that_are_damaged_or_unknown_are_told() -> None:
    data = dicom(
        group("SPIRAL", [1, 2]),
        group("POLYGON", [0, 0, 4, 0], [9, 1]),
        group("POLYGON", [0, 0, 4, 0], [1]),
        group("POINT", [float("inf"), 2, 3, 4]),
        origin="FRAME",
    )
    document = dicom_ann.read(data)
    said = "\n".join(map(str, document.notices))
    assert len(document.features) == 1
    for what in ("frames", "'SPIRAL'", "damaged", "too few corners"):
        assert what in said


def test_places_in_millimetres_are_refused() -> None:
    with pytest.raises(Invalid, match="millimetres"):
        dicom_ann.read(dicom(coordinates="3D"))
    with pytest.raises(Invalid, match="cannot be read"):
        dicom_ann.read(b"\0" * 200)
