"""Training samples and sampling regions: shapes with a label, in PHAS's words."""

from __future__ import annotations

import json
import math

import pytest
import shapely

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import NewLabel
from wsi_lab.service.tasks.regions import corners_of

BOX = (10.25, 20.1, 110.7, 95.3)
SQUARE = {"type": "polygon", "data": [[0, 0], [0, 10.5], [10, 10], [10, 0]], "mine": [1, {"a": 2}]}
TRAPEZOID = {"type": "trapezoid", "data": [[100, 100, 10], [200, 100, 30.5]]}


@pytest.fixture
def training(new_task):
    return new_task("train", "dltrain", smallest_box=10, largest_box=200)


@pytest.fixture
def sampling(new_task):
    return new_task("sample", "sampling")


@pytest.fixture
def tumour(label_set):
    return label_set.labels[0]


@pytest.fixture
def stroma(label_set):
    return label_set.labels[1]


def test_box_comes_back_exactly(lab, writer, training, slide, tumour):
    sample_id = lab.samples.create(writer, training.id, slide.id, tumour.id, BOX)
    (sample,) = lab.samples.list(writer, training.id, slide.id)
    assert (sample.id, sample.box, sample.label) == (sample_id, BOX, tumour)
    assert (sample.task_id, sample.slide_id) == (training.id, slide.id)
    assert sample.edit.created_by == sample.edit.changed_by == writer.user.id


def test_box_is_a_labelled_rectangle_elsewhere(lab, owner, writer, training, slide, tumour):
    lab.samples.create(writer, training.id, slide.id, tumour.id, BOX)
    (shape,) = lab.drawing.list(owner, slide.id, training.id)
    assert (shape.shape.kind, shape.labels) == (ShapeKind.RECTANGLE, (tumour,))
    assert shape.shape.geometry.bounds == pytest.approx(BOX)


def test_rectangle_that_is_drawn_elsewhere_is_a_sample(lab, owner, training, slide):
    feature = Feature(ShapeKind.RECTANGLE, shapely.box(1, 2, 31, 42), ("stroma",))
    lab.drawing.add(owner, slide.id, training.id, [(None, feature)])
    (sample,) = lab.samples.list(owner, training.id)
    assert (sample.box, sample.label.name) == ((1, 2, 31, 42), "stroma")


def test_what_else_is_said_of_a_sample_stays_when_it_is_moved(lab, owner, training, slide, tumour):
    feature = Feature(ShapeKind.RECTANGLE, shapely.box(1, 2, 31, 42), ("stroma",), {"score": 3})
    (drawn,) = lab.drawing.add(owner, slide.id, training.id, [(None, feature)])
    lab.samples.change(owner, training.id, drawn.id, tumour.id, (0, 0, 50, 50))
    (shape,) = lab.drawing.list(owner, slide.id, training.id)
    assert (shape.id, dict(shape.properties), shape.labels) == (drawn.id, {"score": 3}, (tumour,))


def test_sample_is_changed_and_keeps_who_made_it(
    lab, writer, as_user, study, training, slide, tumour, stroma, clock
):
    first = lab.samples.create(writer, training.id, slide.id, tumour.id, BOX)
    clock.pass_(minutes=5)
    second = lab.samples.create(writer, training.id, slide.id, tumour.id, (0, 0, 50, 50))
    clock.pass_(minutes=5)
    other = as_user("other@lab", rights="write", study=study)
    lab.samples.change(other, training.id, first, stroma.id, (5, 5, 60, 60))
    moved, same = lab.samples.list(writer, training.id)
    assert [moved.id, same.id] == [first, second]
    assert (moved.box, moved.label) == ((5, 5, 60, 60), stroma)
    assert (moved.edit.created_by, moved.edit.changed_by) == (writer.user.id, other.user.id)
    assert moved.edit.created_on < same.edit.created_on < moved.edit.changed_on
    lab.samples.remove(writer, training.id, first)
    assert [each.id for each in lab.samples.list(writer, training.id)] == [second]


@pytest.mark.parametrize(
    "box",
    [(0, 0, 9, 50), (0, 0, 50, 201), (0, 0, math.nan, 50), (0, 0, math.inf, 5), (0, 0, 1e12, 5)],
)
def test_box_that_the_task_does_not_allow_is_refused(lab, writer, training, slide, tumour, box):
    with pytest.raises(Invalid):
        lab.samples.create(writer, training.id, slide.id, tumour.id, box)
    assert lab.samples.list(writer, training.id) == []


def test_corners_of_a_box_come_in_any_order(lab, writer, training, slide, tumour):
    lab.samples.create(writer, training.id, slide.id, tumour.id, (50, 60, 10, 20))
    assert lab.samples.list(writer, training.id)[0].box == (10, 20, 50, 60)


def test_label_is_one_of_the_task(lab, owner, writer, study, training, sampling, slide):
    foreign = lab.label_sets.create(owner, study.id, "other", [NewLabel("x")]).labels[0]
    for label_id in (foreign.id, 0, -1, 1 << 70):
        with pytest.raises(Invalid, match="no label"):
            lab.samples.create(writer, training.id, slide.id, label_id, BOX)
        with pytest.raises(Invalid, match="no label"):
            lab.regions.create(writer, sampling.id, slide.id, label_id, SQUARE)


@pytest.mark.parametrize("geometry", [SQUARE, TRAPEZOID])
def test_region_comes_back_as_it_was_given(lab, writer, sampling, slide, tumour, geometry):
    region_id = lab.regions.create(writer, sampling.id, slide.id, tumour.id, geometry)
    (region,) = lab.regions.list(writer, sampling.id, slide.id)
    assert (region.id, json.loads(region.geometry)) == (region_id, geometry)
    corners = corners_of(geometry)
    xs, ys = zip(*corners, strict=True)
    assert region.box == (min(xs), min(ys), max(xs), max(ys))


def test_trapezoid_has_sides_at_right_angles_to_its_middle_line():
    assert corners_of({"type": "trapezoid", "data": [[0, 0, 2], [0, 10, 3]]}) == [
        (-2, 0), (-3, 10), (3, 10), (2, 0)
    ]  # fmt: skip


def test_region_that_was_moved_elsewhere_is_a_polygon(lab, owner, writer, sampling, slide, tumour):
    region_id = lab.regions.create(writer, sampling.id, slide.id, tumour.id, TRAPEZOID)
    (shape,) = lab.drawing.list(owner, slide.id, sampling.id)
    moved = Feature(ShapeKind.POLYGON, shapely.Polygon([(0, 0), (0, 7), (7, 0)]), ("tumour",))
    lab.drawing.change(owner, region_id, moved, shape.revision)
    (region,) = lab.regions.list(writer, sampling.id)
    told = json.loads(region.geometry)
    assert told["type"] == "polygon"
    assert shapely.Polygon(told["data"]).equals(moved.geometry)


@pytest.mark.parametrize(
    "geometry",
    [
        None, [], "polygon", {"type": "circle", "data": [[0, 0], [1, 1]]},
        {"type": "polygon"}, {"type": "polygon", "data": 5},
        {"type": "polygon", "data": [[0, 0], [1, 1]]},
        {"type": "polygon", "data": [[0, 0, 1], [1, 1, 1], [2, 0, 1]]},
        {"type": "polygon", "data": [[0, 0], [True, 1], [2, 0]]},
        {"type": "polygon", "data": [[0, 0], ["1", 1], [2, 0]]},
        {"type": "polygon", "data": [[0, 0], [1e300, 1], [2, 0]]},
        {"type": "trapezoid", "data": [[0, 0], [1, 1]]},
        {"type": "trapezoid", "data": [[0, 0, 1], [0, 0, 1]]},
        {"type": "trapezoid", "data": [[0, 0, 1], [9, 0, 1], [9, 9, 1]]},
    ],
)  # fmt: skip
def test_what_is_no_region_is_refused(lab, writer, sampling, slide, tumour, geometry):
    with pytest.raises(Invalid):
        lab.regions.create(writer, sampling.id, slide.id, tumour.id, geometry)
    assert lab.regions.list(writer, sampling.id) == []


def test_regions_of_a_slide_are_removed_together(
    lab, writer, sampling, slide, second_slide, tumour
):
    for each in (slide, slide, second_slide):
        lab.regions.create(writer, sampling.id, each.id, tumour.id, SQUARE)
    lab.regions.remove_all(writer, sampling.id, slide.id)
    assert [each.slide_id for each in lab.regions.list(writer, sampling.id)] == [second_slide.id]


def test_readers_change_nothing(lab, writer, reader, stranger, training, sampling, slide, tumour):
    sample = lab.samples.create(writer, training.id, slide.id, tumour.id, BOX)
    for actor, error in ((reader, NotAllowed), (stranger, NotFound)):
        for change in (
            lambda by: lab.samples.create(by, training.id, slide.id, tumour.id, BOX),
            lambda by: lab.samples.change(by, training.id, sample, tumour.id, BOX),
            lambda by: lab.samples.remove(by, training.id, sample),
            lambda by: lab.regions.create(by, sampling.id, slide.id, tumour.id, SQUARE),
            lambda by: lab.regions.remove_all(by, sampling.id, slide.id),
        ):
            with pytest.raises(error):
                change(actor)
    assert lab.samples.get(reader, sample)[1].id == sample
    with pytest.raises(NotFound):
        lab.samples.get(stranger, sample)


def test_shapes_of_one_task_are_not_changed_by_another(
    lab, writer, training, new_task, slide, tumour
):
    sample = lab.samples.create(writer, training.id, slide.id, tumour.id, BOX)
    other = new_task("train 2", "dltrain")
    with pytest.raises(NotFound):
        lab.samples.remove(writer, other.id, sample)
    with pytest.raises(NotFound):
        lab.samples.change(writer, other.id, sample, tumour.id, BOX)
    with pytest.raises(Invalid, match="mode"):
        lab.regions.list(writer, training.id)


def test_labels_are_counted_and_stay_while_they_are_used(
    lab, owner, writer, training, sampling, slide, tumour, stroma, label_set
):
    lab.samples.create(writer, training.id, slide.id, tumour.id, BOX)
    lab.samples.create(writer, training.id, slide.id, tumour.id, BOX)
    lab.regions.create(writer, sampling.id, slide.id, tumour.id, SQUARE)
    used, unused = lab.label_sets.uses(writer, label_set.id)
    assert (used.label, used.sample_count, used.region_count) == (tumour, 2, 1)
    assert (unused.sample_count, unused.region_count) == (0, 0)
    with pytest.raises(Conflict, match="tumour"):
        lab.label_sets.remove_label(owner, tumour.id)
    lab.label_sets.remove_label(owner, stroma.id)
    assert lab.label_sets.get(owner, label_set.id).labels == (tumour,)


def test_labels_are_added_and_described(lab, owner, reader, label_set):
    added = lab.label_sets.add_label(owner, label_set.id, NewLabel("fat", "#ABCDEF", "adipose"))
    assert (added.colour, added.description) == ("#abcdef", "adipose")
    changed = lab.label_sets.change_label(owner, added.id, name="adipose", description="")
    assert (changed.name, changed.colour, changed.description) == ("adipose", "#abcdef", "")
    with pytest.raises(Conflict):
        lab.label_sets.change_label(owner, added.id, name="tumour")
    with pytest.raises(Conflict):
        lab.label_sets.add_label(owner, label_set.id, NewLabel("tumour"))
    with pytest.raises(NotAllowed):
        lab.label_sets.add_label(reader, label_set.id, NewLabel("new"))
    assert [each.name for each in lab.label_sets.get(reader, label_set.id).labels] == [
        "tumour", "stroma", "adipose"
    ]  # fmt: skip
