"""Drawings of paper.js: told as they came, and changed shape by shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsi_lab.errors import Invalid, NotAllowed, NotFound
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import ShapeQuery
from wsi_lab.model.task import Access

PATH = ["Path", {"applyMatrix": True, "segments": [[10, 10], [90, 10], [90, 80]], "closed": True}]
CURVE = [
    "Path",
    {
        "segments": [[[0, 0], [0, 0], [30, 0]], [[100, 100], [-30, 0], [0, 0]]],
        "mine": {"a": [1.50]},
    },
]
MARKER = ["PointText", {"matrix": [1, 0, 0, 1, 40.5, 60], "content": "mitosis"}]
UNKNOWN = ["Raster", {"source": "x.png"}]
EMPTY_PATH = ["Path", {"applyMatrix": True}]


def drawing(*items: Any) -> str:
    return json.dumps([["Layer", {"applyMatrix": True, "name": "ü", "children": list(items)}]])


@pytest.fixture
def put(lab, writer, task, slide) -> Callable[..., None]:
    def run(*items: Any, by=writer) -> None:
        lab.task_drawings.put(by, task.id, slide.id, drawing(*items))

    return run


@pytest.fixture
def shapes(lab, owner, task, slide) -> Callable[[], list[Any]]:
    return lambda: lab.drawing.list(owner, slide.id, task.id)


@pytest.fixture
def told(lab, owner, task, slide) -> Callable[..., list[Any]]:
    """The items of the drawing as it is told."""

    def run(by=owner) -> list[Any]:
        found = lab.task_drawings.get(by, task.id, slide.id)
        return json.loads(found.text)[0][1]["children"]

    return run


@pytest.mark.parametrize(
    "text",
    [
        drawing(PATH, CURVE, MARKER, UNKNOWN, EMPTY_PATH),
        "[]",
        "{}",
        '{"free": [1.0, 2e0]}',
        ' [["Layer", {"children": []}], "more"] ',
        '[["dictionary", {"#1": ["x"]}], [["Layer", {"children": [["Path", {}]]}]]]',
        '["Layer", {"children": [["Group", {"children": [["Path", {"segments": [[1,2]]}]]}]]}]',
    ],
)
def test_what_came_goes_out_unchanged(lab, writer, reader, task, slide, text):
    lab.task_drawings.put(writer, task.id, slide.id, text)
    assert lab.task_drawings.get(reader, task.id, slide.id).text == text


def test_real_drawings_come_back_and_are_shapes(lab, writer, task, slide, shapes, shared_data):
    for path in sorted((shared_data / "annotations" / "phas").glob("*.json")):
        text = path.read_text()
        lab.task_drawings.put(writer, task.id, slide.id, text)
        found = lab.task_drawings.get(writer, task.id, slide.id)
        assert found.text == text
        assert found.path_count == len(shapes()) > 0


def test_slide_without_a_drawing_has_none(lab, reader, task, slide):
    assert lab.task_drawings.get(reader, task.id, slide.id) is None
    assert lab.task_drawings.edit_record(reader, task.id, slide.id) is None


def test_curves_are_shapes_within_half_a_pixel(put, shapes):
    put(CURVE)
    (line,) = [each.shape.geometry for each in shapes()]
    steps = [number / 1000 for number in range(1001)]
    exact = [
        shapely.Point(
            3 * (1 - t) ** 2 * t * 30 + 3 * (1 - t) * t**2 * 70 + t**3 * 100,
            3 * (1 - t) * t**2 * 100 + t**3 * 100,
        )
        for t in steps
    ]
    assert max(line.distance(each) for each in exact) <= 0.5


def test_paths_and_markers_directly_in_the_first_layer_count(lab, writer, task, slide, put):
    put(PATH, CURVE, MARKER, UNKNOWN, ["Group", {"children": [PATH]}])
    found = lab.task_drawings.get(writer, task.id, slide.id)
    assert (found.path_count, found.marker_count) == (2, 1)


def test_shape_that_somebody_draws_elsewhere_joins_the_drawing(
    lab, reader, task, slide, put, told, as_user, study
):
    put(PATH, UNKNOWN)
    other = as_user("other@lab", rights="view score", study=study)
    square = Feature(ShapeKind.POLYGON, shapely.box(1, 2, 30, 40), ("stroma",))
    lab.drawing.add(other, slide.id, task.id, [(None, square)])
    path, unknown, joined = told(reader)
    assert (path, unknown) == (PATH, UNKNOWN)
    assert joined[0] == "Path"
    assert joined[1]["data"]["label"] == "stroma"
    assert sorted(map(tuple, joined[1]["segments"])) == [(1, 2), (1, 40), (30, 2), (30, 40)]
    found = lab.task_drawings.get(reader, task.id, slide.id)
    assert (found.path_count, found.marker_count) == (2, 0)


def test_shape_that_somebody_removes_elsewhere_leaves_the_drawing(lab, owner, put, shapes, told):
    put(PATH, UNKNOWN, MARKER)
    (path,) = [each for each in shapes() if each.shape.kind is not ShapeKind.POINT]
    lab.drawing.remove(owner, path.id, path.revision)
    assert told() == [UNKNOWN, MARKER]


def test_shape_that_somebody_moves_elsewhere_is_told_anew(lab, owner, put, shapes, told):
    put(MARKER, PATH)
    (path,) = [each for each in shapes() if each.shape.kind is not ShapeKind.POINT]
    lab.drawing.change(
        owner, path.id, Feature(ShapeKind.POLYGON, shapely.box(0, 0, 5, 5)), path.revision
    )
    marker, moved = told()
    assert marker == MARKER
    assert sorted(map(tuple, moved[1]["segments"])) == [(0, 0), (0, 5), (5, 0), (5, 5)]


def test_what_is_sent_back_unchanged_changes_nobodys_shapes(
    lab, writer, task, slide, put, shapes, as_user, study
):
    put(PATH)
    other = as_user("other@lab", rights="view score", study=study)
    lab.drawing.add(
        other, slide.id, task.id,
        [(None, Feature(ShapeKind.POINT, shapely.Point(3, 4), ("stroma",), {"score": 2}))],
    )  # fmt: skip
    before = shapes()
    text = lab.task_drawings.get(writer, task.id, slide.id).text
    # As a client does that takes JSON apart and puts it together again.
    lab.task_drawings.put(writer, task.id, slide.id, json.dumps(json.loads(text), indent=1))
    assert shapes() == before
    assert {each.author for each in before} == {"writer@lab", "other@lab"}


def test_item_that_is_changed_stays_the_same_shape(lab, owner, put, shapes):
    put(PATH, MARKER)
    path, marker = shapes()
    wider = ["Path", PATH[1] | {"segments": [[10, 10], [200, 10], [90, 80]]}]
    put(wider, MARKER)
    changed, same = shapes()
    assert (changed.id, same) == (path.id, marker)
    assert changed.shape.geometry.bounds == (10, 10, 200, 80)
    assert [each.shape.geometry.bounds for each in lab.drawing.history(owner, path.id)] == [
        (10, 10, 90, 80),
        (10, 10, 200, 80),
    ]


def test_item_that_is_left_out_is_removed_and_kept_in_the_history(lab, owner, put, shapes):
    put(PATH, MARKER)
    path, _ = shapes()
    put(MARKER)
    assert [each.shape.kind for each in shapes()] == [ShapeKind.POINT]
    assert lab.drawing.history(owner, path.id)[-1].shape.geometry.bounds == (10, 10, 90, 80)


def test_equal_items_are_as_many_shapes(put, shapes, told):
    put(PATH, PATH, PATH)
    assert len(shapes()) == 3
    put(PATH)
    assert len(shapes()) == 1
    assert told() == [PATH]


def test_two_writers_share_one_drawing(lab, writer, task, slide, put, as_user, study, shapes):
    put(PATH)
    second = as_user("second@lab", rights="write", study=study)
    put(PATH, MARKER, by=second)
    assert {each.author: each.shape.kind for each in shapes()} == {
        "writer@lab": ShapeKind.POLYGON,
        "second@lab": ShapeKind.POINT,
    }
    put(MARKER, by=second)
    assert [each.author for each in shapes()] == ["second@lab"]
    edit = lab.task_drawings.edit_record(writer, task.id, slide.id)
    assert (edit.created_by, edit.changed_by) == (writer.user.id, second.user.id)


def test_who_may_only_score_cannot_touch_the_shapes_of_others(put, told, as_user, study):
    put(PATH)
    scorer = as_user("scorer@lab", rights="view score", study=study)
    put(PATH, MARKER, by=scorer)
    with pytest.raises(NotAllowed):
        put(MARKER, by=scorer)
    assert told() == [PATH, MARKER]


def test_reader_writes_nothing_and_stranger_sees_nothing(
    lab, reader, stranger, task, slide, put, told
):
    put(PATH)
    with pytest.raises(NotAllowed):
        put(MARKER, by=reader)
    for verb in (lab.task_drawings.get, lab.task_drawings.edit_record):
        with pytest.raises(NotFound):
            verb(stranger, task.id, slide.id)
    assert told() == [PATH]


def test_on_a_layer_for_ones_own_shapes_each_has_a_drawing(lab, owner, study, slide, as_user):
    layer = lab.layers.create(owner, study.id, "blind")
    one, other = (as_user(email, rights="view score", study=study) for email in ("a@lab", "b@lab"))
    lab.task_drawings.put(one, layer.id, slide.id, drawing(PATH))
    assert lab.task_drawings.get(other, layer.id, slide.id) is None
    lab.task_drawings.put(other, layer.id, slide.id, drawing(MARKER))
    assert lab.task_drawings.get(one, layer.id, slide.id).text == drawing(PATH)
    assert lab.task_drawings.get(other, layer.id, slide.id).text == drawing(MARKER)
    everything = json.loads(lab.task_drawings.get(owner, layer.id, slide.id).text)[0][1]["children"]
    assert sorted(each[0] for each in everything) == ["Path", "PointText"]


def test_task_that_refers_to_another_shows_its_drawing(
    lab, writer, slide, new_task, task, put, told
):
    put(PATH)
    second = new_task("look again", reference=task.settings.name)
    assert second.reference_id == task.id
    assert lab.task_drawings.get(writer, second.id, slide.id).text == drawing(PATH)
    assert lab.task_drawings.edit_record(writer, second.id, slide.id) is None
    lab.task_drawings.put(writer, second.id, slide.id, drawing(MARKER))
    assert told() == [PATH]


def test_shapes_of_loads_are_told_and_can_be_taken_out(
    lab, owner, writer, task, slide, told, shapes
):
    columns = [Feature(ShapeKind.POLYGON, shapely.box(k, k, k + 5, k + 5)) for k in (0, 50, 100)]
    from wsi_lab.geometry.columns import ShapeColumns

    loaded = ShapeColumns.from_geometries([each.geometry for each in columns])
    lab.loads.load(owner, task.id, slide.id, loaded, author="model")
    first, second, third = told()
    lab.task_drawings.put(writer, task.id, slide.id, drawing(first, third, MARKER))
    assert told() == [first, third, MARKER]
    query = ShapeQuery(slide_id=slide.id, layer_ids=(task.id,), tier="bulk")
    assert sum(len(batch) for batch in lab.finder.find(owner, query)) == 2
    assert second not in told()


def test_slide_score_sees_the_shapes(lab, owner, study, slide, task, put):
    put(PATH, MARKER)
    (answer,) = lab.results.rows(owner, study.id)
    assert {each.get("type", "point") for each in json.loads(answer.value)} == {
        "polygon",
        "point",
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "JSON"),
        ("nonsense", "JSON"),
        ("5", "list or an object"),
        ('"text"', "list or an object"),
        ("null", "list or an object"),
        ("[" * 100_000, "deep"),
    ],
)
def test_what_is_no_drawing_is_refused_and_changes_nothing(
    lab, writer, task, slide, put, told, text, sentence
):
    put(PATH)
    with pytest.raises(Invalid, match=sentence):
        lab.task_drawings.put(writer, task.id, slide.id, text)
    assert told() == [PATH]


def test_restricted_task_is_for_its_members(lab, owner, writer, reader, slide, new_task):
    task = new_task("secret", is_restricted=True)
    with pytest.raises(NotFound):
        lab.task_drawings.get(writer, task.id, slide.id)
    lab.tasks.set_member(owner, task.id, "writer@lab", Access.READ)
    assert lab.task_drawings.get(writer, task.id, slide.id) is None
    with pytest.raises(NotAllowed):
        lab.task_drawings.put(writer, task.id, slide.id, drawing(PATH))
    lab.tasks.set_member(owner, task.id, "writer@lab", Access.WRITE)
    lab.task_drawings.put(writer, task.id, slide.id, drawing(PATH))
    with pytest.raises(NotFound):
        lab.drawing.list(reader, slide.id, task.id)
    assert task.id not in {each.id for each in lab.layers.list(reader, task.study_id)}


def test_who_may_only_read_a_restricted_task_changes_nothing_of_it_by_any_way(
    lab, owner, as_user, new_task, slide, study
):
    task = new_task("double reading", is_restricted=True)
    square = Feature(ShapeKind.POLYGON, shapely.box(1, 2, 30, 40), ("stroma",))
    columns = ShapeColumns.from_geometries([shapely.box(1, 2, 30, 40)])
    editor = as_user("editor@lab", rights="view score results edit", study=study)
    (drawn,) = lab.drawing.add(owner, slide.id, task.id, [(None, square)])
    load = lab.loads.load(owner, task.id, slide.id, columns, author="net")
    tries = [
        lambda: lab.drawing.add(editor, slide.id, task.id, [(None, square)]),
        lambda: lab.drawing.change(
            editor, drawn.id, Feature(ShapeKind.POINT, shapely.Point(3, 4)), drawn.revision
        ),
        lambda: lab.drawing.remove(editor, drawn.id, drawn.revision),
        lambda: lab.drawing.remove(editor, load.first_id, 0),
        lambda: lab.loads.load(editor, task.id, slide.id, columns, author="other"),
        lambda: lab.loads.remove(editor, load.id),
        lambda: lab.results.submit(
            editor, study.id, NewAnswer("double reading", Place(slide.id), "editor@lab", "[]")
        ),
        lambda: lab.task_drawings.put(editor, task.id, slide.id, drawing(PATH)),
    ]
    for each in tries:
        with pytest.raises(NotFound):
            each()
    lab.tasks.set_member(owner, task.id, "editor@lab", Access.READ)
    assert [each.id for each in lab.drawing.list(editor, slide.id, task.id)] == [drawn.id]
    for each in tries:
        with pytest.raises(NotAllowed):
            each()
    assert lab.drawing.list(owner, slide.id, task.id) == [drawn]
    assert [each.id for each in lab.loads.list(owner, task.id)] == [load.id]
    lab.tasks.set_member(owner, task.id, "editor@lab", Access.WRITE)
    tries[0]()


items = st.lists(st.sampled_from([PATH, CURVE, MARKER, UNKNOWN, EMPTY_PATH]), max_size=6)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(items, min_size=1, max_size=4))
def test_whatever_was_there_the_last_one_is_told_and_its_shapes_are_there(
    lab, writer, task, slide, put, told, shapes, drawings
):
    drawn = {"Path", "PointText"}
    for each in drawings:
        put(*each)
        assert told() == each
        wanted = [item for item in each if item[0] in drawn and item is not EMPTY_PATH]
        assert len(shapes()) == len(wanted)


def test_a_drawing_with_a_thousand_items_is_replaced_in_little_time(put, shapes, told):
    many = [
        ["Path", {"segments": [[k, 0], [k + 5, 0], [k, 9]], "closed": True}] for k in range(1000)
    ]
    put(*many)
    assert len(shapes()) == 1000
    put(*many[:500], MARKER)
    assert len(shapes()) == 501
    assert told() == [*many[:500], MARKER]
