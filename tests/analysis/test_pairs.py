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


def test_differences_have_no_ones_on_their_diagonal():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    apart = pairs.pairwise(frame, lambda one, other: float((other - one).mean()), diagonal=0)
    assert np.diag(apart).tolist() == [0, 0]


def test_limits_allow_for_units_of_one_subject():
    """200 subjects with 5 units each, whose differences spread by 3 between and 4 within."""
    generator = np.random.default_rng(7)
    subjects = np.repeat(np.arange(200), 5)
    apart = generator.normal(0, 3, 200)[subjects] + generator.normal(2, 4, 1000)
    b = generator.uniform(0, 100, 1000)
    found = pairs.bland_altman(b + apart, b, subjects=subjects)
    alone = pairs.bland_altman(b + apart, b)
    assert (found.upper - found.lower) / 2 == pytest.approx(1.96 * 5, abs=0.8)
    assert found.bias == alone.bias
    # The variance of the mean: 9 / 200 between subjects and 16 / 1000 within.
    width = (found.bias_high - found.bias_low) / 2
    assert width == pytest.approx(1.972 * (9 / 200 + 16 / 1000) ** 0.5, rel=0.15)
    assert width > 1.3 * (alone.bias_high - alone.bias_low) / 2
    assert found.subjects == 200
    assert "2007" in found.citation
    assert alone.subjects is None


def test_each_unit_a_subject_of_its_own_changes_no_limit():
    a, b = [1, 4, 2, 8, 5], [2, 2, 2, 9, 3]
    alone, found = pairs.bland_altman(a, b), pairs.bland_altman(a, b, subjects=list("pqrst"))
    for name in ("bias", "bias_low", "bias_high", "lower", "upper"):
        assert getattr(found, name) == pytest.approx(getattr(alone, name))


def test_subjects_of_series_are_matched_by_their_index():
    a = pd.Series([1.0, 2.0, 3.0, 4.0], index=list("wxyz"))
    b = pd.Series([4.0, 2.0, 2.0, 1.0], index=list("zyxw"))
    by_place = pairs.bland_altman([1, 2, 3, 4], [1, 2, 2, 4], subjects=["p", "p", "q", "q"])
    subjects = pd.Series(["q", "q", "p", "p"], index=list("zyxw"))
    for each in (subjects, ["p", "p", "q", "q"]):
        found = pairs.bland_altman(a, b, subjects=each)
        assert (found.lower, found.upper) == (by_place.lower, by_place.upper)


@pytest.mark.parametrize("subjects", [["p"], ["p", "p", "p"], ["p", "p", None]])
def test_subjects_that_are_none_are_refused(subjects):
    with pytest.raises(Invalid):
        pairs.bland_altman([1, 2, 3], [1, 2, 4], subjects=subjects)


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
