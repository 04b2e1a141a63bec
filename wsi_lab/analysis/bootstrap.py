"""Confidence intervals by drawing units again: patients differ, and readers are who they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wsi_lab.analysis.ratings import Ratings
from wsi_lab.analysis.result import Statistic
from wsi_lab.errors import Invalid

RESAMPLES = 2000
SEED = 20_260_101
METHOD = (
    "The confidence interval is the bootstrap's, {resamples:,} resamples of units (percentiles)."
)


def with_interval(
    name: str,
    ratings: Ratings,
    statistic: Callable[[Ratings], float],
    *,
    citation: str,
    confidence: float,
    resamples: int,
    counted: Ratings | None = None,
    details: Mapping[str, Any] | None = None,
) -> Statistic:
    """Return a statistic of ratings with its interval.

    Parameters
    ----------
    counted
        The ratings that say something, where some of `ratings` do not.
    """
    low, high = interval(ratings, statistic, confidence=confidence, resamples=resamples)
    counted = ratings if counted is None else counted
    return Statistic(
        name=name,
        estimate=statistic(ratings),
        low=low,
        high=high,
        n_units=len(counted),
        n_readers=int((counted.codes >= 0).any(axis=0).sum()),
        n_ratings=int(counted.per_unit.sum()),
        method=METHOD.format(resamples=resamples),
        citation=citation,
        confidence=confidence,
        details=details or {},
    )


def interval(
    ratings: Ratings,
    statistic: Callable[[Ratings], float],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[float | None, float | None]:
    """Return the percentile interval of a statistic; nothing where it cannot be told.

    Parameters
    ----------
    seed
        The same seed gives the same interval, so that a paper's figures can be had again.

    Raises
    ------
    Invalid
        `confidence` is not between 0 and 1, or `resamples` is below 1.
    """
    check(confidence, resamples)
    generator = np.random.default_rng(seed)
    size = len(ratings)
    found = [
        statistic(ratings.of_units(generator.integers(0, size, size))) for _ in range(resamples)
    ]
    known = np.array(found)[np.isfinite(found)]
    if known.size < resamples / 2:
        return None, None
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail]).tolist()
    return low, high


def check(confidence: float, resamples: int = 1) -> None:
    """Raise `Invalid` for a confidence or a number of resamples that makes no sense."""
    if not 0 < confidence < 1:
        raise Invalid("A confidence lies between 0 and 1, for example 0.95.")
    if not 1 <= resamples <= 1_000_000:
        raise Invalid("Between 1 and 1,000,000 resamples are drawn.")
