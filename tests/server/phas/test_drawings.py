"""What is drawn on a slide goes out as it came, and as SVG."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from defusedxml.ElementTree import fromstring

SVG = "{http://www.w3.org/2000/svg}"
STYLE = {"stroke_width": 480, "strip_width": 0, "font_size": "2000px", "font_color": "black"}
ODD = (
    ' [["Layer",{"applyMatrix": true,\n"children":[["Path",{"segments":[[1.0,2],[3.5,4e1]],'
    '"name":"\\u00e9\U0001f600"}],["Path",{"closed":true}],'
    '["PointText",{"matrix":[1,0,0,1,700.50,800],"content":"CA1 <&"}]]}]]  '
)
"""With blanks, bare segments, a path without any, and numbers as nobody else writes them."""


class Place:
    """A task of its own and a slide, on which nobody else draws."""

    def __init__(self, world: Any, server: Any) -> None:
        study = world.lab.studies.create(world.owner, world.name())
        slide = world.lab.slides.add(world.owner, study.id, world.slide.source, name="one")
        layer = world.lab.layers.create(world.owner, study.id, "Draw", is_shared=True)
        self.slide, self.task = slide.id, layer.id
        self.client: httpx.Client = server.of("site_admin")
        self.path = f"/task/{layer.id}/slide/raw/raw/{slide.id}/annot"

    def put(self, text: str | bytes) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return self.client.post(f"{self.path}/set", content=text, headers=headers)

    def get(self) -> httpx.Response:
        return self.client.get(f"{self.path}/get")

    def timestamp(self) -> str | None:
        path = f"/api/task/{self.task}/slide/{self.slide}/annot/timestamp"
        answer: dict[str, str | None] = self.client.get(path).json()
        assert set(answer) == {"timestamp"}
        return answer["timestamp"]

    def svg(self, size: int | str | None = None, **style: Any) -> httpx.Response:
        end = "" if size is None else f"_{size}"
        path = f"/api/task/{self.task}/slide_{self.slide}_annot{end}.svg"
        return self.client.post(path, data={**STYLE, **style})


@pytest.fixture
def place(phas_anywhere: Any, phas_world: Any) -> Place:
    """Somewhere to draw."""
    return Place(phas_world, phas_anywhere)


def test_drawing_comes_back_as_it_was_sent(place: Place) -> None:
    assert (place.get().status_code, place.get().content) == (200, b"")
    for text in (ODD, "[]", "{}", '[["Layer",{"children":[]}]]', ODD):
        answer = place.put(text)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        got = place.get()
        assert got.content.decode() == text
        assert got.headers["Content-Type"] == "application/json"


def test_time_of_the_last_change_is_told_as_iso_8601(place: Place) -> None:
    assert place.timestamp() is None
    times = [datetime.now(UTC)]
    for _ in range(2):
        place.put(ODD.replace("1.0", f"{len(times)}.5"))
        told = place.timestamp()
        assert told is not None
        times.append(datetime.fromisoformat(told))
    times.append(datetime.now(UTC))
    assert sorted(times) == times


def test_manifest_counts_what_is_drawn(place: Place) -> None:
    place.put(ODD)
    path = f"/api/task/{place.task}/slide_detailed_manifest.csv"
    header, row = place.client.get(path, params={"min_paths": 2}).text.splitlines()
    assert header.endswith("n_paths,n_markers,n_annot")
    assert row.endswith(",2,1,3")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"1", b'"text"', b"null", b"\xff", b"[NaN]", b"[" * 100_000, b'{"a":' * 100_000],
    ids=range(9),
)
def test_what_is_no_drawing_is_refused_and_changes_nothing(
    place: Place, say: Any, body: bytes
) -> None:
    place.put(ODD)
    say(place.put(body), 400)
    assert place.get().content.decode() == ODD


def test_large_drawing_is_taken_and_a_huge_one_is_not(place: Place, say: Any) -> None:
    data = "x" * (9 << 20)
    text = json.dumps([["Layer", {"children": [], "data": data}]])
    assert place.put(text).status_code == 200
    assert place.get().content.decode() == text
    say(place.put(b"[" + b" " * (32 << 20) + b"]"), 413)
    assert place.get().content.decode() == text


@pytest.mark.parametrize(("mode", "resolution"), [("affine", "raw"), ("raw", "x16"), ("x", "y")])
def test_other_coordinates_than_the_slides_own_are_refused(
    place: Place, say: Any, mode: str, resolution: str
) -> None:
    path = place.path.replace("raw/raw", f"{mode}/{resolution}")
    say(place.client.get(f"{path}/get"), 400)
    say(place.client.post(f"{path}/set", json=[]), 400)


def test_task_with_a_reference_shows_what_is_drawn_there(phas: Any, phas_world: Any) -> None:
    client, slide, tasks = phas.of("writer"), phas_world.slide.id, phas_world.tasks
    draw, copy = tasks["draw"].id, tasks["copy"].id
    assert client.post(f"/task/{draw}/slide/raw/raw/{slide}/annot/set", json=[]).status_code == 200
    assert client.get(f"/task/{copy}/slide/raw/raw/{slide}/annot/get").content == b"[]"
    own = client.get(f"/api/task/{copy}/slide/{slide}/annot/timestamp").json()
    assert own == {"timestamp": None}


def test_svg_is_as_large_as_the_slide_and_empty_where_nothing_is_drawn(place: Place) -> None:
    answer = place.svg()
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="slide_{place.slide}_annot.svg"'
    )
    root = fromstring(answer.content)
    assert root.tag == f"{SVG}svg"
    assert (root.get("width"), root.get("height")) == ("2220", "2967")
    assert len(root) == 0


def test_svg_is_drawn_in_the_style_of_the_form(place: Place) -> None:
    place.put(ODD)
    root = fromstring(place.svg(stroke_width=7, font_size="30pt", font_color="#12f").content)
    (path,), (text,) = root.findall(f"{SVG}path"), root.findall(f"{SVG}text")
    assert path.get("stroke-width") == "7"
    assert (text.text, text.get("font-size"), text.get("fill")) == ("CA1 <&", "30pt", "#12f")
    small = fromstring(place.svg(1000).content)
    scale = 1000 / 2967
    assert small.get("width") == str(int(2220 * scale))
    assert small.get("height") == str(int(2967 * scale))
    assert len(fromstring(place.svg(strip_width="2.5").content)) > len(root)
    without = place.client.post(f"/api/task/{place.task}/slide_{place.slide}_annot.svg")
    assert without.status_code == 200


@pytest.mark.parametrize(
    "style",
    [
        {"stroke_width": "thick"},
        {"stroke_width": "nan"},
        {"stroke_width": "1e400"},
        {"strip_width": "inf"},
        {"strip_width": "0x10"},
        {"font_size": 'large"'},
        {"font_size": "9" * 5000},
        {"font_color": '"><script/>'},
        {"font_color": "url(http://host.example/x)"},
        {"font_color": "\x00"},
        {"size": "many"},
        {"size": "9" * 30},
    ],
    ids=str,
)
def test_style_that_is_none_is_refused(place: Place, say: Any, style: dict[str, str]) -> None:
    place.put(ODD)
    say(place.svg(**style), 400)
