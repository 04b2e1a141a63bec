"""All formats of annotations: what goes in comes out, and what cannot is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.annotation_formats import AREAS, FORMATS, OPTIONS, Format, format_of, guessed
from wsi_lab.formats.losing import lost, lost_of_columns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature, Grid

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "annotations"
FACTS: dict[str, Any] = {"height": 100_000.0, "mpp": 0.25}
"""What files do not say of the slides that they belong to."""
NOT_ANNOTATIONS = {"slidescore/questions.scores.tsv"}
WRITTEN = [name for name, each in FORMATS.items() if each.is_written]
EXACT = [name for name in WRITTEN if np.isfinite(FORMATS[name].holds.precision)]

FILES = sorted(
    path.relative_to(DATA).as_posix()
    for path in (DATA.rglob("*") if DATA.is_dir() else ())
    if path.is_file() and path.relative_to(DATA).as_posix() not in NOT_ANNOTATIONS
)

pytestmark = pytest.mark.usefixtures("shared_data")


def drawn() -> list[Feature]:
    """One of each kind that people draw, at corners that all formats can tell."""
    outline = shapely.Polygon([(100, 100), (180, 110), (170, 190), (90, 170)])
    ring = shapely.box(300, 300, 400, 400).difference(shapely.box(330, 330, 360, 360))
    apart = shapely.MultiPolygon([shapely.box(500, 500, 540, 540), shapely.box(560, 560, 580, 590)])
    ellipse = shapely.affinity.scale(shapely.Point(700, 700).buffer(1, quad_segs=16), 40, 20)
    return [
        Feature(ShapeKind.POINT, shapely.Point(20, 30)),
        Feature(ShapeKind.POLYLINE, shapely.LineString([(10, 10), (40, 20), (60, 80)])),
        Feature(ShapeKind.POLYGON, outline),
        Feature(ShapeKind.RECTANGLE, shapely.box(200, 200, 240, 280)),
        Feature(ShapeKind.ELLIPSE, ellipse),
        Feature(ShapeKind.BRUSH, ring),
        Feature(ShapeKind.BRUSH, apart),
    ]


def rich() -> Document:
    """A document with something of everything."""
    features = drawn()
    properties = {"score": 0.25, "note": "seen", "by": {"model": "m1"}, "certain": True}
    features[2] = replace(features[2], labels=("tumour",), properties=properties)
    features[3] = replace(features[3], labels=("tumour", "necrosis"))
    features[5] = replace(features[5], labels=("stroma",), properties={"score": 3})
    values = np.array([[0, 64], [128, 255]], np.float32)
    grid = Grid("heat", values, (1000.0, 1000.0, 1064.0, 1064.0))
    colours = {"tumour": "#d55e00", "stroma": "#0072b2", "necrosis": "#009e73"}
    return Document(features, [grid], colours)


def options(known: frozenset[str]) -> dict[str, Any]:
    """Those facts about a slide that a format takes."""
    return {name: value for name, value in FACTS.items() if name in known}


@cache
def document_of(file: str) -> tuple[Format, bytes, Document]:
    """A file's format, its bytes, and what it says; read once for all tests."""
    data = (DATA / file).read_bytes()
    each = guessed(file, data)
    assert each is not None, file
    return each, data, read(each, data)


def read(each: Format, data: bytes) -> Document:
    return each.read(data, **options(each.read_options))


def write(each: Format, document: Document) -> bytes:
    more = options(each.write_options)
    if "downsample" in each.write_options:
        more["downsample"] = mask_step(document)
    return each.write(document, **more)


def mask_step(document: Document) -> float:
    """How coarse a mask has to be to stay small."""
    found = [each.geometry for each in document.features if each.geometry is not None]
    left, top, right, bottom = shapely.total_bounds(np.array(found, object))
    return float(max(1, np.ceil(max(right - left, bottom - top) / 1500)))


def mean_the_same(one: Feature, other: Feature) -> bool:
    """Whether two shapes are the same, however they are said."""
    is_same = one.kind is other.kind and one.labels == other.labels
    if not is_same or dict(one.properties) != dict(other.properties):
        return False
    if one.geometry is None or other.geometry is None:
        return one.geometry is other.geometry
    pair = shapely.normalize(np.array([one.geometry, other.geometry]))
    # What a curve stands for is calculated anew each time.
    exactly = shapely.equals_exact(one.geometry, other.geometry, 1e-6)
    return bool(exactly or shapely.equals_exact(*pair, 1e-6))


def same(one: Document, other: Document) -> bool:
    """Whether two documents say the same, grids included."""
    return (
        len(one.features) == len(other.features)
        and all(map(mean_the_same, one.features, other.features))
        and dict(one.colours) == dict(other.colours)
        and len(one.grids) == len(other.grids)
        and all(
            mine.box == theirs.box and np.array_equal(mine.values, theirs.values, equal_nan=True)
            for mine, theirs in zip(one.grids, other.grids, strict=True)
        )
    )


def area_of(document: Document) -> float:
    return sum(one.geometry.area for one in document.features if one.geometry is not None)


def bare_of(document: Document) -> Document:
    """A document without anything but shapes and labels."""
    features = [replace(each, properties={}) for each in document.features]
    return replace(document, features=features)


def as_held(each: Format, feature: Feature) -> Iterator[Feature]:
    """What a feature should be when it comes back, if a format is what it says."""
    holds = each.holds
    if feature.kind not in holds.kinds and feature.kind not in holds.instead:
        return
    count = len(feature.labels) if holds.labels is None else holds.labels
    properties = {
        name: value
        for name, value in feature.properties.items()
        if holds.properties or name in holds.property_names
    }
    kind = feature.kind if feature.kind in holds.kinds else holds.instead[feature.kind]
    yield replace(feature, kind=kind, labels=feature.labels[:count], properties=properties)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_says_what_it_is(name: str) -> None:
    each = format_of(name)
    assert each.name == name
    assert each.title
    assert "/" in each.media_type
    assert all(suffix.startswith(".") for suffix in each.suffixes)
    assert (each.read_options | each.write_options) <= OPTIONS.keys()
    assert each.needs <= each.read_options | each.write_options
    module = each._loaded()
    assert callable(module.read)
    assert not each.is_written or callable(module.write)
    assert not each.is_bulk or callable(module.read_columns)


def test_a_format_that_is_none_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(Invalid, match="geojson"):
        format_of("word-perfect")


def test_an_option_that_a_format_does_not_know_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        FORMATS["geojson"].read(b"[]", height=3)
    assert refused.value.problems == ("height: GeoJSON has no use for it",)


@pytest.mark.parametrize("name", [each.name for each in FORMATS.values() if each.needs])
def test_what_a_format_needs_is_asked_for(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        FORMATS[name].read(b"POINT (1 2)")
    assert any("height" in problem for problem in refused.value.problems)


@pytest.mark.parametrize("file", FILES)
def test_every_file_is_known_by_how_it_begins(file: str) -> None:
    start = (DATA / file).read_bytes()[: 1 << 16]
    assert guessed("file", start) is not None, file


@pytest.mark.parametrize("file", FILES)
def test_every_file_comes_out_as_it_went_in(file: str) -> None:
    each, _, document = document_of(file)
    assert document.features or document.grids
    if not each.is_written:
        return
    again = read(each, write(each, document))
    if same(again, document):
        return
    # Answers of a program hold more than the format that it asks for.
    assert any(notice.where == "Properties" for notice in lost(each, document))
    assert same(again, bare_of(document))


@pytest.mark.parametrize("file", FILES)
def test_every_file_comes_out_as_it_went_in_when_nothing_of_its_text_is_kept(file: str) -> None:
    each, _, document = document_of(file)
    # The values of a heat map that is a shape are in its text only.
    features = [
        replace(one, source=None)
        for one in document.features[:5000]
        if one.geometry is not None and one.kind is not ShapeKind.HEATMAP
    ]
    bare = replace(document, features=features)
    if not each.is_written or not features:
        return
    again = read(each, write(each, bare))
    told = {notice.where for notice in lost(each, bare)}
    if "Properties" in told:
        bare = bare_of(bare)
    if "Shapes" in told:
        assert len(again.features) > len(bare.features)
        assert area_of(again) == pytest.approx(area_of(bare))
    else:
        assert same(again, bare)


@pytest.mark.parametrize("file", FILES)
def test_every_file_says_the_same_as_columns(file: str) -> None:
    each, data, document = document_of(file)
    bulk = each.read_columns(data, **options(each.read_options))
    assert len(bulk.columns) == len(document.features)
    areas = [0.0 if one.geometry is None else one.geometry.area for one in document.features]
    np.testing.assert_allclose(bulk.columns.areas(), areas, rtol=1e-9, atol=1e-6)
    names = [
        bulk.columns.label_names[label] if label >= 0 else None for label in bulk.columns.labels
    ]
    assert names == [one.labels[0] if one.labels else None for one in document.features]


@pytest.mark.parametrize("target", EXACT)
@pytest.mark.parametrize("file", FILES)
def test_every_file_goes_into_every_format(file: str, target: str) -> None:
    _, _, document = document_of(file)
    # A mask of fifty thousand points says no more than its first thousand.
    document = replace(document, features=list(document.features)[:1000])
    each = FORMATS[target]
    told = lost(each, document)
    kept = [part for one in document.features for part in as_held(each, one)]
    kept = [one for one in kept if one.geometry is not None]
    if not kept and not (document.grids and each.holds.grids):
        assert told
        return
    try:
        again = read(each, write(each, document))
    except Invalid:
        assert told
        return
    areas = [one for one in kept if one.kind in AREAS]
    if each.holds.holes and each.holds.precision < 0.01:
        wanted = sum(one.geometry.area for one in areas if one.geometry is not None)
        found = sum(
            one.geometry.area
            for one in again.features
            if one.geometry is not None and one.kind in AREAS
        )
        assert found == pytest.approx(wanted, rel=1e-6)
    known = each.holds.kinds | each.holds.instead.keys() | {ShapeKind.OTHER}
    assert {one.kind for one in again.features} <= known
    if any(one.labels for one in document.features) and each.holds.labels == 0:
        assert any(notice.where == "Labels" for notice in told)
    if document.colours and not each.holds.colours:
        assert any(notice.where == "Colours" for notice in told)


@pytest.mark.parametrize("target", sorted(set(WRITTEN) - set(EXACT)))
def test_files_of_areas_go_into_masks(target: str) -> None:
    for file in ("camelyon16/Tumor_001.json", "qupath/qupath05.geojson"):
        _, _, document = document_of(file)
        each = FORMATS[target]
        again = read(each, write(each, document))
        step = mask_step(document)
        wanted, found = area_of(document), area_of(again)
        edge = sum(one.geometry.length for one in document.features if one.geometry is not None)
        assert abs(found - wanted) < edge * step
        assert any("pixels" in notice.what for notice in lost(each, document))


@pytest.mark.parametrize("name", EXACT)
def test_what_a_format_holds_comes_back_and_what_it_does_not_is_told(name: str) -> None:
    each = FORMATS[name]
    document = replace(rich(), grids=())
    again = read(each, write(each, document))
    told = {notice.where for notice in lost(each, document)}
    wanted = [one for feature in document.features for one in as_held(each, feature)]
    if each.holds.parts and each.holds.holes:
        assert len(again.features) == len(wanted)
        for one, other in zip(again.features, wanted, strict=True):
            assert one.kind is other.kind or one.kind in FORMATS[name].holds.instead
            assert one.labels == other.labels
            if each.holds.properties:
                assert dict(one.properties) == dict(other.properties)
            assert one.geometry is not None
            assert other.geometry is not None
            gap = shapely.hausdorff_distance(one.geometry, other.geometry)
            assert gap <= 0.11 + 2 * each.holds.precision
    else:
        assert told & {"Holes", "Shapes"}
    if each.holds.colours:
        used = {label for one in wanted for label in one.labels}
        assert {key: again.colours[key] for key in used} == {
            key: document.colours[key] for key in used
        }
    assert ("Labels" in told) == (each.holds.labels is not None)
    assert ("Properties" in told) == (not each.holds.properties)
    assert ("Colours" in told) == (not each.holds.colours)


@pytest.mark.parametrize("name", [name for name in WRITTEN if FORMATS[name].holds.grids])
def test_a_grid_comes_back_where_a_format_has_room_for_one(name: str) -> None:
    each = FORMATS[name]
    document = replace(rich(), features=())
    again = read(each, write(each, document))
    boxes = [grid.box for grid in again.grids] + [
        one.geometry.bounds
        for one in again.features
        if one.kind is ShapeKind.HEATMAP and one.geometry is not None
    ]
    assert boxes == [document.grids[0].box]


@pytest.mark.parametrize("name", [name for name in WRITTEN if not FORMATS[name].holds.grids])
def test_a_grid_is_told_to_be_lost_where_a_format_has_no_room(name: str) -> None:
    assert any(notice.where == "Grids" for notice in lost(FORMATS[name], rich()))


@pytest.mark.parametrize("name", EXACT)
def test_columns_are_written_as_the_document_that_they_are(name: str) -> None:
    each = FORMATS[name]
    document = Document(
        [one for feature in drawn() for one in as_held(each, feature)], colours={"a": "#010203"}
    )
    bulk = FORMATS["geojson"].read_columns(FORMATS["geojson"].write(document))
    more = options(each.write_options)
    pieces = each.write_columns([bulk.columns], colours=bulk.colours, **more)
    again = read(each, b"".join(pieces))
    told = [notice.where for notice in lost_of_columns(each, bulk.columns)]
    assert len(again.features) >= len(document.features)
    assert ("Holes" in told) == (not each.holds.holes)


@pytest.mark.parametrize(
    "name", [name for name in EXACT if ShapeKind.POLYGON in FORMATS[name].holds.kinds]
)
def test_an_outline_that_crosses_itself_is_repaired_with_a_word(name: str) -> None:
    each = FORMATS[name]
    bow_tie = shapely.Polygon([(0, 0), (200, 200), (200, 0), (0, 200)])
    document = read(each, write(each, Document([Feature(ShapeKind.POLYGON, bow_tie)])))
    assert "crosses itself" in "\n".join(map(str, document.notices))
    assert area_of(document) == pytest.approx(20_000)
    assert all(one.geometry is None or one.geometry.is_valid for one in document.features)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 100,
        b"{}",
        b"[[",
        b"<a>",
        b"<ASAP_Annotations/>",
        b"\x1f\x8b\x08\0",
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 40,
        b"PAR1" + b"\0" * 20 + b"PAR1",
        b"PK\x03\x04" + b"\0" * 30,
        b"\0" * 128 + b"DICM" + b"\xff" * 20,
        "\ud800".encode("utf-8", "surrogatepass"),
        b"POLYGON ((1 2, 3 4",
        b"1e999 1e999\n",
    ],
    ids=range(14),
)
def test_what_is_no_such_file_is_refused_with_a_sentence_or_is_empty(
    name: str, data: bytes
) -> None:
    each = FORMATS[name]
    try:
        document = read(each, data)
    except (Invalid, TooLarge):
        return
    assert not any(one.geometry is not None for one in document.features)
