"""Lists of shapes: every filter against the plain way, pages, who sees what, and what is new."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import shapely
from listed_shapes import Filling, Known, expected, feature_of, some_geometry
from many_shapes import squares

from wsi_lab.errors import Invalid, NotFound, TooLarge
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import FIRST_BULK_ID, Layer, NewLabel
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind
from wsi_lab.model.shape_list import ListQuery
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.task import Access, TaskSettings
from wsi_lab.service.annotating import shape_lists
from wsi_lab.service.annotating.shapes import NewShape
from wsi_lab.service.lab import Lab

OWNER = "owner@localhost"
HEAT = '[{"type":"heatmap","x":0,"y":0,"width":90,"height":90,"data":[[0,0,9],[1,1,200]]}]'


class Full(NamedTuple):
    """A lab with shapes in two studies."""

    known: list[Known]
    reader: Actor
    slides: list[Slide]
    studies: list[Study]
    labels: dict[str, int]


@pytest.fixture
def layer(lab: Lab, owner: Actor, study: Study) -> Layer:
    labels = [NewLabel("tumour"), NewLabel("stroma")]
    return lab.layers.create(owner, study.id, "areas", labels=labels, is_shared=True)


@pytest.fixture
def full(lab, owner, study, slide, slide_file, layer, as_user) -> Full:
    filling = Filling(lab, owner, random.Random(7))
    reader = as_user("reader@lab", rights="score", study=study)
    again = shutil.copy(slide_file, slide_file.with_name("CMU-2.svs"))
    second = lab.slides.add(owner, study.id, again, name="CMU-2")
    other = lab.studies.create(owner, "other")
    apart = lab.slides.add(owner, other.id, again)
    own_layer = lab.layers.create(owner, study.id, "own", labels=[NewLabel("fat")])
    far = lab.layers.create(owner, other.id, "far", labels=[NewLabel("elsewhere")])
    places = [(study.id, each.id) for each in (slide, second)]
    for number in range(60):
        at = places[number % 2]
        filling.draw(owner, *at, layer.id, [("tumour",), (), ("stroma", "tumour")][number % 3])
        filling.draw(reader, *at, [layer, own_layer][number // 5 % 2].id)
        filling.draw(owner, *at, own_layer.id, ("fat",), author="a model")
    for name in ("elsewhere", "nowhere"):
        filling.draw(owner, other.id, apart.id, far.id, (name,))
    filling.load(study.id, slide.id, layer.id, 90, names=("tumour", "mitosis"))
    filling.load(study.id, second.id, own_layer.id, 40, names=("fat", "necrosis"))
    return Full(
        filling.known,
        reader,
        [slide, second, apart],
        [study, other],
        filling.label_ids(study.id) | filling.label_ids(other.id),
    )


def ids(lab: Lab, actor: Actor, query: ListQuery, **page: int) -> list[int]:
    found = lab.shape_lists.page(actor, query, **page)
    if not page:
        assert found.total == len(found.shapes)
    return [each.id for each in found.shapes]


def some_query(rng: random.Random, full: Full) -> ListQuery:
    """Return conditions of any kind together."""

    def now_and_then(make: Callable[[], Any], often: float = 0.35) -> Any:
        return make() if rng.random() < often else None

    slides, studies = [each.id for each in full.slides], [each.id for each in full.studies]
    labels = list(full.labels.values())
    ids_of = [each.id for each in full.known]
    study_ids = now_and_then(lambda: tuple(rng.sample(studies, rng.randrange(1, 3))), 0.6)
    slide_ids = now_and_then(lambda: tuple(rng.sample(slides, rng.randrange(1, 4))))
    if study_ids is None and slide_ids is None:
        slide_ids = tuple(slides[:2])
    geometry = now_and_then(lambda: some_geometry(rng))
    x, y, size = rng.uniform(0, 2000), rng.uniform(0, 2500), rng.choice([50, 600, 2500])
    return ListQuery(
        study_ids,
        slide_ids,
        ids=now_and_then(lambda: tuple(rng.sample(ids_of, 60)), 0.1),
        emails=now_and_then(lambda: ("reader@lab",) if rng.random() < 0.5 else (OWNER,)),
        label_ids=now_and_then(lambda: tuple(rng.sample(labels, rng.randrange(0, 3)))),
        without_label=rng.random() < 0.2,
        several_labels=rng.random() < 0.1,
        box=now_and_then(lambda: (x, y, x + size, y + size)),
        geometry=geometry,
        distance=None if geometry is None else now_and_then(lambda: rng.choice([0, 30.5, 700.0])),
        without_ids=now_and_then(lambda: tuple(rng.sample(ids_of, 30)), 0.2) or (),
    )


def test_each_condition_alone_finds_what_the_plain_way_finds(lab, owner, full):
    slide, second, _ = (each.id for each in full.slides)
    study, other = (each.id for each in full.studies)
    tumour, fat = full.labels["tumour"], full.labels["fat"]
    triangle = shapely.Polygon([(100, 100), (1800, 300), (700, 2600)])
    there = {"slide_ids": (slide,)}
    for conditions in (
        {"study_ids": (study,)},
        {"study_ids": (study, other)},
        {"slide_ids": (slide, second)},
        {"study_ids": (other,), "slide_ids": (slide,)},
        {"slide_ids": ()},
        there | {"emails": ("reader@lab",)},
        there | {"emails": (OWNER, "reader@lab")},
        there | {"emails": ("nobody@lab",)},
        there | {"emails": ()},
        there | {"label_ids": (tumour,)},
        there | {"label_ids": (tumour, fat)},
        there | {"label_ids": ()},
        there | {"without_label": True},
        there | {"without_label": True, "label_ids": (fat,)},
        there | {"several_labels": True},
        there | {"box": (500.0, 500.0, 1500.0, 1200.0)},
        there | {"geometry": triangle},
        there | {"geometry": triangle.exterior},
        there | {"geometry": shapely.Point(900, 900), "distance": 450.5},
        there | {"geometry": triangle, "distance": 0},
        there | {"without_ids": tuple(each.id for each in full.known[::2])},
        there | {"ids": tuple(each.id for each in full.known[::3])},
    ):
        query = ListQuery(**conditions)
        assert ids(lab, owner, query) == expected(full.known, query), conditions


def test_conditions_together_find_what_the_plain_way_finds(lab, owner, full):
    rng = random.Random(3)
    found = 0
    for _ in range(250):
        query = some_query(rng, full)
        wanted = expected(full.known, query)
        assert ids(lab, owner, query) == wanted, query
        found += bool(wanted)
    assert found > 100


def test_touching_an_edge_is_touching(lab, owner, slide, layer):
    box = Feature(ShapeKind.POLYGON, shapely.box(0.1, 0.1, 0.3, 0.7))
    (drawn,) = lab.drawing.add(owner, slide.id, layer.id, [(None, box)])
    loaded = lab.loads.load(
        owner, layer.id, slide.id, ShapeColumns.from_geometries([box.geometry]), precision=0.0
    )
    both = [loaded.first_id, drawn.id]
    there = (slide.id,)
    assert ids(lab, owner, ListQuery(slide_ids=there, box=(0.3, 0.7, 1.0, 1.0))) == both
    assert ids(lab, owner, ListQuery(slide_ids=there, box=(0.3, 0.4, 0.3, 0.4))) == both
    assert ids(lab, owner, ListQuery(slide_ids=there, box=(0.2, 0.0, 0.2, 9.0))) == both
    nearly = float(np.nextafter(0.3, 1))
    assert ids(lab, owner, ListQuery(slide_ids=there, box=(nearly, 0.0, 1.0, 1.0))) == []
    corner = shapely.Point(0.3 + 3, 0.7 + 4)
    assert ids(lab, owner, ListQuery(slide_ids=there, geometry=corner, distance=5.000001)) == both
    assert ids(lab, owner, ListQuery(slide_ids=there, geometry=corner, distance=4.999999)) == []


def test_pages_are_stable_and_complete(lab, owner, full):
    query = ListQuery(study_ids=tuple(each.id for each in full.studies))
    wanted = expected(full.known, query)
    assert wanted[0] >= FIRST_BULK_ID > wanted[-1]
    told = []
    for offset in range(0, len(wanted) + 7, 7):
        page = lab.shape_lists.page(owner, query, offset=offset, limit=7)
        assert page.total == len(wanted)
        told += [each.id for each in page.shapes]
    assert told == wanted
    assert lab.shape_lists.page(owner, query, offset=3, limit=0).shapes == []
    assert ids(lab, owner, query, offset=len(wanted) - 2) == wanted[-2:]
    assert ids(lab, owner, query, offset=10**6, limit=5) == []


def test_listed_shapes_are_told_whole(lab, owner, full):
    known = {each.id: each for each in full.known}
    query = ListQuery(study_ids=tuple(each.id for each in full.studies))
    shapes = lab.shape_lists.page(owner, query).shapes
    owners = lab.shape_lists.owners(owner, shapes)
    assert len(shapes) == len(known)
    for each in shapes:
        told = known[each.id]
        assert (each.place, each.question_id) == (Place(told.slide_id), told.layer_id)
        assert each.author == told.author
        assert {label.id for label in each.labels} == told.label_ids
        assert each.shape.geometry.equals(told.geometry)
        assert owners[each.id].email == told.owner
        assert each == lab.shapes.get(owner, each.id)


def test_shapes_of_loads_keep_their_properties(lab, owner, slide, layer):
    load = lab.loads.load(owner, layer.id, slide.id, squares(40), author="net 1.0")
    page = lab.shape_lists.page(owner, ListQuery(slide_ids=(slide.id,)), offset=10, limit=3)
    assert [each.id - load.first_id for each in page.shapes] == [29, 28, 27]
    assert [each.properties for each in page.shapes] == [{"score": n / 4} for n in (29, 28, 27)]
    assert page.shapes[0].area == 100.0


def test_own_and_shared_shapes_are_seen_and_those_of_others_not(lab, owner, full):
    study = full.studies[0]
    own = next(each for each in lab.layers.list(owner, study.id) if each.name == "own")
    query = ListQuery(study_ids=(study.id,))
    seen = [each for each in full.known if each.layer_id != own.id or each.author == "reader@lab"]
    assert ids(lab, full.reader, query) == expected(seen, query)
    of_model = ListQuery(study_ids=(study.id,), emails=(OWNER,), label_ids=(full.labels["fat"],))
    assert ids(lab, owner, of_model) != []
    assert ids(lab, full.reader, of_model) == []
    hidden = tuple(each.id for each in full.known if each not in seen)
    assert ids(lab, full.reader, ListQuery(study_ids=(study.id,), ids=hidden)) == []


def test_what_somebody_saw_is_no_answer_for_somebody_else(lab, owner, full):
    query = ListQuery(study_ids=(full.studies[0].id,))
    everything = ids(lab, owner, query)
    assert len(ids(lab, full.reader, query)) < len(everything)
    assert ids(lab, owner, query) == everything


def test_rights_that_are_taken_away_are_gone_at_once(lab, owner, full):
    study = full.studies[0]
    query = ListQuery(study_ids=(study.id,))
    lab.studies.set_member(owner, study.id, "reader@lab", ["score", "results"])
    assert ids(lab, full.reader, query) == expected(full.known, query)
    lab.studies.set_member(owner, study.id, "reader@lab", ["score"])
    assert len(ids(lab, full.reader, query)) < len(expected(full.known, query))
    lab.studies.remove_member(owner, study.id, "reader@lab")
    with pytest.raises(NotFound):
        lab.shape_lists.page(full.reader, query)


def test_strangers_learn_nothing(lab, full, as_user):
    stranger = as_user("stranger@lab")
    for query in (
        ListQuery(study_ids=(full.studies[0].id,)),
        ListQuery(slide_ids=(full.slides[0].id,)),
        ListQuery(study_ids=(9999,)),
        ListQuery(slide_ids=(1 << 70,)),
    ):
        with pytest.raises(NotFound):
            lab.shape_lists.page(stranger, query)
    with pytest.raises(NotFound):
        lab.shape_lists.page(full.reader, ListQuery(study_ids=tuple(s.id for s in full.studies)))


def test_restricted_tasks_stay_closed(lab, owner, study, slide, as_user):
    settings = TaskSettings("secret", is_restricted=True)
    task = lab.tasks.create(owner, study.id, settings)
    lab.drawing.add(owner, slide.id, task.id, [(None, feature_of(shapely.Point(1, 2)))])
    guest = as_user("guest@lab", rights="view score results", study=study)
    query = ListQuery(study_ids=(study.id,))
    assert len(ids(lab, owner, query)) == 1
    assert ids(lab, guest, query) == []
    lab.tasks.set_member(owner, task.id, "guest@lab", Access.READ)
    assert len(ids(lab, guest, query)) == 1


def test_what_others_change_is_on_the_next_page(lab, owner, full):
    slide = full.slides[0]
    query = ListQuery(slide_ids=(slide.id,))
    before = ids(lab, owner, query)
    (new,) = lab.shapes.create(owner, [NewShape(slide.id, feature_of(shapely.Point(3, 4)))])
    hand = next(each for each in before if each < FIRST_BULK_ID)
    lab.shapes.remove(owner, hand)
    moved = lab.shapes.change_geometry(owner, before[0], feature_of(shapely.box(0, 0, 5, 5)))
    removed = lab.shapes.remove(owner, before[1])
    wanted = sorted({*before, new.id, moved.id} - {hand, before[0], removed.id}, reverse=True)
    assert ids(lab, owner, query) == wanted
    boxed = ListQuery(slide_ids=(slide.id,), box=(-10.0, -10.0, 5.0, 5.0))
    assert set(ids(lab, owner, boxed)) >= {new.id, moved.id}


def test_shapes_that_go_while_a_page_is_read_are_not_missed(lab, owner, full, monkeypatch):
    query = ListQuery(slide_ids=(full.slides[0].id,))
    before = ids(lab, owner, query)
    generation = lab._database.generation()
    lab.shapes.remove(owner, before[-1])
    monkeypatch.setattr(lab._database, "generation", lambda: generation)
    page = lab.shape_lists.page(owner, query)
    assert page.total == len(page.shapes) == len(before) - 1


def test_heat_maps_and_shapes_without_a_place_are_not_listed(lab, owner, study, slide, layer):
    nowhere = '{"type":"polygon","points":[]}'
    dot = '{"x":5,"y":6}'
    answer = NewAnswer("areas", Place(slide.id), OWNER, f"{HEAT[:-1]},{nowhere},{dot}]")
    lab.results.submit(owner, study.id, answer)
    assert len(lab.annotations.list(owner, study.id)) == 3
    (listed,) = lab.shape_lists.page(owner, ListQuery(slide_ids=(slide.id,))).shapes
    assert listed.shape.original == dot
    for each in lab.annotations.list(owner, study.id):
        if each.id != listed.id:
            with pytest.raises(NotFound):
                lab.shapes.get(owner, each.id)


def test_shapes_of_loads_without_a_place_are_not_listed(lab, owner, slide, layer):
    columns = ShapeColumns.from_geometries([shapely.box(0, 0, 1, 1), None, shapely.Point(5, 5)])
    load = lab.loads.load(owner, layer.id, slide.id, columns, author="net 1.0")
    there = ListQuery(slide_ids=(slide.id,))
    assert ids(lab, owner, there) == [load.first_id + 2, load.first_id]
    with pytest.raises(NotFound):
        lab.shapes.get(owner, load.first_id + 1)


def test_what_is_remembered_is_that_of_the_same_question(lab, owner, slide, layer):
    dots = [Feature(ShapeKind.POINT, shapely.Point(at, at)) for at in (10, 20, 30)]
    drawn = lab.drawing.add(owner, slide.id, layer.id, [(None, each) for each in dots])
    for _ in range(2):
        for dot, feature in zip(drawn, dots, strict=True):
            there = ListQuery(slide_ids=(slide.id,), geometry=feature.geometry)
            assert ids(lab, owner, there) == [dot.id]
            assert ids(lab, owner, ListQuery(slide_ids=(slide.id,), ids=(dot.id,))) == [dot.id]


def test_shapes_on_layers_that_were_removed_are_not_listed(lab, owner, full):
    study = full.studies[0]
    own = next(each for each in lab.layers.list(owner, study.id) if each.name == "own")
    query = ListQuery(study_ids=(study.id,))
    ids(lab, owner, query)
    lab.layers.remove(owner, own.id, revision=own.revision)
    left = [each for each in full.known if each.layer_id != own.id]
    assert ids(lab, owner, query) == expected(left, query)


def test_labels_that_were_removed_are_still_told(lab, owner, slide, layer):
    lab.drawing.add(
        owner, slide.id, layer.id, [(None, feature_of(shapely.Point(1, 1), ("tumour",)))]
    )
    now = lab.layers.get(owner, layer.id)
    tumour = now.labels[0].id
    lab.layers.set_labels(owner, layer.id, [now.labels[1]], now.revision)
    query = ListQuery(slide_ids=(slide.id,), label_ids=(tumour,))
    (found,) = lab.shape_lists.page(owner, query).shapes
    assert [each.id for each in found.labels] == [tumour]


def test_points_only_layers_are_listed_too(lab, owner, study, slide):
    points = lab.layers.create(owner, study.id, "dots", kind=QuestionKind.ANNO_POINTS)
    lab.drawing.add(owner, slide.id, points.id, [(None, feature_of(shapely.Point(7, 8)))])
    near = ListQuery(slide_ids=(slide.id,), box=(7.0, 8.0, 7.0, 8.0))
    assert len(ids(lab, owner, near)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"box": (5.0, 0.0, 1.0, 1.0)},
        {"box": (0.0, 0.0, float("nan"), 1.0)},
        {"box": (0.0, 0.0, float("inf"), 1.0)},
        {"geometry": shapely.Polygon()},
        {"geometry": shapely.Point(1e300, 0)},
        {"distance": 4.0},
        {"geometry": shapely.Point(1, 1), "distance": -1.0},
        {"geometry": shapely.Point(1, 1), "distance": float("nan")},
    ],
)
def test_what_cannot_be_looked_for_is_refused(lab, owner, slide, wrong):
    place = {"slide_ids": (slide.id,)} if wrong else {}
    with pytest.raises(Invalid):
        lab.shape_lists.page(owner, ListQuery(**place, **wrong))


def test_pages_that_are_too_much_are_refused(lab, owner, slide, layer, monkeypatch):
    lab.loads.load(owner, layer.id, slide.id, squares(30), author="net 1.0")
    monkeypatch.setattr(shape_lists, "MOST_LISTED", 29)
    query = ListQuery(slide_ids=(slide.id,))
    with pytest.raises(TooLarge):
        lab.shape_lists.page(owner, query)
    assert len(lab.shape_lists.page(owner, query, limit=29).shapes) == 29
    with pytest.raises(TooLarge):
        lab.shape_lists.page(owner, ListQuery(slide_ids=(slide.id,), ids=(1,) * 10_001))
    with pytest.raises(Invalid):
        lab.shape_lists.page(owner, query, offset=-1)
