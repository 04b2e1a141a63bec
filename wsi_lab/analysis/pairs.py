"""Two readers, or two ways of measuring, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as t_distribution

from wsi_lab.analysis.agreement import cohen_kappa
from wsi_lab.analysis.bootstrap import check
from wsi_lab.analysis.ratings import pair_of
from wsi_lab.errors import Invalid

Pair = Callable[["pd.Series[Any]", "pd.Series[Any]"], float]


@dataclass(frozen=True, slots=True)
class BlandAltman:
    """How far two ways of measuring lie apart.

    Attributes
    ----------
    bias
        Mean of ``a - b``.
    bias_low, bias_high
        Its confidence interval.
    lower, upper
        The limits of agreement: 95 % of the differences lie between them, if they are normal.
    table
        A row for each unit: ``mean`` and ``difference``.
    citation
        Whose method it is.
    """

    bias: float
    bias_low: float
    bias_high: float
    lower: float
    upper: float
    table: pd.DataFrame
    citation: str = "Bland & Altman, Lancet 1986;327:307-310"


def confusion(a: Sequence[Any] | pd.Series[Any], b: Sequence[Any] | pd.Series[Any]) -> pd.DataFrame:
    """Return how often two readers said what of the same units: rows are `a`, columns `b`.

    Examples
    --------
    >>> confusion(["x", "y", "y"], ["x", "x", "y"]).to_numpy().tolist()
    [[1, 0], [1, 1]]
    """
    pair = pair_of(a, b)
    table = np.zeros((len(pair.categories),) * 2, np.int64)
    np.add.at(table, (pair.codes[:, 0], pair.codes[:, 1]), 1)
    return pd.DataFrame(
        table,
        index=pd.Index(pair.categories, name="a"),
        columns=pd.Index(pair.categories, name="b"),
    )


def pairwise(ratings: pd.DataFrame, statistic: Pair | None = None) -> pd.DataFrame:
    """Return a statistic of each two readers, as a matrix with 1 on its diagonal.

    Parameters
    ----------
    statistic
        Of two series; by default Cohen's kappa. NaN where two have no unit in common.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2, 2, 1], "b": [1, 2, 1, 1]})
    >>> pairwise(frame).loc["a", "b"].round(3).item()
    0.5
    """
    measure = statistic or (lambda one, other: cohen_kappa(one, other).estimate)
    readers = list(ratings.columns)
    matrix = pd.DataFrame(np.eye(len(readers)), index=readers, columns=readers)
    for place, one in enumerate(readers):
        for other in readers[place + 1 :]:
            try:
                found = measure(ratings[one], ratings[other])
            except Invalid:
                found = float("nan")
            matrix.loc[one, other] = matrix.loc[other, one] = found
    return matrix


def bland_altman(
    a: Sequence[float] | pd.Series[float],
    b: Sequence[float] | pd.Series[float],
    *,
    confidence: float = 0.95,
) -> BlandAltman:
    """Return the bias of two ways of measuring and their limits of agreement.

    Raises
    ------
    Invalid
        They are no numbers, or fewer than two units were measured in both ways.

    Examples
    --------
    >>> bland_altman([1, 2, 3, 4], [0, 2, 2, 4]).bias
    0.5
    """
    check(confidence)
    numbers = pair_of(a, b).numbers
    if len(numbers) < 2:
        raise Invalid("Limits of agreement need two units that were measured in both ways.")
    differences = numbers[:, 0] - numbers[:, 1]
    bias, spread = float(differences.mean()), float(differences.std(ddof=1))
    size = len(differences)
    away = float(t_distribution.ppf(1 - (1 - confidence) / 2, size - 1)) * spread / size**0.5
    table = pd.DataFrame({"mean": numbers.mean(axis=1), "difference": differences})
    return BlandAltman(
        bias, bias - away, bias + away, bias - 1.96 * spread, bias + 1.96 * spread, table
    )
