"""Two readers, or two ways of measuring, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as t_distribution

from wsi_lab.analysis.agreement import cohen_kappa
from wsi_lab.analysis.bootstrap import check
from wsi_lab.analysis.ratings import pair_of
from wsi_lab.errors import Invalid

Pair = Callable[["pd.Series[Any]", "pd.Series[Any]"], float]
_REPEATED = "Bland & Altman, Journal of Biopharmaceutical Statistics 2007;17:571-582"


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
    subjects
        How many patients or slides the units are of; `None` where each unit is one.
    """

    bias: float
    bias_low: float
    bias_high: float
    lower: float
    upper: float
    table: pd.DataFrame
    citation: str = "Bland & Altman, Lancet 1986;327:307-310"
    subjects: int | None = None


def confusion(a: Sequence[Any] | pd.Series[Any], b: Sequence[Any] | pd.Series[Any]) -> pd.DataFrame:
    """Return how often two readers said what of the same units: rows are `a`, columns `b`.

    Examples
    --------
    >>> confusion(["x", "y", "y"], ["x", "x", "y"]).to_numpy().tolist()
    [[1, 0], [1, 1]]
    """
    pair = pair_of(a, b)
    return pd.DataFrame(
        pair.crossed,
        index=pd.Index(pair.categories, name="a"),
        columns=pd.Index(pair.categories, name="b"),
    )


def pairwise(
    ratings: pd.DataFrame, statistic: Pair | None = None, *, diagonal: float = 1.0
) -> pd.DataFrame:
    """Return a statistic of each two readers, as a matrix.

    Parameters
    ----------
    statistic
        Of two series; by default Cohen's kappa. NaN where two have no unit in common.
    diagonal
        What it is of a reader and themselves: 1 for agreement, 0 for differences.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2, 2, 1], "b": [1, 2, 1, 1]})
    >>> pairwise(frame).loc["a", "b"].round(3).item()
    0.5
    """
    measure = statistic or (lambda one, other: cohen_kappa(one, other).estimate)
    readers = list(ratings.columns)
    start = np.diag(np.full(len(readers), float(diagonal)))
    matrix = pd.DataFrame(start, index=readers, columns=readers)
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
    subjects: Sequence[Any] | pd.Series[Any] | None = None,
    confidence: float = 0.95,
) -> BlandAltman:
    """Return the bias of two ways of measuring and their limits of agreement.

    Parameters
    ----------
    a, b
        Measurements of the same units; series are matched by their index.
    subjects
        Whose each unit is, where several are of one patient or one slide: differences within one
        are more alike, and the limits and the interval of the bias allow for that.

    Raises
    ------
    Invalid
        They are no numbers, fewer than two units were measured in both ways, or all units are of
        one subject.

    Examples
    --------
    >>> bland_altman([1, 2, 3, 4], [0, 2, 2, 4]).bias
    0.5
    >>> bland_altman([1, 2, 3, 4], [0, 2, 2, 4], subjects=["p", "p", "q", "q"]).subjects
    2
    """
    check(confidence)
    if subjects is None:
        numbers, groups = pair_of(a, b).numbers, None
    else:
        frame = _by_subject(a, b, subjects)
        numbers, groups = pair_of(frame["a"], frame["b"]).numbers, frame["subject"]
    if len(numbers) < 2:
        raise Invalid("Limits of agreement need two units that were measured in both ways.")
    table = pd.DataFrame(
        {"mean": numbers.mean(axis=1), "difference": numbers[:, 0] - numbers[:, 1]}
    )
    bias = float(table["difference"].mean())
    spread, error, free = _spread(table["difference"], groups)
    away = float(t_distribution.ppf(1 - (1 - confidence) / 2, free)) * error
    found = BlandAltman(
        bias, bias - away, bias + away, bias - 1.96 * spread, bias + 1.96 * spread, table
    )
    return found if groups is None else replace(found, subjects=free + 1, citation=_REPEATED)


def _by_subject(
    a: Sequence[float] | pd.Series[float],
    b: Sequence[float] | pd.Series[float],
    subjects: Sequence[Any] | pd.Series[Any],
) -> pd.DataFrame:
    if not (isinstance(a, pd.Series) and isinstance(b, pd.Series)):
        a, b = pd.Series(list(a)), pd.Series(list(b))
    if not isinstance(subjects, pd.Series):
        if len(subjects) != len(a):
            raise Invalid("There is one subject for each unit.")
        subjects = pd.Series(list(subjects), index=a.index)
    columns = {"a": a, "b": b, "subject": subjects}
    frame = pd.concat(columns, axis=1, join="inner").dropna()
    if frame["subject"].nunique() < 2:
        raise Invalid("Limits of agreement need units of two subjects.")
    return frame


def _spread(
    differences: pd.Series[float], groups: pd.Series[Any] | None
) -> tuple[float, float, int]:
    """Return the standard deviation of differences, the error of their mean, and its freedom.

    Of several units of one subject the variance has two parts, between subjects and within, which
    a one-way analysis tells apart.
    """
    size = len(differences)
    if groups is None:
        alone = float(differences.std(ddof=1))
        return alone, alone / size**0.5, size - 1
    of_subject = differences.groupby(groups.to_numpy())
    counts, means = of_subject.size(), of_subject.mean()
    free = len(counts) - 1
    squares = float((counts * (means - differences.mean()) ** 2).sum())
    rest = float(((differences - of_subject.transform("mean")) ** 2).sum())
    within = rest / (size - free - 1) if size > free + 1 else 0.0
    per_subject = (size - float((counts**2).sum()) / size) / free
    between = max(0.0, (squares / free - within) / per_subject)
    error = (between * float((counts**2).sum()) / size**2 + within / size) ** 0.5
    return (between + within) ** 0.5, error, free
