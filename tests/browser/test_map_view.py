"""`MapView` on a plain page that allows nothing but itself, whose reader has only a token."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openslide
import pytest
from page_waiting import wait_on
from PIL import Image
from playwright.sync_api import Browser, Page, Request, Route
from site_server import SiteServer

from wsi_lab.front import joined
from wsi_lab.front.scripts import NO_MARKUP, VIEW_PARTS, VIEW_SHEETS
from wsi_lab.model.layer import NewLabel
from wsi_lab.model.source import Source
from wsi_lab.server.site import site_of
from wsi_lab.service.lab import Lab, LabSettings

pytestmark = [pytest.mark.browser]

MOUNT = "/a%40b/wsi-lab/"
WIDTH, HEIGHT = 1000, 700
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; require-trusted-types-for 'script'; trusted-types default"
)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title>
<link rel="icon" href="icon.svg"><link rel="stylesheet" href="page.css">
<script type="module" src="page.mjs"></script></head><body>
<div id="one" class="view"></div><div id="two" class="view behind"></div></body></html>"""
STYLE = "body { margin: 0 } .view { position: fixed; inset: 0 } .behind { visibility: hidden }"
SCRIPT = """
window.hostile = [];
addEventListener("securitypolicyviolation", (event) => {
  window.hostile.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
window.views = {};
window.heard = { states: [], errors: [], marks: [] };
window.open = (name, slide, token) => {
  const headers = () => ({ Authorization: `Bearer ${token}` });
  const view = new MapView(document.getElementById(name), slide, { headers, reader: "anna" });
  view.onState = (state) => window.heard.states.push(state.kind);
  view.onError = (sentence) => window.heard.errors.push(sentence);
  view.onMark = (index) => window.heard.marks.push(index);
  view.ready.then(() => view.element.setAttribute("data-is-ready", ""));
  window.views[name] = view;
};
"""
RECTANGLE = (800, 900, 1100, 1150)
SLIDES = ("first", "second")
WORDS = ("done", "current", "to do", "to do")
AT_REST = """() => {
  const { viewer, element } = window.views.one;
  const { waiting, bundles, singles } = viewer.loader.counts;
  const tiles = [...element.querySelectorAll(".leaflet-tile-container img")];
  return !viewer.motion.isMoving && waiting + bundles + singles === 0 && tiles.length > 0
    && tiles.every((tile) => tile.naturalWidth > 0);
}"""
ON_SCREEN = """([x, y]) => {
  const { map, element } = window.views.one;
  const at = map.latLngToContainerPoint([-y, x]);
  const box = element.getBoundingClientRect();
  return [box.left + element.clientLeft + at.x, box.top + element.clientTop + at.y];
}"""


@dataclass
class World:
    """A lab with two slides and a layer, served, and a reader's token."""

    lab: Lab
    url: str
    owner: httpx.Client
    token: str
    slides: dict[str, Any]
    layer_id: int

    def number(self, slide: str) -> str:
        return str(self.slides[slide]["url"].rpartition("/")[2])

    def shapes(self, slide: str) -> list[Any]:
        path = f"v1/layers/{self.layer_id}/shapes?slide_id={self.number(slide)}"
        answer = self.owner.get(path)
        return list(answer.raise_for_status().json()["items"])


def told_of(owner: httpx.Client, slide_id: int, name: str) -> dict[str, Any]:
    """Return what a viewer is told of a slide."""
    facts = owner.get(f"v1/slides/{slide_id}/properties").raise_for_status().json()
    return {
        "name": name,
        "width": facts["width"],
        "height": facts["height"],
        "tileSize": facts["grid"]["tile_size"],
        "zooms": facts["grid"]["zooms"],
        "mpp": facts["mpp_x"],
        "objective": facts["objective_power"],
        "version": facts["version"],
        "url": f"{MOUNT}v1/slides/{slide_id}",
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, demo_slide: Path) -> Iterator[World]:
    home = tmp_path_factory.mktemp("lab") / "home"
    settings = LabSettings(home, slide_roots=(Source.at(str(demo_slide.parent)),), workers=1)
    with Lab.open(settings) as lab:
        me, reader = lab.people.owner(), "reader@lab"
        lab.people.add(me, reader)
        own = lab.people.create_token(me, name="own", capabilities=["all"])[1]
        token = lab.people.create_token(me, name="read", email=reader, capabilities=["all"])[1]
        study = lab.studies.create(me, "read")
        lab.studies.set_member(me, study.id, reader, ["view", "score"])
        labels = [NewLabel("tumour", "#d55e00"), NewLabel("stroma", "#0072b2")]
        layer = lab.layers.create(me, study.id, "tissue", labels=labels)
        ids = [lab.slides.add(me, study.id, demo_slide, name=name).id for name in SLIDES]
        with SiteServer(site_of(lab), MOUNT) as server:
            url, headers = f"{server.base}/", {"Authorization": f"Bearer {own}"}
            with httpx.Client(base_url=url, headers=headers, timeout=30) as owner:
                named = zip(SLIDES, ids, strict=True)
                slides = {name: told_of(owner, number, name) for name, number in named}
                yield World(lab, url, owner, token, slides, layer.id)


@dataclass
class View:
    """The page with its two places, one behind the other, and what it asked and said."""

    page: Page
    world: World
    requests: list[Request] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    # What a browser may say of a lab that refuses.
    expected: str | None = None

    def wait_until(self, condition: Callable[[], Any]) -> None:
        wait_on(self.page, condition, self.messages)

    def open(self, place: str, slide: str) -> None:
        """Make a view, and wait until it says that its picture is complete."""
        told = [place, self.world.slides[slide], self.world.token]
        self.page.evaluate("(told) => window.open(...told)", told)
        self.page.wait_for_selector(f"#{place}[data-is-ready]", state="attached")

    def do(self, call: str, *values: Any, on: str = "one") -> Any:
        """Call a method of a view."""
        return self.page.evaluate(
            f"([name, values]) => window.views[name].{call}(...values)", [on, list(values)]
        )

    def heard(self, what: str) -> list[Any]:
        return list(self.page.evaluate("(what) => window.heard[what]", what))

    def downsample(self) -> float:
        return float(2 ** -self.page.evaluate("() => window.views.one.map.getZoom()"))

    def at_rest(self) -> None:
        self.page.wait_for_function(AT_REST)

    def picture(self) -> np.ndarray:
        """Return what is on the screen, (rows, columns, 3), nothing laid over the slide."""
        hidden = self.page.add_style_tag(url="bare.css")
        png = self.page.screenshot()
        hidden.evaluate("(sheet) => sheet.remove()")
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)

    def screen(self, x: float, y: float) -> tuple[float, float]:
        """Return where on the screen a level-0 pixel is."""
        return tuple(self.page.evaluate(ON_SCREEN, [x, y]))

    def drag(self, *places: tuple[float, float]) -> None:
        self.page.mouse.move(*self.screen(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.screen(*place), steps=5)
        self.page.mouse.up()

    def begin_drawing(self) -> None:
        self.do("show", [600, 700, 800, 600], {"isAtOnce": True})
        self.do("draw", self.world.layer_id)
        self.page.wait_for_selector("#one .wsl-state[data-kind='saved']")
        self.do("focus")


@pytest.fixture
def view(browser: Browser, world: World, tmp_path: Path) -> Iterator[View]:
    (tmp_path / "tail.mjs").write_text(SCRIPT)
    sheets = [sheet.read_text(encoding="utf-8") for sheet in VIEW_SHEETS]
    files = {
        "page": ("text/html", PAGE),
        "page.css": ("text/css", "\n".join([*sheets, STYLE])),
        "bare.css": ("text/css", ".wsl-chrome, .wsl-marks { visibility: hidden }"),
        "page.mjs": ("text/javascript", joined((NO_MARKUP, *VIEW_PARTS, tmp_path / "tail.mjs"))),
        "icon.svg": ("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg"/>'),
    }

    def send(route: Route) -> None:
        media_type, text = files[route.request.url.rpartition("/")[2]]
        headers = {"Content-Security-Policy": POLICY}
        route.fulfill(body=text, content_type=f"{media_type}; charset=utf-8", headers=headers)

    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    for name in files:
        context.route(f"{world.url}{name}", send)
    made = View(context.new_page(), world)
    made.page.on("console", lambda message: made.messages.append(message.text))
    made.page.on("pageerror", lambda error: made.messages.append(str(error)))
    made.page.goto(f"{world.url}page")
    made.page.wait_for_function("() => window.views")
    made.page.on("request", lambda it: made.requests.append(it))  # noqa: PLW0108 (it is marked)
    yield made
    assert [each for each in made.messages if not made.expected or made.expected not in each] == []
    assert made.page.evaluate("() => window.hostile") == []
    context.close()


def test_slide_is_shown_with_a_token_alone_on_a_page_that_allows_nothing(
    view: View, demo_slide: Path, shots: Path
) -> None:
    view.open("one", "first")
    view.page.screenshot(path=shots / "map-view.png")
    lab_requests = [each for each in view.requests if not each.url.startswith("blob:")]
    assert lab_requests
    assert {each.response().status for each in lab_requests} == {200}
    assert {each.headers["authorization"] for each in lab_requests} == {
        f"Bearer {view.world.token}"
    }
    # A box that is as wide as the view inside its border and margin is shown one to one.
    inner = WIDTH - 2
    view.do("show", [1110 - inner * 0.48, 1400, inner * 0.96, 200], {"isAtOnce": True})
    view.at_rest()
    shown = view.picture()[1:-1, 1:-1]
    middle = np.array([1110 - inner / 2, 1500 - (HEIGHT - 2) / 2]).round().astype(int)
    with openslide.OpenSlide(demo_slide) as slide:
        region = slide.read_region(tuple(middle - 1), 0, (inner + 2, HEIGHT)).convert("RGB")
    expected = np.asarray(region).astype(int)
    # Leaflet puts the view on whole pixels of the screen.
    nearest = min(
        np.abs(shown - expected[down : down + HEIGHT - 2, across : across + inner]).mean()
        for down in range(3)
        for across in range(3)
    )
    assert nearest < 1
    assert view.page.evaluate("() => 'L' in window && window.L !== undefined") is False


def test_ready_means_that_every_tile_of_the_whole_slide_is_drawn(view: View) -> None:
    view.open("one", "first")
    tiles = view.page.locator("#one .leaflet-tile").evaluate_all(
        "tiles => tiles.map((tile) => tile.naturalWidth)"
    )
    assert len(tiles) > 3
    assert min(tiles) > 0
    assert view.downsample() == pytest.approx(2967 / (HEIGHT - 2) / 0.96, rel=0.01)


def test_box_is_shown_as_large_as_it_goes(view: View) -> None:
    view.open("one", "first")
    view.do("show", [1000, 1200, 400, 300])
    view.at_rest()
    assert view.downsample() == pytest.approx(300 / (HEIGHT - 2) / 0.96, rel=0.01)
    left, top = view.screen(1000, 1200)
    right, bottom = view.screen(1400, 1500)
    assert (left + right) / 2 == pytest.approx(WIDTH / 2, abs=1)
    assert (top + bottom) / 2 == pytest.approx(HEIGHT / 2, abs=1)
    view.page.set_viewport_size({"width": 700, "height": 500})
    view.wait_until(lambda: view.downsample() == pytest.approx(300 / 498 / 0.96, rel=0.01))


def test_rectangle_saves_itself_even_when_the_tools_go_at_once(view: View, shots: Path) -> None:
    view.open("one", "first")
    view.begin_drawing()
    view.page.keyboard.press("r")
    x0, y0, x1, y1 = RECTANGLE
    view.drag((x0, y0), (x1, y1))
    view.page.screenshot(path=shots / "map-view-drawing.png")
    view.do("draw", None)
    assert view.page.locator("#one .wsl-toolbar").count() == 0
    view.wait_until(lambda: view.heard("states")[-1] == "")
    assert "saving" in view.heard("states")
    (shape,) = view.world.shapes("first")
    assert shape["author"] == "reader@lab"
    ring = np.array(shape["geometry"]["coordinates"][0])
    assert [*ring.min(axis=0), *ring.max(axis=0)] == pytest.approx(RECTANGLE, abs=2)


def test_layers_that_are_shown_come_with_the_token_too(view: View) -> None:
    corners = [[1300, 300], [1700, 300], [1700, 500], [1300, 500], [1300, 300]]
    shape = {"kind": "polygon", "geometry": {"type": "Polygon", "coordinates": [corners]}}
    path = f"v1/layers/{view.world.layer_id}/shapes?slide_id={view.world.number('second')}"
    bearer = {"Authorization": f"Bearer {view.world.token}"}
    view.world.owner.post(path, json={"shapes": [shape]}, headers=bearer).raise_for_status()
    view.open("one", "second")
    view.do("showLayers", [{"layer": view.world.layer_id, "fill": 1}])
    view.page.wait_for_selector("#one .wsl-overlay-tiles .leaflet-tile-loaded")
    view.at_rest()
    overlays = [each for each in view.requests if "/overlay/" in each.url]
    assert {each.response().status for each in overlays} == {200}
    assert {each.headers["authorization"] for each in overlays} == set(bearer.values())
    x, y = map(round, view.screen(1500, 400))
    assert np.ptp(view.picture()[y, x]) > 80
    view.do("showLayers", [])
    view.wait_until(lambda: np.ptp(view.picture()[y, x]) < 40)


def test_second_view_loads_unseen_and_is_there_at_once(view: View, shots: Path) -> None:
    view.open("one", "first")
    view.open("two", "second")
    asked = len(view.requests)
    swapped = """() => {
      const [one, two] = ["one", "two"].map((id) => document.getElementById(id));
      one.classList.add("behind");
      two.classList.remove("behind");
      const tiles = [...two.querySelectorAll(".leaflet-tile")];
      const isSeen = (tile) => getComputedStyle(tile).visibility === "visible";
      return tiles.every((tile) => tile.complete && isSeen(tile));
    }"""
    first = view.picture()
    assert view.page.evaluate(swapped)
    assert np.abs(view.picture() - first).mean() < 0.01
    assert view.page.locator("#two .wsl-name").text_content() == "second"
    assert len([each for each in view.requests[asked:] if "/v1/" in each.url]) == 0
    view.do("remove")
    assert view.page.locator("#one > *").count() == 0


def test_marks_say_what_they_are_and_are_chosen_by_mouse_and_key(view: View, shots: Path) -> None:
    view.open("one", "first")
    states = ["done", "current", "todo", "todo"]
    marks = [
        {"box": [300 + 850 * column, 400 + 1000 * row, 700, 800], "label": name, "state": state}
        for (row, column, name), state in zip(
            [(0, 0, "A1"), (0, 1, "A2"), (1, 0, "B1"), (1, 1, "B2")], states, strict=True
        )
    ]
    view.do("marks", marks)
    view.page.screenshot(path=shots / "map-view-marks.png")
    names = [f"{mark['label']}, {word}" for mark, word in zip(marks, WORDS, strict=True)]
    for name in names:
        assert view.page.get_by_role("button", name=name).count() == 1
    view.page.mouse.click(*view.screen(600, 1800))
    view.wait_until(lambda: view.heard("marks") == [2])
    view.page.get_by_role("button", name="A2, current").focus()
    view.page.keyboard.press("Enter")
    assert view.heard("marks") == [2, 1]
    # Neither a drag over them nor a click beside them chooses one.
    view.drag((600, 800), (500, 700))
    view.page.mouse.click(*view.screen(100, 100))
    assert view.heard("marks") == [2, 1]
    view.do("marks", [{**mark, "state": "done"} for mark in marks])
    assert view.page.get_by_role("button", name="done").count() == 4


def test_keys_pressed_elsewhere_are_taken_where_they_mean_the_picture(view: View) -> None:
    view.open("one", "first")
    before = view.downsample()
    pressed = "([key, code]) => window.views.one.key(new KeyboardEvent('keydown', { key }))"
    taken = [view.page.evaluate(pressed, [key, ""]) for key in ("+", "q", "Enter", "2")]
    assert taken == [True, False, False, False]
    view.at_rest()
    assert view.downsample() < before


def test_reader_who_may_not_is_told_so(view: View) -> None:
    # Said for each request, and of some after the page knows.
    view.expected = "401"
    told = ["one", view.world.slides["first"], "expired"]
    view.page.evaluate("(told) => window.open(...told)", told)
    view.wait_until(lambda: view.heard("errors"))
    assert "may not see this slide" in view.heard("errors")[-1]
    assert view.page.locator("#one[data-is-ready]").count() == 0
