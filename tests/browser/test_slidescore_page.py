"""The page of a study's slide in Chromium: what is drawn on it, its cores, what it remembers."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import openslide
import pytest
from page_waiting import WAIT_SECONDS, wait_on
from PIL import Image
from playwright.sync_api import Browser, Page, Request
from streaming import serving

from wsi_lab.client import Lab as LabClient
from wsi_lab.model.answer import ResultRow
from wsi_lab.model.people import Actor
from wsi_lab.model.question import checked_question
from wsi_lab.model.source import Source
from wsi_lab.model.study import Slide, Study
from wsi_lab.server.lab_routes import LAB_ROUTES
from wsi_lab.server.site import site_of
from wsi_lab.service.lab import Lab, LabSettings

pytestmark = [pytest.mark.browser]

# Escaped and odd on purpose: an address that is put together by hand breaks on it.
MOUNT = "/a%40b/wsi-lab/"
HOSTILE = "</script><script>window.hit=1</script><img src=x onerror=window.hit=1>"
GREEN, ORANGE, BLUE = (0, 255, 0), (255, 136, 0), (40, 90, 255)
# What moves does so with frames, of which a machine that does much else draws few.
IS_READY = """async () => {
  await new Promise(requestAnimationFrame);
  return document.getElementById('bar') !== null && !document.body.classList.contains('busy');
}"""
HIDE_PANELS = """(visibility) => {
  for (const panel of document.querySelectorAll('.panel')) panel.style.visibility = visibility;
}"""
CONTRASTS = """() => {
  const channel = (value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const luminance = (colour) => {
    const [red, green, blue] = colour.match(/[0-9.]+/g).map(Number);
    return 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
  };
  // The panel lets at most an eighth of a white slide shine through.
  const paper = luminance('rgb(54 57 63)');
  return [...document.querySelectorAll('#drawn *')].filter((it) => it.textContent.trim())
    .map((it) => (luminance(getComputedStyle(it).color) + 0.05) / (paper + 0.05));
}"""
FOCUSED = """() => {
  const { activeElement: it } = document;
  // Between the last and the first of a page the focus is the browser's own.
  if (it === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(it);
  const ring = getComputedStyle(it, '::after').boxShadow;
  return {
    name: it.closest('label')?.textContent ?? it.getAttribute('aria-label') ?? it.textContent,
    isSeen: (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) || ring !== 'none',
  };
}"""


@dataclass
class Study1:
    """A lab with a study of one slide, which is a tissue microarray, served."""

    lab: Lab
    url: str
    owner: Actor
    reader: Actor
    study: Study
    slide: Slide

    def address(self, **params: Any) -> str:
        """Return the address of the page for a reader who got a link."""
        slide_id = params.pop("imageId", self.slide.id)
        access = self.lab.grants.slide_page(self.reader, slide_id).text
        query = {"imageId": slide_id, "studyId": self.study.id, "access": access, **params}
        return f"{self.url}Image/Details?{urlencode(query)}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, demo_slide: Path) -> Iterator[Study1]:
    home = tmp_path_factory.mktemp("lab") / "home"
    settings = LabSettings(home, slide_roots=(Source.at(str(demo_slide.parent)),), workers=1)
    with Lab.open(settings) as lab:
        owner = lab.people.owner()
        lab.people.add(owner, "reader@lab")
        text = lab.people.create_token(
            owner, name="reader", email="reader@lab", capabilities=["all"]
        )[1]
        reader = lab.people.actor_for_token(text, door="slidescore")
        study = lab.studies.create(owner, "TMA")
        lab.studies.set_member(owner, study.id, "reader@lab", ["view", "results"])
        slide = lab.slides.add(owner, study.id, demo_slide, name="tma <1>")
        lab.slides.set_description(owner, slide.id, "<p>HER2, <b>block</b> 3</p><p>two</p>")
        cores = "\n".join("\t".join(f"S{row}{column}" for column in "ABC") for row in range(4))
        lab.tma_maps.create(owner, study.id, "tma.map", f"{cores}\n")
        lab.tma_maps.assign(owner, study.id, slide.id, "tma.map")
        for name, colour in (("Tumour", "#ff8800"), (HOSTILE, "#285aff")):
            spec = checked_question(name, "AnnoShapes", colour)
            lab.questions.add(owner, study.id, spec)
        rect = {"type": "rect", "corner": {"x": 100, "y": 100}, "size": {"x": 300, "y": 300}}
        label = {"label": "T1", "x": 120, "y": 90, "whenToShow": "always", "fontSize": 80}
        points = [{"x": x, "y": 600} for x in range(100, 700, 100)]
        rows = [
            ResultRow(slide.id, "a model", "Tumour", json.dumps([{**rect, "labels": [label]}])),
            ResultRow(slide.id, HOSTILE, HOSTILE, json.dumps(points)),
        ]
        lab.results.import_rows(owner, study.id, rows)
        site = site_of(lab)
        with serving(site, LAB_ROUTES, mount=MOUNT) as url:
            yield Study1(lab, url, owner, reader, study, slide)


@dataclass
class View:
    """A page that is open, and what it asked and said."""

    page: Page
    requests: list[Request] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def wait_until(self, condition: Callable[[], Any]) -> None:
        wait_on(self.page, condition, self.messages)

    def wait(self) -> None:
        """Wait until the view is at rest, and its tiles and layers are there."""
        still, last = 0, None
        until = time.monotonic() + WAIT_SECONDS
        while still < 6:
            assert time.monotonic() < until, self.messages
            tiles = sum("Viewing" not in each.url for each in self.requests)
            seen = (self.page.url, self.text("#numbers"), self.text("#drawn"), tiles)
            still = still + 1 if self.page.evaluate(IS_READY) and seen == last else 0
            last = seen
            self.page.wait_for_timeout(50)

    def text(self, selector: str) -> str:
        # Not by Playwright's own way, which waits for what is not there yet.
        return str(
            self.page.evaluate("(it) => document.querySelector(it)?.textContent ?? ''", selector)
        )

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.wait()

    def picture(self) -> np.ndarray:
        """Return what is on the screen, (rows, columns, 3), nothing but drawings laid over it."""
        self.page.evaluate(HIDE_PANELS, "hidden")
        png = self.page.screenshot()
        self.page.evaluate(HIDE_PANELS, "")
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)

    def count(self, colour: tuple[int, int, int]) -> int:
        """Return how many pixels of the screen have a colour."""
        return int((np.abs(self.picture() - np.array(colour)).max(axis=2) <= 3).sum())


Open = Callable[..., View]


@pytest.fixture
def open_page(browser: Browser, world: Study1) -> Iterator[Open]:
    contexts = []

    def opened(place: str = "", **params: Any) -> View:
        size = params.pop("viewport", {"width": 1200, "height": 800})
        context = browser.new_context(viewport=size)
        contexts.append(context)
        view = View(context.new_page())
        view.page.on("request", lambda it: view.requests.append(it))  # noqa: PLW0108 (it is marked)
        view.page.on("console", lambda message: view.messages.append(message.text))
        view.page.on("pageerror", lambda error: view.messages.append(str(error)))
        view.page.on("dialog", lambda dialog: view.messages.append(dialog.message))
        view.page.goto(world.address(**params) + place)
        view.wait()
        return view

    yield opened
    for context in contexts:
        context.close()


def annos(*shapes: Any, colour: str = "#00ff00") -> str:
    return json.dumps([{"color": colour, "shapes": json.dumps(shapes)}])


RECT = {"type": "rect", "corner": {"x": 900, "y": 1000}, "size": {"x": 400, "y": 300}}


def test_page_shows_slide_core_and_drawings_and_asks_nobody_else(
    open_page: Open, world: Study1, shots: Path
) -> None:
    ellipse = {"type": "ellipse", "center": {"x": 1100, "y": 1900}, "size": {"x": 250, "y": 120}}
    brush = {
        "type": "brush",
        "positivePolygons": [
            [{"x": x, "y": y} for x, y in ((850, 1450), (1150, 1450), (1150, 1680), (850, 1680))]
        ],
        "negativePolygons": [
            [{"x": x, "y": y} for x, y in ((950, 1520), (1050, 1520), (1000, 1610))]
        ],
    }
    heat = {"type": "heatmap", "x": 1200, "y": 1450, "height": 240}
    heat["data"] = [[0, 60, 120], [60, 120, 180], [120, 180, 255]]
    view = open_page(tmaRow=2, tmaCol=1, annos=annos(RECT, ellipse, brush, heat))
    view.page.screenshot(path=shots / "details-core.png")
    assert view.messages == []
    assert {request.url.startswith(world.url) for request in view.requests} == {True}
    assert {request.response().status for request in view.requests} == {200}
    assert view.text("h1") == view.page.title() == "tma <1>"
    assert view.text("#description") == "HER2, block 3\ntwo"
    assert view.text("#core span") == "Core row 3, column 2 (S2B)"
    for said in ("Annotations 1", "4 shapes", "a model", "1 shape"):
        assert said in view.text("#drawn")
    assert view.page.evaluate("() => window.hit") is None
    assert HOSTILE in view.text("#drawn")
    view.press("Home")
    view.page.screenshot(path=shots / "details-whole.png")


def test_pixels_are_the_slides_own(open_page: Open, demo_slide: Path) -> None:
    view = open_page("#x=1600&y=2300&downsample=1")
    with openslide.OpenSlide(demo_slide) as slide:
        region = slide.read_region((1000, 1900), 0, (1200, 800)).convert("RGB")
    assert np.abs(view.picture() - np.asarray(region).astype(int)).mean() < 1.5


def test_shapes_lie_where_they_were_drawn_at_every_scale_and_rotation(open_page: Open) -> None:
    view = open_page("#x=1100&y=1150&downsample=1", annos=annos(RECT))
    for keys, (width, height) in (((), (400, 300)), (("-",), (200, 150)), (("r",), (150, 200))):
        view.press(*keys)
        rows, columns = np.nonzero(np.abs(view.picture() - np.array(GREEN)).max(axis=2) <= 3)
        box = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
        expected = 600 - width / 2, 600 + width / 2, 400 - height / 2, 400 + height / 2
        assert np.abs(np.subtract(box, expected)).max() <= 2


def test_layers_can_be_hidden_by_mouse_and_key(open_page: Open) -> None:
    view = open_page(annos=annos(RECT))
    shown = [view.count(each) for each in (GREEN, ORANGE, BLUE)]
    assert min(shown) > 50
    view.page.get_by_label("Tumour").uncheck()
    view.wait()
    assert view.count(ORANGE) == 0
    assert view.count(GREEN) == shown[0]
    view.press("l")
    assert [view.count(each) for each in (GREEN, ORANGE, BLUE)] == [0, 0, 0]
    assert view.page.locator("#drawn input:checked").count() == 0
    view.press("l")
    assert [view.count(each) for each in (GREEN, ORANGE, BLUE)] == shown


def test_core_is_shown_first_and_again_when_asked(open_page: Open) -> None:
    view = open_page(tmaSample="S2B")
    at_first = view.page.url.partition("#")[2]
    assert at_first.startswith("x=1110&y=1854&")
    view.press("Home")
    view.wait_until(lambda: "#" not in view.page.url)
    view.press("c")
    view.wait_until(lambda: view.page.url.partition("#")[2] == at_first)
    view.press("Home")
    view.page.get_by_role("button", name="Show", exact=True).click()
    view.wait_until(lambda: view.page.url.partition("#")[2] == at_first)


def test_slide_is_turned_as_stated(open_page: Open, world: Study1, shots: Path) -> None:
    world.lab.slides.set_rotation(world.owner, world.slide.id, 90)
    try:
        view = open_page()
        upright = view.picture()
        view.page.screenshot(path=shots / "details-turned.png")
        view.press("r", "Home")
        assert np.abs(view.picture() - upright).mean() < 1
    finally:
        world.lab.slides.set_rotation(world.owner, world.slide.id, 0)
    seen = (upright.sum(axis=2) > 3 * 180).nonzero()
    # The slide is higher than wide, and now lies on its side.
    assert np.ptp(seen[1]) > 1.2 * np.ptp(seen[0])


def test_everything_is_reached_by_key_and_seen_when_it_is(open_page: Open) -> None:
    view = open_page(tmaRow=0, tmaCol=0)
    found = []
    for _ in range(30):
        view.page.keyboard.press("Tab")
        found.append(view.page.evaluate(FOCUSED))
    found = [each for each in found if each is not None]
    names = " | ".join(each["name"] for each in found)
    for wanted in ("Zoom in", "tma <1>", "Show", "Drawn on the slide", "Tumour"):
        assert wanted in names
    assert [each["name"] for each in found if not each["isSeen"]] == []
    assert min(view.page.evaluate(CONTRASTS)) >= 4.5


def test_what_was_looked_at_is_remembered_when_the_page_is_left(
    open_page: Open, world: Study1, demo_slide: Path
) -> None:
    slide = world.lab.slides.add(world.owner, world.study.id, demo_slide, name="looked at")
    view = open_page(imageId=slide.id)
    view.page.mouse.move(500, 400)
    view.press("+")
    view.page.goto("about:blank")
    sessions, study_id = world.lab.sessions, world.study.id

    def widths() -> set[int]:
        return {
            event.width
            for session in sessions.list(world.owner, study_id, slide_id=slide.id)
            for event in sessions.events(world.owner, study_id, session.id)
        }

    view.wait_until(lambda: len(widths()) > 1)
    (session,) = sessions.list(world.owner, study_id, slide_id=slide.id)
    assert session.email == "reader@lab"
    last = sessions.events(world.owner, study_id, session.id)[-1]
    assert last.width == min(widths())
    assert 0 < last.cursor_x < slide.width


def test_leave_that_ended_is_renewed_unnoticed(open_page: Open) -> None:
    view = open_page()
    asked = []

    def refuse_once(route: Any) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=503, body="{}")
        else:
            route.continue_()

    view.page.route("**/i_files/**", refuse_once)
    view.press("1")
    assert len(asked) > 1
    assert view.page.locator("#alert").is_hidden()
    assert view.messages[1:] == []


def test_who_is_refused_reads_why(browser: Browser, world: Study1) -> None:
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(f"{world.url}Image/Details?imageId={world.slide.id}&access=x")
    assert answer is not None
    assert answer.status == 503
    assert "cannot be shown" in page.inner_text("h1")
    context.close()


def test_jupyter_shows_it_to_whoever_is_signed_in(
    browser: Browser, jupyter: Any, lab: LabClient, shots: Path
) -> None:
    context = browser.new_context()
    page = context.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.goto(f"{jupyter.url}api/status?token=t")
    posted = []
    page.on("response", lambda it: posted.append(it.status) if "Viewing" in it.url else None)
    page.goto(f"{jupyter.url}wsi-lab/Image/Details?studyId=1")
    page.wait_for_function(IS_READY)
    until = time.monotonic() + WAIT_SECONDS
    while not posted:
        assert time.monotonic() < until, messages
        page.wait_for_timeout(100)
    page.screenshot(path=shots / "details-jupyter.png")
    # One, and on a slow machine the next ones too.
    assert set(posted) == {200}
    assert messages == []
    context.close()
