"""The readers' page in Chromium: scored by keyboard alone, killed, opened again, looked at."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from barriers import barriers
from page_waiting import wait_on
from playwright.sync_api import Browser
from reading_hand import Reader
from reading_lab import QUESTIONS, ReadLab, read_lab

from wsi_lab.model.study import Study

pytestmark = [pytest.mark.browser]

CHROMIUM_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
ALL_KINDS = (
    ("Look at the whole slide first.", "Explanation", "Then answer."),
    ("Necrosis", "Checkbox", ""),
    ("p53", "PositiveNegative", ""),
    ("HER2", "Intensities", ""),
    ("PR", "HScore", ""),
    ("Area", "Percentage", ""),
    ("Type", "ClickFriendly", "ductal;lobular;mucinous"),
    ("Score", "DropDown", "0;1+;2+;3+"),
    ("Site", "DropDown", ";".join(f"site {number}" for number in range(20))),
    ("Count", "Integer", ""),
    ("Depth", "Real", ""),
    ("Outline", "AnnoShapes", "#0072b2"),
    ("Length", "AnnoMeasure", "#009e73"),
    ("Remarks", "FreeText", ""),
)
CORES = "\n".join("\t".join(f"S{row}{column}" for column in range(3)) for row in range(2)) + "\n"
TMA_QUESTIONS = (("HER2", "IntensitiesOnly", ""), ("Ki-67", "PercentageOnly", ""))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, demo_slide: Path) -> Iterator[ReadLab]:
    with read_lab(tmp_path_factory.mktemp("lab") / "home", demo_slide) as lab:
        yield lab


@pytest.fixture(scope="module")
def grading(world: ReadLab, demo_slide: Path) -> Callable[..., Study]:
    """Make a study of one's own."""

    def made(count: int = 4, **options: Any) -> Study:
        name = options.pop("name", f"Grading {time.monotonic_ns()}")
        return world.study(demo_slide, count, name=name, **options)

    return made


Open = Callable[..., Reader]


@pytest.fixture
def open_page(browser: Browser, world: ReadLab) -> Iterator[Open]:
    contexts = []

    def opened(study: Study, link: str | None = None, **options: Any) -> Reader:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        reader = Reader(context.new_page(), world, study)
        reader.page.on("pageerror", lambda error: reader.errors.append(str(error)))
        reader.page.on("console", lambda it: reader.errors.append(it.text))
        reader.page.goto(world.link(study) if link is None else link)
        return reader

    yield opened
    for context in contexts:
        context.close()


def test_items_are_scored_by_keyboard_alone(
    open_page: Open, grading: Callable[..., Study], shots: Path
) -> None:
    reader = open_page(grading(settings={"hideslidenames": "true"}))
    reader.wait_for_item(1)
    for number, (grade, percent, h_score) in enumerate(
        [("1", "10", "10 20 30"), ("2", "0", "0 0 100"), ("3", "99.5", "5 0 0")], start=1
    ):
        reader.score(grade, percent, h_score)
        reader.wait_for_item(number + 1)
    reader.press("c")
    reader.type("n is no key here")
    reader.wait_saved()
    reader.page.screenshot(path=shots / "reading-four.png")
    assert [each[:1] for each in reader.answers("Tumour grade")] == ["1", "2", "3"]
    assert reader.answers("Ki-67") == ["0", "10", "99.5"]
    assert reader.answers("ER") == ["140", "300", "5"]
    assert reader.answers("Mitoses") == ["[]", "[]", "[]"]
    assert reader.answers("Comment") == ["n is no key here"]
    assert reader.text(".wsr-done") == "3 of 4 done"
    assert reader.data("item") == "4"
    assert reader.errors == []
    # Nothing of the link stays in the address, and the page knows nobody's names.
    assert "wsi_" not in reader.page.url
    assert "case-0" not in reader.page.content()


def test_keys_are_heard_wherever_the_reader_has_clicked(
    open_page: Open, grading: Callable[..., Study]
) -> None:
    reader = open_page(grading(2, questions=QUESTIONS[:1]))
    reader.wait_for_item(1)
    reader.page.locator(".wsr-done").click()
    assert reader.page.evaluate("() => document.activeElement === document.body")
    reader.press("2", "Enter")
    reader.wait_for_item(2)
    reader.wait_saved()
    assert [each[:1] for each in reader.answers("Tumour grade")] == ["2"]


def test_keys_that_come_faster_than_the_lab_answers_are_not_lost(
    open_page: Open, grading: Callable[..., Study]
) -> None:
    reader = open_page(grading(3))
    reader.wait_for_item(1)

    network = reader.page.context.new_cdp_session(reader.page)
    slow = {"offline": False, "latency": 300, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", slow)
    for each in ("1", "2", "3"):
        reader.score(each, each * 2, f"{each} 0 0")
    reader.wait_saved()
    assert [each[:1] for each in reader.answers("Tumour grade")] == ["1", "2", "3"]
    assert reader.answers("Ki-67") == ["11", "22", "33"]
    assert reader.answers("ER") == ["1", "2", "3"]
    assert reader.text(".wsr-done") == "3 of 3 done"


def test_going_back_changes_an_answer_and_both_are_kept(
    open_page: Open, grading: Callable[..., Study]
) -> None:
    reader = open_page(grading(2))
    reader.wait_for_item(1)
    reader.score("1", "10", "1 0 0")
    reader.wait_for_item(2)
    reader.press("p")
    reader.wait_for_item(1)
    assert reader.page.locator("input:checked").get_attribute("value") == "1 well differentiated"
    reader.press("3")
    reader.wait_saved()
    assert reader.answers("Tumour grade") == ["3 poorly differentiated"]
    rows = reader.world.lab.results.rows(reader.world.owner, reader.study.id)
    (answer,) = [row for row in rows if row.question == "Tumour grade"]
    history = reader.world.lab.results.history(reader.world.owner, answer.answer_id)
    assert [each.value[:1] for each in history] == ["1", "3"]


def test_a_study_that_is_final_and_in_order_says_so(
    open_page: Open, grading: Callable[..., Study]
) -> None:
    settings = {"disallowrewritingscores": "true", "disallownavigation": "true"}
    reader = open_page(grading(2, settings=settings))
    reader.wait_for_item(1)
    reader.press("2", "3")
    assert "cannot be changed then" in reader.text(".wsr-current .wsr-note")
    reader.press("n")
    assert "answer all questions first" in reader.text(".wsr-toast")
    reader.press("Enter")
    reader.type("5")
    reader.press("Enter")
    for part in "123":
        reader.type(part)
        reader.press("Enter")
    reader.wait_saved()
    reader.press("0")
    reader.wait_saved()
    assert reader.answers("Tumour grade") == ["3 poorly differentiated"]
    assert reader.page.locator("[data-kind=DropDown] input").first.is_disabled()
    reader.press("Enter")
    reader.wait_for_item(2)
    reader.press("p")
    assert "no way back" in reader.text(".wsr-toast")
    assert reader.data("item") == "2"


def test_all_that_was_shown_as_saved_is_there_after_a_kill(
    browser: Browser, chromium: str, world: ReadLab, grading: Callable[..., Study], tmp_path: Path
) -> None:
    study = grading(6)
    link = world.link(study)

    def opened() -> Reader:
        context = browser.browser_type.launch_persistent_context(
            tmp_path, executable_path=chromium, args=CHROMIUM_FLAGS
        )
        reader = Reader(context.new_page(), world, study)
        reader.page.goto(link)
        return reader

    reader = opened()
    reader.wait_for_item(1)
    reader.score("1", "11", "1 0 0")
    reader.wait_for_item(2)
    reader.wait_saved()
    # From here on the lab cannot be reached: nothing of this is shown as saved.
    reader.page.route("**/answers", lambda route: route.abort())
    reader.press("2", "Enter")
    reader.type("22")
    reader.press("Enter")
    reader.wait_until(lambda: reader.data("saving") == "unreachable")
    assert "trying again" in reader.text(".wsr-saving")
    # A browser brings what a page keeps to the disk after seconds, and what comes later only a
    # minute after it did so before.
    wait_on(reader.page, lambda: b'"wanted":"22"' in kept_on_disk(tmp_path), reader.errors, 100)
    kill(tmp_path)
    assert world.answers(study, "Ki-67") == {"case-001": "11"}
    reader = opened()
    reader.wait_for_item(2)
    reader.wait_saved()
    assert world.answers(study, "Ki-67") == {"case-001": "11", "case-002": "22"}
    assert reader.page.locator("input:checked").get_attribute("value") == "2 moderately"
    reader.page.context.close()


def kept_on_disk(folder: Path) -> bytes:
    return b"".join(
        each.read_bytes() for each in folder.glob("Default/Local Storage/leveldb/*.log")
    )


def kill(folder: Path) -> None:
    """End the browser of a profile as a power cut would."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if f"--user-data-dir={folder}".encode() in words:
                os.kill(int(process.name), signal.SIGKILL)


def test_conflict_with_another_window_is_decided_by_one_key(
    open_page: Open, grading: Callable[..., Study], shots: Path
) -> None:
    study = grading(1)
    reader = open_page(study)
    other = open_page(study)
    for each in (reader, other):
        each.wait_for_item(1)
    other.press("1")
    other.wait_saved()
    reader.press("3")
    reader.wait_until(lambda: reader.data("saving") == "conflict")
    card = reader.text(".wsr-card")
    assert "Keep mine: 3 poorly differentiated" in card
    assert "Take the other: 1 well differentiated" in card
    reader.page.screenshot(path=shots / "reading-conflict.png")
    reader.press("k")
    reader.wait_saved()
    assert reader.answers("Tumour grade") == ["3 poorly differentiated"]


def test_shapes_are_drawn_counted_and_kept(
    open_page: Open, grading: Callable[..., Study], shots: Path
) -> None:
    reader = open_page(grading(2))
    reader.wait_for_item(1)
    reader.press("ArrowDown", "ArrowDown", "ArrowDown", "d")
    reader.page.wait_for_selector(".wsl-toolbar [aria-pressed=true][title^=Point]")
    box = reader.page.locator(".wsr-stage").bounding_box()
    assert box is not None
    for across in (0.4, 0.5):
        reader.page.mouse.click(box["x"] + across * box["width"], box["y"] + 0.5 * box["height"])
    reader.wait_until(lambda: reader.text(".wsr-drawn") == "2 shapes")
    reader.wait_saved()
    reader.page.screenshot(path=shots / "reading-drawn.png")
    assert [len(json.loads(each)) for each in reader.answers("Mitoses")] == [2]
    reader.press("Escape")
    assert reader.page.evaluate("() => document.activeElement.dataset.kind") == "AnnoPoints"


def test_shapes_that_could_not_be_sent_are_sent_by_the_next_page(
    open_page: Open, grading: Callable[..., Study]
) -> None:
    reader = open_page(grading(2))
    reader.page.on("dialog", lambda dialog: dialog.accept())
    reader.wait_for_item(1)
    reader.press("ArrowDown", "ArrowDown", "ArrowDown", "d")
    reader.page.wait_for_selector(".wsl-toolbar [aria-pressed=true][title^=Point]")
    reader.page.route("**/shapes*", lambda route: route.abort())
    reader.page.mouse.click(500, 500)
    reader.wait_until(lambda: reader.data("saving") == "unreachable")
    assert "1 shape" in reader.text(".wsr-saving")
    reader.page.unroute("**/shapes*")
    reader.page.goto(reader.world.link(reader.study))
    reader.wait_for_item(1)
    reader.wait_until(lambda: reader.text(".wsr-drawn") == "1 shape")
    reader.wait_saved()
    assert [len(json.loads(each)) for each in reader.answers("Mitoses")] == [1]


def test_cores_are_gone_through_one_after_the_other(
    open_page: Open, grading: Callable[..., Study], shots: Path
) -> None:
    reader = open_page(grading(2, tma=CORES, questions=TMA_QUESTIONS))
    reader.wait_for_item(1)
    for number in range(6):
        reader.press(str(number % 4), "Enter")
        reader.type(str(number))
        reader.press("Enter")
        if number == 3:
            reader.page.screenshot(path=shots / "reading-cores.png")
    reader.wait_for_item(2)
    reader.wait_saved()
    assert sorted(
        row.value
        for row in reader.world.lab.results.rows(reader.world.owner, reader.study.id)
        if row.question == "Ki-67"
    ) == list("012345")
    reader.press("g", "ArrowRight", "ArrowDown")
    assert reader.text(".wsr-core[aria-current]") == "B2"
    reader.press("[")
    assert reader.text(".wsr-core[aria-current]") == "B1"


def test_who_may_not_read_is_told_why(
    open_page: Open, world: ReadLab, grading: Callable[..., Study], browser: Browser
) -> None:
    study = grading(1)
    nobody = open_page(study, f"{world.url}read/{study.id}")
    nobody.wait_until(lambda: "Nobody is signed in" in nobody.text(".wsr-cover"))
    ended = open_page(study, f"{world.url}read/{study.id}#wsi_{'x' * 40}")
    ended.wait_until(lambda: "This link has ended" in ended.text(".wsr-cover"))
    link = world.link(study)
    world.lab.studies.unpublish(world.owner, study.id)
    closed = open_page(study, link)
    closed.wait_until(lambda: "not open to readers yet" in closed.text(".wsr-cover"))
    world.lab.studies.publish(world.owner, study.id)
    closed.page.get_by_role("button", name="Try again").click()
    closed.wait_for_item(1)
    # A reload needs no link.
    closed.page.reload()
    closed.wait_for_item(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_has_no_barriers_that_axe_finds(
    open_page: Open, grading: Callable[..., Study], scheme: str, shots: Path
) -> None:
    usual = open_page(grading(2), color_scheme=scheme, bypass_csp=True)
    every = open_page(grading(1, questions=ALL_KINDS), color_scheme=scheme, bypass_csp=True)
    cores = open_page(
        grading(1, tma=CORES, questions=TMA_QUESTIONS), color_scheme=scheme, bypass_csp=True
    )

    def check(reader: Reader, state: str) -> None:
        reader.page.screenshot(path=shots / f"reading-{scheme}-{state}.png")
        assert barriers(reader.page) == [], state

    for reader, name in ((usual, "usual"), (every, "every kind"), (cores, "cores")):
        reader.wait_for_item(1)
        check(reader, name)
    usual.press("1", "Enter")
    usual.type("120")
    usual.press("Enter")
    check(usual, "problem")
    usual.press("?")
    check(usual, "help")
    usual.press("Escape", "ArrowDown", "ArrowDown", "d")
    usual.page.wait_for_selector(".wsl-toolbar")
    check(usual, "drawing")
    nobody = open_page(usual.study, f"{usual.world.url}read/{usual.study.id}", bypass_csp=True)
    nobody.page.wait_for_selector(".wsr-cover p")
    check(nobody, "nobody")


def test_one_question_is_answered_about_all_cores_where_they_are_seen_at_once(
    open_page: Open, grading: Callable[..., Study], world: ReadLab, shots: Path
) -> None:
    questions = (("Ki-67", "PercentageOnly", ""), ("Grade", "DropDown", "1;2;3"))
    study = grading(1, tma=CORES, questions=questions, settings={"scoretmacoresatonce": "true"})
    reader = open_page(study)
    reader.wait_for_item(1)
    placed = "() => document.querySelector('.wsl-marks > g').getAttribute('transform')"
    whole = reader.page.evaluate(placed)
    for number in range(6):
        reader.type(str(number))
        reader.press("Enter")
    reader.page.screenshot(path=shots / "reading-cores-at-once.png")
    for number in range(6):
        reader.press(str(1 + number % 3), "Enter")
    reader.wait_until(lambda: reader.data("saving") == "saved")
    assert {
        name: [
            row.value
            for row in sorted(
                world.lab.results.rows(world.owner, study.id), key=lambda row: str(row.core)
            )
            if row.question == name
        ]
        for name in ("Ki-67", "Grade")
    } == {
        "Ki-67": list("012345"),
        # It began where the first question ended, at the last core.
        "Grade": list("231231"),
    }
    assert reader.page.evaluate(placed) == whole, "the slide stays in view as a whole"
