"""What was drawn shows where it lies, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from wsi_lab.slides.overlay import Heat, Mark, Words, draw, with_scalebar

RED = "#e6194b"
RGB = (230, 25, 75)


def page(width: int = 200, height: int = 100) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)


def changed(pixels: np.ndarray) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) of everything that is not white."""
    rows, columns = np.nonzero(np.any(pixels != 255, axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_a_shape_is_outlined_and_tinted_at_its_place() -> None:
    drawn = draw(
        page(), [Mark(RED, shapely.box(1100, 540, 1300, 640))], origin=(1000, 500), downsample=2
    )

    assert changed(drawn) == pytest.approx((50, 20, 150, 70), abs=2)
    assert tuple(drawn[45, 50]) == RGB
    inside = drawn[45, 100].astype(int)
    assert inside[0] > inside[1]
    assert inside.min() > 180


def test_the_pixels_that_were_given_stay_as_they_are() -> None:
    given = page()

    draw(given, [Mark(RED, shapely.Point(50, 50))], origin=(0, 0), downsample=1)

    assert np.all(given == 255)


def test_a_hole_is_left_clear() -> None:
    ring = shapely.box(20, 20, 80, 80) - shapely.box(40, 40, 60, 60)

    drawn = draw(page(), [Mark(RED, ring)], origin=(0, 0), downsample=1)

    assert tuple(drawn[50, 50]) == (255, 255, 255)
    assert tuple(drawn[30, 30]) != (255, 255, 255)
    assert tuple(drawn[50, 40]) == RGB


def test_all_parts_of_a_shape_are_drawn() -> None:
    parts = shapely.MultiPolygon([shapely.box(10, 10, 20, 20), shapely.box(150, 60, 170, 80)])

    drawn = draw(page(), [Mark(RED, parts)], origin=(0, 0), downsample=1)

    assert changed(drawn) == pytest.approx((10, 10, 170, 80), abs=2)


def test_points_are_dots_and_lines_have_no_tint() -> None:
    marks = [
        Mark(RED, shapely.Point(30, 30)),
        Mark("#0000ff", shapely.LineString([(60, 20), (100, 20), (100, 60)])),
    ]

    drawn = draw(page(), marks, origin=(0, 0), downsample=1)

    assert tuple(drawn[30, 30]) == tuple(drawn[33, 30]) == RGB
    assert tuple(drawn[20, 80]) == (0, 0, 255)
    assert tuple(drawn[40, 80]) == (255, 255, 255)


def test_dots_at_the_edges_are_cut_there() -> None:
    corners = shapely.MultiPoint([(0, 0), (199, 99), (-1, 50), (205, 50)])

    drawn = draw(page(), [Mark(RED, corners)], origin=(0, 0), downsample=1)

    assert tuple(drawn[0, 0]) == tuple(drawn[99, 199]) == tuple(drawn[50, 0]) == RGB


@pytest.mark.parametrize(
    "shape",
    [
        shapely.box(-1e9, -1e9, 1e9, 1e9),
        shapely.Polygon([(-1e8, -1e8), (1e8, 1e8), (1e8, -1e8), (-1e8, 1e8)]),
        shapely.Polygon([(-500, 50), (700, 50), (700, 5000), (-500, 5000)]),
    ],
)
def test_a_shape_far_larger_than_the_picture_tints_its_part_of_it(shape) -> None:
    drawn = draw(page(), [Mark(RED, shape)], origin=(0, 0), downsample=1)

    assert np.any(drawn != 255)
    assert changed(drawn)[2] - changed(drawn)[0] > 150


def test_what_lies_elsewhere_changes_nothing() -> None:
    marks = [
        Mark(RED, shapely.box(5000, 5000, 6000, 6000)),
        Mark(RED, None),
        Mark(RED, shapely.Polygon()),
        Mark(RED, heat=Heat(np.full((2, 2), 255, np.uint8), (900, 0, 990, 9))),
        Mark(RED, heat=Heat(np.full((2, 2), 255, np.uint8), (9, 9, 9, 9))),
        Mark(RED, words=[Words("far away", 9000, 9000, 20)]),
    ]

    assert np.all(draw(page(), marks, origin=(0, 0), downsample=1) == 255)


def test_the_values_of_a_heat_map_say_how_strong_its_colour_is() -> None:
    heat = Heat(np.array([[0, 128], [255, 64]], np.uint8), (20, 20, 60, 60))

    drawn = draw(page(), [Mark("#000000", heat=heat)], origin=(0, 0), downsample=1)

    top_left, top_right = drawn[30, 30, 0], drawn[30, 50, 0]
    bottom_left, bottom_right = drawn[50, 30, 0], drawn[50, 50, 0]
    assert top_left == 255
    assert bottom_left == pytest.approx(255 * 0.4, abs=1)
    assert bottom_left < top_right < bottom_right < 255
    assert changed(drawn) == (20, 20, 59, 59)


def test_words_are_written_with_letters_the_font_has() -> None:
    drawn = draw(
        page(), [Mark(RED, words=[Words("Mürz\u200f", 20, 20, 30)])], origin=(0, 0), downsample=1
    )
    plain = draw(
        page(), [Mark(RED, words=[Words("Murz", 20, 20, 30)])], origin=(0, 0), downsample=1
    )

    assert np.any(drawn == 0)
    assert changed(drawn)[0] >= 15
    assert changed(drawn)[1] >= 15
    assert drawn.shape == plain.shape


def test_words_too_small_to_read_are_left_out() -> None:
    marks = [Mark(RED, words=[Words("small", 20, 20, 30)])]

    assert np.all(draw(page(), marks, origin=(0, 0), downsample=10) == 255)


@pytest.mark.parametrize(("mpp", "length"), [(0.5, 100), (0.499, 40), (12.0, 83), (0.001, 100)])
def test_the_scale_bar_is_as_long_as_it_says(mpp: float, length: int) -> None:
    pixels = with_scalebar(np.full((300, 400, 3), 128, np.uint8), mpp)

    black = np.all(pixels == 0, axis=2).sum(axis=1).max()
    assert black == pytest.approx(length, abs=1)


def test_there_is_no_scale_bar_where_it_has_no_room() -> None:
    assert np.all(with_scalebar(page(10, 10), 0.5) == 255)
