from __future__ import annotations

import numpy as np
import pytest

from wsi_lab.errors import Invalid
from wsi_lab.geometry.colour_maps import NAMES, PALETTE, colour_map, next_colour, rgb


@pytest.mark.parametrize("name", NAMES)
def test_a_colour_map_goes_in_small_steps_from_one_end_to_the_other(name):
    table = colour_map(name)
    assert (table.shape, table.dtype) == ((256, 3), np.uint8)
    assert np.abs(np.diff(table.astype(int), axis=0)).max() < 12
    assert len(np.unique(table, axis=0)) > 200


@pytest.mark.parametrize("name", ["viridis", "magma", "inferno", "plasma", "cividis", "grey"])
def test_brightness_tells_low_from_high(name):
    light = colour_map(name) @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(light[::8]) > 0).all()


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("viridis", "440154 3b528b 21918c 5ec962 fde725"),
        ("magma", "000004 51127c b73779 fc8961 fcfdbf"),
        ("inferno", "000004 57106e bc3754 f98e09 fcffa4"),
        ("plasma", "0d0887 7e03a8 cc4778 f89540 f0f921"),
        ("cividis", "00224e 434e6c 7d7c78 bcae6c fee838"),
        ("turbo", "30123b 28bceb a4fc3c fb7e21 7a0403"),
        ("coolwarm", "3b4cc0 8db0fe dddcdc f4987a b40426"),
    ],
)
def test_a_colour_map_is_the_published_one(name, published):
    expected = [rgb(f"#{colour}") for colour in published.split()]
    off = colour_map(name)[[0, 64, 128, 192, 255]].astype(int) - expected
    assert np.abs(off).max() <= 2


def test_a_colour_map_cannot_be_changed_by_who_gets_it():
    with pytest.raises(ValueError, match="read-only"):
        colour_map("viridis")[0] = 0


def test_a_name_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(Invalid, match=r"'jet'.*viridis"):
        colour_map("jet")


def test_labels_get_colours_that_differ():
    assert len({rgb(colour) for colour in PALETTE}) == len(PALETTE)
    assert [next_colour(place) for place in range(len(PALETTE))] == list(PALETTE)
