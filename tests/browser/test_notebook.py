"""The viewer in the life of a notebook: the tour, reloads, busy kernels, trouble, two at once."""

from __future__ import annotations

import json

import numpy as np
import pytest
from page_refusals import Refusals
from page_waiting import wait_on

from wsi_lab.demo import SLIDE, STUDY

pytestmark = [pytest.mark.browser]

LINKED = f"""
import wsi_lab
from ipywidgets import HBox
from wsi_lab.widgets import link
slides = wsi_lab.connect().studies[{STUDY!r}].slides
a, b = slides[{SLIDE!r}].view(height="400px"), slides["finer"].view(height="400px")
both = link(a, b)
HBox([a, b])
"""


def test_tour_runs_and_shows_the_slide(open_notebook, shots):
    tour = open_notebook(name="tour.ipynb")
    tour.run_all()
    tour.page.wait_for_function(
        "() => document.querySelectorAll('.wsl-chrome').length === 3", timeout=60_000
    )
    tour.wait_for("viewer.ready and left.ready and right.ready")
    for number in range(3):
        tour.map(number).scroll_into_view_if_needed()
        tour.wait_for_tiles(number)
    tour.page.screenshot(path=shots / "tour-linked.png")
    tour.map(0).scroll_into_view_if_needed()
    tour.wait_for_tiles(0)
    tour.page.screenshot(path=shots / "tour.png")
    shown = tour.picture(0)
    assert shown.std() > 20
    outputs = tour.page.evaluate(
        """() => jupyterapp.shell.currentWidget.content.model.toJSON().cells
          .flatMap((cell) => cell.outputs ?? []).map((output) => output.output_type)"""
    )
    assert "error" not in outputs
    statuses = {r.status for r in tour.responses if "wsi-lab/v1" in r.url}
    assert statuses == {200}


def test_saved_notebook_holds_no_token(open_notebook, jupyter, new_viewer):
    new_viewer.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    new_viewer.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    name = new_viewer.page.evaluate("() => jupyterapp.shell.currentWidget.context.path")
    saved = (jupyter.notebooks / name).read_text()
    assert "wsi_" not in saved.replace("wsi_lab", "")
    (output,) = json.loads(saved)["cells"][0]["outputs"]
    assert output["data"]["image/png"].startswith("iVBOR")


def test_view_is_as_it_was_after_a_reload(new_viewer):
    new_viewer.run("viewer.goto(800, 900, downsample=1.5)")
    new_viewer.wait_for("abs(viewer.downsample - 1.5) < 1e-6")
    new_viewer.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    new_viewer.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    new_viewer.page.reload()
    new_viewer.page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.context")
    new_viewer.page.evaluate(
        """async () => {
          const { context, sessionContext } = jupyterapp.shell.currentWidget;
          await context.ready;
          await sessionContext.ready;
        }"""
    )
    new_viewer.page.wait_for_selector(".wsl-chrome", timeout=30_000)
    new_viewer.wait_for_tiles()
    assert new_viewer.value("viewer.center") == pytest.approx([800, 900], abs=1)
    assert new_viewer.value("viewer.downsample") == pytest.approx(1.5)


def test_busy_kernel_does_not_stop_the_tiles(new_viewer, tmp_path):
    # Busy until it is told to end, however long that takes.
    begun, end = tmp_path / "begun", tmp_path / "end"
    code = f"""
import pathlib, time
pathlib.Path({str(begun)!r}).touch()
while not pathlib.Path({str(end)!r}).exists(): time.sleep(0.1)
"""
    new_viewer.page.evaluate(
        """(code) => { window.busy = jupyterapp.shell.currentWidget.sessionContext.session.kernel
          .requestExecute({ code }).done; }""",
        code,
    )
    wait_on(new_viewer.page, begun.exists, new_viewer.errors)
    new_viewer.responses.clear()
    new_viewer.map().focus()
    for _ in range(3):
        new_viewer.page.keyboard.press("+")
        new_viewer.page.wait_for_timeout(100)
    new_viewer.wait_for_tiles()
    for _ in range(20):
        new_viewer.page.keyboard.press("ArrowDown")
        new_viewer.page.wait_for_timeout(20)
    new_viewer.wait_for_tiles()
    assert len(new_viewer.tile_requests()) >= 2
    assert {r.status for r in new_viewer.responses if "/tiles/" in r.url} == {200}
    end.touch()
    new_viewer.page.evaluate("() => busy")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "signed out"), (503, "does not answer"), (422, "cannot be shown")],
)
def test_trouble_is_a_sentence_in_the_picture_and_passes(new_viewer, shots, status, sentence):
    body = json.dumps({"code": "x", "detail": "The file is broken."})
    refusals = Refusals(
        new_viewer.page,
        "**/tiles/**",
        lambda route: route.fulfill(
            status=status, body=body, content_type="application/problem+json"
        ),
    )
    new_viewer.run("viewer.goto(1000, 1500, downsample=1)")
    alert = new_viewer.page.get_by_role("alert")
    alert.wait_for()
    assert sentence in alert.text_content()
    new_viewer.wait_for("viewer.error != ''")
    new_viewer.page.screenshot(path=shots / f"trouble-{status}.png")
    refusals.hold()
    new_viewer.page.get_by_role("button", name="Try again").click()
    refusals.end(new_viewer.errors)
    alert.wait_for(state="hidden")
    new_viewer.wait_for_tiles()
    new_viewer.wait_for("viewer.error == ''")


def test_where_bundles_are_blocked_single_tiles_come(new_viewer):
    new_viewer.page.route(
        "**/tiles/*?tiles=*", lambda route: route.fulfill(status=404, body="gone")
    )
    new_viewer.responses.clear()
    new_viewer.run("viewer.goto(1000, 1500, downsample=1)")
    new_viewer.wait_for("abs(viewer.downsample - 1) < 1e-9")
    new_viewer.wait_for_tiles()
    singles = [r for r in new_viewer.responses if ".jpg" in r.url]
    assert len(singles) > 8
    assert {r.status for r in singles} == {200}
    assert new_viewer.picture().std() > 20


def test_linked_viewers_move_together_without_the_kernel(open_notebook, shots):
    notebook = open_notebook(LINKED)
    notebook.run_all()
    notebook.wait_for("a.ready and b.ready")
    notebook.wait_for_tiles(0)
    notebook.wait_for_tiles(1)
    notebook.wait_for("abs(a.mpp - b.mpp) < 1e-6")
    before = notebook.value("(a.center, b.center)")
    mpp = notebook.value("a.mpp")
    notebook.page.evaluate(
        """() => { window.busy = jupyterapp.shell.currentWidget.sessionContext.session.kernel
          .requestExecute({ code: 'import time; time.sleep(4)' }).done; }"""
    )
    x, y = notebook.middle(0)
    notebook.page.mouse.move(x, y)
    notebook.page.mouse.down()
    notebook.page.mouse.move(x - 60, y - 30, steps=6)
    moved = notebook.page.evaluate(
        "() => [...document.querySelectorAll('.wsl-overview-frame')].map((f) => f.style.transform)"
    )
    notebook.page.wait_for_timeout(300)
    notebook.page.mouse.up()
    notebook.map(0).focus()
    notebook.page.keyboard.press("+")
    notebook.wait_for_tiles(0)
    notebook.wait_for_tiles(1)
    assert moved[0] != moved[1] or moved[0] != ""
    notebook.page.screenshot(path=shots / "linked.png")
    notebook.page.evaluate("() => busy")
    # What was zoomed and moved last; a busy kernel hears of it after what came before.
    notebook.wait_for(f"abs(a.mpp - b.mpp) < 1e-6 and a.mpp < {0.9 * mpp}")
    after = notebook.value("(a.center, b.center)")
    moved_um = [
        [(after[i][k] - before[i][k]) * mpp for k in (0, 1)] for i, mpp in ((0, 0.499), (1, 0.2495))
    ]
    assert moved_um[0] == pytest.approx(moved_um[1], abs=1.0)
    assert abs(moved_um[0][0]) > 100
    assert notebook.errors == []
    # Alt moves one alone.
    still = notebook.value("b.center")
    notebook.page.keyboard.down("Alt")
    notebook.page.mouse.move(x, y)
    notebook.page.mouse.down()
    notebook.page.mouse.move(x + 80, y, steps=4)
    notebook.page.wait_for_timeout(300)
    notebook.page.mouse.up()
    notebook.page.keyboard.up("Alt")
    notebook.wait_for(f"abs(a.center[0] - {after[0][0]}) > 20")
    assert notebook.value("b.center") == still
    notebook.run("both.unlink()")
    notebook.page.get_by_text("linked").first.wait_for(state="hidden")


def test_sharp_screen_gets_sharper_tiles(open_notebook, lab):
    code = f"""
import wsi_lab
viewer = wsi_lab.connect().studies[{STUDY!r}].slides[{SLIDE!r}].view(height="400px")
viewer.goto(1150, 1700, downsample=2)
viewer
"""
    notebook = open_notebook(code, device_scale_factor=2)
    notebook.run_all()
    notebook.page.wait_for_selector(".wsl-chrome")
    notebook.wait_for("viewer.ready")
    notebook.wait_for_tiles()
    asked = [url for url in notebook.tile_requests() if "tiles=" in url]
    assert asked
    assert all("/tiles/4?" in url for url in asked)
    shown = notebook.picture().astype(float)[100:-100, 100:-100]
    edges = np.abs(np.diff(shown.mean(axis=2), axis=1)).mean()
    assert edges > 5


def test_names_from_the_lab_are_shown_as_text(open_notebook, lab, jupyter):
    hostile = "<img src=x onerror=window.pwned=1> ü 'q' \u200ftxt"
    slides = lab.studies[STUDY].slides
    if hostile not in slides:
        slides.add(str(jupyter.folder / "home" / "slides" / f"{SLIDE}.svs"), name=hostile)
    notebook = open_notebook(
        f"""
import wsi_lab
study = wsi_lab.connect().studies[{STUDY!r}]
study.slides
""",
        f"""
viewer = study.slides[{hostile!r}].view()
viewer
""",
    )
    notebook.run_all()
    notebook.page.wait_for_selector(".wsl-chrome")
    notebook.wait_for_tiles()
    assert notebook.map().locator(".wsl-name").text_content() == hostile
    assert notebook.page.evaluate("() => window.pwned") is None


def test_dark_theme_is_dark(new_jupyter, open_notebook, shots):
    theme = {"@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Dark"}}
    dark = new_jupyter(settings=theme)
    notebook = open_notebook(name="tour.ipynb", on=dark)
    notebook.run_all()
    notebook.page.wait_for_function(
        "() => document.querySelectorAll('.wsl-chrome').length === 3", timeout=60_000
    )
    notebook.map(0).scroll_into_view_if_needed()
    notebook.wait_for_tiles(0)
    notebook.page.screenshot(path=shots / "dark.png")
    colours = notebook.page.evaluate(
        """() => {
          const chip = document.querySelector('.wsl-numbers');
          const style = getComputedStyle(chip);
          return [style.color, style.backgroundColor];
        }"""
    )
    light = [sum(map(float, text.split("(")[1].strip(")").replace("srgb", "").replace(",", " ")
                     .split("/")[0].split()[:3])) for text in colours]  # fmt: skip
    assert light[0] > light[1]
