"""The dashboard as its user sees it: bars, the list, and the slide that a click opens."""

from __future__ import annotations

import pandas as pd
import pytest
from barriers import barriers
from page_waiting import wait_on

from wsi_lab.client.question_kinds import Choice, PercentageOnly
from wsi_lab.demo import SLIDE

pytestmark = [pytest.mark.browser]

READERS = ["anna@lab", "ben@lab", "carl@lab"]
HOSTILE = "<img src=x onerror=alert(1)>"
TIL = {
    "calm": ("10", "12", "11"),
    "stormy": ("0", "90", "40"),
    HOSTILE: ("20", "30", "25"),
}


@pytest.fixture(scope="module")
def study(jupyter, lab):
    """Three slides that three readers differ on, one of whom is not done."""
    path = str(jupyter.folder / "home" / "slides" / f"{SLIDE}.svs")
    made = lab.create_study(
        "differences",
        slides=pd.DataFrame({"path": path, "name": list(TIL)}),
        questions=[PercentageOnly("TIL %"), Choice("Grade", ["1", "2", "3"])],
        readers=READERS,
        publish=True,
    )
    ids = {slide.name: slide.id for slide in made.slides.values()}
    rows = [
        (reader, ids[name], "TIL %", answer)
        for name, answers in TIL.items()
        for reader, answer in zip(READERS, answers, strict=True)
    ]
    rows += [
        (reader, ids["calm"], "Grade", grade) for reader, grade in zip(READERS, "113", strict=True)
    ]
    columns = ["reader", "slide_id", "question", "answer"]
    made.import_results(pd.DataFrame(rows, columns=columns))
    yield made
    lab.studies["differences"].remove()


@pytest.fixture
def dashboard(study, open_notebook):
    notebook = open_notebook(
        f"import wsi_lab; board = wsi_lab.connect().studies[{study.name!r}].dashboard(); board"
    )
    notebook.run_all()
    # Its parts come one by one, the rows of the list last.
    notebook.page.locator(".wsl-differences").get_by_role("button", name="calm").wait_for()
    return notebook


def row(notebook, name):
    return notebook.page.locator(".wsl-differences").get_by_role("button", name=name)


def test_click_on_a_row_opens_the_slide_beside_it(dashboard, shots):
    wait_on(
        dashboard.page,
        lambda: dashboard.page.locator(".wsl-dashboard progress").count() == 5,
        dashboard.errors,
    )
    names = dashboard.page.locator(".wsl-differences button:visible").all_text_contents()
    assert names == ["stormy", HOSTILE, "calm"]
    dashboard.page.screenshot(path=shots / "dashboard.png")
    row(dashboard, "stormy").click()
    dashboard.page.wait_for_selector(".wsl-chrome")
    dashboard.wait_for_tiles()
    assert dashboard.value("board.viewer.slide.name") == "stormy"
    said = dashboard.page.get_by_role("table", name="stormy: TIL %")
    said.get_by_role("row", name="ben@lab").get_by_role("cell", name="90").wait_for()
    left, right = row(dashboard, "stormy").bounding_box(), dashboard.map().bounding_box()
    assert left["x"] + left["width"] <= right["x"]
    dashboard.page.locator(".wsl-dashboard").scroll_into_view_if_needed()
    dashboard.page.screenshot(path=shots / "dashboard-open.png")
    assert dashboard.errors == []


def test_keyboard_alone_chooses_a_question_and_opens_a_slide(dashboard):
    page = dashboard.page
    page.get_by_label("Differences on").focus()
    page.keyboard.press("ArrowDown")
    dashboard.wait_for("board.question == 'Grade'")
    # Only one differs there.
    row(dashboard, "stormy").wait_for(state="detached")
    row(dashboard, "calm").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "calm"
    page.keyboard.press("Enter")
    dashboard.wait_for("board.viewer is not None")
    page.wait_for_selector(".wsl-chrome")
    dashboard.wait_for_tiles()
    # Whoever goes through the list by keys stays where they are in it.
    assert page.evaluate("() => document.activeElement.textContent") == "▸ calm"
    page.get_by_role("table", name="calm: Grade").wait_for()


def test_second_slide_takes_the_place_of_the_first(dashboard):
    for name in ("calm", HOSTILE):
        row(dashboard, name).click()
        dashboard.wait_for(f"board.viewer is not None and board.viewer.slide.name == {name!r}")
    dashboard.page.wait_for_function("() => document.querySelectorAll('.wsl-map').length === 1")
    dashboard.wait_for_tiles()
    assert dashboard.page.locator(".wsl-dashboard img[src='x']").count() == 0
    assert dashboard.errors == []


def test_dashboard_has_no_barriers_that_axe_finds(dashboard):
    page = dashboard.page
    assert barriers(page, ".wsl-dashboard") == []
    row(dashboard, "stormy").click()
    page.get_by_role("table", name="stormy: TIL %").wait_for()
    page.wait_for_selector(".wsl-chrome")
    assert barriers(page, ".wsl-dashboard") == []
