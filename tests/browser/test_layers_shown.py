"""Layers over a slide: tiles, labels, cards, shapes of loads, and themes."""

from __future__ import annotations

import re

import pytest
import shapely
from drawing_hand import LABELS, Drawing, box_of

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.service.lab import Lab as LabOfHome
from wsi_lab.service.lab import LabSettings

pytestmark = [pytest.mark.browser]


# One layer, all its tiles there; while another address takes over there are two.
OVERLAY_IS_THERE = """() => {
  const layers = document.querySelectorAll('.wsl-overlay-tiles');
  const tiles = [...document.querySelectorAll('.wsl-overlay-tiles img')];
  const isThere = (tile) => tile.classList.contains('leaflet-tile-loaded');
  return layers.length === 1 && tiles.length > 0 && tiles.every(isThere);
}"""


def test_layer_is_shown_by_tiles_and_its_labels_can_be_hidden(viewer, layer, shots):
    squares = [
        [[x, 700], [x + 150, 700], [x + 150, 850], [x, 850], [x, 700]] for x in (700, 900, 1100)
    ]
    shapes = [
        {
            "kind": "polygon",
            "geometry": {"type": "Polygon", "coordinates": [each]},
            "labels": [name],
        }
        for each, (name, _) in zip(squares, LABELS, strict=True)
    ]
    path = f"v1/layers/{layer.id}/shapes?slide_id={layer.slide_id}"
    layer.connection.post(path, {"shapes": shapes})
    viewer.run("viewer.goto(950, 750, downsample=1)")
    viewer.wait_for("abs(viewer.downsample - 1) < 1e-9")
    viewer.wait_for_tiles()
    viewer.page.mouse.move(1, 1)
    bare = viewer.picture().astype(float)
    viewer.run(f"viewer.show({layer.name!r}, hide=['stroma'], fill=0.8)")
    tiles = viewer.page.locator(".wsl-overlay-tiles img.leaflet-tile-loaded")
    tiles.first.wait_for(state="attached")
    viewer.page.wait_for_function(OVERLAY_IS_THERE)

    def changed(x: int) -> float:
        x0, y0, _, _ = viewer.value("viewer.bounds")
        row, column = round(800 - y0), round(x + 75 - x0)
        shown = viewer.picture().astype(float)
        return float(abs(shown - bare)[row - 20 : row + 20, column - 20 : column + 20].mean())

    assert changed(700) > 20
    assert changed(900) < 2
    assert changed(1100) > 20
    row = viewer.page.locator(".wsl-layer-row", has_text="tumour")
    row.locator("input").first.uncheck()
    viewer.page.wait_for_function(OVERLAY_IS_THERE)
    assert changed(700) < 2
    viewer.map().screenshot(path=shots / "overlay-labels.png")
    x, y = Drawing(viewer, layer).at(1175, 775)
    viewer.page.mouse.move(x, y)
    card = viewer.page.locator(".wsl-card")
    card.wait_for()
    assert "necrosis" in card.text_content()
    assert "µm²" in card.text_content()
    viewer.map().screenshot(path=shots / "overlay-card.png")
    viewer.run(f"viewer.hide({layer.name!r})")
    viewer.page.wait_for_selector(".wsl-overlay-tiles", state="detached")


def test_names_of_labels_are_text_never_markup(viewer, lab, layer):
    evil = "<img src=x onerror=window.broken=1>"
    connection = layer.connection
    there = connection.get(f"v1/layers/{layer.id}")
    labels = {"labels": [{"name": evil}]}
    path = f"v1/layers/{layer.id}/labels"
    connection.json("PUT", path, body=labels, revision=there["revision"])
    drawing = Drawing(viewer, layer).begin()
    assert drawing.page.locator(".wsl-label").text_content() == f"1{evil}"
    drawing.press("r")
    drawing.drag((700, 700), (900, 900))
    drawing.only()
    drawing.press("m")
    drawing.page.mouse.move(*drawing.at(800, 800))
    drawing.page.mouse.move(*drawing.at(801, 800))
    drawing.page.locator(".wsl-card").wait_for()
    assert drawing.page.evaluate("() => window.broken") is None
    viewer.run(f"viewer.hide({layer.name!r})")


def test_shape_of_a_load_is_taken_in_hand_by_a_click_and_its_first_change(
    drawing, jupyter, lab, shots
):
    squares = [shapely.box(x, 700, x + 100, 800) for x in (700, 900, 1100)]
    columns = ShapeColumns.from_geometries(squares, labels=[0, 1, 2], label_names=["a", "b", "c"])
    with LabOfHome.open(LabSettings(home=jupyter.folder / "home")) as home:
        owner = home.people.owner()
        load = home.loads.load(owner, drawing.layer.id, drawing.layer.slide_id, columns)
    assert load.count == 3
    drawing.begin_again()
    drawing.page.locator(".wsl-overlay-tiles img.leaflet-tile-loaded").first.wait_for(
        state="attached"
    )
    drawing.press("m")
    drawing.click(950, 750)
    drawing.notebook.wait_for(f"viewer.chosen == ({load.first_id + 1},)")
    assert drawing.layer.shapes() == []
    drawing.drag((950, 750), (970, 780))
    (shape,) = drawing.stored(lambda shapes: len(shapes) == 1)
    assert box_of(shape) == pytest.approx((920, 730, 1020, 830), abs=1.5)
    assert [label["name"] for label in shape["labels"]] == ["b"]
    drawing.wait_for_state("saved")
    drawing.shot(shots, "drawing-load")
    drawing.press("Control+z")
    back = drawing.stored(lambda shapes: box_of(shapes[0])[0] < 910)
    assert box_of(back[0]) == (900, 700, 1000, 800)


def test_layer_that_is_shown_and_drawn_on_is_hidden_at_once(drawing):
    viewer, name = drawing.notebook, drawing.layer.name
    before = len(viewer.errors)
    viewer.run(f"viewer.show({name!r}, opacity=0.4)")
    drawing.page.wait_for_function(
        "() => document.querySelector('.wsl-drawing').style.opacity === '0.4'"
    )
    viewer.run(f"viewer.hide({name!r})")
    drawing.page.wait_for_selector(".wsl-toolbar", state="detached")
    assert viewer.errors[before:] == []


def test_tools_are_as_readable_in_the_dark(drawing, shots):
    change = "(theme) => jupyterapp.commands.execute('apputils:change-theme', { theme })"
    drawing.press("r")
    drawing.drag((700, 700), (900, 850))
    drawing.page.evaluate(change, "JupyterLab Dark")
    try:
        drawing.page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")
        colours = drawing.page.evaluate(
            """() => {
              const style = getComputedStyle(document.querySelector('.wsl-toolbar'));
              return [style.color, style.backgroundColor];
            }"""
        )
        drawing.shot(shots, "drawing-dark")
    finally:
        drawing.page.evaluate(change, "JupyterLab Light")
    ink, paper = (sum(map(float, re.findall(r"[\d.]+", each)[:3])) for each in colours)
    assert ink > paper
