"""Overlays over HTTP: tiles that browsers keep, the layers of a slide, what is at a place."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import shapely
from PIL import Image

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.model.feature import Grid
from wsi_lab.model.question import Question

FOR_A_DAY = "private, max-age=86400, immutable"


@pytest.fixture
def layer(world: Any) -> Question:
    """A layer with two shapes, of which one has a label, and a grid."""
    found: Question = world.new_question(kind="AnnoShapes")
    columns = ShapeColumns.from_geometries(
        [shapely.box(10, 10, 100, 100), shapely.box(120, 10, 200, 100)],
        labels=np.array([0, -1], np.int32),
        label_names=("tumour",),
        properties={"score": np.array([0.5, 0.25])},
    )
    world.lab.loads.load(world.owner, found.id, world.slide.id, columns, author="net 1.0")
    grid = Grid("p", np.float32([[0.0, 1.0]]), (0, 200, 200, 240))
    world.lab.loads.load_grid(world.owner, found.id, world.slide.id, grid, author="net 1.0")
    return found


@pytest.fixture
def client(boss: httpx.Client, world: Any) -> Iterator[httpx.Client]:
    """A client whose addresses are relative to the slide."""
    boss.base_url = f"{world.server.url}/v1/slides/{world.slide.id}/"
    return boss


def own(client: httpx.Client, layer: Question) -> dict[str, Any]:
    """Return what the list of layers says of a layer."""
    items = client.get("layers").json()["items"]
    found: dict[str, Any] = next(each for each in items if each["id"] == layer.id)
    return found


def test_a_tile_is_a_picture_with_an_etag(client: httpx.Client, layer: Question) -> None:
    answer = client.get(f"overlay/{layer.id}/4/0/0.png", params={"fill": "1"})

    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    pixels = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))
    assert pixels.shape == (240, 240, 4)
    assert pixels[50, 50, 3] == 255
    again = client.get(
        f"overlay/{layer.id}/4/0/0.png",
        params={"fill": "1"},
        headers={"If-None-Match": answer.headers["Etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("ending", ["png", "mvt"])
def test_an_address_with_the_current_revision_is_kept(
    client: httpx.Client, layer: Question, ending: str
) -> None:
    revision = own(client, layer)["revision"]
    address = f"overlay/{layer.id}/4/0/0.{ending}"

    current = [client.get(address, params={"v": revision}) for _ in range(2)]
    other = client.get(address, params={"v": "0123"})

    assert [each.headers["Cache-Control"] for each in current] == [FOR_A_DAY] * 2
    assert other.headers["Cache-Control"] == "private, no-cache"
    assert {each.headers["Etag"] for each in (*current, other)} == {current[0].headers["Etag"]}


def test_tiles_of_loads_are_kept_while_others_draw(
    client: httpx.Client, layer: Question, world: Any
) -> None:
    before = own(client, layer)
    answer = NewAnswer(layer.name, Place(world.slide.id), world.owner.user.email, '[{"x":1,"y":2}]')
    world.lab.results.submit(world.owner, world.study.id, answer)
    after = own(client, layer)

    assert after["bulk_revision"] == before["bulk_revision"]
    assert after["hand_revision"] != before["hand_revision"]
    kept = {"tier": "bulk", "v": before["bulk_revision"]}
    found = client.get(f"overlay/{layer.id}/4/0/0.png", params=kept)
    assert found.headers["Cache-Control"] == FOR_A_DAY
    found = client.get(f"overlay/{layer.id}/4/0/0.png", params={**kept, "tier": "all"})
    assert found.headers["Cache-Control"] == "private, no-cache"


def test_what_is_asked_for_is_shown(client: httpx.Client, layer: Question) -> None:
    (label,) = own(client, layer)["labels"]

    def shown(**query: Any) -> list[bool]:
        answer = client.get(f"overlay/{layer.id}/4/0/0.png", params=query)
        pixels = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))
        return [bool(pixels[row, column, 3]) for row, column in ((50, 50), (50, 150), (220, 150))]

    assert shown() == [True, True, True]
    assert shown(labels=label["id"]) == [True, False, True]
    assert shown(labels="0", grids="none") == [False, True, False]
    assert shown(labels="") == [False, False, True]
    assert shown(hide=f"0,{label['id']}") == [False, False, True]
    assert shown(tier="hand") == [False, False, False]
    assert shown(author="nobody") == [False, False, False]
    assert (
        shown(by="score", map="magma", low=0, high=1, fill=0.5, line=0, width=2)[:2] == [True] * 2
    )
    assert shown(grids="999", fill=0) == [False, False, False]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"labels": "a"}, "labels: expected ids"),
        ({"hide": "1,,2"}, "hide: expected ids"),
        ({"grids": "some"}, "grids: expected ids"),
        ({"map": "rainbow"}, "colour map"),
        ({"low": "3", "high": "1"}, "less than"),
        ({"fill": "2"}, "fill"),
        ({"width": "0"}, "width"),
        ({"tier": "both"}, "tier"),
        ({"colour": "red"}, "colour: is not known here"),
        ({"low": "nan"}, "numbers"),
    ],
)
def test_wishes_that_make_no_sense_are_told_why(
    client: httpx.Client, layer: Question, query: dict[str, str], words: str
) -> None:
    answer = client.get(f"overlay/{layer.id}/4/0/0.png", params=query)

    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def test_vector_tiles_take_no_styles(client: httpx.Client, layer: Question) -> None:
    answer = client.get(f"overlay/{layer.id}/4/0/0.mvt")
    assert answer.headers["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert b"tumour" in answer.content
    assert client.get(f"overlay/{layer.id}/4/5/5.mvt").content == b""
    assert client.get(f"overlay/{layer.id}/4/0/0.mvt?fill=1").status_code == 400


@pytest.mark.parametrize("place", ["9/0/0", "4/10/0", "4/0/99", "4/a/0", "4/-1/0"])
def test_tiles_that_there_are_not_are_refused(
    client: httpx.Client, layer: Question, place: str
) -> None:
    assert client.get(f"overlay/{layer.id}/{place}.png").status_code in {400, 404}
    assert client.get(f"overlay/{10**9}/4/0/0.png").status_code == 404
    assert client.get("overlay/x/4/0/0.png").status_code == 404


def test_layers_are_as_the_contract_says(
    client: httpx.Client, layer: Question, schema: Any
) -> None:
    answer = client.get("layers")

    schema("SlideLayers", answer.json())
    found = own(client, layer)
    assert (found["name"], found["count"], found["bulk_count"]) == (layer.name, 2, 2)
    assert [(each["name"], each["count"]) for each in found["labels"]] == [("tumour", 1)]
    assert found["without_label"]["count"] == 1
    assert found["properties"] == [{"name": "score", "low": 0.25, "high": 0.5}]
    assert [(each["name"], each["low"], each["high"]) for each in found["grids"]] == [("p", 0, 1)]
    again = client.get("layers", headers={"If-None-Match": answer.headers["Etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_is_at_a_place_is_as_the_contract_says(
    client: httpx.Client, layer: Question, schema: Any
) -> None:
    def at(**query: Any) -> dict[str, Any]:
        answer = client.get("annotations/at", params={"layer": layer.id, **query})
        schema("AtPlace", answer.json())
        found: dict[str, Any] = answer.json()
        return found

    (hit,) = at(x=50, y=50)["items"]

    assert (hit["tier"], hit["kind"], hit["properties"]) == ("bulk", "polygon", {"score": 0.5})
    assert hit["geometry"]["type"] == "Polygon"
    assert shapely.geometry.shape(hit["geometry"]).bounds == (10, 10, 100, 100)
    assert at(x=50, y=50, geometry="false")["items"][0]["geometry"] is None
    assert at(x=150, y=210)["values"][0]["value"] == 1.0
    assert at(x=1000, y=1000) == {"items": [], "values": []}


@pytest.mark.parametrize(
    "query",
    [
        {"x": 1},
        {"x": "a", "y": 2},
        {"x": 1, "y": 2, "radius": -1},
        {"x": 1, "y": 2, "limit": 0},
        {"x": 1, "y": 2, "layer": "b"},
    ],
)
def test_places_that_make_no_sense_are_refused(client: httpx.Client, query: dict[str, Any]) -> None:
    assert client.get("annotations/at", params=query).status_code == 400
