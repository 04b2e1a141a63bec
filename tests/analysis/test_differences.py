from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsi_lab.analysis import differences
from wsi_lab.analysis.ratings import wide
from wsi_lab.demo import example
from wsi_lab.errors import Invalid

FEW = 20


def squared_differences(frame: pd.DataFrame) -> list[float]:
    return [
        (one - other) ** 2
        for row in frame.to_numpy(float)
        for one, other in itertools.combinations(row[~np.isnan(row)], 2)
    ]


@settings(max_examples=50)
@given(
    st.lists(
        st.lists(st.none() | st.integers(0, 100), min_size=3, max_size=3), min_size=1, max_size=8
    )
)
def test_root_mean_square_is_that_of_all_pairs(rows):
    frame = pd.DataFrame(rows, columns=list("abc"), dtype=float)
    squares = squared_differences(frame)
    if not squares:
        with pytest.raises(Invalid):
            differences.rms_difference(frame, resamples=1)
        return
    found = differences.rms_difference(frame, resamples=1)
    assert found.estimate == pytest.approx(np.sqrt(np.mean(squares)), abs=1e-9)
    assert found.details["pairs"] == len(squares)


def test_interval_holds_the_difference_of_many_units():
    generator = np.random.default_rng(11)
    truth = generator.uniform(0, 100, (400, 1))
    frame = pd.DataFrame(truth + generator.normal(0, 5, (400, 4)))
    found = differences.rms_difference(frame, resamples=200)
    # Two readers' errors add up.
    assert found.low < 5 * 2**0.5 < found.high
    assert found.high - found.low < 1
    assert (found.n_units, found.n_readers, found.n_ratings) == (400, 4, 1600)


def test_two_readers_are_as_far_apart_as_their_frame_says():
    frame = pd.DataFrame({"a": [1.0, 5.0, 9.0, None], "b": [2.0, 3.0, 9.0, 4.0]})
    apart = differences.rms_of_pair(frame["a"], frame["b"])
    assert apart == pytest.approx(differences.rms_difference(frame, resamples=1).estimate)


def test_levels_hold_their_upper_edge():
    frame = pd.DataFrame({"a": [9.0, 10.0, 40.0, 41.0, 5.0], "b": [11.0, 10.0, 40.0, 41.0, None]})
    table = differences.rms_by_level(frame, (10, 40), resamples=FEW)
    assert table["n_units"].to_dict() == {"up to 10": 2, "over 10, up to 40": 1, "over 40": 1}
    assert table.loc["up to 10", "estimate"] == pytest.approx(2**0.5)
    alone = differences.rms_by_level(frame, (50,), resamples=FEW)
    assert alone.index.tolist() == ["up to 50"]


@pytest.mark.parametrize("edges", [(), (40, 10), (10, 10)])
def test_edges_that_do_not_rise_are_refused(edges):
    with pytest.raises(Invalid, match="rise"):
        differences.rms_by_level(pd.DataFrame({"a": [1], "b": [2]}), edges)


def test_words_and_single_readings_have_no_differences():
    with pytest.raises(Invalid, match="numbers"):
        differences.rms_difference(pd.DataFrame({"a": ["x"], "b": ["y"]}), resamples=1)
    single = pd.DataFrame({"a": [1.0, None], "b": [None, 2.0]})
    with pytest.raises(Invalid, match="two readers"):
        differences.rms_by_level(single, (10,))


def test_spread_of_the_pilot_is_that_of_its_authors_script():
    """571 regions, their script says, of which a later cleaning took one away."""
    readings = pd.read_parquet(example("htt_pilot.parquet"))
    early = readings[
        (readings["platform"] == "caMicroscope") & (readings["read_on"] < "2021-05-05")
    ]
    table = differences.spread(wide(early, unit="region", reader="reader", value="density"))
    assert len(table) == 570
    of_one = early[early["region"] == table.index[0]]["density"].dropna()
    assert table.iloc[0].tolist() == pytest.approx([len(of_one), of_one.mean(), of_one.var()])
