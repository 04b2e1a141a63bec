from __future__ import annotations

import pandas as pd
import pytest

from wsi_lab.analysis.ratings import wide
from wsi_lab.errors import Invalid

READINGS = pd.DataFrame(
    {
        "region": ["r1", "r1", "r2", "r1"],
        "reader": ["a", "b", "a", "a"],
        "platform": ["screen", "screen", "screen", "microscope"],
        "density": [10.0, 20.0, None, 15.0],
    }
)


def test_readings_become_units_by_readers_with_gaps():
    on_screen = READINGS[READINGS["platform"] == "screen"]
    table = wide(on_screen, unit="region", reader="reader", value="density")
    assert table.loc["r1"].tolist() == [10, 20]
    assert table.loc["r2"].isna().all()
    assert table.columns.name is None


def test_platforms_of_one_reader_stand_side_by_side():
    table = wide(READINGS, unit=["reader", "region"], reader="platform", value="density")
    assert table.loc[("a", "r1"), ["screen", "microscope"]].tolist() == [10, 15]


def test_unit_that_was_read_twice_is_named():
    with pytest.raises(Invalid, match="a has read r1 more than once"):
        wide(READINGS, unit="region", reader="reader", value="density")


def test_missing_columns_are_named():
    with pytest.raises(Invalid, match="'who' and 'what'"):
        wide(READINGS, unit="region", reader="who", value="what")
