"""Shapes one by one: where new ones go, who may, labels of any set, and what comes back as sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import shapely
from many_shapes import squares

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound, StorageFull
from wsi_lab.model.annotation import Annotation, ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import FIRST_BULK_ID, Label, LabelSet, Layer, NewLabel
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.task import Access, TaskSettings
from wsi_lab.service.annotating import drawn_changes
from wsi_lab.service.annotating.shapes import NewShape
from wsi_lab.service.annotating.upward_wkt import features_of_wkt, wkt_of
from wsi_lab.service.lab import Lab

SQUARE = Feature(ShapeKind.POLYGON, shapely.box(1, 2, 9, 8), properties={"grade": 2})
DOT = Feature(ShapeKind.POINT, shapely.Point(500, 600.25))
AS_SENT = "POLYGON((10.10 20,10.1 40.0000,30 4.0e1 , 10.10 20))"


@pytest.fixture
def layer(lab: Lab, owner: Actor, study: Study) -> Layer:
    labels = [NewLabel("tumour"), NewLabel("stroma")]
    return lab.layers.create(owner, study.id, "areas", labels=labels)


@pytest.fixture
def loose(lab: Lab, owner: Actor, study: Study) -> LabelSet:
    """A label set that no layer uses; one name is also that of a label of the layer."""
    labels = [NewLabel("tumour", "#123456"), NewLabel("other")]
    return lab.label_sets.create(owner, study.id, "loose", labels)


@pytest.fixture
def create(lab: Lab, owner: Actor, slide: Slide) -> Callable[..., Annotation]:
    """Return a function that draws one shape with labels."""

    def run(feature: Feature, *labels: Label, by: Actor = owner) -> Annotation:
        new = NewShape(slide.id, feature, tuple(each.id for each in labels))
        return lab.shapes.create(by, [new])[0]

    return run


@pytest.fixture
def reader(as_user: Callable[..., Actor], study: Study) -> Actor:
    return as_user("reader@lab", rights="score", study=study)


def everything(lab: Lab, owner: Actor, study: Study) -> list[Annotation]:
    return lab.annotations.list(owner, study.id)


def test_shape_goes_on_the_layer_of_its_first_label(create, owner, layer, loose):
    drawn = create(SQUARE, layer.labels[1], loose.labels[0], layer.labels[0])
    assert drawn.question_id == layer.id
    assert drawn.labels == (layer.labels[1], loose.labels[0], layer.labels[0])
    assert (drawn.author, drawn.properties) == (owner.user.email, {"grade": 2})
    assert drawn.shape.geometry.equals_exact(SQUARE.geometry, 0)


def test_first_layer_that_holds_such_shapes_is_taken(lab, owner, study, create, layer):
    dots = lab.layers.create(owner, study.id, "dots", kind=QuestionKind.ANNO_POINTS)
    areas = lab.layers.create(owner, study.id, "more")
    labels = lab.label_sets.create(owner, study.id, "shared", [NewLabel("cell")])

    def use(transaction: Any) -> None:
        from wsi_lab.store.layers import use_label_set

        for each in (dots, areas):
            use_label_set(transaction.connection, each.id, labels.id)

    lab.shapes._transactions.write(owner, use)
    assert create(DOT, labels.labels[0]).question_id == dots.id
    assert create(SQUARE, labels.labels[0]).question_id == areas.id


def test_shapes_that_no_layer_asks_for_go_on_one_made_for_them(
    lab, owner, study, create, reader, layer, loose
):
    plain = create(SQUARE, by=reader)
    (made,) = [each for each in lab.layers.list(owner, study.id) if each.id == plain.question_id]
    assert (made.name, made.is_shared, made.labels) == ("Annotations", True, ())
    assert made.label_set_id not in {None, layer.label_set_id, loose.id}
    assert create(DOT, loose.labels[1]).question_id == made.id
    assert create(DOT, by=reader).question_id == made.id
    lab.layers.remove(owner, made.id, revision=made.revision)
    again = create(SQUARE)
    assert again.question_id not in {made.id, layer.id}
    assert lab.layers.get(owner, again.question_id).label_set_id == made.label_set_id


def test_layer_that_is_made_gets_a_free_name(lab, owner, study, create):
    lab.layers.create(owner, study.id, "Annotations")
    lab.layers.create(owner, study.id, "Annotations 2")
    made = create(SQUARE).question_id
    assert lab.layers.get(owner, made).name == "Annotations 3"


def test_layers_of_tasks_are_drawn_on_by_those_who_may(lab, owner, study, create, reader):
    task = lab.tasks.create(owner, study.id, TaskSettings("secret", is_restricted=True))
    labels = lab.label_sets.create(owner, study.id, "of the task", [NewLabel("cell")])

    def use(transaction: Any) -> None:
        from wsi_lab.store.layers import use_label_set

        use_label_set(transaction.connection, task.id, labels.id)

    lab.shapes._transactions.write(owner, use)
    (cell,) = labels.labels
    assert create(SQUARE, cell).question_id == task.id
    outside = create(SQUARE, cell, by=reader).question_id
    assert outside != task.id
    lab.tasks.set_member(owner, task.id, "reader@lab", Access.READ)
    assert create(SQUARE, cell, by=reader).question_id == outside
    lab.tasks.set_member(owner, task.id, "reader@lab", Access.WRITE)
    assert create(SQUARE, cell, by=reader).question_id == task.id


def test_a_thousand_are_drawn_at_once_in_their_order(lab, owner, study, slide, layer, loose):
    labels = [(), (layer.labels[0].id,), (loose.labels[1].id,)]
    new = [
        NewShape(slide.id, Feature(ShapeKind.POINT, shapely.Point(each, 7)), labels[each % 3])
        for each in range(1000)
    ]
    drawn = lab.shapes.create(owner, new)
    assert [each.shape.geometry.x for each in drawn] == list(range(1000))
    assert [tuple(label.id for label in each.labels) for each in drawn] == [
        each.label_ids for each in new
    ]
    assert len({each.id for each in drawn}) == 1000
    assert len({each.question_id for each in drawn}) == 2
    assert len(lab.results.history(owner, drawn[0].answer_id)) == 1
    assert lab.shapes.create(owner, []) == []


def test_all_are_drawn_or_none(lab, owner, study, slide, layer, monkeypatch, entries, as_user):
    elsewhere = lab.studies.create(owner, "elsewhere")
    far = lab.label_sets.create(owner, elsewhere.id, "far", [NewLabel("tumour")]).labels[0]
    empty = Feature(ShapeKind.POLYGON, shapely.Polygon())
    good = NewShape(slide.id, SQUARE, (layer.labels[0].id,))
    before = entries()
    for wrong, problem in (
        (NewShape(slide.id, empty), "Shape 2: A shape needs coordinates."),
        (NewShape(slide.id, DOT, (far.id,)), f"Shape 2: The study has no label {far.id}."),
        (NewShape(slide.id, DOT, (1 << 70,)), f"Shape 2: The study has no label {1 << 70}."),
    ):
        with pytest.raises(Invalid) as refused:
            lab.shapes.create(owner, [good, wrong, good])
        assert refused.value.problems == (problem,)
    with pytest.raises(NotFound):
        lab.shapes.create(owner, [good, NewShape(999, DOT)])
    recorded = []

    def fail_at_the_third(*given: Any, **said: Any) -> None:
        recorded.append(said)
        if len(recorded) == 3:
            raise StorageFull("There is no room.")

    monkeypatch.setattr(drawn_changes, "_record", fail_at_the_third)
    with pytest.raises(StorageFull):
        lab.shapes.create(owner, [NewShape(slide.id, DOT)] * 3)
    assert everything(lab, owner, study) == []
    assert [each.name for each in lab.layers.list(owner, study.id)] == ["areas"]
    assert entries() == before


def test_shapes_on_slides_of_several_studies_are_drawn_together(
    lab, owner, study, slide, slide_file
):
    other = lab.studies.create(owner, "other")
    apart = lab.slides.add(owner, other.id, slide_file)
    drawn = lab.shapes.create(
        owner, [NewShape(each, DOT) for each in (slide.id, apart.id, slide.id)]
    )
    assert [each.place.slide_id for each in drawn] == [slide.id, apart.id, slide.id]
    assert drawn[0].question_id == drawn[2].question_id != drawn[1].question_id


def test_only_those_who_may_annotate_draw(lab, slide, study, as_user, create):
    viewer = as_user("viewer@lab", rights="view", study=study)
    stranger = as_user("stranger@lab")
    with pytest.raises(NotAllowed):
        create(DOT, by=viewer)
    with pytest.raises(NotFound):
        create(DOT, by=stranger)


def test_others_shapes_are_changed_by_those_who_may_bring_them_in(
    lab, create, layer, reader, as_user, study, owner
):
    hidden = create(SQUARE, layer.labels[0])
    shared = create(SQUARE)
    own = create(DOT, by=reader)
    label = layer.labels[1].id
    for shape_id, error in ((hidden.id, NotFound), (shared.id, NotAllowed), (999, NotFound)):
        for verb in (
            lambda each: lab.shapes.change_geometry(reader, each, DOT),
            lambda each: lab.shapes.add_label(reader, each, label),
            lambda each: lab.shapes.replace_labels(reader, each, []),
            lambda each: lab.shapes.remove(reader, each),
        ):
            # Nothing changes by these, and nothing is allowed all the same.
            with pytest.raises(error):
                verb(shape_id)
    assert lab.shapes.get(reader, shared.id) == shared
    with pytest.raises(NotFound):
        lab.shapes.get(reader, hidden.id)
    assert lab.shapes.add_label(owner, own.id, label).labels == (layer.labels[1],)
    assert lab.shapes.get(reader, own.id).author == "reader@lab"


def test_geometry_is_told_as_sent_until_somebody_moves_it(lab, owner, slide, create, layer):
    (feature,) = features_of_wkt([AS_SENT], slide.height)
    drawn = create(feature, layer.labels[0])
    height = {slide.id: slide.height}

    def told() -> str:
        return wkt_of([lab.shapes.get(owner, drawn.id)], height)[drawn.id]

    assert told() == AS_SENT
    assert drawn.shape.geometry.bounds == (10.1, slide.height - 40, 30, slide.height - 20)
    lab.shapes.add_label(owner, drawn.id, layer.labels[1].id)
    lab.shapes.remove_label(owner, drawn.id, layer.labels[0].id)
    lab.remarks.add_properties(owner, "annotation", drawn.id, [("a", "ü")])
    now = lab.shapes.get(owner, drawn.id)
    assert (now.labels, now.properties) == ((layer.labels[1],), {"a": "ü"})
    assert told() == AS_SENT
    lab.drawing.change(owner, drawn.id, SQUARE, now.revision)
    top = slide.height
    assert told() == (
        f"POLYGON ((9 {top - 2}, 9 {top - 8}, 1 {top - 8}, 1 {top - 2}, 9 {top - 2}))"
    )
    (again,) = features_of_wkt(["POINT (3.25 1e1)"], slide.height)
    lab.shapes.change_geometry(owner, drawn.id, again)
    assert told() == "POINT (3.25 1e1)"


def test_new_geometry_leaves_labels_and_properties(lab, owner, create, layer, loose):
    drawn = create(SQUARE, loose.labels[0], layer.labels[0])
    moved = lab.shapes.change_geometry(owner, drawn.id, DOT)
    assert (moved.labels, moved.properties) == (drawn.labels, {"grade": 2})
    assert moved.shape.kind is ShapeKind.POINT
    assert lab.shapes.change_geometry(owner, drawn.id, DOT) == moved
    with pytest.raises(Invalid):
        lab.shapes.change_geometry(owner, drawn.id, Feature(ShapeKind.POLYGON, shapely.Polygon()))
    assert [each.revision for each in lab.drawing.history(owner, drawn.id)] == [
        drawn.revision,
        moved.revision,
    ]


def test_labels_of_one_name_stay_apart(lab, owner, create, layer, loose):
    both = (layer.labels[0], loose.labels[0])
    drawn = create(SQUARE, *both)
    assert drawn.labels == both
    assert lab.shapes.remove_label(owner, drawn.id, both[0].id).labels == both[1:]
    assert lab.shapes.add_label(owner, drawn.id, both[0].id).labels == (both[1], both[0])


def test_labels_come_and_go(lab, owner, study, create, layer, loose):
    drawn = create(SQUARE, layer.labels[0])
    first, second = (each.id for each in layer.labels)
    with pytest.raises(Conflict):
        lab.shapes.add_label(owner, drawn.id, first)
    with pytest.raises(NotFound):
        lab.shapes.remove_label(owner, drawn.id, second)
    elsewhere = lab.studies.create(owner, "elsewhere")
    far = lab.label_sets.create(owner, elsewhere.id, "far", [NewLabel("x")]).labels[0]
    for unknown in (far.id, 999):
        with pytest.raises(Invalid):
            lab.shapes.add_label(owner, drawn.id, unknown)
        with pytest.raises(Invalid):
            lab.shapes.replace_labels(owner, drawn.id, [first, unknown])
    assert lab.shapes.get(owner, drawn.id) == drawn
    replaced = lab.shapes.replace_labels(owner, drawn.id, [second, second, loose.labels[1].id])
    assert replaced.labels == (layer.labels[1], loose.labels[1])
    assert replaced.question_id == layer.id
    assert lab.shapes.replace_labels(owner, drawn.id, []).labels == ()
    many = lab.label_sets.create(owner, study.id, "many", [NewLabel(str(n)) for n in range(21)])
    with pytest.raises(Invalid):
        lab.shapes.replace_labels(owner, drawn.id, [each.id for each in many.labels])


def test_shape_keeps_labels_that_were_removed(lab, owner, create, layer, loose):
    drawn = create(SQUARE, *layer.labels)
    other = create(SQUARE)
    now = lab.layers.get(owner, layer.id)
    lab.layers.set_labels(owner, layer.id, [now.labels[1]], now.revision)
    gone = layer.labels[0].id
    kept = lab.shapes.add_label(owner, drawn.id, loose.labels[1].id)
    assert [each.id for each in kept.labels] == [gone, layer.labels[1].id, loose.labels[1].id]
    with pytest.raises(Invalid):
        lab.shapes.add_label(owner, other.id, gone)


def test_removed_shapes_are_gone_and_in_the_history(lab, owner, create):
    drawn = create(SQUARE)
    assert lab.shapes.remove(owner, drawn.id) == drawn
    for verb in (lab.shapes.get, lab.shapes.remove):
        with pytest.raises(NotFound):
            verb(owner, drawn.id)
    assert lab.drawing.history(owner, drawn.id) == [drawn]


def test_shape_of_a_load_becomes_one_drawn_by_hand_that_its_id_leads_to(lab, owner, slide, layer):
    load = lab.loads.load(owner, layer.id, slide.id, squares(9), author="net 1.0")
    one = load.first_id + 4
    before = lab.shapes.get(owner, one)
    assert (before.id, before.author, before.properties) == (one, "net 1.0", {"score": 1.0})
    after = lab.shapes.add_label(owner, one, layer.labels[0].id)
    assert after.id < FIRST_BULK_ID
    assert after.labels == (*before.labels, layer.labels[0])
    assert after.shape.geometry.equals(before.shape.geometry)
    assert lab.shapes.get(owner, one) == after
    moved = lab.shapes.change_geometry(owner, one, DOT)
    assert (moved.id, moved.author, moved.labels) == (after.id, "net 1.0", after.labels)
    lab.shapes.remove(owner, one)
    lab.shapes.remove(owner, load.first_id)
    for gone in (one, moved.id, load.first_id, load.first_id + 9):
        with pytest.raises(NotFound):
            lab.shapes.get(owner, gone)


def test_shapes_of_loads_of_others_are_hidden(lab, owner, slide, layer, reader):
    load = lab.loads.load(owner, layer.id, slide.id, squares(3), author="net 1.0")
    for verb in (lab.shapes.get, lab.shapes.remove):
        with pytest.raises(NotFound):
            verb(reader, load.first_id)


def test_last_of_many_who_change_a_shape_at_once_wins(lab, owner, create, slide, layer):
    load = lab.loads.load(owner, layer.id, slide.id, squares(3), author="net 1.0")
    by_hand = create(SQUARE)
    for shape_id in (by_hand.id, load.first_id + 1):
        features = [Feature(ShapeKind.POINT, shapely.Point(each, 1)) for each in range(8)]
        done: list[Annotation] = []

        def move(feature: Feature, shape_id: int = shape_id, done: list = done) -> None:
            done.append(lab.shapes.change_geometry(owner, shape_id, feature))

        threads = [threading.Thread(target=move, args=(each,)) for each in features]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len({each.id for each in done}) == 1
        assert len({each.revision for each in done}) == 8
        last = max(done, key=lambda each: each.revision)
        assert lab.shapes.get(owner, shape_id) == last


def test_only_one_of_many_who_add_the_same_label_does(lab, owner, create, layer):
    drawn = create(SQUARE)
    refused = []

    def add() -> None:
        try:
            lab.shapes.add_label(owner, drawn.id, layer.labels[0].id)
        except Conflict as error:
            refused.append(error)

    threads = [threading.Thread(target=add) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(refused) == 5
    assert lab.shapes.get(owner, drawn.id).labels == layer.labels[:1]


def test_other_doors_see_the_shape_with_its_labels(lab, owner, slide, create, layer, loose):
    drawn = create(SQUARE, layer.labels[0], loose.labels[1])
    (seen,) = lab.drawing.list(owner, slide.id, layer.id)
    assert [each.name for each in seen.labels] == ["tumour", "other"]
    renamed = Feature(SQUARE.kind, SQUARE.geometry, ("other", "stroma"), {})
    after = lab.drawing.change(owner, drawn.id, renamed, seen.revision)
    assert after.labels == (loose.labels[1], layer.labels[1])
