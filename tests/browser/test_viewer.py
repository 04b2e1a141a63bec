"""The viewer as its user sees it: what is on the screen, what was fetched for it, what moves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wsi_lab.demo import SLIDE, STUDY

TILE_BOXES = """(map) => {
  const origin = map.getBoundingClientRect();
  return [...map.querySelectorAll('.leaflet-tile-container img')].map((tile) => {
    const box = tile.getBoundingClientRect();
    return {
      left: box.left - origin.left,
      right: box.right - origin.left,
      top: box.top - origin.top,
      bottom: box.bottom - origin.top,
    };
  });
}"""

pytestmark = [pytest.mark.browser]


def difference(shown: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(shown.astype(float) - expected.astype(float)).mean())


def expected_view(lab, bounds, shape):
    """Return what the lab itself draws of a view: the region, at the screen's resolution."""
    slide = lab.studies[STUDY].slides[SLIDE]
    rows, columns = shape
    mpp = (bounds[2] - bounds[0]) / columns * slide.mpp
    return slide.region((bounds[0], bounds[1]), (columns, rows), mpp=mpp)


def test_screen_shows_the_very_pixels_of_the_slide(viewer, lab, shots):
    viewer.run("viewer.goto(1150, 1700, downsample=1)")
    viewer.wait_for("abs(viewer.downsample - 1) < 1e-9")
    viewer.wait_for_tiles()
    viewer.page.mouse.move(1, 1)
    shown = viewer.picture()
    x0, y0, _, _ = viewer.value("viewer.bounds")
    rows, columns = shown.shape[:2]
    slide = lab.studies[STUDY].slides[SLIDE]
    # Leaflet puts the view on whole pixels of the screen.
    places = [(round(x0) + dx, round(y0) + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    nearest = min(difference(shown, slide.region(place, (columns, rows))) for place in places)
    assert nearest < 1.0
    viewer.page.screenshot(path=shots / "full-resolution.png")


@pytest.mark.parametrize("downsample", [0.7, 1.6, 3.3])
def test_every_zoom_shows_the_right_place_without_seams(viewer, lab, downsample):
    viewer.run(f"viewer.goto(1100.3, 1500.7, downsample={downsample})")
    viewer.wait_for(f"abs(viewer.downsample - {downsample}) < 1e-6")
    viewer.wait_for_tiles()
    viewer.page.mouse.move(1, 1)
    shown = viewer.picture()
    bounds = viewer.value("viewer.bounds")
    expected = expected_view(lab, bounds, shown.shape[:2])
    # Beyond the slide the notebook shows its own background and a region is white.
    left, right = (
        max(20, round(over / downsample) + 20) for over in (-bounds[0], bounds[2] - 2220)
    )
    inner = np.s_[20:-20, left:-right]
    assert difference(blurred(shown)[inner], blurred(expected)[inner]) < 4
    assert_no_seams(viewer.map().evaluate(TILE_BOXES))


def test_view_that_begins_at_a_place_has_no_seams(open_notebook):
    notebook = open_notebook(
        f"""
import wsi_lab
viewer = wsi_lab.connect().studies[{STUDY!r}].slides[{SLIDE!r}].view()
viewer.goto(1150, 1700, mpp=0.5)
viewer
"""
    )
    notebook.run_all()
    notebook.page.wait_for_selector(".wsl-chrome")
    notebook.wait_for_tiles()
    assert_no_seams(notebook.map().evaluate(TILE_BOXES))


def test_looks_are_the_notebooks_whichever_style_is_loaded_last(viewer):
    looks = "(map) => [getComputedStyle(map).fontFamily, getComputedStyle(map).backgroundColor]"
    before = viewer.map().evaluate(looks)
    leaflets = viewer.page.add_style_tag(
        content=".leaflet-container { background: #ddd; font-family: serif; }"
    )
    after = viewer.map().evaluate(looks)
    leaflets.evaluate("(style) => style.remove()")
    assert before == after


def assert_no_seams(boxes: list[dict[str, float]]) -> None:
    """Every tile begins where its neighbour ends, on a whole pixel of the screen."""
    starts, ends = ({round(box[side], 3) for box in boxes} for side in ("left", "right"))
    assert all(float(edge).is_integer() for edge in starts | ends)
    assert sorted(starts)[1:] == sorted(ends)[:-1]
    tops, bottoms = ({round(box[side], 3) for box in boxes} for side in ("top", "bottom"))
    assert sorted(tops)[1:] == sorted(bottoms)[:-1]


def blurred(pixels: np.ndarray) -> np.ndarray:
    whole = pixels[: pixels.shape[0] // 8 * 8, : pixels.shape[1] // 8 * 8].astype(float)
    rows, columns = whole.shape[:2]
    means = whole.reshape(rows // 8, 8, columns // 8, 8, 3).mean(axis=(1, 3))
    return means.repeat(8, axis=0).repeat(8, axis=1)


def test_first_view_takes_two_requests_and_says_what_it_shows(new_viewer, lab, shots):
    new_viewer.page.screenshot(path=shots / "first-view.png")
    asked = new_viewer.tile_requests()
    assert len(asked) == 2, asked
    assert any("tiles=" in url for url in asked)
    statuses = {r.status for r in new_viewer.responses if "/tiles/" in r.url}
    assert statuses == {200}
    (bundle,) = (r for r in new_viewer.responses if "tiles=" in r.url)
    assert bundle.headers["content-type"] == "application/vnd.wsi-lab.tiles"
    assert "immutable" in bundle.headers["cache-control"]
    assert bundle.request.headers["x-xsrftoken"]
    slide = lab.studies[STUDY].slides[SLIDE]
    x0, y0, x1, y1 = new_viewer.value("viewer.bounds")
    assert x0 < 0 < slide.width < x1
    assert y0 < 0 < slide.height < y1
    assert new_viewer.value("viewer.center") == [slide.width / 2, slide.height / 2]
    assert "token" not in "".join(asked)
    assert new_viewer.errors == []


def test_tissue_is_tissue_and_glass_is_glass(viewer):
    shown = viewer.picture().astype(float)
    rows, columns = shown.shape[:2]
    bounds = viewer.value("viewer.bounds")
    scale = columns / (bounds[2] - bounds[0])

    def mean_at(x, y):
        column, row = (x - bounds[0]) * scale, (y - bounds[1]) * scale
        return shown[round(row) - 4 : round(row) + 5, round(column) - 4 : round(column) + 5].mean(
            axis=(0, 1)
        )

    glass, tissue = mean_at(300, 400), mean_at(1150, 1750)
    assert glass.min() > 225
    assert tissue[0] - tissue[1] > 40
    assert tissue[2] - tissue[1] > 30
    # Beyond the slide there is neither: the notebook's own grey.
    beyond = shown[rows // 2, 12]
    assert np.ptp(beyond) < 12


def test_scale_bar_is_as_long_as_it_says(viewer):
    for downsample in (0.5, 1.0, 2.7, 6.0):
        viewer.run(f"viewer.goto(1100, 1500, downsample={downsample})")
        viewer.wait_for(f"abs(viewer.downsample - {downsample}) < 1e-6")
        bar = viewer.map().locator(".wsl-bar")
        micrometres = float(bar.get_attribute("data-length"))
        width = bar.bounding_box()["width"]
        assert math.isclose(width * downsample * 0.499, micrometres, rel_tol=0.02)
        text = viewer.map().locator(".wsl-bar-text").text_content()
        assert text == f"{micrometres:g} µm"
        magnification = viewer.map().locator(".wsl-magnification").text_content()
        assert math.isclose(float(magnification.rstrip("×")), 20 / downsample, rel_tol=0.01)


def test_mouse_reads_the_pixel_it_points_at(viewer):
    viewer.run("viewer.goto(1000, 1500, downsample=2)")
    viewer.wait_for("abs(viewer.downsample - 2) < 1e-9")
    x, y = viewer.middle()
    viewer.page.mouse.move(x + 30, y - 40)
    viewer.wait_for("viewer.cursor is not None")
    assert viewer.value("viewer.cursor") == pytest.approx([1060, 1420], abs=2)
    text = viewer.map().locator(".wsl-cursor").text_content().replace("\u202f", "")
    shown = [int(word) for word in text.split() if word.isdigit()]
    assert shown == pytest.approx([1060, 1420], abs=2)
    viewer.page.mouse.move(5, 5)
    viewer.wait_for("viewer.cursor is None")


def test_wheel_zooms_about_the_mouse(viewer):
    viewer.run("viewer.goto(1000, 1500, downsample=4)")
    viewer.wait_for("abs(viewer.downsample - 4) < 1e-9")
    x, y = viewer.middle()
    viewer.page.mouse.move(x + 100, y + 50)
    viewer.wait_for("viewer.cursor is not None")
    viewer.page.wait_for_timeout(400)
    for _ in range(4):
        viewer.page.mouse.wheel(0, -110)
    viewer.wait_for("viewer.downsample < 1.01")
    viewer.wait_for_tiles()
    # The point under the mouse was 1400, 1700 and still is.
    centre, downsample = viewer.value("(viewer.center, viewer.downsample)")
    assert centre[0] + 100 * downsample == pytest.approx(1400, abs=3)
    assert centre[1] + 50 * downsample == pytest.approx(1700, abs=3)


def test_drag_pans_and_fetches_only_what_is_new(viewer):
    viewer.run("viewer.goto(1000, 1500, downsample=1)")
    viewer.wait_for("abs(viewer.downsample - 1) < 1e-9")
    viewer.wait_for_tiles()
    viewer.responses.clear()
    x, y = viewer.middle()
    viewer.page.mouse.move(x, y)
    viewer.page.mouse.down()
    for step in range(1, 11):
        viewer.page.mouse.move(x - 20 * step, y)
        viewer.page.wait_for_timeout(20)
    viewer.page.wait_for_timeout(300)
    viewer.page.mouse.up()
    viewer.wait_for_tiles()
    assert viewer.value("viewer.center")[0] == pytest.approx(1200, abs=3)
    assert len(viewer.tile_requests()) <= 2
    assert all("tiles=" in url for url in viewer.tile_requests())


def test_keys_move_the_view_and_leave_the_notebook_alone(viewer):
    cells = "() => jupyterapp.shell.currentWidget.content.widgets.length"
    before = viewer.page.evaluate(cells)
    viewer.run("viewer.goto(1000, 1500, downsample=2)")
    viewer.wait_for("abs(viewer.downsample - 2) < 1e-9")
    viewer.page.mouse.click(*viewer.middle())
    viewer.page.keyboard.press("+")
    viewer.wait_for("abs(viewer.downsample - 1) < 1e-9")
    viewer.page.keyboard.press("-")
    viewer.wait_for("abs(viewer.downsample - 2) < 1e-9")
    viewer.page.keyboard.press("ArrowRight")
    viewer.wait_for("viewer.center[0] > 1100")
    viewer.page.keyboard.press("ArrowDown")
    viewer.wait_for("viewer.center[1] > 1600")
    viewer.page.keyboard.press("0")
    viewer.wait_for("viewer.bounds[0] < 0 and viewer.bounds[1] < 0")
    for key in "abddx":
        viewer.page.keyboard.press(key)
    assert viewer.page.evaluate(cells) == before
    viewer.page.evaluate(
        "() => jupyterapp.shell.currentWidget.content.model.sharedModel.setMetadata('a', 1)"
    )
    viewer.page.wait_for_function("() => jupyterapp.shell.currentWidget.context.model.dirty")
    viewer.page.keyboard.press("Control+s")
    viewer.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")


def test_overview_takes_the_view_where_it_is_clicked(viewer):
    viewer.run("viewer.goto(500, 500, downsample=1)")
    viewer.wait_for("abs(viewer.downsample - 1) < 1e-9")
    area = viewer.map().locator(".wsl-overview-area")
    box = area.bounding_box()
    viewer.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"])
    viewer.wait_for("abs(viewer.center[0] - 1665) < 20 and abs(viewer.center[1] - 1483) < 20")
    frame = viewer.map().locator(".wsl-overview-frame").bounding_box()
    assert frame["x"] + frame["width"] / 2 == pytest.approx(box["x"] + 0.75 * box["width"], abs=2)


def test_buttons_say_what_they_do_and_do_it(viewer):
    viewer.run("viewer.goto(1000, 1500, downsample=2)")
    viewer.wait_for("abs(viewer.downsample - 2) < 1e-9")
    viewer.page.get_by_role("button", name="Zoom in").click()
    viewer.wait_for("abs(viewer.downsample - 1) < 1e-9")
    viewer.page.get_by_role("button", name="Zoom out").click()
    viewer.wait_for("abs(viewer.downsample - 2) < 1e-9")
    viewer.page.get_by_role("button", name="Whole slide").click()
    viewer.wait_for("viewer.bounds[0] < 0")
    viewer.page.get_by_role("button", name="Full screen").click()
    viewer.page.wait_for_function("() => document.fullscreenElement?.matches('.wsl-map')")
    viewer.wait_for_tiles()
    # The whole slide is shown anew where there is more room.
    assert viewer.map().bounding_box()["height"] == viewer.page.viewport_size["height"]
    viewer.wait_for("viewer.downsample < 4")
    viewer.page.get_by_role("button", name="Leave full screen").click()
    viewer.page.wait_for_function("() => !document.fullscreenElement")


def test_python_moves_the_view_by_setting_what_it_reads(viewer):
    viewer.run("viewer.mpp = 0.998")
    viewer.wait_for("abs(viewer.downsample - 2) < 1e-6")
    viewer.run("viewer.center = (700, 800)")
    viewer.wait_for("max(abs(viewer.bounds[0] + viewer.bounds[2] - 1400), 0) < 1e-6")
    viewer.run("viewer.fit()")
    viewer.wait_for("viewer.center == (1110, 1483.5)")


def test_same_wish_twice_is_heard_twice(viewer):
    viewer.run("viewer.goto(700, 800, downsample=1)")
    viewer.wait_for("abs(viewer.downsample - 1) < 1e-9")
    viewer.map().focus()
    viewer.page.keyboard.press("ArrowRight")
    viewer.wait_for("viewer.center[0] > 750")
    viewer.run("viewer.goto(700, 800, downsample=1)")
    viewer.wait_for("abs(viewer.center[0] - 700) < 1e-6")


def test_mouse_moves_do_not_flood_the_kernel(viewer):
    viewer.run("heard = []; viewer.map.on_interaction(lambda **event: heard.append(event))")
    x, y = viewer.middle()
    for step in range(60):
        viewer.page.mouse.move(x + step, y)
    viewer.page.mouse.click(x, y)
    viewer.wait_for("any(event['type'] == 'click' for event in heard)")
    kinds = set(viewer.value("sorted({event['type'] for event in heard})"))
    assert "mousemove" not in kinds


def test_decoded_tiles_leave_nothing_behind(viewer):
    viewer.page.evaluate(
        """() => {
          window.urls = new Set();
          const [make, forget] = [URL.createObjectURL, URL.revokeObjectURL];
          URL.createObjectURL = (blob) => {
            const url = make.call(URL, blob);
            urls.add(url);
            return url;
          };
          URL.revokeObjectURL = (url) => { urls.delete(url); forget.call(URL, url); };
          window.made = () => urls.size;
        }"""
    )
    for place in ("300, 400", "1500, 2500", "900, 1200"):
        viewer.run(f"viewer.goto({place}, downsample=0.6)")
        viewer.page.wait_for_timeout(60)
    viewer.wait_for_tiles()
    assert viewer.page.evaluate("() => made()") == 0


def test_double_click_goes_nearer_to_what_is_under_it(viewer):
    viewer.run("viewer.goto(1000, 1500, downsample=4)")
    viewer.wait_for("abs(viewer.downsample - 4) < 1e-9")
    x, y = viewer.middle()
    viewer.page.mouse.dblclick(x + 100, y)
    viewer.wait_for("abs(viewer.downsample - 2) < 1e-9")
    assert viewer.value("viewer.center") == pytest.approx([1200, 1500], abs=2)


def test_middle_of_the_view_cannot_be_dragged_off_the_slide(viewer):
    x, y = viewer.middle()
    viewer.page.mouse.move(x, y)
    viewer.page.mouse.down()
    viewer.page.mouse.move(x + 400, y, steps=8)
    viewer.page.wait_for_timeout(300)
    viewer.page.mouse.up()
    viewer.wait_for("abs(viewer.center[0]) < 10")


def test_wheel_that_scrolls_the_notebook_scrolls_on_over_the_picture(viewer):
    x, y = viewer.middle()
    viewer.page.mouse.move(x, 110)
    viewer.page.mouse.wheel(0, 1)
    viewer.page.mouse.move(x, y)
    viewer.page.mouse.wheel(0, -200)
    viewer.page.wait_for_timeout(700)
    assert viewer.value("viewer.bounds")[0] < 0
