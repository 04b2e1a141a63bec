from __future__ import annotations

import math
import random
import threading
from typing import Any

import httpx
import pytest

SQUARE = {"type": "Polygon", "coordinates": [[[1, 2], [9, 2], [9, 8.25], [1, 8.25], [1, 2]]]}
LARGER = {"type": "Polygon", "coordinates": [[[1, 2], [19, 2], [19, 8], [1, 8], [1, 2]]]}


def ring(*corners: list[float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


@pytest.fixture
def layer(world: Any) -> Any:
    return world.lab.layers.create(world.owner, world.study.id, world.name())


def draw(http: httpx.Client, world: Any, layer: Any, person: str = "editor", **shape: Any) -> Any:
    body = {"shapes": [{"kind": "polygon", "geometry": SQUARE, **shape}]}
    return http.post(
        f"/v1/layers/{layer.id}/shapes",
        params={"slide_id": world.slide.id},
        json=body,
        headers=world.headers(person),
    )


def change(
    http: httpx.Client, world: Any, shape: Any, person: str = "editor", **body: Any
) -> httpx.Response:
    headers = world.headers(person) | {"If-Match": f'"r{shape["revision"]}"'}
    return http.patch(f"/v1/annotations/{shape['id']}", json=body, headers=headers)


def test_shape_that_is_drawn_comes_back_with_equal_coordinates(world, http, layer, schema):
    answer = draw(http, world, layer, labels=["tumour"], properties={"note": "α"})
    assert answer.status_code == 201
    schema("DrawnShapes", answer.json())
    (shape,) = answer.json()["items"]
    assert shape["geometry"] == SQUARE
    assert shape["area"] == 50.0
    assert [each["name"] for each in shape["labels"]] == ["tumour"]
    assert shape["properties"] == {"note": "α"}
    again = http.get(f"/v1/annotations/{shape['id']}", headers=world.headers("editor"))
    assert again.json() == shape
    assert again.headers["Etag"] == f'"r{shape["revision"]}"'


def test_shape_drawn_twice_under_one_key_is_there_once(world, http, layer):
    (first,) = draw(http, world, layer, key="k-1").json()["items"]
    (second,) = draw(http, world, layer, key="k-1", geometry=LARGER).json()["items"]
    assert first == second
    listed = http.get(
        f"/v1/layers/{layer.id}/shapes",
        params={"slide_id": world.slide.id},
        headers=world.headers("editor"),
    )
    assert listed.json()["items"] == [first]


def test_key_of_a_shape_elsewhere_is_refused(world, http, layer):
    other = world.lab.layers.create(world.owner, world.study.id, world.name())
    assert draw(http, world, layer, key="k-elsewhere").status_code == 201
    assert draw(http, world, other, key="k-elsewhere").status_code == 409


def test_stale_change_is_refused_and_tells_whose_change_won(world, http, layer):
    (shape,) = draw(http, world, layer).json()["items"]
    won = change(http, world, shape, "study_admin", geometry=LARGER)
    assert won.status_code == 200
    lost = change(http, world, shape, labels=["necrosis"])
    assert lost.status_code == 409
    current = lost.json()["current"]
    assert current == won.json()
    assert lost.json()["changed_by"] == "study_admin@lab"
    assert lost.json()["changed_on"] == current["changed_on"]
    assert current["changed_by"] == "study_admin@lab"
    assert current["geometry"] == LARGER
    assert current["labels"] == []


def test_change_of_a_shape_that_is_gone_tells_that_it_is(world, http, layer):
    (shape,) = draw(http, world, layer).json()["items"]
    headers = world.headers("study_admin") | {"If-Match": f'"r{shape["revision"]}"'}
    assert http.delete(f"/v1/annotations/{shape['id']}", headers=headers).status_code == 204
    draw(http, world, layer)
    lost = change(http, world, shape, geometry=LARGER)
    assert (lost.status_code, lost.json()["current"]) == (409, None)
    assert lost.json()["changed_by"] == "study_admin@lab"
    assert lost.json()["changed_on"] >= shape["changed_on"]
    history = http.get(f"/v1/annotations/{shape['id']}/history", headers=world.headers("editor"))
    assert [each["geometry"] for each in history.json()["items"]] == [SQUARE]


def test_change_without_a_revision_is_refused(world, http, layer):
    (shape,) = draw(http, world, layer).json()["items"]
    answer = http.patch(
        f"/v1/annotations/{shape['id']}", json={"labels": []}, headers=world.headers("editor")
    )
    assert answer.status_code == 428


def test_equal_change_changes_nothing(world, http, layer):
    (shape,) = draw(http, world, layer, labels=["a"]).json()["items"]
    assert change(http, world, shape, geometry=SQUARE, labels=["a"]).json() == shape


def test_history_has_every_form_of_a_shape(world, http, layer):
    (shape,) = draw(http, world, layer, labels=["a"]).json()["items"]
    after = change(http, world, shape, geometry=LARGER, labels=["b"]).json()
    answer = http.get(f"/v1/annotations/{shape['id']}/history", headers=world.headers("editor"))
    forms = answer.json()["items"]
    assert [each["geometry"] for each in forms] == [SQUARE, LARGER]
    assert [each["labels"][0]["name"] for each in forms] == ["a", "b"]
    assert forms[-1] == after


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ({"geometry": {"type": "Polygon", "coordinates": []}}, "needs coordinates"),
        ({"geometry": {"type": "Point", "coordinates": [1, 2]}}, "polygon is a"),
        ({"geometry": {"type": "Nothing"}}, "its type is one of Point"),
        ({"geometry": {"type": ["Polygon"]}}, "its type is one of Point"),
        ({"geometry": {"type": "Polygon"}}, "rings of four places"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[1, 2], ["3", 4]]]}}, "finite numbers"),
        ({"kind": "point", "geometry": {"type": "Point", "coordinates": [None, 2]}}, "one place"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [5, 9]]]}}, "end where"),
        ({"geometry": ring([1e300, 2], [3, 4], [5, 9])}, "finite"),
        ({"kind": "heatmap"}, "kind"),
        ({"labels": [""]}, "labels"),
        ({"colour": "#fff"}, "colour"),
    ],
)  # fmt: skip
def test_shape_that_is_none_is_refused_in_a_sentence(world, http, layer, shape, sentence):
    answer = draw(http, world, layer, **shape)
    assert answer.status_code == 400
    assert sentence in answer.text


def test_numbers_that_are_none_are_refused_as_the_text_they_are(world, http, layer):
    for text in ("NaN", "Infinity", "1e999"):
        answer = http.post(
            f"/v1/layers/{layer.id}/shapes",
            params={"slide_id": world.slide.id},
            content='{"shapes":[{"kind":"point","geometry":'
            f'{{"type":"Point","coordinates":[{text},1]}}}}]}}',
            headers=world.headers("editor") | {"Content-Type": "application/json"},
        )
        assert answer.status_code == 400, text
        assert answer.json()["code"] == "invalid"
    assert world.lab.drawing.list(world.owner, world.slide.id, layer.id) == []


def test_coordinates_come_back_to_the_last_bit(world, http, layer):
    chance = random.Random(11)
    places = [[chance.uniform(0, 2e5), chance.random() * 10**-9] for _ in range(500)]
    line = {"type": "LineString", "coordinates": places}
    (shape,) = draw(http, world, layer, kind="polyline", geometry=line).json()["items"]
    assert shape["geometry"] == line
    crossing = ring([0.1, 0], [10, 10.7], [10, 0], [0, 10])
    (shape,) = draw(http, world, layer, geometry=crossing).json()["items"]
    assert (shape["kind"], shape["geometry"]) == ("polygon", crossing)


def test_removed_shape_comes_back_by_being_drawn_again(world, http, layer):
    (shape,) = draw(http, world, layer, key="again", labels=["a"]).json()["items"]
    headers = world.headers("editor") | {"If-Match": f'"r{shape["revision"]}"'}
    assert http.delete(f"/v1/annotations/{shape['id']}", headers=headers).status_code == 204
    (back,) = draw(http, world, layer, key="again", labels=["a"]).json()["items"]
    assert back["id"] != shape["id"]
    assert [back[each] for each in ("geometry", "labels", "key")] == [
        shape[each] for each in ("geometry", "labels", "key")
    ]


def test_one_bad_shape_keeps_all_from_being_drawn(world, http, layer):
    good = {"kind": "polygon", "geometry": SQUARE}
    bad = {"kind": "polygon", "geometry": {"type": "Polygon", "coordinates": []}}
    answer = http.post(
        f"/v1/layers/{layer.id}/shapes",
        params={"slide_id": world.slide.id},
        json={"shapes": [good, bad]},
        headers=world.headers("editor"),
    )
    assert answer.status_code == 400
    assert answer.json()["problems"] == ["Shape 2: A shape needs coordinates."]
    assert world.lab.drawing.list(world.owner, world.slide.id, layer.id) == []


def test_reader_sees_the_shapes_of_others_only_on_a_shared_layer(world, http, layer):
    (shape,) = draw(http, world, layer, person="study_admin").json()["items"]
    address = f"/v1/annotations/{shape['id']}"
    assert http.get(address, headers=world.headers("viewer")).status_code == 404
    world.lab.layers.change(world.owner, layer.id, revision=layer.revision, is_shared=True)
    assert http.get(address, headers=world.headers("viewer")).json() == shape


@pytest.mark.parametrize(
    ("kind", "geometry", "kept_as"),
    [
        ("rectangle", ring([4, 1], [4, 3], [1, 3], [1, 1]), "rectangle"),
        ("rectangle", ring([2, 0], [4, 2], [2, 4], [0, 2]), "polygon"),
        ("polygon", {"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"]]}, "brush"),
        ("polyline", {"type": "LineString", "coordinates": [[0, 0], [5, 5.5]]}, "polyline"),
        ("point", {"type": "Point", "coordinates": [199999.99, 7.01]}, "point"),
    ],
)  # fmt: skip
def test_shape_is_kept_as_what_it_is(world, http, layer, kind, geometry, kept_as):
    (shape,) = draw(http, world, layer, kind=kind, geometry=geometry).json()["items"]
    assert shape["kind"] == kept_as
    if kind in {"point", "polyline"}:
        assert shape["geometry"] == geometry


def test_however_changes_of_two_editors_interleave_none_is_lost(world, http, layer):
    chance = random.Random(7)
    (shape,) = draw(http, world, layer).json()["items"]
    known = {"editor": shape, "study_admin": shape}
    accepted = [shape]
    for turn in range(250):
        person = chance.choice(list(known))
        if chance.random() < 0.3:
            known[person] = http.get(
                f"/v1/annotations/{shape['id']}", headers=world.headers(person)
            ).json()
        answer = change(http, world, known[person], person, properties={"turn": turn})
        if answer.status_code == 200:
            assert known[person] == accepted[-1]
            known[person] = answer.json()
            accepted.append(answer.json())
        else:
            assert answer.status_code == 409
            assert answer.json()["current"] == accepted[-1]
            assert known[person] != accepted[-1]
            known[person] = answer.json()["current"]
    history = world.lab.drawing.history(world.owner, shape["id"])
    assert [each.properties for each in history] == [each["properties"] for each in accepted]
    assert 50 < len(accepted) < 250


def test_changes_at_the_same_time_follow_one_another(world, http, layer):
    (shape,) = draw(http, world, layer).json()["items"]
    accepted: list[int] = []

    def keep_changing(number: int) -> None:
        with httpx.Client(base_url=http.base_url, timeout=60) as own:
            known = shape
            done = 0
            while done < 10:
                answer = change(own, world, known, "editor", properties={"by": [number, done]})
                if answer.status_code == 200:
                    done += 1
                    accepted.append(answer.json()["revision"])
                known = answer.json() if answer.status_code == 200 else answer.json()["current"]

    threads = [threading.Thread(target=keep_changing, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(accepted) == list(range(2, 42))
    assert len(world.lab.drawing.history(world.owner, shape["id"])) == 41


def test_long_outline_comes_back_equal(world, http, layer):
    turns = [math.tau * place / 20_000 for place in range(20_000)]
    geometry = ring(*([500 + 400 * math.cos(turn), 500 + 400 * math.sin(turn)] for turn in turns))
    (shape,) = draw(http, world, layer, geometry=geometry).json()["items"]
    assert shape["geometry"] == geometry


@pytest.mark.parametrize("wrong", [[[None, 1], [0, 1]], [], [[0]]], ids=["null", "open", "short"])
def test_long_outline_that_is_none_is_refused(world, http, layer, wrong):
    places = [[place, 1] for place in range(20_000)] + wrong
    answer = draw(http, world, layer, geometry={"type": "Polygon", "coordinates": [places]})
    assert answer.status_code == 400
    assert "that end where they begin" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [([1], "JSON object"), ({"a": "x" * (1 << 20)}, "1 MiB"), ({"a": [[]] * 500_000}, "1 MiB")],
    ids=["list", "long", "many"],
)
def test_properties_that_are_none_are_refused(world, http, layer, properties, sentence):
    answer = draw(http, world, layer, properties=properties)
    assert answer.status_code == 400
    assert sentence in answer.json()["detail"]
