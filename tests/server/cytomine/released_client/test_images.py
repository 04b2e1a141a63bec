"""The released client's images, and their pixels."""

from __future__ import annotations

import numpy as np
import pytest
from cytomine.models import (
    AbstractImage,
    AbstractImageCollection,
    Annotation,
    ImageInstance,
    ImageInstanceCollection,
    SliceInstanceCollection,
)
from cytomine.models._utilities import DumpError
from cytomine_client import connected, inside, pixels_of, y_up
from PIL import Image
from shapely import Polygon, from_wkt

WIDTH, HEIGHT = 2220, 2967
WINDOW = (700, 800, 301, 203)
OUTLINE = Polygon(
    [(650.5, 760.25), (1010, 800), (820, 990), (640, 950)],
    [[(760, 840), (860.5, 850), (800, 900.75)]],
)


@pytest.fixture
def outlined(given):
    """The project's image with an outline on it."""
    where = y_up(OUTLINE, HEIGHT).wkt
    return Annotation(where, given.image.id, [given.tumour.id]).save()


def opened(file, mode="RGB"):
    with Image.open(file) as picture:
        assert picture.mode == mode
        return np.asarray(picture)


def is_near(one, other):
    difference = np.abs(one.astype(int) - other.astype(int))
    return one.shape == other.shape and difference.mean() < 4


def test_slides_are_the_images_of_a_project(lab, given, client):
    (image,) = ImageInstanceCollection().fetch_with_filter("project", given.project.id)
    slide = lab.ask("GET", f"slides/{image.id}")
    for each in (image, given.image):
        assert each.class_ == "be.cytomine.domain.image.ImageInstance"
        assert (each.width, each.height) == (WIDTH, HEIGHT)
        assert (each.project, each.id) == (given.project.id, slide["id"])
        assert each.instanceFilename == slide["name"]
        assert "CMU-1-Small-Region" in each.originalFilename
        assert each.filename
        assert each.physicalSizeX == pytest.approx(0.499)
        assert each.physicalSizeY == pytest.approx(0.499)
        assert each.magnification == 20
        # 2967 is 92 after five halvings, and 371 after three.
        assert each.zoom == 4
        assert each.numberOfAnnotations == 0
        assert (each.depth, each.duration, each.channels) == (1, 1, 1)
        assert "/work/" not in (each.path or "")
        assert not (each.path or "").startswith("/")


def test_image_has_one_slice(given, client):
    slice_ = given.image.reference_slice()
    assert (slice_.image, slice_.project) == (given.image.id, given.project.id)
    assert (slice_.channel, slice_.zStack, slice_.time, slice_.rank) == (0, 0, 0, 0)
    found = SliceInstanceCollection().fetch_with_filter("imageinstance", given.image.id)
    assert [each.id for each in found] == [slice_.id]


def test_slide_is_an_abstract_image_that_goes_into_other_projects(lab, given, client, watched):
    abstract = AbstractImage().fetch(given.image.baseImage)
    assert abstract.class_ == "be.cytomine.domain.image.AbstractImage"
    assert (abstract.width, abstract.height) == (WIDTH, HEIGHT)
    assert abstract.id in {each.id for each in AbstractImageCollection().fetch()}
    other = lab.new_study()
    image = ImageInstance(abstract.id, other).save()
    assert (image.project, image.baseImage) == (other, abstract.id)
    assert image.id != given.image.id
    assert lab.ask("GET", f"slides/{image.id}")["study_id"] == other
    assert ImageInstance(abstract.id, other).save() is False
    assert watched.last.status_code == 409
    assert image.delete()
    assert ImageInstance().fetch(image.id) is False
    assert watched.last.status_code == 404
    assert ImageInstance().fetch(given.image.id)


def test_image_is_renamed_and_calibrated_in_its_project(lab, given, client):
    given.image.instanceFilename = "renamed"
    given.image.magnification = 40
    given.image.physicalSizeX = given.image.physicalSizeY = 0.25
    assert given.image.update()
    image = ImageInstance().fetch(given.image.id)
    assert (image.instanceFilename, image.magnification) == ("renamed", 40)
    assert (image.physicalSizeX, image.physicalSizeY) == (0.25, 0.25)
    slide = lab.ask("GET", f"slides/{image.id}")
    assert (slide["name"], slide["mpp_x"], slide["mpp_y"]) == ("renamed", 0.25, 0.25)


def test_members_see_images_and_change_none(lab, given, watched):
    email = lab.new_person("member")
    lab.set_rights(given.project.id, email, ["view", "score"])
    with connected(lab, email):
        image = ImageInstance().fetch(given.image.id)
        assert AbstractImage().fetch(image.baseImage).width == WIDTH
        assert image.update(instanceFilename="mine") is False
        assert watched.last.status_code == 403
        assert image.delete() is False
        assert watched.last.status_code == 403
    with connected(lab, lab.new_person("stranger")):
        assert AbstractImage().fetch(given.image.baseImage) is False
        assert watched.last.status_code == 403


def test_window_is_what_openslide_reads(given, client, demo_slide, tmp_path, watched):
    expected = pixels_of(demo_slide, *WINDOW)
    slice_ = given.image.reference_slice()
    for image in (given.image, slice_):
        assert image.window(*WINDOW, dest_pattern=str(tmp_path / "{id}-{x}-{y}-{w}-{h}.png"))
        assert watched.last.headers["content-type"] == "image/png"
        file = tmp_path / f"{image.id}-700-800-301-203.png"
        np.testing.assert_array_equal(opened(file), expected)
        assert image.window(*WINDOW, dest_pattern=str(tmp_path / "{id}.jpg"))
        assert watched.last.headers["content-type"] == "image/jpeg"
        assert is_near(opened(tmp_path / f"{image.id}.jpg"), expected)


@pytest.mark.parametrize("suffix", ["tif", "tiff"])
def test_window_that_is_called_a_tiff_loses_nothing(
    given, client, demo_slide, tmp_path, watched, suffix
):
    file = tmp_path / f"window.{suffix}"
    assert given.image.window(*WINDOW, dest_pattern=str(file))
    # Those who open it look at its first bytes; a server may send what it likes.
    assert watched.last.headers["content-type"] in {"image/png", "image/tiff"}
    np.testing.assert_array_equal(opened(file), pixels_of(demo_slide, *WINDOW))


def test_window_over_the_edge_is_white_there(given, client, demo_slide, tmp_path):
    file = tmp_path / "edge.png"
    assert given.image.window(2100, 2900, 200, 100, dest_pattern=str(file))
    expected = np.full((100, 200, 3), 255, np.uint8)
    expected[:67, :120] = pixels_of(demo_slide, 2100, 2900, 120, 67)
    np.testing.assert_array_equal(opened(file), expected)


@pytest.mark.parametrize("window", [(0, 0, 0, 0), (5, 5, -1, 4), (5000, 5000, 10, 10)])
def test_window_that_is_none_is_refused(given, client, tmp_path, watched, window):
    assert given.image.window(*window, dest_pattern=str(tmp_path / "none.png")) is False
    assert watched.last.status_code == 400


def test_window_is_scaled_down(given, client, demo_slide, tmp_path):
    file = tmp_path / "small.png"
    whole = pixels_of(demo_slide, 0, 0, 1024, 512)
    for options, size in ({"zoom": 2}, (256, 128)), ({"max_size": 100}, (100, 50)):
        assert given.image.window(0, 0, 1024, 512, dest_pattern=str(file), **options)
        picture = opened(file)
        assert picture.shape[1::-1] == size
        small = np.asarray(Image.fromarray(whole).resize(size, Image.Resampling.BOX))
        assert is_near(picture, small)
    assert given.image.window(0, 0, 64, 32, dest_pattern=str(file), max_size=500)
    assert opened(file).shape == (32, 64, 3)


def test_window_masks_what_is_outlined(given, outlined, client, demo_slide, tmp_path):
    expected = inside(OUTLINE, *WINDOW)
    file = tmp_path / "mask.png"
    assert given.image.window(*WINDOW, dest_pattern=str(file), mask=True)
    with Image.open(file) as picture:
        mask = np.asarray(picture.convert("L"))
    assert set(np.unique(mask)) == {0, 255}
    np.testing.assert_array_equal(mask == 255, expected)
    assert given.image.window(*WINDOW, dest_pattern=str(file), mask=True, alpha=True)
    seen = opened(file, "RGBA")
    np.testing.assert_array_equal(seen[..., 3] == 255, expected)
    np.testing.assert_array_equal(seen[..., 3] == 0, ~expected)
    pixels = pixels_of(demo_slide, *WINDOW)
    np.testing.assert_array_equal(seen[..., :3][expected], pixels[expected])


def test_window_masks_the_annotations_that_are_asked_for(given, outlined, client, tmp_path):
    other = Polygon([(900, 850), (980, 850), (980, 980)])
    second = Annotation(y_up(other, HEIGHT).wkt, given.image.id, [given.stroma.id]).save()
    both = OUTLINE.union(other)
    own = client.current_user.id
    for chosen, shape in (
        ({}, both),
        ({"annotations": [second.id]}, other),
        ({"annotations": [second.id, outlined.id]}, both),
        ({"terms": [given.stroma.id]}, other),
        ({"terms": [given.tumour.id], "users": [own]}, OUTLINE),
        ({"users": [own]}, both),
    ):
        file = tmp_path / "mask.png"
        assert given.image.window(*WINDOW, dest_pattern=str(file), mask=True, **chosen)
        with Image.open(file) as picture:
            mask = np.asarray(picture.convert("L")) == 255
        np.testing.assert_array_equal(mask, inside(shape, *WINDOW), err_msg=str(chosen))


def test_crop_and_masks_of_an_annotation_are_its_pixels(
    given, outlined, client, demo_slide, tmp_path
):
    shape = y_up(from_wkt(Annotation().fetch(outlined.id).location), HEIGHT)
    left, top, right, bottom = (int(each) for each in shape.bounds)
    box = (left, top, right - left, bottom - top)
    assert outlined.dump(str(tmp_path / "{id}-crop.png"))
    crop = opened(tmp_path / f"{outlined.id}-crop.png")
    # Which pixels a corner in the middle of one takes is not said.
    assert crop.shape[0] - box[3] in {0, 1}
    assert crop.shape[1] - box[2] in {0, 1}
    box = (*box[:2], crop.shape[1], crop.shape[0])
    np.testing.assert_array_equal(crop, pixels_of(demo_slide, *box))
    assert outlined.dump(str(tmp_path / "mask.png"), mask=True)
    with Image.open(tmp_path / "mask.png") as picture:
        mask = np.asarray(picture.convert("L"))
    assert set(np.unique(mask)) == {0, 255}
    np.testing.assert_array_equal(mask == 255, inside(shape, *box))
    assert outlined.dump(str(tmp_path / "alpha.png"), mask=True, alpha=True)
    alpha = opened(tmp_path / "alpha.png", "RGBA")
    np.testing.assert_array_equal(alpha[..., 3] == 255, inside(shape, *box))
    assert outlined.filename == str(tmp_path / "alpha.png")


def test_crop_is_scaled_and_enlarged(given, outlined, client, tmp_path):
    width, height = 370, 230
    for options, expected in (
        ({"max_size": 185}, (185, 115)),
        ({"zoom": 1}, (185, 115)),
        ({"increase_area": 2}, (2 * width, 2 * height)),
        ({"contrast": 1.5, "gamma": 0.5, "inverse": True}, (width, height)),
    ):
        assert outlined.dump(str(tmp_path / "crop.jpg"), **options)
        with Image.open(tmp_path / "crop.jpg") as picture:
            assert np.abs(np.subtract(picture.size, expected)).max() <= 2, options


def test_whole_image_is_dumped(given, client, demo_slide, tmp_path):
    assert given.image.dump(str(tmp_path / "{id}.jpg"), max_size=400)
    picture = opened(tmp_path / f"{given.image.id}.jpg")
    assert max(picture.shape[:2]) == 400
    whole = Image.fromarray(pixels_of(demo_slide, 0, 0, WIDTH, HEIGHT))
    small = whole.resize(picture.shape[1::-1], Image.Resampling.BOX)
    assert is_near(picture, np.asarray(small))
    assert given.image.reference_slice().dump(str(tmp_path / "slice.png"))
    assert max(opened(tmp_path / "slice.png").shape[:2]) == 512


def test_file_is_downloaded_as_it_is(lab, given, client, demo_slide, tmp_path, watched):
    for image in (given.image, AbstractImage().fetch(given.image.baseImage)):
        file = tmp_path / f"{image.id}.svs"
        assert image.download(str(file))
        assert file.read_bytes() == demo_slide.read_bytes()
        assert "attachment" in watched.last.headers["content-disposition"]
    email = lab.new_person("member")
    lab.set_rights(given.project.id, email, ["view", "score"])
    with connected(lab, email), pytest.raises(DumpError):
        given.image.download(str(tmp_path / "refused.svs"))
    # Files hold the label, which may tell who the patient is.
    assert watched.last.status_code == 403
    assert not (tmp_path / "refused.svs").exists()
