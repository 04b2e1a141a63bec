"""The page of a slide in Chromium: what it shows, how it moves, what it says when tiles fail."""

from __future__ import annotations

import io
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import openslide
import pytest
from page_refusals import Refusals
from page_waiting import WAIT_SECONDS, wait_on
from PIL import Image
from playwright.sync_api import Browser, Page, Request
from streaming import streaming

from wsi_lab.model.source import Source
from wsi_lab.server.site import Site
from wsi_lab.server.streamer.door import StreamerDoor
from wsi_lab.server.streamer.settings import Access, StreamerSettings
from wsi_lab.service.sources import SourceSlides
from wsi_lab.slides.engine import EngineSettings, SlideEngine

pytestmark = [pytest.mark.browser]

# Escaped and odd on purpose: an address that is put together by hand breaks on it.
MOUNT = "/a%40b/wsi-lab/"
DEMO = "CMU-1-Small-Region.svs"
TCGA = "frozen sections/TCGA-CR-7395-01A-01-TS1.svs"
DEMO_SIZE = (2220, 2967)
DEMO_MPP = 0.499
HOSTILE = {
    "end of script": "</script><script>window.hit=1</script>.svs",
    "attribute": "\"'><img src=x onerror=window.hit=1>.svs",
    "handler": "<svg onload=window.hit=1>.svs",
    "template": "${window.hit=1} $data {{window.hit=1}} <!--.svs",
    "address": "100% #1?a=b&c;d+e@f:g.svs",
    "escapes": "%2e%2e%2Fa%252Fb&lt;b&gt;.svs",
    "emoji": "Leber 🔬 grün.svs",
    "separators": "a\u2028b\u2029c.svs",
    "right to left": "שקופית של רקמה.svs",
    "backwards": "evil\u202egvs.svs",
    "long": "a very long name " * 13 + ".svs",
}
HIDE_PANELS = """(visibility) => {
  for (const panel of document.querySelectorAll('.panel')) panel.style.visibility = visibility;
}"""
# What moves does so with frames, of which a machine that does much else draws few.
IS_READY = """async () => {
  await new Promise(requestAnimationFrame);
  return document.getElementById('bar') !== null && !document.body.classList.contains('busy');
}"""
FOCUSED = """() => {
  const { activeElement: it } = document;
  const { outlineStyle, outlineWidth } = getComputedStyle(it);
  const ring = getComputedStyle(it, '::after').boxShadow;
  return {
    name: it.getAttribute('aria-label') ?? it.textContent.trim(),
    isSeen: (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) || ring !== 'none',
  };
}"""


@dataclass
class View:
    """A page that is open, and what it asked and said."""

    page: Page
    requests: list[Request] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def wait_until(self, condition: Callable[[], Any]) -> None:
        wait_on(self.page, condition, self.messages)

    def wait(self) -> None:
        """Wait until the view is at rest and all its tiles are there."""
        still, last = 0, None
        until = time.monotonic() + WAIT_SECONDS
        while still < 8:
            assert time.monotonic() < until, self.messages
            seen = (self.page.url, self.text("#numbers"), self.text("#scale"), len(self.requests))
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

    @property
    def place(self) -> dict[str, float] | None:
        """What the address says about the view; nothing while it shows the whole slide."""
        said = parse_qs(urlsplit(self.page.url).fragment)
        return {name: float(value[0]) for name, value in said.items()} or None

    @property
    def at(self) -> list[float | None]:
        """The point in the middle, as far as the address says it."""
        place = self.place or {}
        return [place.get("x"), place.get("y")]

    def comes_to(self, **expected: float) -> None:
        """Wait until the address says that the view is at a place."""
        wanted = {name: pytest.approx(value, abs=1) for name, value in expected.items()}
        self.wait_until(lambda: self.place == wanted)

    @property
    def magnification(self) -> float:
        return float(re.sub("[^0-9.]", "", self.text("#magnification")))

    def picture(self) -> np.ndarray:
        """Return what is on the screen, (rows, columns, 3), nothing laid over it."""
        self.page.evaluate(HIDE_PANELS, "hidden")
        png = self.page.screenshot()
        self.page.evaluate(HIDE_PANELS, "")
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(float)

    def tiles(self) -> list[str]:
        return [request.url for request in self.requests if "/tiles/" in request.url]


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, shared_data: Path
) -> Iterator[Callable[[], Site]]:
    """Return sites of one folder of slides."""
    folder = tmp_path_factory.mktemp("slides")
    files = {
        DEMO: "CMU-1-Small-Region.svs",
        TCGA: "tcga-cr-7395-01a-01-ts1.svs",
        **dict.fromkeys(HOSTILE.values(), "CMU-1-Small-Region.svs"),
    }
    for name, file in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shared_data / "slides" / file, folder / name)
    engine = SlideEngine(EngineSettings(workers=2))
    yield lambda: Site(None, source=SourceSlides(lambda: engine, Source.at(str(folder))))
    engine.close()


@pytest.fixture(scope="module")
def url(site: Callable[[], Site]) -> Iterator[str]:
    """An open door below a hostile prefix."""
    with streaming(site(), StreamerDoor(StreamerSettings()), mount=MOUNT) as url:
        yield url


Open = Callable[..., View]


@pytest.fixture
def open_page(browser: Browser, url: str) -> Iterator[Open]:
    contexts = []

    def opened(slide_id: str = DEMO, place: str = "", at: str = url, **options: Any) -> View:
        context = browser.new_context(**{"viewport": {"width": 1000, "height": 700}, **options})
        contexts.append(context)
        view = View(context.new_page())
        view.page.on("request", lambda it: view.requests.append(it))  # noqa: PLW0108 (it is marked)
        view.page.on("console", lambda message: view.messages.append(message.text))
        view.page.on("pageerror", lambda error: view.messages.append(str(error)))
        view.page.on("dialog", lambda dialog: view.messages.append(dialog.message))
        view.page.goto(f"{at}view/{quote(slide_id, safe='')}{place}")
        view.wait()
        return view

    yield opened
    for context in contexts:
        context.close()


def difference(shown: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(shown - expected).mean())


@pytest.mark.parametrize("slide_id", [DEMO, TCGA])
@pytest.mark.parametrize("size", [(1440, 900), (800, 600)])
def test_page_shows_the_slide_and_asks_nobody_else(
    open_page: Open, url: str, shots: Path, slide_id: str, size: tuple[int, int]
) -> None:
    view = open_page(slide_id, viewport={"width": size[0], "height": size[1]})
    view.page.screenshot(path=shots / f"page-{slide_id[:4]}-{size[0]}.png")
    assert view.messages == []
    assert {request.url.startswith(url) for request in view.requests} == {True}
    assert {request.response().status for request in view.requests} == {200}
    assert f"tiles/{quote(slide_id, safe='')}/0/" in "".join(view.tiles()) or slide_id == TCGA
    assert view.text("h1") == slide_id
    assert "Aperio SVS" in view.text("summary p")
    assert view.page.title() == slide_id


def test_full_resolution_is_the_very_pixels_of_the_slide(open_page: Open, demo_slide: Path) -> None:
    view = open_page(place="#x=1200&y=1700&downsample=1")
    with openslide.OpenSlide(demo_slide) as slide:
        region = slide.read_region((700, 1350), 0, (1000, 700)).convert("RGB")
    assert difference(view.picture(), np.asarray(region).astype(float)) < 1


@pytest.mark.parametrize("slide_id", [DEMO, TCGA])
def test_whole_slide_is_in_its_place_to_the_last_pixel(
    open_page: Open, shared_data: Path, slide_id: str
) -> None:
    view = open_page(slide_id)
    file = "CMU-1-Small-Region.svs" if slide_id == DEMO else "tcga-cr-7395-01a-01-ts1.svs"
    with openslide.OpenSlide(shared_data / "slides" / file) as slide:
        width, height = slide.dimensions
        whole = slide.get_thumbnail((4000, 4000)).convert("RGB")
    downsample = max(width / 1000, height / 700) / 0.95
    shown_width, shown_height = round(width / downsample), round(height / downsample)
    left, top = (1000 - shown_width) // 2, (700 - shown_height) // 2
    shown = view.picture()
    # Beyond its last pixels there is the dark page, and no padding of the file's tiles.
    for beyond in (
        shown[: top - 2],
        shown[top + shown_height + 2 :],
        shown[:, : left - 2],
        shown[:, left + shown_width + 2 :],
    ):
        assert beyond.max() < 60
    expected = np.asarray(whole.resize((shown_width, shown_height))).astype(float)
    inside = shown[top : top + shown_height, left : left + shown_width]
    edge = np.s_[3:-3, 3:-3]
    assert difference(blurred(inside[edge]), blurred(expected[edge])) < 5
    for side in (inside[-3:-1], inside[1:3], inside[:, 1:3], inside[:, -3:-1]):
        assert side.mean() > 150


def blurred(pixels: np.ndarray) -> np.ndarray:
    rows, columns = (length // 8 * 8 for length in pixels.shape[:2])
    return pixels[:rows, :columns].reshape(rows // 8, 8, columns // 8, 8, 3).mean(axis=(1, 3))


@pytest.mark.parametrize("downsample", [0.5, 1, 2.7, 6])
def test_scale_bar_is_as_long_as_it_says(open_page: Open, downsample: float) -> None:
    view = open_page(place=f"#x=1100&y=1500&downsample={downsample}")
    length, unit = view.text("#scale").split()
    assert unit == "µm"
    width = view.page.locator("#bar").bounding_box()["width"]
    assert width * downsample * DEMO_MPP == pytest.approx(float(length), rel=0.01)
    assert view.magnification == pytest.approx(20 / downsample, rel=0.01)
    assert view.text("#resolution") == f"{DEMO_MPP * downsample:.3g} µm/px"


def test_slide_without_a_scale_is_measured_in_its_pixels(open_page: Open) -> None:
    view = open_page(TCGA, place="#x=2000&y=1500&downsample=2")
    length, unit = view.text("#scale").split()
    assert unit == "px"
    width = view.page.locator("#bar").bounding_box()["width"]
    assert width * 2 == pytest.approx(float(length), rel=0.01)
    assert view.text("#magnification") == "50 %"


def test_keys_zoom_move_turn_and_come_back(open_page: Open) -> None:
    view = open_page()
    whole = view.magnification
    assert view.place is None
    view.press("1")
    assert view.magnification == pytest.approx(20)
    view.press("-")
    assert view.magnification == pytest.approx(10)
    assert view.text("#said") == "Magnification 10×"
    view.press("+", "=")
    assert view.magnification == pytest.approx(40)
    view.press("-", "-", "ArrowRight", "ArrowDown")
    view.comes_to(x=1310, y=1683.5, downsample=2)
    view.press("Shift+ArrowLeft")
    view.comes_to(x=510, y=1683.5, downsample=2)
    view.press("r")
    view.comes_to(x=510, y=1683.5, downsample=2, rotation=90)
    # To the right on the screen is up on a slide that is turned to the right.
    view.press("ArrowRight")
    view.comes_to(x=510, y=1483.5, downsample=2, rotation=90)
    view.press("Shift+R", "Shift+R")
    view.comes_to(x=510, y=1483.5, downsample=2, rotation=270)
    view.press("Home")
    view.wait_until(lambda: view.place is None)
    assert view.magnification == whole
    view.press("1", "0")
    assert view.magnification == whole
    assert view.messages == []


def test_buttons_do_what_keys_do(open_page: Open) -> None:
    view = open_page()
    whole = view.magnification
    for label, is_done in (
        ("Zoom in (+)", lambda: view.magnification == 5),
        ("Zoom out (−)", lambda: view.magnification == 2.5),
        ("Turn right (R)", lambda: (view.place or {}).get("rotation") == 90),
        ("Whole slide (Home)", lambda: view.magnification == whole and view.place is None),
    ):
        view.page.get_by_role("button", name=label, exact=True).click()
        view.wait()
        view.wait_until(is_done)


def test_mouse_drags_zooms_and_reads_the_place(open_page: Open) -> None:
    view = open_page(place="#x=1100&y=1500&downsample=2")
    mouse = view.page.mouse
    mouse.move(500, 350)
    mouse.down()
    mouse.move(400, 400, steps=5)
    mouse.up()
    view.comes_to(x=1300, y=1400, downsample=2)
    mouse.move(600, 300)
    shown = [
        int(word) for word in view.text("#place").replace("\u202f", "").split() if word.isdigit()
    ]
    assert shown == pytest.approx([1500, 1300], abs=2)
    mouse.wheel(0, -120)
    view.wait()
    # The point under the mouse stays under it.
    view.wait_until(lambda: (view.place or {}).get("downsample", 9) < 2)
    place = view.place
    assert place["x"] + 100 * place["downsample"] == pytest.approx(1500, abs=3)
    assert place["y"] - 50 * place["downsample"] == pytest.approx(1300, abs=3)
    mouse.move(700, 690)
    box = view.page.locator("#overview").bounding_box()
    view.page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    quarter = [pytest.approx(length / 4, abs=30) for length in DEMO_SIZE]
    view.wait_until(lambda: view.at == quarter)


def test_place_survives_a_reload(open_page: Open) -> None:
    view = open_page(place="#x=900&y=1200&downsample=2&rotation=90")
    place = {"x": 900, "y": 1200, "downsample": 1, "rotation": 90}
    view.press("+")
    view.comes_to(**place)
    view.page.reload()
    view.wait()
    view.comes_to(**place)
    assert view.magnification == pytest.approx(20)


def test_whole_slide_stays_whole_in_another_window(open_page: Open) -> None:
    view = open_page()
    view.page.set_viewport_size({"width": 500, "height": 400})
    view.wait()
    assert view.place is None
    assert view.magnification == pytest.approx(20 / (DEMO_SIZE[1] / 400 / 0.95), rel=0.01)


def test_f_fills_the_screen_and_comes_back(open_page: Open) -> None:
    view = open_page()
    is_full = "() => document.fullscreenElement !== null"
    view.page.keyboard.press("f")
    view.wait_until(lambda: view.page.evaluate(is_full))
    leave = view.page.get_by_role("button", name="Leave full screen (F)")
    leave.wait_for()
    leave.click()
    view.wait_until(lambda: not view.page.evaluate(is_full))
    view.page.get_by_role("button", name="Full screen (F)", exact=True).wait_for()


def test_help_and_facts_open_and_close_by_keys(open_page: Open, shots: Path) -> None:
    view = open_page()
    before = view.page.url
    view.page.keyboard.press("?")
    help_box = view.page.get_by_role("dialog", name="Keyboard and mouse")
    help_box.wait_for()
    view.page.screenshot(path=shots / "page-help.png")
    view.page.keyboard.press("+")
    view.page.keyboard.press("Escape")
    help_box.wait_for(state="hidden")
    view.wait()
    assert view.page.url == before
    view.page.keyboard.press("i")
    table = view.page.get_by_role("table")
    table.wait_for()
    assert table.get_by_role("row").count() == 2
    view.page.screenshot(path=shots / "page-facts.png")
    view.page.keyboard.press("Enter")
    table.wait_for(state="hidden")


def test_everything_is_reached_by_tab_and_seen_to_be(open_page: Open) -> None:
    view = open_page()
    reached = []
    for _ in range(7):
        view.page.keyboard.press("Tab")
        focused = view.page.evaluate(FOCUSED)
        assert focused["isSeen"], focused
        reached.append(focused["name"])
    for name in ("Zoom in (+)", "Zoom out (−)", "Whole slide (Home)", "Turn right (R)"):
        assert name in reached
    assert any(name.startswith(DEMO) for name in reached)


def test_reduced_motion_moves_at_once(open_page: Open) -> None:
    view = open_page(reduced_motion="reduce")
    zooms = view.page.evaluate(
        """async () => {
          dispatchEvent(new KeyboardEvent('keydown', { key: '1' }));
          const seen = [];
          for (let frame = 0; frame < 4; frame += 1) {
            await new Promise(requestAnimationFrame);
            seen.push(document.getElementById('magnification').textContent);
          }
          return seen;
        }"""
    )
    assert zooms[-1] == "20×"
    assert len(set(zooms)) <= 2


@pytest.mark.parametrize("slide_id", HOSTILE.values(), ids=HOSTILE)
def test_no_name_runs_anything_and_every_one_is_shown(
    open_page: Open, url: str, shots: Path, slide_id: str
) -> None:
    view = open_page(slide_id, viewport={"width": 800, "height": 600})
    view.page.screenshot(path=shots / f"page-name-{list(HOSTILE.values()).index(slide_id)}.png")
    assert view.messages == []
    assert view.page.evaluate("() => typeof window.hit") == "undefined"
    shown = re.sub("[\u2028\u2029\u202e]", "\ufffd", slide_id)
    assert view.text("h1") == shown
    assert view.page.evaluate("() => document.querySelectorAll('img, svg[onload]').length") == 0
    assert view.tiles()[0].startswith(f"{url}tiles/{quote(slide_id, safe='')}/")
    box = view.page.locator("#facts").bounding_box()
    assert box["x"] + box["width"] <= 800 - 200
    assert box["height"] < 70


REFUSALS = {
    401: ("Your access to this slide has run out.", "Reload"),
    404: ("This slide is no longer there.", "Try again"),
    415: ("This slide has been replaced.", "Reload"),
    500: ("Some tiles of this slide cannot be read.", "Try again"),
    502: ("The slide cannot be reached at the moment.", "Try again"),
    503: ("The server is very busy.", "Try again"),
}


@pytest.mark.parametrize("status", REFUSALS)
def test_failing_tiles_are_explained_and_can_be_had_again(
    open_page: Open, shots: Path, status: int
) -> None:
    view = open_page(TCGA)
    refusals = Refusals(
        view.page, "**/tiles/**", lambda route: route.fulfill(status=status, body="{}")
    )
    view.press("1")
    alert = view.page.get_by_role("alert")
    alert.wait_for(timeout=1000 * WAIT_SECONDS)
    view.page.screenshot(path=shots / f"page-{status}.png")
    sentence, act = REFUSALS[status]
    assert sentence in alert.text_content()
    refusals.hold()
    place = view.place
    asked = len(view.tiles())
    alert.get_by_role("button", name=act).click()
    refusals.end(view.messages)
    alert.wait_for(state="hidden")
    view.wait()
    assert len(view.tiles()) > asked
    assert view.place == place


def test_lost_network_is_told_and_made_good_by_itself(open_page: Open) -> None:
    view = open_page(TCGA)
    view.page.context.set_offline(True)
    view.press("1")
    alert = view.page.get_by_role("alert")
    alert.wait_for(timeout=1000 * WAIT_SECONDS)
    assert "The server does not answer." in alert.text_content()
    view.page.context.set_offline(False)
    alert.wait_for(state="hidden", timeout=1000 * WAIT_SECONDS)
    view.wait()


class Clock:
    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signed_url(site: Callable[[], Site], clock: Clock) -> Iterator[str]:
    """A door that wants signatures."""
    door = StreamerDoor(StreamerSettings(Access.SIGNED, "secret"), clock)
    with streaming(site(), door, mount=MOUNT) as url:
        yield url


def test_page_stays_usable_when_its_token_runs_out(
    open_page: Open, signed_url: str, clock: Clock
) -> None:
    view = open_page(TCGA, at=signed_url)
    first = {parse_qs(urlsplit(tile).query)["vt"][0] for tile in view.tiles()}
    assert len(first) == 1
    clock.ahead = 2 * 3600
    before = len(view.requests)
    view.press("1")
    asked = view.requests[before:]
    # One look at the page itself brings the token that all tiles go on with.
    assert len([each for each in asked if each.url.endswith(quote(TCGA, safe=""))]) == 1
    later = {parse_qs(urlsplit(tile).query)["vt"][0] for tile in view.tiles()} - first
    assert len(later) == 1
    assert not view.page.get_by_role("alert").is_visible()
    refused = [each for each in asked if each.response().status == 401]
    again = [each for each in asked if each.response().status == 200 and "/tiles/" in each.url]
    assert 0 < len(refused) < len(again)


def test_page_that_gets_no_other_token_says_so(
    open_page: Open, signed_url: str, clock: Clock
) -> None:
    view = open_page(TCGA, at=signed_url)
    clock.ahead = 2 * 3600
    view.page.route("**/view/*", lambda route: route.fulfill(status=403, body="<html>"))
    view.press("1")
    alert = view.page.get_by_role("alert")
    alert.wait_for(timeout=1000 * WAIT_SECONDS)
    assert "Your access to this slide has run out." in alert.text_content()
    view.page.unroute("**/view/*")
    alert.get_by_role("button", name="Reload").click()
    # It stays until the new page is there.
    alert.wait_for(state="hidden")
    view.wait()
    assert view.magnification == 100
