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


def test_a_colour_map_cannot_be_changed_by_who_gets_it():
    with pytest.raises(ValueError, match="read-only"):
        colour_map("viridis")[0] = 0


def test_a_name_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(Invalid, match=r"'jet'.*viridis"):
        colour_map("jet")


def test_labels_get_colours_that_differ():
    assert len({rgb(colour) for colour in PALETTE}) == len(PALETTE)
    assert [next_colour(place) for place in range(len(PALETTE))] == list(PALETTE)
