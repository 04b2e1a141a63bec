"""Drawing as its user does it: with mouse and keys in the picture, seen by Python in the lab."""

from __future__ import annotations

import pytest
from drawing_hand import box_of

pytestmark = [pytest.mark.browser]


def test_polygon_is_drawn_by_clicks_and_saved_by_itself(drawing, shots):
    drawing.press("p")
    for place in [(800, 800), (1000, 820), (980, 950), (790, 940)]:
        drawing.click(*place)
    drawing.shot(shots, "drawing-polygon-under-way")
    drawing.press("Enter")
    shape = drawing.only()
    assert shape["kind"] == "polygon"
    assert box_of(shape) == pytest.approx((790, 800, 1000, 950), abs=1.5)
    assert [label["name"] for label in shape["labels"]] == ["tumour"]
    drawing.wait_for_state("saved")
    drawing.shot(shots, "drawing-polygon")


DRAWN = [
    # tool, how, kind, box, labels that the layer has afterwards
    ("r", lambda d: d.drag((700, 700), (900, 850)), "rectangle", (700, 700, 900, 850)),
    ("o", lambda d: d.drag((700, 700), (900, 850)), "ellipse", (700, 700, 900, 850)),
    (".", lambda d: d.click(777, 888), "point", (777, 888, 777, 888)),
    (
        "v",
        lambda d: (d.click(700, 700), d.click(800, 900), d.click(950, 720), d.press("Enter")),
        "polyline",
        (700, 700, 950, 900),
    ),
    (
        "d",
        lambda d: d.drag((700, 700), (900, 700), (900, 900), (700, 900), (700, 720)),
        "polygon",
        (700, 700, 900, 900),
    ),
    ("b", lambda d: d.drag((700, 800), (900, 800)), "polygon", (676, 776, 924, 824)),
]


@pytest.mark.parametrize(
    ("key", "how", "kind", "box"), DRAWN, ids=[f"{kind}-{key}" for key, _, kind, _ in DRAWN]
)
def test_every_tool_draws_what_it_is_for(drawing, shots, key, how, kind, box):
    drawing.press(key)
    how(drawing)
    shape = drawing.only()
    assert shape["kind"] == kind
    assert box_of(shape) == pytest.approx(box, abs=2)
    drawing.shot(shots, f"drawing-{kind}-{key.strip('.') or 'point'}")


def test_brush_adds_to_what_is_chosen_and_eraser_and_hole_take_off(drawing, shots):
    drawing.press("r")
    drawing.drag((700, 700), (900, 900))
    area = drawing.only()["area"]
    assert area == pytest.approx(200 * 200, rel=0.02)
    drawing.press("b")
    drawing.drag((880, 800), (980, 800))
    grown = drawing.stored(lambda shapes: shapes[0]["area"] > area + 1000)
    assert box_of(grown[0]) == pytest.approx((700, 700, 1004, 900), abs=2)
    drawing.press("x", "]", "]")
    drawing.drag((1000, 800), (940, 800))
    erased = drawing.stored(lambda shapes: shapes[0]["area"] < grown[0]["area"] - 1000)
    assert len(erased) == 1
    drawing.press("h")
    drawing.drag((760, 760), (840, 760), (840, 840), (760, 840), (760, 765))
    holed = drawing.stored(lambda shapes: len(shapes[0]["geometry"]["coordinates"]) == 2)
    assert holed[0]["kind"] == "brush"
    assert holed[0]["area"] == pytest.approx(erased[0]["area"] - 80 * 80, rel=0.03)
    drawing.shot(shots, "drawing-brush-hole")


def test_alt_turns_the_brush_into_an_eraser_and_its_size_follows_the_wheel(drawing):
    drawing.press("r")
    drawing.drag((700, 700), (900, 900))
    drawing.only()
    drawing.press("b")
    size = drawing.page.locator(".wsl-brush-size")
    before = size.text_content()
    drawing.page.keyboard.down("Alt")
    drawing.page.mouse.wheel(0, -100)
    drawing.drag((700, 800), (760, 800))
    drawing.page.keyboard.up("Alt")
    assert size.text_content() != before
    assert drawing.notebook.value("viewer.downsample") == pytest.approx(1)
    drawing.stored(lambda shapes: shapes[0]["area"] < 200 * 200 - 1000)


def test_corners_are_moved_added_and_removed(drawing, shots):
    square = [[700, 700], [900, 700], [900, 900], [700, 900], [700, 700]]
    drawing.layer.add({"type": "Polygon", "coordinates": [square]})
    drawing.begin_again()
    drawing.press("e")
    drawing.click(800, 800)
    drawing.drag((900, 900), (950, 960))
    moved = drawing.stored(lambda shapes: box_of(shapes[0])[2] > 940)
    assert box_of(moved[0]) == pytest.approx((700, 700, 950, 960), abs=1.5)
    drawing.drag((800, 700), (800, 650))
    added = drawing.stored(lambda shapes: len(shapes[0]["geometry"]["coordinates"][0]) == 6)
    assert box_of(added[0])[1] == pytest.approx(650, abs=1.5)
    drawing.shot(shots, "drawing-corners")
    drawing.click(950, 960)
    drawing.press("Delete")
    removed = drawing.stored(lambda shapes: len(shapes[0]["geometry"]["coordinates"][0]) == 5)
    assert box_of(removed[0])[2] == pytest.approx(900, abs=1.5)


def test_a_chosen_shape_is_moved_labelled_and_removed(drawing):
    drawing.press("r")
    drawing.drag((700, 700), (800, 800))
    drawing.only()
    drawing.press("m")
    drawing.drag((750, 750), (850, 770))
    moved = drawing.stored(lambda shapes: box_of(shapes[0])[0] > 780)
    assert box_of(moved[0]) == pytest.approx((800, 720, 900, 820), abs=1.5)
    drawing.press("2")
    drawing.stored(lambda shapes: [each["name"] for each in shapes[0]["labels"]] == ["stroma"])
    drawing.press("Shift+3")
    drawing.stored(lambda shapes: len(shapes[0]["labels"]) == 2)
    drawing.press("Delete")
    drawing.stored(lambda shapes: shapes == [])


def test_undo_and_redo_reach_the_lab(drawing):
    drawing.press("r")
    drawing.drag((700, 700), (800, 800))
    drawing.only()
    drawing.press("Control+z")
    drawing.stored(lambda shapes: shapes == [])
    drawing.press("Control+Shift+z")
    assert box_of(drawing.only()) == pytest.approx((700, 700, 800, 800), abs=1.5)
    drawing.drag((900, 850), (1000, 950))
    drawing.stored(lambda shapes: len(shapes) == 2)
    drawing.press("Control+z")
    drawing.stored(lambda shapes: len(shapes) == 1)


def test_shapes_are_drawn_by_keys_alone(drawing):
    drawing.page.mouse.move(1, 1)
    drawing.press("r", "i", "ArrowRight")
    drawing.notebook.wait_for("viewer.center[0] > 1000")
    drawing.notebook.wait_for_tiles()
    drawing.press("ArrowDown")
    drawing.notebook.wait_for("viewer.center[1] > 800")
    drawing.notebook.wait_for_tiles()
    drawing.press("i")
    left, top, right, bottom = box_of(drawing.only())
    assert (left, top) == pytest.approx((900, 750), abs=1.5)
    assert right > 1000
    assert bottom > 800
    drawing.press("e", "n")
    for _ in range(10):
        drawing.press("Alt+ArrowLeft")
    drawing.stored(lambda shapes: box_of(shapes[0])[0] == pytest.approx(left - 10, abs=1.5))


def test_no_key_that_draws_does_anything_to_the_notebook(drawing):
    count = "() => jupyterapp.shell.currentWidget.content.widgets.length"
    before = drawing.page.evaluate(count)
    drawing.press(*"mevprodbxhin", ".", "1", "9", "[", "]", "Escape", "d", "d", "Enter")
    assert drawing.page.evaluate(count) == before
    assert drawing.page.evaluate("() => document.activeElement.classList.contains('wsl-map')")


def test_every_button_names_its_key(drawing):
    titles = drawing.page.locator(".wsl-tool-row button").evaluate_all(
        "buttons => buttons.map((button) => [button.title, button.getAttribute('aria-label')])"
    )
    assert len(titles) == 14
    assert all("(" in title and title == label for title, label in titles)


def test_mouse_moves_are_not_sent_to_the_kernel(drawing):
    sent = """() => {
      const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
      window.sentMessages = 0;
      window.began = performance.now();
      kernel.anyMessage.connect((_, { direction, msg }) => {
        if (direction === 'send' && msg.header.msg_type === 'comm_msg') window.sentMessages += 1;
      });
    }"""
    drawing.page.evaluate(sent)
    drawing.press("d")
    # The kernel is not asked for it at every move, which takes long.
    drawing.bounds = drawing.notebook.value("viewer.bounds")
    drawing.drag(*[(700 + 5 * i, 700 + 40 * (i % 2)) for i in range(40)])
    sent, took = drawing.page.evaluate("[sentMessages, (performance.now() - began) / 1000]")
    # The place under the mouse is told a few times a second, and what is chosen; no move is.
    assert sent < 20 + 7 * took
