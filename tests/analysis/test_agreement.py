"""Agreement of readers: published tables to the digits printed, computed values to 1e-6."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsi_lab.analysis import agreement, bootstrap
from wsi_lab.errors import Invalid

FEW = 20
NOTTINGHAM = ("tubulus", "pleomorphism", "mitosis", "nottingham")
FORMS = ("ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)")


@pytest.fixture(scope="module")
def scores(shared_data: Path) -> Path:
    return shared_data / "scores"


@pytest.fixture(scope="module")
def expected(scores: Path) -> dict[str, Any]:
    return json.loads((scores / "expected.json").read_text())["values"]


@pytest.fixture(scope="module")
def classic(scores: Path):
    return lambda name: pd.read_csv(scores / "classic" / name, index_col=0)


@pytest.fixture(params=NOTTINGHAM)
def graded(request, scores, expected):
    """One of the four tables of the Nottingham study, and what is known of it."""
    table = pd.read_csv(scores / "nottingham" / f"{request.param}.csv", header=None)
    return table, expected[f"../nottingham/{request.param}.csv"]["computed"]


def test_fleiss_kappa_is_that_of_his_paper(classic, expected):
    found = agreement.fleiss_kappa(classic("fleiss_1971.csv"), resamples=FEW)
    published, computed = (expected["fleiss_1971.csv"][each] for each in ("published", "computed"))
    assert round(found.estimate, 2) == published["kappa"]
    assert found.estimate == pytest.approx(computed["kappa"], abs=1e-6)
    of_categories = list(found.details["categories"].values())
    assert [round(each, 3) for each in of_categories] == published["category_kappas"]
    assert (found.n_units, found.n_readers, found.n_ratings) == (30, 6, 180)


@pytest.mark.parametrize("form", FORMS)
def test_intraclass_correlation_is_that_of_shrout_and_fleiss(classic, expected, form):
    known = expected["shrout_fleiss_1979.csv"]
    found = agreement.icc(classic("shrout_fleiss_1979.csv"), form)
    number = {"1": 1, "A": 2, "C": 3}[form[4]]
    published = known["published"][f"ICC_{number}_{'1' if form[6] == '1' else '4'}"]
    assert round(found.estimate, 2) == published
    computed = known["computed"][form]
    assert found.estimate == pytest.approx(computed["icc"], abs=1e-6)
    assert [round(found.low, 2), round(found.high, 2)] == computed["ci95"]
    assert found.details["F"] == pytest.approx(computed["F"], abs=1e-6)
    squares = list(found.details["mean_squares"].values())
    in_order = ("between_targets", "within_target", "between_judges", "residual")
    assert [round(each, 2) for each in squares] == [
        known["published"]["mean_squares"][each] for each in in_order
    ]


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_alpha_is_that_of_krippendorffs_example_with_gaps(classic, expected, level):
    known = expected["krippendorff_c.csv"]
    found = agreement.krippendorff_alpha(classic("krippendorff_c.csv"), level, resamples=FEW)
    assert round(found.estimate, 3) == known["published"][f"alpha_{level}"]
    assert found.estimate == pytest.approx(known["computed"][level], abs=1e-6)
    # One of the twelve units has a single rating, which says nothing.
    assert (found.n_units, found.n_readers, found.n_ratings) == (11, 4, 40)


def test_cohens_kappa_of_a_two_by_two_table(expected):
    a = ["yes"] * 25 + ["no"] * 25
    b = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    found = agreement.cohen_kappa(a, b)
    known = expected["cohen_2x2.csv"]["published"]
    assert found.estimate == pytest.approx(known["kappa"])
    assert found.details["observed"] == pytest.approx(known["observed_agreement"])
    assert (round(found.low, 4), round(found.high, 4)) == (0.1511, 0.6489)


def test_nottingham_kappa_and_agreement(graded):
    table, known = graded
    kappa = agreement.fleiss_kappa(table, resamples=FEW)
    assert kappa.estimate == pytest.approx(known["fleiss_kappa_cases_without_missing"], abs=1e-6)
    assert kappa.details["left_out"] == 0
    percent = agreement.percent_agreement(table, resamples=FEW)
    assert percent.details["complete_units"] == known["cases_with_complete_agreement"]
    assert percent.details["complete"] == known["complete_agreement_share"]
    assert (percent.n_units, percent.n_readers) == (known["cases"], known["raters"])
    ac1 = agreement.gwet_ac1(table, resamples=FEW)
    assert ac1.estimate == pytest.approx(known["gwet_ac1_with_missing"], abs=1e-5)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_nottingham_alpha(graded, level):
    table, known = graded
    found = agreement.krippendorff_alpha(table, level, resamples=FEW)
    assert found.estimate == pytest.approx(known[f"krippendorff_alpha_{level}"], abs=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_nottingham_intraclass_correlation(graded, form):
    table, known = graded
    found = agreement.icc(table, form)
    computed = known["icc_cases_without_missing"][form]
    assert found.estimate == pytest.approx(computed["icc"], abs=1e-6)
    assert [round(found.low, 2), round(found.high, 2)] == computed["ci95"]


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_nottingham_cohen_of_the_first_two_readers(graded, weights):
    table, known = graded
    found = agreement.cohen_kappa(table[0], table[1], weights)
    of_pair = known["cohen_rater1_rater2"]
    assert found.estimate == pytest.approx(of_pair[weights or "unweighted"], abs=1e-6)
    assert found.n_units == of_pair["n"]


def test_interval_holds_the_estimate_and_can_be_had_again(graded):
    table, _ = graded
    first, second = (agreement.krippendorff_alpha(table, resamples=200) for _ in range(2))
    assert first == second
    assert first.low < first.estimate < first.high
    wider = agreement.krippendorff_alpha(table, resamples=200, confidence=0.99)
    assert wider.low <= first.low
    assert wider.high >= first.high


def test_units_and_readers_of_series_are_matched_by_name():
    a = pd.Series({"s1": 1, "s2": 2, "s3": 1, "s4": 2})
    b = pd.Series({"s4": 2, "s3": 1, "s2": 2, "s9": 1})
    found = agreement.cohen_kappa(a, b)
    assert (found.estimate, found.n_units) == (1.0, 3)


def test_categories_nobody_used_change_the_weights():
    a, b = [1, 1, 3, 3], [1, 3, 3, 1]
    without = agreement.cohen_kappa(a, b, "linear").estimate
    assert agreement.cohen_kappa(a, b, "linear", categories=[1, 2, 3]).estimate == without == 0
    a, b = [1, 2, 4, 4], [1, 4, 4, 2]
    few = agreement.cohen_kappa(a, b, "linear").estimate
    assert agreement.cohen_kappa(a, b, "linear", categories=[1, 2, 3, 4]).estimate != few


def test_where_all_say_the_same_kappa_is_not_defined_and_agreement_complete():
    same = pd.DataFrame({"a": [1, 1, 1], "b": [1, 1, 1]})
    assert math.isnan(agreement.fleiss_kappa(same, resamples=FEW).estimate)
    assert math.isnan(agreement.cohen_kappa([1, 1], [1, 1]).estimate)
    assert math.isnan(agreement.krippendorff_alpha(same, resamples=FEW).estimate)
    assert agreement.percent_agreement(same, resamples=FEW).estimate == 1
    assert "not defined" in agreement.fleiss_kappa(same, resamples=FEW).sentence


def test_readers_who_share_no_unit_with_anybody_are_not_counted():
    frame = pd.DataFrame({"a": [1, 2, None], "b": [1, 1, None], "alone": [None, None, 2]})
    for statistic in (agreement.percent_agreement, agreement.krippendorff_alpha):
        found = statistic(frame, resamples=FEW)
        assert (found.n_units, found.n_readers, found.n_ratings) == (2, 2, 4)


def test_sentence_names_the_method_and_its_source(graded):
    table, _ = graded
    sentence = agreement.icc(table).sentence
    assert "two-way random effects, absolute agreement" in sentence
    assert "McGraw & Wong" in sentence
    assert "100 units, 9 readers" in sentence


@pytest.mark.parametrize(
    "ask",
    [
        lambda: agreement.fleiss_kappa(pd.DataFrame()),
        lambda: agreement.fleiss_kappa(pd.DataFrame({"a": [1, 2]})),
        lambda: agreement.fleiss_kappa(pd.DataFrame({"a": [1, None], "b": [None, 2]})),
        lambda: agreement.percent_agreement(pd.DataFrame({"a": [1, None], "b": [None, 2]})),
        lambda: agreement.cohen_kappa([1], [1, 2]),
        lambda: agreement.cohen_kappa([None], [1]),
        lambda: agreement.cohen_kappa([1, 2], [1, 2], "cubic"),
        lambda: agreement.cohen_kappa([1, 2], [1, 2], categories=[1]),
        lambda: agreement.krippendorff_alpha(pd.DataFrame({"a": ["x"], "b": ["y"]}), "interval"),
        lambda: agreement.krippendorff_alpha(pd.DataFrame({"a": [1], "b": [2]}), "odd"),
        lambda: agreement.icc(pd.DataFrame({"a": ["x", "y"], "b": ["y", "z"]})),
        lambda: agreement.icc(pd.DataFrame({"a": [1, 2]})),
        lambda: agreement.icc(pd.DataFrame({"a": [1, 2], "b": [1, 3]}), "ICC(9,9)"),
        lambda: agreement.icc(pd.DataFrame({"a": [1, 2], "b": [1, 3]}), confidence=1.5),
        lambda: agreement.gwet_ac1(pd.DataFrame({"a": [1], "b": [1]}), resamples=0),
    ],
)
def test_what_makes_no_sense_is_said(ask):
    with pytest.raises(Invalid):
        ask()


tables = st.lists(
    st.lists(st.sampled_from([1, 2, 3, None]), min_size=3, max_size=3), min_size=2, max_size=12
)


@settings(max_examples=60)
@given(tables, st.randoms(use_true_random=False))
def test_order_of_units_and_readers_does_not_matter(rows, random):
    frame = pd.DataFrame(rows, columns=list("abc"))
    units, readers = list(range(len(frame))), list("abc")
    random.shuffle(units)
    random.shuffle(readers)
    other = frame.loc[units, readers].reset_index(drop=True)
    for statistic in (agreement.krippendorff_alpha, agreement.percent_agreement):
        try:
            one = statistic(frame, resamples=1).estimate
        except Invalid:
            with pytest.raises(Invalid):
                statistic(other, resamples=1)
            continue
        assert statistic(other, resamples=1).estimate == pytest.approx(one, nan_ok=True)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        truth = generator.integers(0, 2, 60)
        flips = generator.random((60, 3)) < 0.2
        frame = pd.DataFrame(np.where(flips, 1 - truth[:, None], truth[:, None]))
        found = agreement.percent_agreement(frame, resamples=200)
        covered += found.low <= 0.8**2 + 0.2**2 <= found.high
    assert covered >= 50


def test_bootstrap_of_what_is_never_defined_has_no_interval():
    from wsi_lab.analysis.ratings import ratings_of

    ratings = ratings_of(pd.DataFrame({"a": [1, 2], "b": [1, 2]}))
    assert bootstrap.interval(ratings, lambda _: float("nan"), resamples=10) == (None, None)
