from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from wsi_lab.analysis import consensus, pairs
from wsi_lab.errors import Invalid


def test_confusion_counts_pairs_of_ratings():
    table = pairs.confusion([1, 2, 2, 3], [1, 2, 3, 3])
    assert table.loc[2, 3] == 1
    assert table.to_numpy().sum() == 4
    assert table.index.tolist() == table.columns.tolist() == [1, 2, 3]


def test_pairwise_is_symmetric_and_has_gaps_where_two_share_nothing():
    frame = pd.DataFrame({"a": [1, 2, 1, 2], "b": [1, 2, 2, 2], "c": [None, None, None, None]})
    matrix = pairs.pairwise(frame)
    assert matrix.loc["a", "b"] == matrix.loc["b", "a"] == 0.5
    assert np.isnan(matrix.loc["a", "c"])
    assert np.diag(matrix).tolist() == [1, 1, 1]


def test_pairwise_takes_any_statistic_of_two():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    apart = pairs.pairwise(frame, lambda one, other: float((other - one).mean()))
    assert apart.loc["a", "b"] == 2.5


def test_limits_of_agreement_are_those_of_the_differences():
    generator = np.random.default_rng(3)
    a = generator.normal(50, 10, 4000)
    found = pairs.bland_altman(a, a - 2 + generator.normal(0, 3, 4000))
    assert found.bias == pytest.approx(2, abs=0.2)
    assert found.bias_low < 2 < found.bias_high
    assert (found.lower, found.upper) == pytest.approx((2 - 5.88, 2 + 5.88), abs=0.3)
    between = found.table["difference"].between(found.lower, found.upper)
    assert between.mean() == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("numbers", [([1], [2]), (["x", "y"], ["y", "x"]), ([1, 2], [1])])
def test_limits_of_what_is_no_measurement_are_refused(numbers):
    with pytest.raises(Invalid):
        pairs.bland_altman(*numbers)


def test_consensus_of_readers():
    frame = pd.DataFrame(
        {"a": [1, 1, 3, None], "b": [1, 2, 3, None], "c": [2, 3, None, None]},
        index=["s1", "s2", "s3", "s4"],
    )
    assert consensus.majority(frame, tie=0).to_dict() == {"s1": 1, "s2": 0, "s3": 3, "s4": 0}
    assert consensus.majority(frame).isna().tolist() == [False, True, False, True]
    assert consensus.median(frame)["s2"] == 2
    assert np.isnan(consensus.median(frame)["s4"])
    table = consensus.disagreement(frame)
    assert table.index.tolist() == ["s2", "s1"]
    assert table.loc["s2", ["disagreement", "readers", "least", "most"]].tolist() == [1, 3, 1, 3]
