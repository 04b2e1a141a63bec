"""The readers' page from one item to the next, and when a lab that was away is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from reading_hand import Reader
from reading_lab import ReadLab, read_lab

pytestmark = [pytest.mark.browser]

OTHER = (("Area", "Percentage", ""),)
H_SCORE = (("ER", "HScoreOnly", ""),)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, demo_slide: Path) -> Iterator[ReadLab]:
    with read_lab(tmp_path_factory.mktemp("lab") / "home", demo_slide) as lab:
        yield lab


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    made = browser.new_page(viewport={"width": 1440, "height": 900})
    yield made
    made.close()


@pytest.fixture
def opened(page: Page, world: ReadLab, demo_slide: Path) -> Callable[..., Reader]:
    """Open a new study of two slides at the first of them."""

    def opened(questions: Sequence[tuple[str, str, str]], name: str) -> Reader:
        reader = Reader(page, world, world.study(demo_slide, 2, questions=questions, name=name))
        page.goto(world.link(reader.study))
        reader.wait_for_item(1)
        return reader

    return opened


def test_other_words_about_one_item_are_not_shown_at_the_next(
    page: Page, opened: Callable[..., Reader]
) -> None:
    reader = opened(OTHER, "Other words")
    page.get_by_role("button", name="Other").click()
    reader.type("not assessable")
    reader.press("Enter")
    reader.wait_for_item(2)
    reader.wait_saved()
    assert reader.answers("Area") == ["not assessable"]
    assert page.locator(".wsr-with-other > input").input_value() == ""
    assert page.locator(".wsr-with-other > input").is_hidden()
    reader.type("7")
    reader.press("Enter")
    reader.wait_saved()
    assert reader.answers("Area") == ["7", "not assessable"]


def test_percentages_of_one_item_are_not_shown_at_another_with_the_same_score(
    page: Page, opened: Callable[..., Reader]
) -> None:
    reader = opened(H_SCORE, "H-scores")
    page.get_by_label("ER: H-score").fill("140")
    reader.press("Enter")
    reader.wait_for_item(2)
    for share in ("10", "20", "30"):
        reader.type(share)
        reader.press("Enter")
    reader.wait_saved()
    reader.press("PageUp")
    reader.wait_for_item(1)
    shares = page.locator(".wsr-share").evaluate_all("them => them.map((it) => it.value)")
    assert shares == ["", "", ""]
    assert page.get_by_label("ER: H-score").input_value() == "140"


def test_reader_who_tried_again_by_hand_is_left_alone_once_the_page_is_open(
    page: Page, world: ReadLab, demo_slide: Path
) -> None:
    study = world.study(demo_slide, 2, questions=OTHER, name="Away")
    asked: list[str] = []
    page.on("request", lambda it: asked.append(it.url) if it.url.endswith("/reading") else None)
    # It stands still, so that nothing but the button tries again.
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.route("**/reading", lambda route: route.abort())
    reader = Reader(page, world, study)
    page.goto(world.link(study))
    for tries in range(1, 4):
        reader.wait_until(lambda tries=tries: len(asked) == tries)
        page.get_by_role("button", name="Try again").click()
    reader.wait_until(lambda: len(asked) == 4)
    page.unroute("**/reading")
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("button", name="Try again").wait_for(state="detached")
    page.clock.resume()
    reader.wait_for_item(1)
    reader.press("n")
    reader.wait_for_item(2)
    tries = len(asked)
    page.clock.run_for(60_000)
    assert reader.data("item") == "2"
    assert len(asked) == tries
