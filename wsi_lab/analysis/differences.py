"""How far apart the numbers of readers are, and whether that grows with what they measure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from wsi_lab.analysis import bootstrap
from wsi_lab.analysis.ratings import Ratings, pair_of, rated_units, ratings_of
from wsi_lab.analysis.result import Statistic
from wsi_lab.analysis.tables import side_by_side
from wsi_lab.errors import Invalid

CITATION = "Elfer et al., Journal of Medical Imaging 2022;9:047501 (root mean square differences)"


def rms_difference(
    ratings: pd.DataFrame,
    *,
    confidence: float = 0.95,
    resamples: int = bootstrap.RESAMPLES,
) -> Statistic:
    """Return how far apart two readers are: the root mean square of their differences.

    Every two readers of the same unit are a pair, and all pairs weigh the same; it is in the
    units of the ratings. ``details`` has ``pairs``: how many there are.

    Raises
    ------
    Invalid
        The ratings are no numbers, or no unit has two.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [10, 20, 30], "b": [13, 16, None]})
    >>> round(rms_difference(frame, resamples=10).estimate, 3)
    3.536
    """
    found = rated_units(ratings)
    return bootstrap.with_interval(
        "Root mean square difference",
        found,
        _rms,
        citation=CITATION,
        confidence=confidence,
        resamples=resamples,
        details={"pairs": int((found.per_unit * (found.per_unit - 1)).sum()) // 2},
    )


def rms_of_pair(a: Sequence[float] | pd.Series[Any], b: Sequence[float] | pd.Series[Any]) -> float:
    """Return how far apart two readers are; `wsi_lab.analysis.pairs.pairwise` takes it.

    Examples
    --------
    >>> rms_of_pair([1, 2, 3, 4], [1, 2, 3, 8])
    2.0
    """
    return _rms(pair_of(a, b))


def spread(ratings: pd.DataFrame) -> pd.DataFrame:
    """Return the mean and the variance of the readers' numbers, for units that two have rated.

    Returns
    -------
    pandas.DataFrame
        A row for each unit: ``readers``, ``mean`` and ``variance`` (of a sample).

    Examples
    --------
    >>> spread(pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, None]})).to_dict("records")
    [{'readers': 2, 'mean': 2.0, 'variance': 2.0}]
    """
    numbers = pd.DataFrame(ratings_of(ratings).numbers, index=ratings.index)
    table = pd.DataFrame(
        {
            "readers": numbers.count(axis=1),
            "mean": numbers.mean(axis=1),
            "variance": numbers.var(axis=1, ddof=1),
        }
    )
    return table[table["readers"] >= 2]


def rms_by_level(
    ratings: pd.DataFrame,
    edges: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = bootstrap.RESAMPLES,
) -> pd.DataFrame:
    """Return how far apart readers are where they measure little, more, and much.

    Parameters
    ----------
    edges
        Where the mean of a unit's ratings passes from one row to the next, upper edges included:
        ``(10, 40)`` makes three rows.

    Returns
    -------
    pandas.DataFrame
        As `wsi_lab.analysis.tables.side_by_side`; rows without units are left out.

    Raises
    ------
    Invalid
        The ratings are no numbers, no unit has two, or the edges do not rise.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2, 50, 70], "b": [2, 4, 60, 90]})
    >>> rms_by_level(frame, (10,), resamples=10)["estimate"].round(2).to_dict()
    {'up to 10': 1.58, 'over 10': 15.81}
    """
    if not edges or list(edges) != sorted(set(edges)):
        raise Invalid("The edges rise, for example (10, 40).")
    means = spread(ratings)["mean"]
    if means.empty:
        raise Invalid("No unit was rated by two readers.")
    last = len(edges)
    names = [
        f"up to {edges[0]:g}",
        *(f"over {low:g}, up to {high:g}" for low, high in pairwise(edges)),
        f"over {edges[-1]:g}",
    ]
    place = np.searchsorted(np.asarray(edges, np.float64), means.to_numpy(), side="left")
    return side_by_side(
        {
            names[number]: rms_difference(
                ratings.loc[means.index[place == number]],
                confidence=confidence,
                resamples=resamples,
            )
            for number in range(last + 1)
            if (place == number).any()
        }
    )


def _rms(ratings: Ratings) -> float:
    numbers = ratings.numbers
    count = ratings.per_unit
    away = numbers - np.nansum(numbers, axis=1, keepdims=True) / count[:, None]
    # Over all ordered pairs of n numbers the squared differences sum to 2 n times their squares.
    squares = 2 * count * np.nansum(away**2, axis=1)
    return float(np.sqrt(squares.sum() / (count * (count - 1)).sum()))
