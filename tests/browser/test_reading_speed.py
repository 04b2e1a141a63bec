"""A hundred cases scored by keyboard alone: how long a reader waits for the next one."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_waiting import wait_on
from playwright.sync_api import Browser, Page
from reading_lab import ReadLab, read_lab

pytestmark = [pytest.mark.browser, pytest.mark.quiet]

CASES = 100
MEDIAN_MS = 150
# From the last key that is pressed to the frame that shows the next item with all of its tiles.
LISTEN = """
window.waits = [];
window.addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
"""
MEASURE = """() => {
  const root = document.querySelector('.wsr');
  new MutationObserver(() => {
    if (root.dataset.painted !== root.dataset.item) return;
    requestAnimationFrame(() => window.waits.push(performance.now() - window.pressed));
  }).observe(root, { attributes: true, attributeFilter: ['data-painted'] });
}"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, demo_slide: Path) -> Iterator[ReadLab]:
    with read_lab(tmp_path_factory.mktemp("lab") / "home", demo_slide) as lab:
        yield lab


def wait_for_item(page: Page, number: int) -> None:
    page.wait_for_selector(f".wsr[data-item='{number}'][data-painted='{number}']")


def test_next_case_is_on_screen_at_once(
    browser: Browser, world: ReadLab, demo_slide: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = world.study(demo_slide, CASES, settings={"shufflecases": "true"})
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    # Before the page's own listener, which lets no other hear what it took.
    page.add_init_script(LISTEN)
    page.goto(world.link(study))
    wait_for_item(page, 1)
    page.evaluate(MEASURE)
    for number in range(1, CASES):
        for keys in (str(number % 3 + 1), str(number), "10", "20", "5"):
            page.keyboard.type(keys)
            page.keyboard.press("Enter")
        page.keyboard.press("0")
        page.keyboard.press("Enter")
        wait_for_item(page, number + 1)
    # The frame in which the last one is on screen comes after the word that it will be.
    wait_on(page, lambda: page.evaluate("window.waits.length") >= CASES - 1, [])
    waits = page.evaluate("window.waits")
    page.wait_for_selector(".wsr[data-saving='saved']")
    page.close()
    median, slowest = statistics.median(waits), max(waits)
    with capsys.disabled():
        sys.stdout.write(
            f"\nfrom key to next case: median {median:.0f} ms, slowest {slowest:.0f} ms\n"
        )
    assert len(waits) >= CASES - 1
    assert len(world.answers(study, "Ki-67")) == CASES - 1
    assert median < MEDIAN_MS
