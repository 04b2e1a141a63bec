"""What readers draw, by the numbers of their slides."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import shapely
from read_study import BLIND, SECRET, Read, good

from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Feature, Grid

POINT = {"kind": "point", "geometry": {"type": "Point", "coordinates": [10, 20]}}


def test_shapes_are_drawn_changed_and_removed_by_the_number_of_their_slide(
    read: Callable[..., Read], world: Any, schema: Any
) -> None:
    it = read(**BLIND)
    layer = it.questions["Mitoses"].id
    shapes = f"{it.url}/layers/{layer}/shapes"
    drawn = good(it.anna.post(f"{shapes}?slide_id=2", json={"shapes": [POINT]}), 201)
    schema("DrawnShapes", drawn)
    (shape,) = drawn["items"]
    assert (shape["slide_id"], shape["revision"]) == (2, 1)
    assert good(it.anna.get(f"{shapes}?slide_id=2")) == drawn
    assert good(it.anna.get(f"{shapes}?slide_id=1"))["items"] == []
    (stored,) = world.lab.drawing.list(world.owner, it.slide_ids[2], layer)
    assert (stored.id, stored.author) == (shape["id"], shape["author"])
    one = f"{it.url}/annotations/{shape['id']}"
    assert good(it.anna.get(one)) == shape
    change = {"labels": ["sure"]}
    changed = good(it.anna.patch(one, json=change, headers={"If-Match": '"r1"'}))
    assert (changed["slide_id"], changed["revision"]) == (2, 2)
    late = it.anna.patch(one, json={"labels": []}, headers={"If-Match": '"r1"'})
    assert (late.status_code, late.json()["current"]) == (409, changed)
    answers = good(it.anna.get(f"{it.url}/items/2"))["answers"]
    assert [(each["answer"], each["shape_count"]) for each in answers] == [("", 1)]
    place = good(it.anna.get(f"{it.url}/slides/2/annotations/at?x=10&y=20&radius=3"))
    schema("AtPlace", place)
    assert [each["id"] for each in place["items"]] == [shape["id"]]
    assert good(it.anna.delete(one, headers={"If-Match": '"r2"'}), 204) is None
    assert it.anna.get(one).status_code == 404


def test_layers_and_overlays_are_told_and_kept_by_veiled_revisions(
    read: Callable[..., Read], boss: httpx.Client, schema: Any
) -> None:
    it = read(**BLIND)
    layer = it.questions["Mitoses"].id
    slide = f"{it.url}/slides/2"
    it.anna.post(f"{it.url}/layers/{layer}/shapes?slide_id=2", json={"shapes": [POINT]})
    answer = it.anna.get(f"{slide}/layers")
    layers = good(answer)
    schema("SlideLayers", layers)
    (shown,) = layers["items"]
    assert (shown["count"], shown["may_draw"], shown["may_change_others"]) == (1, True, False)
    same = it.anna.get(f"{slide}/layers", headers={"If-None-Match": answer.headers["ETag"]})
    assert same.status_code == 304
    (true,) = good(boss.get(f"/v1/slides/{it.slide_ids[2]}/layers"))["items"]
    names = ("revision", "hand_revision", "bulk_revision")
    assert not {shown[name] for name in names} & {true[name] for name in names}
    tile = it.anna.get(f"{slide}/overlay/{layer}/4/0/0.png?v={shown['revision']}")
    assert tile.headers["Cache-Control"].startswith("private, max-age=86400")
    stale = it.anna.get(f"{slide}/overlay/{layer}/4/0/0.png?v={true['revision']}")
    assert (stale.content, stale.headers["Cache-Control"]) == (tile.content, "private, no-cache")


def test_readers_see_what_others_drew_only_where_the_study_shows_it(
    read: Callable[..., Read], world: Any
) -> None:
    shown = {"showotherpeoplesscores": "true"}
    for settings, count in ((BLIND, 0), ({**BLIND, **shown}, 1), ({}, 1)):
        it = read(**settings)
        layer = world.lab.layers.create(world.owner, it.study.id, "Shared", is_shared=True)
        point = Feature(ShapeKind.POINT, shapely.Point(10, 20), properties={"image": SECRET})
        world.lab.drawing.add(world.owner, it.slide_ids[1], layer.id, [(None, point)])
        found = good(it.anna.get(f"{it.url}/layers/{layer.id}/shapes?slide_id=1"))["items"]
        hits = good(it.anna.get(f"{it.url}/slides/1/annotations/at?x=10&y=20&radius=3"))["items"]
        layers = good(it.anna.get(f"{it.url}/slides/1/layers"))["items"]
        assert len(found) == len(hits) == sum(each["count"] for each in layers) == count
        assert SECRET not in json.dumps([found, hits, layers])


def test_what_was_loaded_has_neither_name_nor_id(read: Callable[..., Read], world: Any) -> None:
    it = read(**BLIND, showotherpeoplesscores="true")
    layer = world.lab.layers.create(world.owner, it.study.id, "Model", is_shared=True)
    values = np.ones((2, 3), np.float32)
    grid = Grid(f"{SECRET}.npy", values, (0, 0, 2000, 2000))
    world.lab.loads.load_grid(world.owner, layer.id, it.slide_ids[1], grid)
    (model,) = [
        each
        for each in good(it.anna.get(f"{it.url}/slides/1/layers"))["items"]
        if each["id"] == layer.id
    ]
    assert (model["loads"], model["grids"]) == ([], [])
    place = good(it.anna.get(f"{it.url}/slides/1/annotations/at?x=10&y=20"))
    assert [(each["load_id"], each["name"], each["value"]) for each in place["values"]] == [
        (None, "", 1.0)
    ]


def test_shapes_of_other_studies_and_readers_are_not_there(
    read: Callable[..., Read], world: Any
) -> None:
    it, other = read(**BLIND), read()
    layer = other.questions["Mitoses"].id
    url = f"{other.url}/layers/{layer}/shapes?slide_id=1"
    shape = good(other.anna.post(url, json={"shapes": [POINT]}), 201)["items"][0]
    own = world.lab.drawing.add(
        world.owner,
        it.slide_ids[1],
        it.questions["Mitoses"].id,
        [(None, Feature(ShapeKind.POINT, shapely.Point(1, 2)))],
    )[0]
    for shape_id in (shape["id"], own.id, 2**60):
        address = f"{it.url}/annotations/{shape_id}"
        headers = {"If-Match": '"r1"'}
        assert it.anna.get(address).status_code == 404
        assert it.anna.patch(address, json={"labels": []}, headers=headers).status_code == 404
        assert it.anna.delete(address, headers=headers).status_code == 404
    # Neither does a layer of another study take shapes here.
    foreign = f"{it.url}/layers/{layer}/shapes?slide_id=1"
    assert it.anna.post(foreign, json={"shapes": [POINT]}).status_code in {400, 404}


def test_changing_shapes_is_forbidden_where_changing_answers_is(
    read: Callable[..., Read],
) -> None:
    it = read(disallowrewritingscores="true")
    layer = it.questions["Mitoses"].id
    url = f"{it.url}/layers/{layer}/shapes?slide_id=1"
    shape = good(it.anna.post(url, json={"shapes": [POINT]}), 201)["items"][0]
    good(it.anna.post(url, json={"shapes": [POINT]}), 201)
    headers = {"If-Match": '"r1"'}
    one = f"{it.url}/annotations/{shape['id']}"
    assert it.anna.patch(one, json={"labels": ["a"]}, headers=headers).status_code == 403
    assert it.anna.delete(one, headers=headers).status_code == 403
    nothing = {"question_id": layer, "answer": "[]", "revision": 0}
    good(it.anna.put(f"{it.url}/items/2/answers", json=nothing))
    late = it.anna.post(url.replace("=1", "=2"), json={"shapes": [POINT]})
    assert late.status_code == 403
