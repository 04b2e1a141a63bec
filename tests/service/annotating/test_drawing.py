"""Shapes drawn one by one: what is kept of them, who may, and what two editors do to each other."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound, StorageFull
from wsi_lab.formats.classic import ellipse_outline, parse_shapes
from wsi_lab.model.annotation import Annotation, ShapeKind
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import Layer, NewLabel
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating import drawn_changes, given_shapes
from wsi_lab.service.lab import Lab

SQUARE = Feature(ShapeKind.POLYGON, shapely.box(1, 2, 9, 8), ("tumour",), {"grade": 2})
DOT = Feature(ShapeKind.POINT, shapely.Point(500, 600.25))
with np.errstate(invalid="ignore"):
    NOWHERE = shapely.LineString([(0, 0), (math.nan, 1)])
LINE = Feature(ShapeKind.POLYLINE, shapely.LineString([(0, 0), (1, 5)]))


@pytest.fixture
def layer(lab: Lab, owner: Actor, study: Study) -> Layer:
    return lab.layers.create(owner, study.id, "areas", labels=[NewLabel("tumour", "#112233")])


@pytest.fixture
def draw(lab: Lab, owner: Actor, slide: Slide, layer: Layer) -> Callable[..., list[Annotation]]:
    """Return a function that draws features, each without a key."""

    def run(*features: Feature, by: Actor = owner, **rest: Any) -> list[Annotation]:
        return list(
            lab.drawing.add(by, slide.id, layer.id, [(None, each) for each in features], **rest)
        )

    return run


def test_shape_is_part_of_its_authors_answer(lab, owner, study, slide, layer, draw):
    (square,) = draw(SQUARE)
    draw(DOT)
    answer = lab.results.answer(owner, square.answer_id)
    assert (answer.author, answer.place, answer.revision) == (owner.user.email, Place(slide.id), 2)
    polygon, point = json.loads(answer.value)
    assert (polygon["type"], point) == ("polygon", {"x": 500, "y": 600.25})
    first, second = lab.results.history(owner, answer.id)
    assert len(json.loads(first.value)) == 1
    assert second == answer


def test_shape_has_its_labels_properties_and_area(lab, owner, layer, draw):
    (square,) = draw(SQUARE)
    assert square.labels == layer.labels
    assert (square.properties, square.area, square.revision) == ({"grade": 2}, 48.0, 1)
    assert square.shape.geometry.equals_exact(SQUARE.geometry, 0)
    assert lab.drawing.get(owner, square.id) == square


def test_shapes_that_touch_a_box_are_listed(lab, owner, slide, layer, draw):
    square, dot = draw(SQUARE, DOT)

    def ids(*box: float) -> list[int]:
        return [each.id for each in lab.drawing.list(owner, slide.id, layer.id, box=box)]

    assert ids(9, 8, 20, 20) == [square.id]
    assert ids(500, 600.25, 500, 600.25) == [dot.id]
    assert ids(10, 10, 20, 20) == []


def test_every_change_is_in_the_audit(lab, owner, draw, entries):
    (square,) = draw(SQUARE)
    lab.drawing.change(owner, square.id, DOT, square.revision)
    lab.drawing.remove(owner, square.id, 2)
    said = [each for each in entries() if each.kind == "annotation"]
    assert [each.verb for each in said] == ["create", "change", "remove"]
    assert {each.thing_id for each in said} == {square.id}


def test_history_tells_all_forms_of_a_removed_shape(lab, owner, draw):
    (square,) = draw(SQUARE)
    changed = lab.drawing.change(owner, square.id, DOT, square.revision)
    lab.drawing.remove(owner, square.id, changed.revision)
    first, second = lab.drawing.history(owner, square.id)
    assert first == square
    assert (second.shape, second.labels, second.revision) == (changed.shape, (), changed.revision)
    with pytest.raises(NotFound):
        lab.drawing.get(owner, square.id)


def test_what_fails_halfway_leaves_nothing_behind(
    lab, owner, study, slide, layer, draw, entries, monkeypatch
):
    before = entries()
    recorded = []

    def fail_at_the_third(*given: Any, **said: Any) -> None:
        recorded.append(said)
        if len(recorded) == 3:
            raise StorageFull("There is no room.")

    monkeypatch.setattr(drawn_changes, "_record", fail_at_the_third)
    new = Feature(ShapeKind.POINT, shapely.Point(1, 1), ("unheard of",))
    with pytest.raises(StorageFull):
        draw(new, new, new)
    assert lab.drawing.list(owner, slide.id, layer.id) == []
    assert lab.results.rows(owner, study.id) == []
    assert lab.layers.get(owner, layer.id) == layer
    assert entries() == before


def test_shape_drawn_again_under_its_key_is_returned_as_it_is_now(lab, owner, slide, layer):
    (first,) = lab.drawing.add(owner, slide.id, layer.id, [("k", SQUARE)])
    changed = lab.drawing.change(owner, first.id, DOT, first.revision)
    again, other = lab.drawing.add(owner, slide.id, layer.id, [("k", SQUARE), ("l", DOT)])
    assert again == changed
    assert [each.id for each in lab.drawing.list(owner, slide.id, layer.id)] == [first.id, other.id]
    with pytest.raises(Invalid, match="key of its own"):
        lab.drawing.add(owner, slide.id, layer.id, [("m", SQUARE), ("m", DOT)])


@pytest.mark.parametrize(
    ("kind", "geometry", "sentence"),
    [
        (ShapeKind.POLYGON, None, "needs coordinates"),
        (ShapeKind.POLYGON, shapely.Polygon(), "needs coordinates"),
        (ShapeKind.POINT, shapely.Point(math.inf, 1), "finite"),
        (ShapeKind.POLYLINE, NOWHERE, "finite"),
        (ShapeKind.POLYLINE, shapely.LineString([(0, 0), (1e10, 1)]), "on the slide"),
        (ShapeKind.POLYLINE, shapely.Point(1, 1), "is a LineString"),
        (ShapeKind.HEATMAP, shapely.box(0, 0, 1, 1), "cannot be drawn"),
        (ShapeKind.POLYLINE, shapely.LineString([(0, n) for n in range(21)]), "at most 20"),
    ],
)  # fmt: skip
def test_shape_that_is_none_is_refused(
    lab, owner, slide, layer, draw, monkeypatch, kind, geometry, sentence
):
    monkeypatch.setattr(given_shapes, "MOST_VERTICES", 20)
    with pytest.raises(Invalid, match=sentence) as refused:
        draw(SQUARE, Feature(kind, geometry))
    assert [each.partition(":")[0] for each in refused.value.problems] == ["Shape 2"]
    assert lab.drawing.list(owner, slide.id, layer.id) == []


def test_outline_that_crosses_itself_is_kept_as_it_is(draw):
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    (shape,) = draw(Feature(ShapeKind.POLYGON, bow))
    assert shape.shape.geometry.equals_exact(bow, 0)


@pytest.mark.parametrize(
    ("kind", "taken", "refused"),
    [
        (QuestionKind.ANNO_POINTS, DOT, SQUARE),
        (QuestionKind.ANNO_MEASURE, LINE, DOT),
    ],
)
def test_layer_takes_only_what_is_drawn_on_it(lab, owner, study, slide, kind, taken, refused):
    layer = lab.layers.create(owner, study.id, "some", kind=kind)
    lab.drawing.add(owner, slide.id, layer.id, [(None, taken)])
    with pytest.raises(Invalid, match="can be drawn"):
        lab.drawing.add(owner, slide.id, layer.id, [(None, refused)])


def test_words_of_a_shape_that_is_only_labelled_stay_as_they_came(
    lab, owner, study, slide, layer, clock
):
    chance = random.Random(3)
    shapes = [
        json.dumps(
            {
                "type": "ellipse",
                "center": {"x": chance.uniform(1, 1e5), "y": chance.uniform(1, 1e5)},
                "size": {"x": chance.uniform(1, 1e3), "y": chance.uniform(1, 1e3)},
            }
        )
        for _ in range(20)
    ]
    shapes.append('{"type":"hologram","depth":3}')
    new = NewAnswer(layer.name, Place(slide.id), owner.user.email, f"[{','.join(shapes)}]")
    answer = lab.results.submit(owner, study.id, new)
    clock.pass_(hours=1)
    for each in lab.drawing.list(owner, slide.id, layer.id):
        said = Feature(each.shape.kind, each.shape.geometry, ("tumour",), {"seen": True})
        after = lab.drawing.change(owner, each.id, said, each.revision)
        assert (after.labels, after.shape) == (layer.labels, each.shape)
    assert lab.results.answer(owner, answer.id).value == answer.value


@pytest.mark.parametrize(
    "kind", [each for each in ShapeKind if each not in {ShapeKind.HEATMAP, ShapeKind.OTHER}]
)
def test_what_slide_score_reads_is_the_same_geometry_to_the_last_bit(draw, kind):
    chance = np.random.default_rng(5)
    for corners in chance.uniform(0, 2e5, (30, 3, 2)):
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        geometry = {
            ShapeKind.POINT: shapely.Point(corners[0]),
            ShapeKind.POLYLINE: shapely.LineString(corners),
            ShapeKind.POLYGON: shapely.Polygon(corners),
            ShapeKind.RECTANGLE: shapely.box(left, top, right, bottom),
            ShapeKind.ELLIPSE: ellipse_outline(left, top, *(corners[1] / 3)),
            ShapeKind.BRUSH: shapely.Polygon(
                shapely.box(left - 5.1, top - 5.1, right + 0.7, bottom + 0.7).exterior, [corners]
            ),
        }[kind]
        (shape,) = draw(Feature(kind, geometry))
        (read,) = parse_shapes(f"[{shape.shape.original}]", QuestionKind.ANNO_SHAPES)
        assert shape.shape.kind is read.kind is kind
        assert read.geometry.normalize().equals_exact(shape.shape.geometry.normalize(), 0)
        # The far side of what is told by a place and a size may lie the last bit beside.
        told_by_size = kind in {ShapeKind.RECTANGLE, ShapeKind.ELLIPSE}
        assert read.geometry.normalize().equals_exact(
            geometry.normalize(), 1e-6 if told_by_size else 0
        )


def test_label_that_was_removed_stays_and_does_not_come_back_by_a_change(lab, owner, layer, draw):
    (square,) = draw(SQUARE)
    left = lab.layers.set_labels(owner, layer.id, [NewLabel("other")], layer.revision)
    moved = Feature(ShapeKind.POLYGON, shapely.box(1, 2, 3, 4), ("tumour",))
    after = lab.drawing.change(owner, square.id, moved, square.revision)
    assert after.labels == square.labels
    assert lab.layers.get(owner, layer.id) == left


def test_reader_changes_own_shapes_and_nobody_elses(lab, owner, study, slide, layer, draw, as_user):
    reader = as_user("reader@lab", rights="view score", study=study)
    (own,) = draw(SQUARE, by=reader)
    (others,) = draw(DOT)
    assert lab.drawing.list(reader, slide.id, layer.id) == [own]
    with pytest.raises(NotFound):
        lab.drawing.change(reader, others.id, SQUARE, others.revision)
    lab.layers.change(
        owner, layer.id, revision=lab.layers.get(owner, layer.id).revision, is_shared=True
    )
    assert lab.drawing.list(reader, slide.id, layer.id) == [own, others]
    with pytest.raises(NotAllowed):
        lab.drawing.change(reader, others.id, SQUARE, others.revision)
    with pytest.raises(NotAllowed):
        draw(SQUARE, by=reader, author="somebody@lab")
    assert lab.drawing.change(reader, own.id, DOT, own.revision).author == "reader@lab"
    assert lab.drawing.change(owner, own.id, SQUARE, 2).changed_by == owner.user.id


def test_shape_of_a_load_becomes_one_drawn_by_hand(
    lab, owner, study, slide, drawn_layer, load_boxes, as_user
):
    load = load_boxes((0, 0, 4, 4), (10, 0, 14, 4), (20, 0, 24, 4), labels=("a", "b", "a"))
    mine = lab.drawing.edit(owner, load.first_id + 1, lambda old: old, 1)
    assert (mine.bulk_id, mine.author) == (load.first_id + 1, "net 1.0")
    assert [each.name for each in mine.labels] == ["b"]
    assert mine.shape.geometry.bounds == (10, 0, 14, 4)
    assert lab.loads.get(owner, load.id).count == 2
    with pytest.raises(Conflict) as lost:
        lab.drawing.change(owner, load.first_id + 1, SQUARE, 1)
    assert lost.value.details["current"] == mine
    lab.drawing.remove(owner, load.first_id, 1)
    assert lab.loads.get(owner, load.id).count == 1
    with pytest.raises(Conflict, match="removed") as lost:
        lab.drawing.remove(owner, load.first_id, 1)
    assert lost.value.details["current"] is None
    assert lost.value.details["changed_by"] == owner.user.email
    with pytest.raises(NotFound):
        lab.drawing.change(owner, load.first_id + 3, SQUARE, 1)
    with pytest.raises(NotFound):
        lab.drawing.remove(as_user("stranger@lab"), load.first_id, 1)
    reader = as_user("reader@lab", rights="view score", study=study)
    for bulk_id in (load.first_id, load.first_id + 1, load.first_id + 2):
        with pytest.raises(NotFound):
            lab.drawing.change(reader, bulk_id, SQUARE, 1)


class Editor:
    """Somebody who draws, and what they believe to be there."""

    def __init__(self, lab: Lab, actor: Actor) -> None:
        self.lab = lab
        self.actor = actor
        self.known: dict[int, Annotation] = {}


class Interleaving:
    """Two editors of the same shapes, what is truly there, and how often somebody lost."""

    def __init__(self, lab: Lab, editors: list[Editor], slide: Slide, layer: Layer) -> None:
        self.lab, self.editors, self.slide, self.layer = lab, editors, slide, layer
        self.chance = random.Random(1866)
        self.truth: dict[int, Annotation] = {}
        self.winners: dict[int, str] = {}
        self.won = self.lost = self.made = 0

    def step(self) -> None:
        editor = self.chance.choice(self.editors)
        what = self.chance.choices(
            [self.look, self.draw, self.change, self.remove], [2, 1, 20, 1]
        )[0]  # fmt: skip
        what(editor)

    def look(self, editor: Editor) -> None:
        found = self.lab.drawing.list(editor.actor, self.slide.id, self.layer.id)
        editor.known = {each.id: each for each in found}
        assert editor.known == self.truth

    def draw(self, editor: Editor) -> None:
        self.made += 1
        given = [(f"key {self.made}", self.feature())]
        for _ in range(self.chance.choice([1, 2])):
            # Twice where the first answer was lost on its way.
            (shape,) = self.lab.drawing.add(
                editor.actor, self.slide.id, self.layer.id, given, author="both"
            )
            assert self.truth.setdefault(shape.id, shape) == shape
        editor.known[shape.id] = shape
        self.won += 1

    def change(self, editor: Editor) -> None:
        if not editor.known:
            return
        known = self.chance.choice(list(editor.known.values()))
        self.tried(
            editor,
            known,
            lambda: self.lab.drawing.change(editor.actor, known.id, self.feature(), known.revision),
        )

    def remove(self, editor: Editor) -> None:
        if not editor.known:
            return
        known = self.chance.choice(list(editor.known.values()))
        self.tried(
            editor,
            known,
            lambda: self.lab.drawing.remove(editor.actor, known.id, known.revision),
        )

    def tried(self, editor: Editor, known: Annotation, run: Callable[[], Any]) -> None:
        try:
            after, refused = run(), None
        except Conflict as error:
            after, refused = None, error.details
        if refused is not None:
            current = refused["current"]
            assert known != self.truth.get(known.id) == current
            assert refused["changed_by"] == self.winners[known.id]
            self.lost += 1
        else:
            assert known == self.truth.pop(known.id)
            self.winners[known.id] = editor.actor.user.email
            current = after
            self.won += 1
            if after is not None:
                assert after.changed_by == editor.actor.user.id
                self.truth[known.id] = after
        del editor.known[known.id]
        if current is not None:
            editor.known[known.id] = current

    def feature(self) -> Feature:
        # Never the same twice: a change to what is there already would be none.
        place = shapely.Point(self.chance.random(), self.won + self.lost)
        return Feature(ShapeKind.POINT, place, (self.chance.choice("abc"),))


def test_in_a_thousand_interleavings_of_two_editors_no_change_is_lost(
    lab, owner, study, slide, layer, as_user
):
    other = as_user("other@lab", rights="view score results edit admin", study=study)
    editors = [Editor(lab, owner), Editor(lab, other)]
    interleaving = Interleaving(lab, editors, slide, layer)
    for _ in range(1000):
        interleaving.step()
    interleaving.look(editors[0])
    assert interleaving.won > 300
    assert interleaving.lost > 100
    (row,) = lab.results.rows(owner, study.id)
    # Each change that was accepted is one revision of the answer, and what was refused is none.
    assert row.revision == interleaving.won
    assert len(json.loads(row.value)) == len(interleaving.truth)
