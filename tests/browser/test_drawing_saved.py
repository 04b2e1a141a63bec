"""What is drawn saves itself, whatever happens to network, page, kernel, and who else draws."""

from __future__ import annotations

import time

import pytest
from drawing_hand import Drawing, box_of
from page_refusals import Refusals
from page_waiting import WAIT_SECONDS

pytestmark = [pytest.mark.browser]


def test_failed_save_keeps_the_shape_marked_and_is_tried_again(drawing, shots):
    page = drawing.page
    refusals = Refusals(page, "**/v1/layers/*/shapes*", lambda route: route.abort())
    drawing.press("r")
    drawing.drag((700, 700), (900, 850))
    drawing.wait_for_state("unreachable")
    drawing.notebook.wait_for("viewer.saving == 'unreachable'")
    drawing.shot(shots, "drawing-not-saved")
    assert drawing.layer.shapes() == []
    refusals.hold()
    page.get_by_role("button", name="Try again").locator("visible=true").first.click()
    refusals.end(drawing.notebook.errors)
    drawing.only()
    drawing.wait_for_state("saved")


def test_reload_before_the_lab_answered_loses_nothing(new_viewer, layer):
    drawing = Drawing(new_viewer, layer).begin()
    page = drawing.page
    page.route("**/v1/layers/*/shapes*", lambda route: route.abort())
    drawing.press("r")
    drawing.drag((700, 700), (900, 850))
    drawing.wait_for_state("unreachable")
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    page.unroute("**/v1/layers/*/shapes*")
    page.reload()
    page.wait_for_selector(".wsl-toolbar", timeout=60_000)
    shape = drawing.only()
    assert box_of(shape) == pytest.approx((700, 700, 900, 850), abs=1.5)
    assert shape["kind"] == "rectangle"


def test_drawing_goes_on_while_the_kernel_is_gone(new_viewer, layer):
    drawing = Drawing(new_viewer, layer).begin()
    drawing.bounds = new_viewer.value("viewer.bounds")
    drawing.page.evaluate(
        "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    drawing.press("r")
    drawing.drag((700, 700), (900, 850))
    assert box_of(drawing.only()) == pytest.approx((700, 700, 900, 850), abs=1.5)
    drawing.wait_for_state("saved")


def test_somebody_elses_change_is_shown_and_mine_can_be_kept_beside_it(drawing, shots):
    # The page is to hear of what others did by its own refused change, not by a look before.
    drawing.page.route("**/v1/slides/*/layers", lambda route: route.abort())
    drawing.press("r")
    drawing.drag((700, 700), (900, 850))
    shape = drawing.only()
    drawing.wait_for_state("saved")
    theirs = [[600, 600], [700, 600], [700, 700], [600, 600]]
    drawing.layer.connection.json(
        "PATCH",
        f"v1/annotations/{shape['id']}",
        body={"kind": "polygon", "geometry": {"type": "Polygon", "coordinates": [theirs]}},
        revision=shape["revision"],
    )
    drawing.press("m")
    drawing.drag((800, 775), (850, 775))
    card = drawing.page.locator(".wsl-conflict")
    card.wait_for()
    assert "changed this shape" in card.text_content()
    card.get_by_role("button", name="Show mine").click()
    drawing.shot(shots, "drawing-conflict")
    assert len(drawing.layer.shapes()) == 1
    card.get_by_role("button", name="Keep both").click()
    both = drawing.stored(lambda shapes: len(shapes) == 2)
    assert box_of(both[0]) == (600, 600, 700, 700)
    assert box_of(both[1]) == pytest.approx((750, 700, 950, 850), abs=1.5)
    drawing.wait_for_state("saved")
    drawing.page.unroute("**/v1/slides/*/layers")


def test_two_pages_that_change_one_shape_lose_neither_change(drawing, new_viewer, shots):
    drawing.press("r")
    drawing.drag((700, 700), (900, 850))
    drawing.only()
    drawing.wait_for_state("saved")
    other = Drawing(new_viewer, drawing.layer).begin()
    for each in (drawing, other):
        # Neither hears of the other before both have changed it.
        each.page.route("**/v1/slides/*/layers", lambda route: route.abort())
        each.press("m")
        each.click(800, 775)
        each.notebook.wait_for("len(viewer.chosen) == 1")
    drawing.drag((800, 775), (850, 775))
    first = drawing.stored(lambda shapes: box_of(shapes[0])[0] > 740)
    drawing.wait_for_state("saved")
    other.drag((800, 775), (800, 875))
    card = other.page.locator(".wsl-conflict")
    card.wait_for()
    other.notebook.wait_for("viewer.saving == 'conflict'")
    assert drawing.layer.shapes() == first
    other.shot(shots, "drawing-conflict-of-pages")
    card.get_by_role("button", name="Keep both").click()
    both = drawing.stored(lambda shapes: len(shapes) == 2)
    assert box_of(both[0]) == pytest.approx((750, 700, 950, 850), abs=1.5)
    assert box_of(both[1]) == pytest.approx((700, 800, 900, 950), abs=1.5)
    for each in (drawing, other):
        each.page.unroute("**/v1/slides/*/layers")
        each.wait_for_state("saved")
        until = time.monotonic() + WAIT_SECONDS
        while each.notebook.value("sorted(viewer.chosen)") != [shape["id"] for shape in both]:
            assert time.monotonic() < until
            each.press("Control+a")
            each.page.wait_for_timeout(300)


def test_what_others_draw_appears_by_itself(drawing):
    square = [[700, 700], [900, 700], [900, 900], [700, 900], [700, 700]]
    drawing.layer.add({"type": "Polygon", "coordinates": [square]})
    drawing.press("m")
    until = time.monotonic() + WAIT_SECONDS
    while drawing.notebook.value("len(viewer.chosen)") == 0:
        assert time.monotonic() < until
        drawing.click(800, 800)
        drawing.page.wait_for_timeout(500)
