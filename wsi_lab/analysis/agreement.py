"""How far readers agree: percent agreement, kappas, alpha, the intraclass correlation.

`ratings` is a frame of units by readers, gaps allowed. Each statistic comes with its interval, its
counts, and its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from wsi_lab.analysis import bootstrap
from wsi_lab.analysis.alpha import krippendorff_alpha
from wsi_lab.analysis.icc import icc
from wsi_lab.analysis.ratings import Ratings, pair_of, rated_units, ratings_of
from wsi_lab.analysis.result import Statistic
from wsi_lab.errors import Invalid

__all__ = [
    "cohen_kappa",
    "fleiss_kappa",
    "gwet_ac1",
    "icc",
    "krippendorff_alpha",
    "percent_agreement",
]

Weights = Literal["linear", "quadratic"]
_Readings = Sequence[Any] | pd.Series


def percent_agreement(
    ratings: pd.DataFrame,
    *,
    confidence: float = 0.95,
    resamples: int = bootstrap.RESAMPLES,
) -> Statistic:
    """Return the share of pairs of readers that agree, over all units that two have rated.

    ``details`` has ``complete``: the share of units on which all who rated them agree, and
    ``complete_units``: how many these are.

    Raises
    ------
    Invalid
        No unit has two ratings.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2, 2], "b": [1, 2, 1]})
    >>> round(percent_agreement(frame, resamples=10).estimate, 3)
    0.667
    """
    found = rated_units(ratings)
    counts = found.counts
    complete = int((counts.max(axis=1) == counts.sum(axis=1)).sum())
    return bootstrap.with_interval(
        "Percent agreement",
        found,
        _agreement,
        citation="Fleiss, Psychological Bulletin 1971;76:378-382 (observed agreement)",
        confidence=confidence,
        resamples=resamples,
        details={"complete": complete / len(found), "complete_units": complete},
    )


def cohen_kappa(
    a: _Readings,
    b: _Readings,
    weights: Weights | None = None,
    *,
    categories: Sequence[Any] | None = None,
    confidence: float = 0.95,
) -> Statistic:
    """Return Cohen's kappa of two readers, weighted or not; statsmodels computes it.

    Parameters
    ----------
    a, b
        Ratings of the same units; series are matched by their index. Units with a gap are left out.
    weights
        How much of a disagreement neighbours are: by their distance, or its square. Categories are
        equally far apart, in their order.
    categories
        All that could be said, in order; by default what was said.

    Returns
    -------
    Statistic
        Its interval is the asymptotic one. ``details`` has ``observed`` agreement.

    Raises
    ------
    Invalid
        The two have no unit in common, or `weights` are none.

    Examples
    --------
    >>> cohen_kappa([1, 1, 2, 2], [1, 1, 2, 1]).estimate
    0.5
    """
    from statsmodels.stats.inter_rater import cohens_kappa  # noqa: PLC0415 (a second to import)

    if weights not in {None, "linear", "quadratic"}:
        raise Invalid("The weights are 'linear', 'quadratic' or None.")
    bootstrap.check(confidence)
    pair = pair_of(a, b, categories=categories)
    table = pair.crossed
    kind = "" if weights is None else f", {weights} weights"
    low: float | None = None
    high: float | None = None
    estimate = float("nan")
    if len(pair.categories) > 1 and _can_differ(table):
        with np.errstate(invalid="ignore", divide="ignore"):
            result = cohens_kappa(table, wt=weights)
        estimate = float(result.kappa)
        away = float(norm.ppf(1 - (1 - confidence) / 2)) * float(result.std_kappa)
        low, high = estimate - away, min(1.0, estimate + away)
    return Statistic(
        name=f"Cohen's kappa{kind}",
        estimate=estimate,
        low=low,
        high=high,
        n_units=len(pair),
        n_readers=2,
        n_ratings=2 * len(pair),
        method="The confidence interval is asymptotic.",
        citation="Cohen, Educational and Psychological Measurement 1960;20:37-46"
        if weights is None
        else "Cohen, Psychological Bulletin 1968;70:213-220",
        confidence=confidence,
        details={"observed": float(np.trace(table) / table.sum())},
    )


def fleiss_kappa(
    ratings: pd.DataFrame,
    *,
    confidence: float = 0.95,
    resamples: int = bootstrap.RESAMPLES,
) -> Statistic:
    """Return Fleiss' kappa of units that all readers have rated; statsmodels computes it.

    Units with gaps are left out; ``details`` says how many, and has the kappa of each category.

    Raises
    ------
    Invalid
        No unit was rated by all readers, or there is only one reader.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 1, 2, 2], "b": [1, 1, 2, 1], "c": [1, 2, 2, 2]})
    >>> round(fleiss_kappa(frame, resamples=10).estimate, 3)
    0.333
    """
    everything = ratings_of(ratings)
    complete = np.flatnonzero(everything.per_unit == len(everything.readers))
    if not len(complete) or len(everything.readers) < 2:
        raise Invalid("Fleiss' kappa needs units that were rated by all of at least two readers.")
    found = everything.of_units(complete)
    return bootstrap.with_interval(
        "Fleiss' kappa",
        found,
        _fleiss,
        citation="Fleiss, Psychological Bulletin 1971;76:378-382",
        confidence=confidence,
        resamples=resamples,
        details={
            "left_out": len(everything) - len(found),
            "categories": dict(zip(found.categories, _category_kappas(found.counts), strict=True)),
        },
    )


def gwet_ac1(
    ratings: pd.DataFrame,
    *,
    confidence: float = 0.95,
    resamples: int = bootstrap.RESAMPLES,
) -> Statistic:
    """Return Gwet's AC1, which stays calm where nearly all ratings are the same; gaps allowed.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 1, 2, 2], "b": [1, 1, 2, 1]})
    >>> round(gwet_ac1(frame, resamples=10).estimate, 3)
    0.529
    """
    return bootstrap.with_interval(
        "Gwet's AC1",
        rated_units(ratings, least=1),
        _gwet,
        citation="Gwet, British Journal of Mathematical and Statistical Psychology 2008;61:29-48",
        confidence=confidence,
        resamples=resamples,
    )


def _agreement(ratings: Ratings) -> float:
    counts = ratings.counts.astype(np.float64)
    per_unit = counts.sum(axis=1)
    pairs = (per_unit * (per_unit - 1)).sum()
    return float((counts * (counts - 1)).sum() / pairs) if pairs else float("nan")


def _fleiss(ratings: Ratings) -> float:
    from statsmodels.stats.inter_rater import fleiss_kappa as of_table  # noqa: PLC0415 (as above)

    counts = ratings.counts
    if (counts.sum(axis=0) > 0).sum() < 2:
        return float("nan")
    return float(of_table(counts, method="fleiss"))


def _category_kappas(counts: NDArray[np.int64]) -> list[float]:
    """Return the kappa of each category against all others, by Fleiss's formula (23)."""
    units, readers = len(counts), int(counts[0].sum())
    shares = counts.sum(axis=0) / (units * readers)
    apart = (counts * (readers - counts)).sum(axis=0)
    by_chance = units * readers * (readers - 1) * shares * (1 - shares)
    return [
        float(1 - one / other) if other else float("nan")
        for one, other in zip(apart.tolist(), by_chance.tolist(), strict=True)
    ]


def _gwet(ratings: Ratings) -> float:
    counts = ratings.counts.astype(np.float64)
    per_unit = counts.sum(axis=1)
    paired = per_unit >= 2
    if not paired.any() or counts.shape[1] < 2:
        return float("nan")
    some, size = counts[paired], per_unit[paired]
    observed = float(((some * (some - 1)).sum(axis=1) / (size * (size - 1))).mean())
    shares = (counts / per_unit[:, None]).mean(axis=0)
    by_chance = float((shares * (1 - shares)).sum() / (counts.shape[1] - 1))
    return (observed - by_chance) / (1 - by_chance)


def _can_differ(table: NDArray[np.int64]) -> bool:
    """Return whether chance alone would not have made the two agree completely."""
    shares = table / table.sum()
    return float(shares.sum(axis=0) @ shares.sum(axis=1)) < 1
