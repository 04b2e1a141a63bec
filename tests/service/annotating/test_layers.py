from __future__ import annotations

import pytest
import shapely

from wsi_lab.errors import Conflict, Invalid, NotFound
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import Label, NewLabel
from wsi_lab.model.question import QuestionKind


def test_layer_is_a_question_that_is_drawn(lab, owner, study):
    layer = lab.layers.create(owner, study.id, "nuclei", labels=[NewLabel("a", "#112233")])
    question = lab.questions.get(owner, layer.id)
    assert (question.name, question.kind) == ("nuclei", QuestionKind.ANNO_SHAPES)
    assert lab.layers.list(owner, study.id) == [layer]


def test_drawn_question_is_a_layer_without_labels(lab, owner, study):
    from wsi_lab.model.question import QuestionSpec

    question = lab.questions.add(
        owner, study.id, QuestionSpec("Tumour", QuestionKind.ANNO_POINTS, "#00ff00")
    )
    layer = lab.layers.get(owner, question.id)
    assert (layer.labels, layer.colour, layer.is_shared) == ((), "#00ff00", False)


def test_question_that_is_not_drawn_is_no_layer(lab, owner, study):
    from wsi_lab.model.question import QuestionSpec

    question = lab.questions.add(owner, study.id, QuestionSpec("Grade", QuestionKind.INTEGER))
    with pytest.raises(NotFound):
        lab.layers.get(owner, question.id)


def test_labels_without_a_colour_get_different_ones(lab, owner, study):
    names = [NewLabel(f"label {number}") for number in range(16)]
    layer = lab.layers.create(owner, study.id, "many", labels=names)
    assert len({label.colour for label in layer.labels}) == 16


def test_labels_swap_names_and_places_and_keep_their_ids(lab, owner, study):
    layer = lab.layers.create(owner, study.id, "x", labels=[NewLabel("a"), NewLabel("b")])
    first, second = layer.labels
    swapped = [Label(second.id, "a", "#000001"), Label(first.id, "b", "#000002")]
    after = lab.layers.set_labels(owner, layer.id, swapped, layer.revision)
    assert list(after.labels) == swapped
    assert after.revision > layer.revision


def test_label_that_is_removed_stays_with_its_shapes(lab, owner, study, slide):
    layer = lab.layers.create(owner, study.id, "x", labels=[NewLabel("old")])
    dot = Feature(ShapeKind.POINT, shapely.Point(5, 6), ("old",))
    (shape,) = lab.drawing.add(owner, slide.id, layer.id, [(None, dot)])
    lab.layers.set_labels(owner, layer.id, [NewLabel("new")], layer.revision)
    assert [each.name for each in lab.drawing.get(owner, shape.id).labels] == ["old"]
    (counted,) = lab.finder.counts(owner, layer.id)
    assert (counted.label.name, counted.count) == ("old", 1)


def test_labels_that_shapes_bring_along_are_added(lab, owner, study, slide):
    layer = lab.layers.create(owner, study.id, "x")
    dot = Feature(ShapeKind.POINT, shapely.Point(5, 6), ("one", "two"))
    lab.drawing.add(owner, slide.id, layer.id, [(None, dot)])
    assert [each.name for each in lab.layers.get(owner, layer.id).labels] == ["one", "two"]


def test_stale_labels_are_refused(lab, owner, study):
    layer = lab.layers.create(owner, study.id, "x", labels=[NewLabel("a")])
    lab.layers.set_labels(owner, layer.id, [NewLabel("b")], layer.revision)
    with pytest.raises(Conflict):
        lab.layers.set_labels(owner, layer.id, [NewLabel("c")], layer.revision)


@pytest.mark.parametrize(
    "labels",
    [
        [NewLabel("a"), NewLabel("a")],
        [NewLabel("")],
        [NewLabel("a", "red")],
        [Label(10**6, "a", "#000000")],
    ],
)
def test_labels_that_are_none_are_refused(lab, owner, study, labels):
    layer = lab.layers.create(owner, study.id, "x")
    with pytest.raises(Invalid):
        lab.layers.set_labels(owner, layer.id, labels, layer.revision)
    assert lab.layers.get(owner, layer.id) == layer


def test_removed_layer_frees_its_name(lab, owner, study):
    layer = lab.layers.create(owner, study.id, "x")
    lab.layers.remove(owner, layer.id, revision=layer.revision)
    assert lab.layers.list(owner, study.id) == []
    assert lab.layers.create(owner, study.id, "x").id != layer.id


def test_layers_are_in_the_audit(lab, owner, study):
    layer = lab.layers.create(owner, study.id, "x")
    lab.layers.change(owner, layer.id, revision=layer.revision, is_shared=True)
    said = lab._database.read(
        lambda connection: connection.execute(
            "SELECT verb FROM audit WHERE kind = 'layer' AND thing_id = ?", (layer.id,)
        ).fetchall()
    )
    assert [verb for (verb,) in said] == ["create", "change"]


@pytest.mark.parametrize(
    ("stated", "is_told"),
    [
        ({}, True),
        ({"showotherpeoplesscores": "true"}, True),
        ({"showotherpeoplesscores": "false"}, False),
    ],
)
def test_shared_layer_shows_others_shapes_unless_their_scores_are_hidden(
    lab, owner, as_user, study, slide, stated, is_told
):
    layer = lab.layers.create(owner, study.id, "x", is_shared=True)
    dot = Feature(ShapeKind.POINT, shapely.Point(5, 6))
    lab.drawing.add(owner, slide.id, layer.id, [(None, dot)])
    now = lab.studies.get(owner, study.id)
    lab.studies.change(owner, study.id, revision=now.revision, settings=stated)
    reader = as_user("reader@lab", rights="view score", study=study)
    assert bool(lab.drawing.list(reader, slide.id, layer.id)) is is_told
