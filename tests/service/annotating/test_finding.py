"""Shapes are found by what is said of them and by where they lie, whoever made them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import shapely
from hand_drawing import draw_by_hand
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from many_shapes import LABELS, squares

from wsi_lab.errors import Conflict, Invalid, NotFound
from wsi_lab.model.layer import Condition, ShapeQuery
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, QuestionKind, QuestionSpec
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating import loaded
from wsi_lab.service.lab import Lab

COUNT = 900
SHAPES = squares(COUNT, across=30)
GEOMETRIES = SHAPES.to_geometries()
NAMES = np.array([*LABELS, ""])[SHAPES.labels]
HAND = shapely.Polygon([(300, 300), (340, 300), (340, 340), (300, 340)])


@pytest.fixture
def layer(lab: Lab, owner: Actor, study: Study) -> Question:
    return lab.questions.add(
        owner, study.id, QuestionSpec("Nuclei", QuestionKind.ANNO_SHAPES, "#e6194b")
    )


@pytest.fixture
def filled(lab: Lab, owner: Actor, layer: Question, slide: Slide) -> int:
    """The id of a shape drawn by hand; besides there is a load of `SHAPES`."""
    lab.loads.load(owner, layer.id, slide.id, SHAPES, author="model")
    return draw_by_hand(
        lab,
        owner,
        layer,
        slide.id,
        HAND,
        author="reader@lab",
        labels=(LABELS[1], "mitosis"),
        properties={"score": 2.5, "note": "ü"},
    )


def ids(lab: Lab, actor: Actor, **query: object) -> list[int]:
    """Return numbers in the load; of shapes drawn by hand their ids, as negative numbers."""
    return sorted(
        number
        for batch in lab.finder.find(actor, ShapeQuery(**query))  # type: ignore[arg-type] (tests)
        for number in (
            (batch.ids - batch.load.first_id).tolist() if batch.load else (-batch.ids).tolist()
        )
    )


def where(mask: np.ndarray) -> list[int]:
    return np.flatnonzero(mask).tolist()


def test_all_are_found_without_conditions(
    lab: Lab, owner: Actor, study: Study, slide: Slide, layer: Question, filled: int
) -> None:
    everything = [-filled, *range(COUNT)]
    for query in (
        {"slide_id": slide.id},
        {"study_id": study.id},
        {"study_id": study.id, "slide_id": slide.id, "layer_ids": (layer.id,)},
    ):
        assert ids(lab, owner, **query) == everything
    assert ids(lab, owner, slide_id=slide.id, tier="hand") == [-filled]
    assert ids(lab, owner, slide_id=slide.id, tier="bulk") == list(range(COUNT))
    assert ids(lab, owner, slide_id=slide.id, layer_ids=()) == []


def test_batch_tells_what_its_shapes_are(
    lab: Lab, owner: Actor, slide: Slide, layer: Question, filled: int, clock
) -> None:
    hand, bulk = lab.finder.find(owner, ShapeQuery(slide_id=slide.id))
    assert (hand.slide, hand.layer, hand.author, hand.tier) == (
        slide.name,
        "Nuclei",
        "reader@lab",
        "hand",
    )
    assert hand.labels == [(LABELS[1], "mitosis")]
    assert hand.shapes.label_names[hand.shapes.labels[0]] == LABELS[1]
    assert {name: values.tolist() for name, values in hand.shapes.properties.items()} == {
        "score": [2.5],
        "note": ["ü"],
    }
    assert hand.changed_on.tolist() == [clock.time.replace(tzinfo=None)]
    assert hand.revisions.tolist() == [1]
    assert (bulk.author, bulk.tier, bulk.labels) == ("model", "bulk", None)
    assert bulk.load == lab.loads.list(owner, layer.id)[0]
    order = np.argsort(bulk.ids)
    found = bulk.shapes.take(order)
    assert [found.label_names[each] if each >= 0 else "" for each in found.labels] == NAMES.tolist()
    np.testing.assert_array_equal(found.properties["score"], np.arange(COUNT) / 4)
    assert all(a.equals(b) for a, b in zip(found.to_geometries(), GEOMETRIES, strict=True))


def test_labels_and_authors_and_properties(
    lab: Lab, owner: Actor, slide: Slide, filled: int
) -> None:
    def found(**query: object) -> list[int]:
        return ids(lab, owner, slide_id=slide.id, **query)

    score = np.arange(COUNT) / 4
    assert found(labels=(LABELS[0],)) == where(LABELS[0] == NAMES)
    assert found(labels=("mitosis",)) == [-filled]
    assert found(labels=(LABELS[1], "")) == [-filled, *where(LABELS[0] != NAMES)]
    assert found(labels=("unknown",)) == found(labels=()) == []
    assert found(authors=("MODEL",)) == list(range(COUNT))
    assert found(authors=("nobody",)) == []
    for comparison, expected, by_hand in (
        ("<", score < 2.5, False),
        ("<=", score <= 2.5, True),
        (">", score > 2.5, False),
        (">=", score >= 2.5, True),
        ("=", score == 2.5, True),
        ("!=", score != 2.5, False),
    ):
        condition = Condition("score", comparison, 2.5)
        assert found(where=(condition,)) == [-filled] * by_hand + where(expected)
    assert found(where=(Condition("score", "in", [1, 2.5]),)) == [-filled, 4, 10]
    assert found(where=(Condition("note", "=", "ü"),)) == [-filled]
    assert found(where=(Condition("note", "<", 5),)) == []
    assert found(where=(Condition("score", "=", "text"),)) == []
    assert found(where=(Condition("unknown", "=", 1),)) == []
    both = (Condition("score", ">=", 1), Condition("score", "<", 2))
    assert found(where=both, labels=(LABELS[0],)) == [6]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    left=st.integers(-5, 610),
    top=st.integers(-5, 610),
    width=st.integers(0, 200),
    height=st.integers(0, 200),
)
def test_box_finds_what_touches_it(
    lab: Lab, owner: Actor, slide: Slide, filled: int, left: int, top: int, width: int, height: int
) -> None:
    box = (left, top, left + width, top + height)
    area = shapely.box(*box) if width and height else shapely.LineString([box[:2], box[2:]])
    if not width and not height:
        area = shapely.Point(left, top)
    by_hand = [-filled] * bool(area.intersects(HAND))
    assert ids(lab, owner, slide_id=slide.id, box=box) == by_hand + where(
        shapely.intersects(area, GEOMETRIES)
    )


@pytest.mark.parametrize("centroid", [False, True])
def test_polygon_finds_what_it_intersects_or_whose_centre_lies_in_it(
    lab: Lab, owner: Actor, slide: Slide, filled: int, centroid: bool
) -> None:
    area = shapely.Polygon([(5, 5), (420, 100), (200, 480)]).difference(
        shapely.Point(210, 200).buffer(60)
    )

    def is_meant(geometry: object) -> np.ndarray:
        return shapely.intersects(area, shapely.centroid(geometry) if centroid else geometry)

    expected = [-filled] * bool(is_meant(HAND)) + where(is_meant(GEOMETRIES))
    assert 0 < len(expected) < COUNT
    assert ids(lab, owner, slide_id=slide.id, polygon=area, centroid=centroid) == expected
    box = (100.0, 100.0, 215.0, 300.0)
    in_box = shapely.box(*box)
    places = [HAND if number < 0 else GEOMETRIES[number] for number in expected]
    touching = shapely.intersects(
        in_box, shapely.centroid(places) if centroid else shapely.envelope(places)
    )
    both = [number for number, is_in in zip(expected, touching, strict=True) if is_in]
    assert 0 < len(both) < len(expected)
    assert ids(lab, owner, slide_id=slide.id, polygon=area, box=box, centroid=centroid) == both


def test_shape_that_touches_box_and_area_apart_from_each_other_is_found(
    lab: Lab, owner: Actor, slide: Slide, layer: Question
) -> None:
    long = draw_by_hand(
        lab, owner, layer, slide.id, shapely.box(0, 0, 1000, 10), author="reader@lab"
    )
    area, box = shapely.box(900, -5, 950, 5), (0.0, 0.0, 50.0, 50.0)
    assert ids(lab, owner, slide_id=slide.id, polygon=area, box=box) == [-long]


def test_batches_and_limits_change_nothing_of_what_is_found(
    lab: Lab, owner: Actor, slide: Slide, filled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaded, "SHAPES_PER_BATCH", 100)
    monkeypatch.setattr(loaded, "CHUNKS_PER_READ", 1)
    everything = ids(lab, owner, slide_id=slide.id)
    assert everything == [-filled, *range(COUNT)]
    for limit in (0, 1, 2, 150, COUNT + 1, 5 * COUNT):
        found = ids(lab, owner, slide_id=slide.id, limit=limit)
        assert len(found) == min(limit, COUNT + 1)
        assert set(found) <= set(everything)


def test_only_wanted_properties_are_read(lab: Lab, owner: Actor, slide: Slide, filled: int) -> None:
    query = ShapeQuery(
        slide_id=slide.id, properties=("note",), where=(Condition("score", ">=", 2.5),)
    )
    hand, bulk = lab.finder.find(owner, query)
    assert list(hand.shapes.properties) == ["note"]
    assert list(bulk.shapes.properties) == []
    assert len(bulk) == COUNT - 10


def test_one_sees_ones_own_and_others_where_one_may(
    lab: Lab,
    owner: Actor,
    study: Study,
    slide: Slide,
    layer: Question,
    filled: int,
    as_user: Callable[..., Actor],
) -> None:
    reader = as_user("reader@lab", rights="score", study=study)
    assert ids(lab, reader, slide_id=slide.id) == [-filled]
    assert [each.count for each in lab.finder.counts(reader, layer.id)] == [1, 1]
    assert lab.finder.counts(reader, layer.id, author="model") == []
    everybody = as_user("viewer@lab", rights="view results", study=study)
    assert len(ids(lab, everybody, slide_id=slide.id)) == COUNT + 1
    with pytest.raises(NotFound):
        lab.finder.find(as_user("stranger@lab"), ShapeQuery(slide_id=slide.id))
    lab._database.write(lambda c: c.execute("UPDATE layers SET is_shared = 1"))
    assert len(ids(lab, reader, slide_id=slide.id)) == COUNT + 1


def test_counts_are_those_of_what_is_found(
    lab: Lab, owner: Actor, study: Study, slide: Slide, layer: Question, filled: int
) -> None:
    found = {
        each.label and each.label.name: (each.count, each.area)
        for each in lab.finder.counts(owner, layer.id)
    }
    third = COUNT // 3
    assert found == {
        LABELS[0]: (third, third * 100.0),
        LABELS[1]: (third + 1, third * 100.0 + 1600),
        "mitosis": (1, 1600.0),
        None: (third, third * 100.0),
    }
    assert lab.finder.counts(owner, layer.id, slide_id=slide.id) == lab.finder.counts(
        owner, layer.id
    )
    assert lab.finder.counts(owner, layer.id, slide_id=99) == []
    assert sum(each.count for each in lab.finder.counts(owner, layer.id, author="reader@lab")) == 2


def test_query_that_cannot_be_answered_is_refused(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    other = lab.studies.create(owner, "other")
    for query, error in (
        (ShapeQuery(), Invalid),
        (ShapeQuery(slide_id=slide.id, where=(Condition("a", "like", 1),)), Invalid),
        (ShapeQuery(slide_id=slide.id, where=(Condition("a", "in", 1),)), Invalid),
        (ShapeQuery(slide_id=slide.id, box=(0, 0, float("nan"), 1)), Invalid),
        (ShapeQuery(slide_id=slide.id, polygon=shapely.Polygon()), Invalid),
        (ShapeQuery(slide_id=slide.id, limit=-1), Invalid),
        (ShapeQuery(slide_id=slide.id, study_id=other.id), Invalid),
        (ShapeQuery(slide_id=99), NotFound),
        (ShapeQuery(study_id=99), NotFound),
        (ShapeQuery(slide_id=slide.id, layer_ids=(99,)), NotFound),
    ):
        with pytest.raises(error):
            lab.finder.find(owner, query)


def test_load_that_is_removed_while_it_is_read_is_told(
    lab: Lab, owner: Actor, slide: Slide, layer: Question, filled: int
) -> None:
    found = lab.finder.find(owner, ShapeQuery(slide_id=slide.id, tier="bulk"))
    lab.loads.remove(owner, lab.loads.list(owner, layer.id)[0].id)
    with pytest.raises(Conflict, match="read them again"):
        list(found)


def test_chunks_are_told_with_what_is_still_part_of_them(
    lab: Lab, owner: Actor, slide: Slide, layer: Question, filled: int
) -> None:
    (load,) = lab.loads.list(owner, layer.id)

    def take_out(transaction) -> None:
        lab.loads.take_out(transaction, load.first_id + 5, None)

    def parts(transaction, box=None) -> dict[int, bool]:
        return {
            int(number): part.mask is None or bool(part.mask[place])
            for part in lab.finder.packed(transaction, slide.id, layer.id, box)
            for place, number in enumerate(part.ids - load.first_id)
        }

    lab.loads._transactions.read(owner, parts)  # What is kept in memory from now on stays right.
    lab.loads._transactions.write(owner, take_out)
    found = lab.loads._transactions.read(owner, parts)
    assert sorted(found) == list(range(COUNT))
    assert [number for number, is_part in found.items() if not is_part] == [5]
    far = lab.loads._transactions.read(owner, lambda t: parts(t, (1e6, 1e6, 2e6, 2e6)))
    assert far == {}

    def scores(transaction) -> dict[int, float]:
        return {
            int(number): value
            for part in lab.finder.packed(transaction, slide.id, layer.id)
            for number, value in zip(
                part.shapes.numbers,
                lab.finder.properties(transaction, part, ("score", "none"))["score"].tolist(),
                strict=True,
            )
        }

    assert lab.loads._transactions.read(owner, scores) == {n: n / 4 for n in range(COUNT)}
