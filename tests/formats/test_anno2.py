"""Annotation files, against the makers' own reader and writer, and against strangers."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import brotli
import numpy as np
import png
import pytest
import shapely
from slidescore.lib.AnnoClasses import Heatmap, Points, Polygons
from slidescore.lib.Decoder import Decoder
from slidescore.lib.Encoder import Encoder

from wsi_lab.errors import Invalid
from wsi_lab.formats import anno2, anno2_pictures, anno2_polygons
from wsi_lab.formats.classic import heat_map_of, labels_of, parse_shapes, shape_with_text
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.question import QuestionKind

FILES = (
    "anno2_camelyon_tumor_019",
    "anno2_heatmap_anno1_json",
    "anno2_heatmap_tsv",
    "anno2_mask_tsv",
    "anno2_points_anno1_json",
    "anno2_polygon_anno1_json",
    "anno2_polygon_geojson",
)


def by_the_makers(data: bytes) -> list[object]:
    """What the makers' own reader says, as plain coordinates or values."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        decoder = Decoder(archive)
        decoder.decode()
    items = decoder.items
    if isinstance(items, Heatmap):
        place = (items.x_offset, items.y_offset, items.size_per_pixel)
        return [place, [list(row) for row in items.matrix]]
    if isinstance(items, Points):
        return [tuple(point) for point in items]
    # The makers' list has no end that `for` would find.
    return [items[number]["positiveVertices"] for number in range(len(items))]


def by_us(data: bytes) -> list[object]:
    """The same, from our reader."""
    shapes = anno2.read(data).shapes
    assert shapes is not None
    if shapes[0].kind is ShapeKind.HEATMAP:
        heat_map = heat_map_of(shapes[0])
        assert heat_map is not None
        side = heat_map.height / len(heat_map.values)
        return [(heat_map.x, heat_map.y, side), heat_map.values.tolist()]
    if shapes[0].kind is ShapeKind.POINT:
        return [tuple(shapely.get_coordinates(shape.geometry)[0]) for shape in shapes]
    return [
        [tuple(point) for point in shapely.get_coordinates(shape.geometry)[:-1]] for shape in shapes
    ]


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_says_what_the_makers_read_in_it(shared_data: Path, name: str) -> None:
    path = shared_data / f"annotations/slidescore/{name}.zip"

    found = anno2.read(path)

    assert found.version == "0.2.0"
    assert by_us(path.read_bytes()) == by_the_makers(path.read_bytes())


@pytest.mark.parametrize("name", FILES)
def test_what_we_write_the_makers_read(shared_data: Path, name: str) -> None:
    data = (shared_data / f"annotations/slidescore/{name}.zip").read_bytes()
    shapes = anno2.read(data).shapes
    assert shapes is not None

    written = anno2.write(shapes, {"who": "tests"})

    assert by_the_makers(written) == by_the_makers(data)
    assert anno2.read(written).metadata == {"who": "tests"}


@pytest.mark.parametrize("name", FILES)
def test_the_classic_json_is_read_as_the_same_shapes(shared_data: Path, name: str) -> None:
    found = anno2.read(shared_data / f"annotations/slidescore/{name}.zip")

    text = found.classic_json(1 << 21)

    assert text is not None
    assert parse_shapes(text, QuestionKind.ANNO_SHAPES) == found.shapes
    assert found.classic_json(len(text) - 1) is None


def test_outlines_with_holes_and_labels_stay_together() -> None:
    brush = shape_with_text(
        ShapeKind.POLYGON,
        shapely.box(300, 300, 900, 900) - shapely.box(400, 400, 500, 500),
        {"labels": [{"label": "stroma", "x": 310, "y": 320}]},
    )
    square = shape_with_text(ShapeKind.RECTANGLE, shapely.box(0, 0, 10, 10))

    found = anno2.read(anno2.write([brush, square], {})).shapes

    assert found is not None
    assert [shape.kind for shape in found] == [ShapeKind.BRUSH, ShapeKind.POLYGON]
    assert found[0].geometry.equals(brush.geometry)
    assert [label.text for label in labels_of(found[0])] == ["stroma"]


def test_holes_that_the_makers_write_are_holes(tmp_path: Path) -> None:
    polygons = Polygons()
    outer = polygons.addPolygon([0, 0, 600, 0, 600, 600, 0, 600])
    polygons.linkPosPolygonToNegPolygon(
        outer, polygons.addPolygon([100, 100, 200, 100, 200, 200, 100, 200])
    )
    encoder = Encoder(polygons)
    encoder.generate_tile_data()
    encoder.dump_to_file(str(tmp_path / "a.zip"))

    found = anno2.read(tmp_path / "a.zip").shapes

    assert found is not None
    assert [shape.geometry.area for shape in found] == [600**2 - 100**2]


def test_jumps_in_every_direction_survive() -> None:
    chance = np.random.default_rng(4)
    outlines = [
        np.cumsum(chance.integers(-900, 900, (count, 2)), axis=0) + 100_000
        for count in chance.integers(3, 60, 200)
    ]

    block = anno2_polygons.encoded(outlines)
    again = anno2_polygons.decoded(block, 1_000_000)

    assert again is not None
    assert len(again) == len(outlines)
    assert all(np.array_equal(one, other) for one, other in zip(outlines, again, strict=True))
    assert anno2_polygons.decoded(block, 100) is None


def test_no_outline_at_all_is_a_file_too() -> None:
    found = anno2.read(anno2.write([], {}))

    assert (found.kind, found.shapes, found.classic_json(2)) == ("polygons", [], "[]")


def test_a_packed_json_array_is_known_by_its_first_bytes() -> None:
    text = '[{"type":"rect","corner":{"x":1,"y":2},"size":{"x":3,"y":4}}]'

    found = anno2.read(gzip.compress(text.encode()))

    assert (found.kind, found.item_count, found.classic_json(1000)) == ("classic", 1, text)


def test_open_lines_and_mixtures_do_not_fit() -> None:
    line = shape_with_text(ShapeKind.POLYLINE, shapely.LineString([(0, 0), (1, 1)]))
    point = shape_with_text(ShapeKind.POINT, shapely.Point(1, 1))
    square = shape_with_text(ShapeKind.RECTANGLE, shapely.box(0, 0, 10, 10))
    for shapes in ([line], [point, square]):
        with pytest.raises(Invalid, match="closed shapes"):
            anno2.write(shapes, {})


def archive(kind: str, version: str = "0.2.0", **entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        system = {"version": version, "type": kind, "numItems": 1}
        made.writestr("system_metadata.json", json.dumps(system))
        for name, content in entries.items():
            made.writestr(name, content)
    return file.getvalue()


def masks(**pictures: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as made:
        for name, content in pictures.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def picture(width: int, height: int) -> bytes:
    file = io.BytesIO()
    png.Writer(width, height, greyscale=True, bitdepth=1).write(file, [[1] * width] * height)
    return file.getvalue()


OUTLINES = "polygon_container/encoded_polygons.bin.br"
NEGATIVES = "polygon_container/negative_polygons.json"
BLOCK = anno2_polygons.encoded([np.array([[0, 0], [9, 0], [9, 9]])])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        b"\x1f\x8b broken",
        gzip.compress(b'{"x": 1}', mtime=0),
        gzip.compress(b"[" + b" " * 80_000_000, mtime=0),
        archive("points", version="1.0.0"),
        archive("points", version="x"),
        archive("cubes"),
        archive("points"),
        archive("polygons", **{OUTLINES: b"no brotli"}),
        archive("polygons", **{OUTLINES: brotli.compress(bytes(1 << 28), quality=2)}),
        archive("polygons", **{OUTLINES: brotli.compress(BLOCK[:-1])}),
        archive("polygons", **{OUTLINES: brotli.compress(BLOCK[:20])}),
        archive("polygons", **{OUTLINES: brotli.compress(b"\0" * 40)}),
        archive("polygons", **{OUTLINES: brotli.compress(BLOCK)[:-4]}),
        archive("polygons", **{OUTLINES: brotli.compress(BLOCK), NEGATIVES: b'{"0": [7]}'}),
        archive("polygons", **{OUTLINES: brotli.compress(BLOCK), NEGATIVES: b'{"a": 1}'}),
        archive("points", **{"anno1_points.json.br": brotli.compress(b"[1]")}),
        archive("mask", **{"masks.tar.gz": b"no gzip"}),
        archive("mask", **{"masks.tar.gz": masks(**{"../tile_x0_y0.png": picture(2, 2)})}),
        archive("mask", **{"masks.tar.gz": masks(**{"tile_x0_y0.png": b"no picture"})}),
        archive("mask", **{"masks.tar.gz": masks(**{"tile_x0_y0.png": picture(300, 300)})}),
        archive("mask", **{"masks.tar.gz": masks(**{"tile_x0_y0.png": picture(9, 9)[:-30]})}),
        archive("heatmap", **{"heatmap.png": picture(2, 2), "heatmap_metadata.json": b"{}"}),
        archive(
            "heatmap",
            **{
                "heatmap.png": picture(2, 2),
                "heatmap_metadata.json": b'{"x": 0, "y": 0, "sizePerPixel": 0}',
            },
        ),
        archive(
            "heatmap",
            **{
                "heatmap.png": picture(4000, 1001),
                "heatmap_metadata.json": b'{"x": 0, "y": 0, "sizePerPixel": 1}',
            },
        ),
    ],
)
def test_what_is_broken_or_hostile_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        anno2.read(data)


def test_more_points_than_can_be_drawn_leave_a_file_without_shapes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(anno2, "MOST_SHAPES", 3)

    found = anno2.read(
        archive("mask", **{"masks.tar.gz": masks(**{"tile_x1_y2.png": picture(2, 2)})})
    )

    assert found.shapes is None
    assert found.classic_json(1 << 30) is None


def test_a_gzip_file_has_an_end() -> None:
    packed = gzip.compress(bytes(1000))

    assert anno2_pictures.inflated(packed, 1000) == bytes(1000)
    for data, most in ((packed, 999), (packed[:-1], 1000)):
        with pytest.raises(Invalid):
            anno2_pictures.inflated(data, most)
