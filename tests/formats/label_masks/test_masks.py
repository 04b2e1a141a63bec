"""Label masks: pixels into areas and areas into pixels, the same ones."""

from __future__ import annotations

import gzip
import io
from types import ModuleType

import nibabel as nib
import numpy as np
import pytest
import shapely
from PIL import Image

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.label_masks import nifti, png, values
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature

BOTH = pytest.mark.parametrize("module", [png, nifti])
MASK = np.array([[0, 1, 1, 0], [0, 1, 1, 3], [0, 0, 0, 3]], np.uint8)


def packed(mask: np.ndarray, module: ModuleType = png) -> bytes:
    """A mask as anybody writes it."""
    if module is nifti:
        return gzip.compress(nib.Nifti1Image(mask.T[:, :, None], np.eye(4)).to_bytes())
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    return file.getvalue()


def pixels(data: bytes, module: ModuleType) -> np.ndarray:
    """The values of a mask as anybody reads it."""
    if module is nifti:
        return np.asanyarray(nib.Nifti1Image.from_bytes(gzip.decompress(data)).dataobj)[..., 0].T
    return np.asarray(Image.open(io.BytesIO(data)))


@BOTH
def test_a_mask_is_areas_that_are_called_by_their_values(module: ModuleType) -> None:
    document = module.read(packed(MASK, module))
    assert [(each.labels, each.geometry.bounds) for each in document.features] == [
        (("1",), (1, 0, 3, 2)),
        (("3",), (3, 1, 4, 3)),
    ]


@BOTH
@pytest.mark.parametrize("names", [{1: "tumour", 3: "stroma"}, ["tumour", "", "stroma"]])
def test_values_get_names_and_a_place(
    module: ModuleType, names: dict[int, str] | list[str]
) -> None:
    document = module.read(packed(MASK, module), left=100, top=50, downsample=4, label_names=names)
    assert [(each.labels, each.geometry.bounds) for each in document.features] == [
        (("tumour",), (104, 50, 112, 58)),
        (("stroma",), (112, 54, 116, 62)),
    ]


@BOTH
def test_what_is_written_is_read_with_names_colours_and_place(module: ModuleType) -> None:
    ring = shapely.box(160, 200, 200, 240) - shapely.box(172, 212, 188, 228)
    document = Document(
        [
            Feature(ShapeKind.POLYGON, shapely.box(100, 200, 140, 220), ("a",)),
            Feature(ShapeKind.BRUSH, ring, ("b",)),
            Feature(ShapeKind.POLYGON, shapely.box(100, 232, 108, 240)),
        ],
        colours={"a": "#010203", "unused": "#040506"},
    )
    data = module.write(document, downsample=4)
    again = module.read(data)
    assert [(each.labels, each.geometry.area) for each in again.features] == [
        (("a",), 800), (("b",), 1344), ((), 64),
    ]  # fmt: skip
    assert [each.geometry.bounds for each in again.features] == [
        each.geometry.bounds for each in document.features if each.geometry is not None
    ]
    assert again.colours == {"a": "#010203"}
    assert pixels(data, module).shape == (10, 25)
    assert np.unique(pixels(data, module)).tolist() == [0, 1, 2, 3]


@BOTH
def test_a_box_says_what_is_shown(module: ModuleType) -> None:
    document = Document([Feature(ShapeKind.POLYGON, shapely.box(0, 0, 10, 10), ("a",))])
    data = module.write(document, box=(5, 5, 25, 15), label_names={7: "a"})
    assert pixels(data, module).shape == (10, 20)
    assert np.unique(pixels(data, module)).tolist() == [0, 7]
    assert module.read(data).features[0].geometry.bounds == (5, 5, 10, 10)


@BOTH
def test_many_labels_take_sixteen_bits(module: ModuleType) -> None:
    features = [
        Feature(ShapeKind.POLYGON, shapely.box(3 * place, 0, 3 * place + 2, 2), (f"c{place}",))
        for place in range(300)
    ]
    data = module.write(Document(features))
    assert pixels(data, module).max() == 300
    again = module.read(data)
    assert [each.labels for each in again.features] == [each.labels for each in features]


@BOTH
def test_nothing_to_draw_is_refused(module: ModuleType) -> None:
    with pytest.raises(Invalid, match="nothing to draw"):
        module.write(Document())
    assert module.read(module.write(Document(), box=(0, 0, 4, 4))).features == []


@BOTH
@pytest.mark.parametrize(
    "options",
    [
        {"downsample": 0},
        {"downsample": float("nan")},
        {"box": (0, 0, 0, 5)},
        {"box": (0, 0, 5, 5), "left": 3},
        {"label_names": {0: "a"}},
        {"label_names": {70_000: "a"}},
    ],
)
def test_impossible_masks_are_refused(module: ModuleType, options: dict[str, object]) -> None:
    document = Document([Feature(ShapeKind.POLYGON, shapely.box(0, 0, 10, 10), ("a",))])
    with pytest.raises((Invalid, TooLarge)):
        module.write(document, **options)


@BOTH
def test_a_mask_that_would_be_huge_is_refused_with_a_word(module: ModuleType) -> None:
    document = Document([Feature(ShapeKind.POLYGON, shapely.box(0, 0, 1e5, 1e5), ("a",))])
    with pytest.raises(TooLarge, match="downsample"):
        module.write(document)


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "P"])
def test_pictures_of_all_depths_are_read(mode: str) -> None:
    mask = (MASK > 0).astype(np.uint8)
    picture = Image.fromarray(mask * (255 if mode == "1" else 1))
    if mode == "I;16":
        picture = Image.fromarray(mask.astype(np.uint16) * 4000)
    elif mode == "P":
        picture.putpalette([0, 0, 0, 255, 0, 0])
    else:
        picture = picture.convert(mode)
    file = io.BytesIO()
    picture.save(file, "PNG")
    document = png.read(file.getvalue())
    assert {each.labels for each in document.features} == {("4000",) if mode == "I;16" else ("1",)}
    assert sum(each.geometry.area for each in document.features) == 6


def test_a_picture_in_colours_is_no_mask() -> None:
    with pytest.raises(Invalid, match="not one in colours"):
        png.read(packed(np.zeros((4, 4, 3), np.uint8)))


def test_a_damaged_picture_is_refused() -> None:
    with pytest.raises(Invalid, match="damaged"):
        png.read(packed(MASK)[:45])
    with pytest.raises(Invalid, match="no PNG"):
        png.read(b"GIF89a" + b"\0" * 40)


@pytest.mark.parametrize("kind", [np.float32, np.int16, np.uint32, np.int64])
def test_volumes_of_whole_numbers_of_any_kind_are_read(kind: type) -> None:
    mask = MASK.astype(kind) * (1 if kind is np.int16 else 100_000 if kind is np.uint32 else 7)
    image = nib.Nifti1Image(mask.T, np.eye(4), dtype=kind)
    document = nifti.read(image.to_bytes())
    assert {each.labels for each in document.features} == {
        (str(int(value)),) for value in np.unique(mask) if value
    }


@pytest.mark.parametrize("mask", [np.full((3, 3), 0.5, np.float32), np.full((3, 3), -1, np.int16)])
def test_volumes_of_other_numbers_are_refused(mask: np.ndarray) -> None:
    with pytest.raises(Invalid, match="whole numbers"):
        nifti.read(nib.Nifti1Image(mask, np.eye(4)).to_bytes())


def test_a_volume_that_is_not_flat_is_refused() -> None:
    with pytest.raises(Invalid, match="flat"):
        nifti.read(nib.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.eye(4)).to_bytes())


def test_a_damaged_volume_is_refused() -> None:
    data = nib.Nifti1Image(MASK, np.eye(4)).to_bytes()
    for broken in (data[:200], data[:-5], gzip.compress(data)[:40], b"\x1f\x8b junk"):
        with pytest.raises(Invalid):
            nifti.read(broken)


def test_more_values_than_labels_can_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MOST_VALUES", 1)
    with pytest.raises(TooLarge, match="values"):
        nifti.read(nib.Nifti1Image(MASK.astype(np.int32), np.eye(4)).to_bytes())


def test_words_of_somebody_else_are_not_believed() -> None:
    for text in (None, "", "{}", "[1]", '{"downsample": 0}', '{"left": 1e999}', "x" * (2 << 20)):
        assert values.words_of(text) == values.Words()
