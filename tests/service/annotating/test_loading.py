"""Shapes that come at once: stored once, whole or not at all, part of their author's answer."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable

import numpy as np
import pytest
import shapely
from many_shapes import LABELS, squares

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.model.feature import Grid
from wsi_lab.model.layer import ShapeQuery
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, QuestionKind, QuestionSpec
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating.drawn_answers import drawn_on, shapes_changed
from wsi_lab.service.jobs import Stopped
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.store.bulk import counts

RECTANGLE = '[{"type":"rect","corner":{"x":1,"y":2},"size":{"x":3,"y":4}}]'


@pytest.fixture
def layer(lab: Lab, owner: Actor, study: Study) -> Question:
    return lab.questions.add(
        owner, study.id, QuestionSpec("Nuclei", QuestionKind.ANNO_SHAPES, "#e6194b")
    )


def rows_left(lab: Lab) -> dict[str, int]:
    tables = ("loads", "chunks", "bodies", "places", "counts", "grids", "edits")
    return {
        name: count
        for name in tables
        if (
            count := lab._database.read(
                lambda c, name=name: c.execute(f"SELECT count(*) FROM bulk_{name}").fetchone()[0]
            )
        )
    }


def geometries(lab: Lab, actor: Actor, slide: Slide, **where: object) -> list[str]:
    found = lab.finder.find(actor, ShapeQuery(slide_id=slide.id, **where))  # type: ignore[arg-type]
    return sorted(
        shapely.to_wkt(shapely.normalize(each), rounding_precision=-1)
        for batch in found
        for each in batch.shapes.to_geometries()
    )


def test_load_is_stored_with_its_counts_and_audited_once(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, entries
) -> None:
    before = len(entries())
    load = lab.loads.load(owner, layer.id, slide.id, squares(300), author="model-7", name="n")
    assert (load.count, load.author, load.name, load.kind) == (300, "model-7", "n", "shapes")
    assert load.box == (0.0, 0.0, 1990.0, 50.0)
    assert load.precision == 0.0
    found = {each.label and each.label.name: (each.count, each.area) for each in load.counts}
    assert found == {LABELS[0]: (100, 1e4), LABELS[1]: (100, 1e4), None: (100, 1e4)}
    assert load.properties == ("score",)
    assert load.ranges == {"score": (0.0, 299 / 4)}
    assert load.first_id >= 1 << 40
    new = entries()[before:]
    assert [(entry.verb, entry.kind) for entry in new if entry.kind != "label-set"] == [
        ("create", "load")
    ]
    assert lab.loads.get(owner, load.id) == load
    assert lab.loads.list(owner, layer.id) == lab.loads.list(owner, layer.id, slide.id) == [load]
    assert geometries(lab, owner, slide) == sorted(
        shapely.to_wkt(shapely.normalize(each), rounding_precision=-1)
        for each in squares(300).to_geometries()
    )


@pytest.mark.parametrize(
    ("x", "precision"), [(256.01, 0.0), (199_999.99, 0.0), (1 / 3, 0.01), (1 / 3, 0.0)]
)
def test_coordinates_stay_exact_on_a_grid_and_within_the_precision_elsewhere(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, x: float, precision: float
) -> None:
    columns = ShapeColumns.from_geometries([shapely.box(x, 1, x + 7, 9)])
    load = lab.loads.load(owner, layer.id, slide.id, columns, precision=precision)
    (found,) = lab.finder.find(owner, ShapeQuery(slide_id=slide.id))
    off = np.abs(found.shapes.coordinates - columns.coordinates).max()
    assert off <= load.precision / 2 + 1e-12
    assert (off == 0) == (load.precision == 0) == (precision == 0 or x != 1 / 3)


def test_same_load_twice_is_stored_once(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, study: Study, entries
) -> None:
    first = lab.loads.load(owner, layer.id, slide.id, squares(50))
    (row,) = lab.results.rows(owner, study.id)
    count = len(entries())
    assert lab.loads.load(owner, layer.id, slide.id, squares(50)) == first
    assert len(entries()) == count
    assert lab.results.rows(owner, study.id) == [row]
    other = lab.loads.load(owner, layer.id, slide.id, squares(51))
    assert [each.id for each in lab.loads.list(owner, layer.id)] == [first.id, other.id]
    elsewhere = lab.loads.load(owner, layer.id, slide.id, squares(50), author="model")
    assert elsewhere.id != first.id


def test_name_is_taken_once_unless_its_load_is_replaced(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, study: Study
) -> None:
    first = lab.loads.load(owner, layer.id, slide.id, squares(50), name="v1")
    with pytest.raises(Conflict) as caught:
        lab.loads.load(owner, layer.id, slide.id, squares(60), name="v1")
    assert caught.value.details["current"] == first.id
    second = lab.loads.load(owner, layer.id, slide.id, squares(60), name="v1", replace=True)
    assert lab.loads.list(owner, layer.id) == [second]
    assert rows_left(lab)["loads"] == 1
    # Ids are never given twice.
    assert second.first_id >= first.first_id + 50
    assert lab.results.rows(owner, study.id)[0].revision == 2


def test_stopped_load_leaves_nothing(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, study: Study, entries
) -> None:
    columns = squares(3000, across=30, pitch=200)
    done: list[float] = []
    lab.loads.load(owner, layer.id, slide.id, columns, author="all", progress=done.append)
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0.0, 1.0)
    count, left = len(entries()), rows_left(lab)
    steps = len(done) - 1
    for stop_at in range(0, steps, max(1, steps // 12)):
        asked = iter(range(steps))
        with pytest.raises(Stopped):
            lab.loads.load(
                owner,
                layer.id,
                slide.id,
                columns,
                author="stopped",
                stopped=lambda asked=asked, stop_at=stop_at: next(asked) == stop_at,
            )
    assert len(entries()) == count
    assert rows_left(lab) == left
    assert [row.author for row in lab.results.rows(owner, study.id)] == ["all"]


def test_failure_in_the_middle_leaves_nothing(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, study: Study, monkeypatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(counts, "add_counts", broken)
    with pytest.raises(RuntimeError):
        lab.loads.load(owner, layer.id, slide.id, squares(300))
    assert rows_left(lab) == {}
    assert lab.results.rows(owner, study.id) == []


def test_load_lasts(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, settings: LabSettings, clock
) -> None:
    load = lab.loads.load(owner, layer.id, slide.id, squares(300))
    lab.close()
    with Lab.open(settings, clock=clock) as again:
        assert again.loads.get(again.people.owner(), load.id) == load
        assert len(geometries(again, again.people.owner(), slide)) == 300


def test_two_loads_at_once_have_ids_of_their_own(
    lab: Lab, owner: Actor, layer: Question, slide: Slide
) -> None:
    together = threading.Barrier(4)

    def load(number: int) -> None:
        together.wait(10)
        lab.loads.load(owner, layer.id, slide.id, squares(100 + number), author=f"m{number}")

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [each.ids for each in lab.finder.find(owner, ShapeQuery(slide_id=slide.id))]
    assert len(set(np.concatenate(ids).tolist())) == 100 + 101 + 102 + 103


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (squares(0), "no shapes"),
        (squares(1, pitch=0, side=1e12), "on a slide"),
        (dataclasses.replace(squares(1), coordinates=np.full((4, 2), np.nan)), "finite"),
        (ShapeColumns.from_geometries([shapely.box(0, 0, 1, 1)], kinds=[6]), "heat map"),
        (ShapeColumns.from_geometries([shapely.Point(1, 1)], kinds=[99]), "nobody knows"),
        (ShapeColumns.from_geometries([shapely.Point(1, 1)], labels=[5]), "nobody knows"),
        (
            ShapeColumns.from_geometries([shapely.Point(1, 1)], labels=[0], label_names=["a\nb"]),
            "line breaks",
        ),
        (
            ShapeColumns.from_geometries(
                [shapely.Point(1, 1)] * 1001,
                labels=range(1001),
                label_names=[f"{number}" for number in range(1001)],
            ),
            "1,001 different labels",
        ),
    ],
)
def test_what_cannot_be_stored_is_refused(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, columns: ShapeColumns, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        lab.loads.load(owner, layer.id, slide.id, columns)
    assert rows_left(lab) == {}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("p", "\ud800", "Unicode"), ("\ud800", "x", "Unicode"), ("p", {(1, 2): {3}}, "no words")],
)
def test_property_that_cannot_be_told_is_refused(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, name: str, value: object, said: str
) -> None:
    column = np.empty(1, object)
    column[0] = value
    with pytest.raises(Invalid, match=said):
        lab.loads.load(owner, layer.id, slide.id, squares(1, properties={name: column}))


def test_layer_of_points_takes_points_only(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    points = lab.questions.add(
        owner, study.id, QuestionSpec("P", QuestionKind.ANNO_POINTS, "#ff0000")
    )
    with pytest.raises(Invalid, match="points only"):
        lab.loads.load(owner, points.id, slide.id, squares(3))
    columns = ShapeColumns.from_geometries([shapely.Point(1, 1), shapely.Point(2, 2)])
    assert lab.loads.load(owner, points.id, slide.id, columns).count == 2


def test_layer_and_slide_must_be_there_and_belong_together(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, study: Study
) -> None:
    remark = lab.questions.add(owner, study.id, QuestionSpec("R", QuestionKind.FREE_TEXT))
    elsewhere = lab.studies.create(owner, "another study")
    other = lab.questions.add(
        owner, elsewhere.id, QuestionSpec("Nuclei", QuestionKind.ANNO_SHAPES, "#e6194b")
    )
    for layer_id, slide_id, error in (
        (remark.id, slide.id, NotFound),
        (99, slide.id, NotFound),
        (1 << 70, slide.id, NotFound),
        (layer.id, 99, NotFound),
        (other.id, slide.id, Invalid),
    ):
        with pytest.raises(error):
            lab.loads.load(owner, layer_id, slide_id, squares(3))


def test_shapes_without_a_place_are_kept(
    lab: Lab, owner: Actor, layer: Question, slide: Slide
) -> None:
    columns = ShapeColumns.from_geometries([shapely.box(0, 0, 5, 5), None])
    load = lab.loads.load(owner, layer.id, slide.id, columns)
    assert (load.count, load.box) == (2, (0.0, 0.0, 5.0, 5.0))
    (found,) = lab.finder.find(owner, ShapeQuery(slide_id=slide.id))
    assert [each is None for each in found.shapes.to_geometries()] == [False, True]
    (placed,) = lab.finder.find(owner, ShapeQuery(slide_id=slide.id, box=(-9, -9, 9, 9)))
    assert len(placed) == 1


def test_labels_of_the_same_name_are_one_and_unused_ones_none(
    lab: Lab, owner: Actor, layer: Question, slide: Slide
) -> None:
    columns = ShapeColumns.from_geometries(
        [shapely.Point(x, x) for x in range(4)],
        labels=[0, 1, 3, -1],
        label_names=("a", "a", "unused", ""),
    )
    load = lab.loads.load(owner, layer.id, slide.id, columns, colours={"a": "#0072b2"})
    found = [
        (each.label and (each.label.name, each.label.colour), each.count) for each in load.counts
    ]
    assert found == [(("a", "#0072b2"), 2), (None, 2)]


def test_only_those_who_may_bring_answers_in_load(
    lab: Lab,
    owner: Actor,
    layer: Question,
    slide: Slide,
    study: Study,
    as_user: Callable[..., Actor],
) -> None:
    reader = as_user("reader@lab", rights="score", study=study)
    editor = as_user("editor@lab", rights="edit results", study=study)
    load = lab.loads.load(editor, layer.id, slide.id, squares(3))
    for attempt in (
        lambda: lab.loads.load(reader, layer.id, slide.id, squares(3)),
        lambda: lab.loads.load_grid(reader, layer.id, slide.id, grid()),
        lambda: lab.loads.remove(reader, load.id),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert lab.loads.list(reader, layer.id) == []
    with pytest.raises(NotFound):
        lab.loads.get(reader, load.id)
    stranger = as_user("stranger@lab")
    for attempt in (
        lambda: lab.loads.list(stranger, layer.id),
        lambda: lab.loads.get(stranger, load.id),
        lambda: lab.loads.remove(stranger, load.id),
        lambda: lab.loads.load(stranger, layer.id, slide.id, squares(3)),
    ):
        with pytest.raises(NotFound):
            attempt()
    own = lab.loads.load(owner, layer.id, slide.id, squares(4), author="reader@lab")
    assert lab.loads.list(reader, layer.id) == [own]


def test_removed_load_is_gone_and_its_answer_empty(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, study: Study, entries
) -> None:
    load = lab.loads.load(owner, layer.id, slide.id, squares(300))
    lab.loads.remove(owner, load.id)
    assert rows_left(lab) == {}
    assert (entries()[-1].verb, entries()[-1].kind) == ("remove", "load")
    (row,) = lab.results.rows(owner, study.id)
    assert (row.value, row.revision) == ("[]", 2)
    for attempt in (lab.loads.get, lab.loads.remove):
        with pytest.raises(NotFound):
            attempt(owner, load.id)
    assert list(lab.finder.find(owner, ShapeQuery(slide_id=slide.id))) == []


def test_loads_go_with_their_slide_and_are_hidden_with_their_layer(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, study: Study
) -> None:
    load = lab.loads.load(owner, layer.id, slide.id, squares(300))
    lab.questions.remove(owner, layer.id, revision=layer.revision)
    for attempt in (
        lambda: lab.loads.list(owner, layer.id),
        lambda: lab.loads.get(owner, load.id),
        lambda: lab.finder.counts(owner, layer.id),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert list(lab.finder.find(owner, ShapeQuery(study_id=study.id))) == []
    lab.slides.remove(owner, slide.id, revision=lab.slides.get(owner, slide.id).revision)
    assert rows_left(lab) == {}


def test_answer_given_in_its_place_ends_a_load_and_the_history_keeps_it(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, study: Study
) -> None:
    load = lab.loads.load(owner, layer.id, slide.id, squares(20), author="model")
    (row,) = lab.results.rows(owner, study.id)
    uuid = row.value.removeprefix("anno2 ")
    lab.results.submit(owner, study.id, NewAnswer("Nuclei", Place(slide.id), "model", RECTANGLE))
    assert lab.loads.list(owner, layer.id) == []
    with pytest.raises(NotFound):
        lab.loads.get(owner, load.id)
    assert [each.value for each in lab.results.history(owner, row.answer_id)] == [
        f"anno2 {uuid}",
        RECTANGLE,
    ]
    assert len(geometries(lab, owner, slide)) == 1
    # What it was then can still be fetched.
    assert lab.annotations.file_of(owner, uuid).stat().st_size > 0


def grid(name: str = "tumour probability") -> Grid:
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    values[0, 0] = np.nan
    return Grid(name, values, (0.0, 0.0, 400.0, 300.0))


def test_grid_is_a_load_by_its_name(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, study: Study
) -> None:
    load = lab.loads.load_grid(owner, layer.id, slide.id, grid())
    assert (load.kind, load.count, load.name) == ("grid", 12, "tumour probability")
    assert load.box == (0.0, 0.0, 400.0, 300.0)
    assert load.ranges["tumour probability"] == pytest.approx((1 / 11, 1))
    values = lab.loads._transactions.read(owner, lambda t: lab.finder.grid(t, load.id))
    np.testing.assert_array_equal(values, grid().values)
    assert lab.loads.load_grid(owner, layer.id, slide.id, grid()) == load
    assert list(lab.finder.find(owner, ShapeQuery(slide_id=slide.id))) == []
    assert lab.results.rows(owner, study.id)[0].value.startswith("anno2 ")
    for bad in (
        Grid("g", np.zeros((0, 3), np.float32), (0, 0, 1, 1)),
        Grid("g", np.zeros(3, np.float32), (0, 0, 1, 1)),
        Grid("g", np.zeros((2, 2), np.float32), (0, 0, 0, 1)),
        Grid("g", np.zeros((2, 2), np.float32), (0, 0, float("nan"), 1)),
    ):
        with pytest.raises(Invalid):
            lab.loads.load_grid(owner, layer.id, slide.id, bad)


def test_shape_is_read_and_taken_out_once(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, study: Study
) -> None:
    load = lab.loads.load(owner, layer.id, slide.id, squares(300), author="model")
    bulk_id = load.first_id + 7
    shape = lab.loads._transactions.read(owner, lambda t: lab.loads.shape(t, bulk_id)).feature
    assert shape.geometry.equals(squares(300).to_geometries()[7])
    assert (shape.labels, shape.properties) == ((LABELS[1],), {"score": 7 / 4})
    (before,) = lab.results.rows(owner, study.id)

    def take(transaction) -> None:
        drawn = drawn_on(transaction, before.answer_id)
        lab.loads.take_out(transaction, bulk_id, 12)
        shapes_changed(transaction, drawn)

    lab.loads._transactions.write(owner, take)
    after = lab.loads.get(owner, load.id)
    assert (after.count, after.revision) == (299, 2)
    assert {each.label and each.label.name: each.count for each in after.counts} == {
        LABELS[0]: 100,
        LABELS[1]: 99,
        None: 100,
    }
    found = np.concatenate(
        [each.ids for each in lab.finder.find(owner, ShapeQuery(slide_id=slide.id))]
    )
    assert bulk_id not in found
    assert len(found) == 299
    (row,) = lab.results.rows(owner, study.id)
    assert row.revision == before.revision + 1
    assert row.value != before.value
    with pytest.raises(Conflict) as caught:
        lab.loads._transactions.write(owner, take)
    assert caught.value.details["current"] == 12
    for unknown in (load.first_id + 300, load.first_id - 1, 5, -1, 1 << 70):
        with pytest.raises(NotFound):
            lab.loads._transactions.read(owner, lambda t, u=unknown: lab.loads.shape(t, u))


def test_every_shape_of_a_load_is_found_by_its_id(
    lab: Lab, owner: Actor, layer: Question, slide: Slide
) -> None:
    columns = squares(500, across=25, pitch=300)
    load = lab.loads.load(owner, layer.id, slide.id, columns)
    wanted = columns.to_geometries()

    def look(transaction) -> None:
        for number in range(0, 500, 7):
            found = lab.loads.shape(transaction, load.first_id + number)
            assert found.feature.geometry.equals(wanted[number])

    lab.loads._transactions.read(owner, look)


def test_answers_of_a_study_with_loads_can_be_taken_out_and_brought_in_again(
    lab: Lab, owner: Actor, layer: Question, slide: Slide, study: Study
) -> None:
    lab.loads.load(owner, layer.id, slide.id, squares(20), author="model")
    table = lab.results.table(owner, study.id)
    before = lab.results.rows(owner, study.id)
    report = lab.results.import_table(owner, study.id, table)
    assert (report.stored, report.unchanged) == (0, 1)
    assert lab.results.rows(owner, study.id) == before
    assert json.loads(json.dumps(before[0].value)).startswith("anno2 ")
    assert len(geometries(lab, owner, slide)) == 20
