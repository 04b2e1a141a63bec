"""Annotations that a Cytomine server told of, cropped and masked by the released client."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from cytomine.models import Annotation, ImageInstance
from cytomine_client import inside, pixels_of, y_up
from PIL import Image
from shapely import affinity

WIDTH, HEIGHT = 4443, 3567
FILES = [
    "cytomine-circle.txt",
    "cytomine-freehand-polygon.txt",
    "cytomine-rectangle.txt",
    "big_annotation.txt",
    "very_big_annotation.txt",
]


@pytest.fixture
def slide_file(shared_data):
    return shared_data / "slides" / "tcga-cr-7395-01a-01-ts1.svs"


@pytest.fixture
def image(lab, given, slide_file):
    """The largest slide that there is, without a pixel size."""
    return ImageInstance().fetch(lab.add_slide(given.project.id, slide_file))


def outline(text):
    """Return an outline, moved onto the slide and made smaller where it is larger than that."""
    location = json.loads(text)["annotation"]["location"] if text.startswith("{") else text
    # One of the files has the log of a test behind it.
    shape = shapely.from_wkt(location.splitlines()[0])
    left, bottom, right, top = shape.bounds
    factor = min(1, 3000 / max(right - left, top - bottom))
    shape = affinity.scale(shape, factor, factor, origin=(left, bottom))
    return affinity.translate(shape, 101.37 - left, 203.29 - bottom)


@pytest.mark.parametrize("name", FILES)
def test_crops_and_masks_are_the_right_way_up(
    image, client, shared_data, slide_file, tmp_path, name
):
    shape = outline((shared_data / "annotations" / "cytomine" / name).read_text())
    made = Annotation(shape.wkt, image.id).save()
    assert Annotation().fetch(made.id).location == shape.wkt
    assert (made.areaUnit, made.perimeterUnit) == ("pixels²", "pixels")
    assert made.area == pytest.approx(shape.area, abs=1)
    below = y_up(shape, HEIGHT)
    left, top = (int(each) for each in below.bounds[:2])
    assert made.dump(str(tmp_path / "mask.png"), mask=True)
    with Image.open(tmp_path / "mask.png") as picture:
        mask = np.asarray(picture.convert("L"))
    box = (left, top, mask.shape[1], mask.shape[0])
    expected = inside(below, *box)
    # The shapes are not symmetric: nothing but the right way up is so like itself.
    np.testing.assert_array_equal(mask == 255, expected)
    assert np.count_nonzero(mask) == pytest.approx(shape.area, rel=0.01)
    assert made.dump(str(tmp_path / "crop.png"))
    with Image.open(tmp_path / "crop.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), pixels_of(slide_file, *box))
    assert image.window(0, 0, WIDTH, HEIGHT, str(tmp_path / "whole.png"), mask=True)
    with Image.open(tmp_path / "whole.png") as picture:
        whole = np.asarray(picture.convert("L")) == 255
    np.testing.assert_array_equal(whole, inside(below, 0, 0, WIDTH, HEIGHT))


def test_crop_of_a_point_is_what_is_around_it(image, client, shared_data, slide_file, tmp_path):
    told = (shared_data / "annotations" / "cytomine" / "cytomine-point.txt").read_text()
    x, y = shapely.get_coordinates(shapely.from_wkt(json.loads(told)["annotation"]["location"]))[0]
    made = Annotation(f"POINT ({x - 25_000} {y - 18_000})", image.id).save()
    assert made.dump(str(tmp_path / "crop.png"))
    with Image.open(tmp_path / "crop.png") as picture:
        crop = np.asarray(picture)
    assert crop.shape == (100, 100, 3)
    left, top = round(x - 25_000) - 50, round(HEIGHT - (y - 18_000)) - 50
    near = [
        pixels_of(slide_file, left + dx, top + dy, 100, 100)
        for dx in (-1, 0, 1)
        for dy in (-1, 0, 1)
    ]
    assert any(np.array_equal(crop, each) for each in near)
