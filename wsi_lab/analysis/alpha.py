"""Krippendorff's alpha.

The library that is known for it is under the GPL, and the one that is not has another metric for
ordinal ratings than Krippendorff's; so this is ours. It is tried on the published examples.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wsi_lab.analysis import bootstrap
from wsi_lab.analysis.ratings import Ratings, ratings_of
from wsi_lab.analysis.result import Statistic
from wsi_lab.errors import Invalid

AlphaLevel = Literal["nominal", "ordinal", "interval", "ratio"]
CITATION = "Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011"


def krippendorff_alpha(
    ratings: pd.DataFrame,
    level: AlphaLevel = "nominal",
    *,
    confidence: float = 0.95,
    resamples: int = bootstrap.RESAMPLES,
) -> Statistic:
    """Return Krippendorff's alpha: any number of readers, gaps allowed.

    Parameters
    ----------
    ratings
        One row a unit, one column a reader.
    level
        How ratings differ: not at all alike (``nominal``), by rank, by distance or by ratio.

    Returns
    -------
    Statistic
        NaN where all ratings are the same. Units with fewer than two ratings say nothing.

    Raises
    ------
    Invalid
        The level is none, or needs numbers and the ratings are none.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2, 3, 3], "b": [1, 2, 3, 2]})
    >>> round(krippendorff_alpha(frame, "ordinal", resamples=10).estimate, 3)
    0.79
    """
    if level not in get_args(AlphaLevel):
        raise Invalid(f"The level is one of: {', '.join(get_args(AlphaLevel))}.")
    found = ratings_of(ratings)
    numbers = None if level == "nominal" else found.levels

    def alpha(some: Ratings) -> float:
        return _alpha(some.counts, level, numbers)

    return bootstrap.with_interval(
        f"Krippendorff's alpha ({level})",
        found,
        alpha,
        citation=CITATION,
        confidence=confidence,
        resamples=resamples,
        counted=found.of_units(np.flatnonzero(found.per_unit >= 2)),
    )


def _alpha(
    counts: NDArray[np.int64], level: AlphaLevel, numbers: NDArray[np.float64] | None
) -> float:
    per_unit = counts.sum(axis=1)
    counts = counts[per_unit >= 2].astype(np.float64)
    if not len(counts):
        return float("nan")
    # Of each unit all ordered pairs of two readers' ratings, weighted by 1 / (readers - 1).
    weighted = counts / (counts.sum(axis=1) - 1)[:, None]
    coincidences = weighted.T @ counts - np.diag(weighted.sum(axis=0))
    totals = coincidences.sum(axis=1)
    total = totals.sum()
    differences = _differences(totals, level, numbers)
    observed = float((coincidences * differences).sum())
    expected = float((np.outer(totals, totals) * differences).sum()) / (total - 1)
    return float("nan") if expected == 0 else float(1 - observed / expected)


def _differences(
    totals: NDArray[np.float64], level: AlphaLevel, numbers: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    if level == "nominal" or numbers is None:
        return 1 - np.eye(len(totals))
    if level == "ordinal":
        middle = np.cumsum(totals) - totals / 2
        found: NDArray[np.float64] = (middle[:, None] - middle[None, :]) ** 2
        return found
    distances = (numbers[:, None] - numbers[None, :]) ** 2
    if level == "interval":
        return distances
    sums = (numbers[:, None] + numbers[None, :]) ** 2
    return np.divide(distances, sums, out=np.zeros_like(distances), where=sums > 0)
