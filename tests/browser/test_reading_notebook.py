"""The scoring app in a cell of JupyterLab, with a kernel and without one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from page_waiting import wait_on
from playwright.sync_api import Browser, Route

from wsi_lab.client import Lab, Study
from wsi_lab.client.question_kinds import Choice, FreeText, Percentage
from wsi_lab.demo import SLIDE

WAIT_MS = 60_000

pytestmark = [pytest.mark.browser]


@pytest.fixture
def study(lab: Lab, jupyter: Any) -> Study:
    """A study of three slides that nobody has scored."""
    path = str(jupyter.folder / "home" / "slides" / f"{SLIDE}.svs")
    study = lab.create_study(
        f"scored {time.monotonic_ns()}",
        questions=[Choice("Grade", ["1", "2", "3"]), Percentage("Ki-67"), FreeText("Remarks")],
        publish=True,
    )
    for number in (1, 2, 3):
        study.slides.add(path, name=f"slide {number}")
    return study


def cell_of(study: Study) -> str:
    return f"""
import wsi_lab
scoring = wsi_lab.connect().studies[{study.name!r}].score(height="640px")
scoring
"""


def opened(open_notebook: Any, study: Study) -> Any:
    notebook = open_notebook(cell_of(study))
    notebook.run_all()
    wait_for_item(notebook, 1)
    return notebook


def wait_for_item(notebook: Any, number: int) -> None:
    notebook.page.wait_for_selector(
        f".wsr[data-item='{number}'][data-painted='{number}']", timeout=WAIT_MS
    )


def wait_saved(notebook: Any) -> None:
    notebook.page.wait_for_selector(".wsr[data-saving=saved]", timeout=WAIT_MS)


def test_study_is_scored_in_a_cell_and_goes_on_when_the_kernel_is_restarted(
    open_notebook: Any, study: Study, shots: Path
) -> None:
    notebook = opened(open_notebook, study)
    page = notebook.page
    notebook.wait_for("scoring.ready and scoring.item == 1 and scoring.needed == 6")
    # Whoever runs a cell goes on typing in the next one.
    inside = "() => document.querySelector('.wsr').contains(document.activeElement)"
    assert page.evaluate(inside) is False
    page.locator(".wsr-choice input").first.focus()
    for key in ("2", "Enter", "3", "5", "Enter"):
        page.keyboard.press(key)
    wait_for_item(notebook, 2)
    wait_saved(notebook)
    notebook.wait_for("scoring.answered == 2 and scoring.item == 2 and scoring.saving == 'saved'")
    page.screenshot(path=shots / "scoring-notebook.png")
    notebook.run("scoring.item = 3")
    wait_for_item(notebook, 3)
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    page.locator(".wsr-choice input").first.focus()
    for key in ("1", "Enter", "7", "Enter"):
        page.keyboard.press(key)
    wait_for_item(notebook, 2)
    wait_saved(notebook)
    scores = study.scores()
    assert sorted(scores.loc[scores["question"] == "Ki-67", "answer"].astype(str)) == ["35", "7"]
    assert notebook.errors == []


def test_keys_pressed_in_the_app_mean_nothing_to_the_notebook(
    open_notebook: Any, study: Study
) -> None:
    notebook = opened(open_notebook, study)
    page = notebook.page
    count = "() => jupyterapp.shell.currentWidget.content.widgets.length"
    cells = page.evaluate(count)
    page.locator(".wsr-choice input").first.focus()
    # In command mode these delete and add cells, and change what they are.
    for key in (
        "d",
        "d",
        "x",
        "a",
        "b",
        "m",
        "Escape",
        "y",
        "z",
        "c",
        "a",
        "b",
        "Escape",
        "d",
        "d",
    ):
        page.keyboard.press(key)
    assert page.evaluate(count) == cells
    kinds = page.evaluate(
        "() => jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.type)"
    )
    assert set(kinds) == {"code"}
    assert page.locator(".wsr textarea").input_value() == "ab"


def test_readers_page_is_open_to_whoever_is_signed_in_to_jupyter(
    browser: Browser, jupyter: Any, study: Study
) -> None:
    context = browser.new_context()
    page = context.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    address = f"{jupyter.url}wsi-lab/read/{study.id}"
    page.goto(address)
    page.get_by_text("Nobody is signed in").wait_for()
    wait_on(page, lambda: any("401" in each or "403" in each for each in messages), messages)
    # Nothing that JupyterLab itself would say.
    page.goto(f"{jupyter.url}api/status?token=t")
    messages.clear()
    page.goto(address)
    page.wait_for_selector(".wsr[data-painted='1']", timeout=WAIT_MS)
    for key in ("3", "Enter", "9", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector(".wsr[data-painted='2'][data-saving=saved]", timeout=WAIT_MS)
    assert page.title() == study.name
    scores = study.scores()
    assert sorted(scores["answer"].astype(str)) == ["3", "9"]
    assert messages == []
    context.close()


def test_study_is_scored_where_voila_shows_the_notebook(
    browser: Browser, jupyter: Any, study: Study, shots: Path
) -> None:
    """Whoever comes to Voilà sees no cell, and its pages bring no cookie of JupyterLab's."""
    name = f"voila-{study.id}.ipynb"
    cells = [nbformat.v4.new_code_cell(cell_of(study))]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), jupyter.notebooks / name)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{jupyter.url}voila/render/{name}?token=t")
    page.wait_for_selector(".wsr[data-painted='1']", timeout=WAIT_MS)
    page.locator(".wsr-choice input").first.focus()
    for key in ("2", "Enter", "4", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector(".wsr[data-painted='2'][data-saving=saved]", timeout=WAIT_MS)
    page.screenshot(path=shots / "scoring-voila.png")
    assert page.locator(".jp-InputArea").count() == 0
    assert sorted(study.scores()["answer"].astype(str)) == ["2", "4"]
    context.close()


def test_item_that_the_kernel_wishes_for_is_reached_whatever_is_saved_meanwhile(
    open_notebook: Any, study: Study
) -> None:
    notebook = open_notebook(cell_of(study))
    page = notebook.page
    held: list[Route] = []
    page.route("**/reading/items/3", lambda it: held.append(it))  # noqa: PLW0108 (it is marked)
    notebook.run_all()
    wait_for_item(notebook, 1)
    notebook.run("scoring.item = 3")
    page.wait_for_selector(".wsr[data-item='3']")
    # A click that was on its way to the item before.
    page.evaluate("() => document.querySelector('.wsr-choice input').click()")
    page.wait_for_selector(".wsr[data-saving=saved]", timeout=WAIT_MS)
    assert held
    for route in held:
        route.continue_()
    wait_for_item(notebook, 3)
    notebook.wait_for("scoring.item == 3 and scoring.answered == 1")
