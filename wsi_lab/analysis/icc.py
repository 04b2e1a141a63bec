"""The intraclass correlation in its six forms.

The library that is known for it is under the GPL; these are McGraw and Wong's formulas, from mean
squares, tried on Shrout and Fleiss's table.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import f as f_distribution

from wsi_lab.analysis.bootstrap import check
from wsi_lab.analysis.ratings import ratings_of
from wsi_lab.analysis.result import Statistic
from wsi_lab.errors import Invalid

IccForm = Literal["ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)"]
CITATION = "McGraw & Wong, Psychological Methods 1996;1:30-46"

_METHODS = {
    "1": "one-way random effects, absolute agreement",
    "A": "two-way random effects, absolute agreement",
    "C": "two-way effects, consistency",
}


class MeanSquares(NamedTuple):
    """Of an analysis of variance of units by readers."""

    between_units: float
    within_units: float
    between_readers: float
    residual: float


def icc(
    ratings: pd.DataFrame, form: IccForm = "ICC(A,1)", *, confidence: float = 0.95
) -> Statistic:
    """Return an intraclass correlation with its interval from the F distribution.

    Parameters
    ----------
    ratings
        Numbers; one row a unit, one column a reader. Units with gaps are left out.
    form
        ``1`` one-way random, ``A`` two-way absolute agreement, ``C`` two-way consistency; of one
        reader (``1``) or of the mean of all (``k``).

    Raises
    ------
    Invalid
        The form is none, the ratings are no numbers, or fewer than two units or readers are left.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [9, 6, 8, 7, 10, 6], "b": [2, 1, 4, 1, 5, 2]})
    >>> round(icc(frame, "ICC(C,1)").estimate, 3)
    0.745
    """
    if form not in get_args(IccForm):
        raise Invalid(f"The form is one of: {', '.join(get_args(IccForm))}.")
    check(confidence)
    numbers = ratings_of(ratings).numbers
    complete = numbers[~np.isnan(numbers).any(axis=1)]
    n, k = complete.shape
    if n < 2 or k < 2:
        raise Invalid("An intraclass correlation needs two units that two readers rated.")
    squares = mean_squares(complete)
    effect, size = form[4], form[6]
    one = _of_one(squares, effect, n, k)
    low, high, statistic = _interval(squares, effect, n, k, confidence=confidence)
    if size == "k":
        one, low, high = (_of_mean(each, k) for each in (one, low, high))
    of_what = "a single reader" if size == "1" else f"the mean of {k} readers"
    return Statistic(
        name=form,
        estimate=one,
        low=low,
        high=high,
        n_units=n,
        n_readers=k,
        n_ratings=n * k,
        method=f"It is that of {_METHODS[effect]}, for {of_what}; the interval is F's.",
        citation=CITATION,
        confidence=confidence,
        details={"F": statistic, "mean_squares": squares._asdict()},
    )


def mean_squares(complete: NDArray[np.float64]) -> MeanSquares:
    """Return the mean squares of ratings without gaps, ``(units, readers)``."""
    n, k = complete.shape
    grand = complete.mean()
    of_units, of_readers = complete.mean(axis=1), complete.mean(axis=0)
    rows = k * float(((of_units - grand) ** 2).sum())
    columns = n * float(((of_readers - grand) ** 2).sum())
    residuals = complete - of_units[:, None] - of_readers[None, :] + grand
    residual = float((residuals**2).sum())
    return MeanSquares(
        rows / (n - 1),
        (columns + residual) / (n * (k - 1)),
        columns / (k - 1),
        residual / ((n - 1) * (k - 1)),
    )


def _of_one(squares: MeanSquares, effect: str, n: int, k: int) -> float:
    between, within, readers, residual = squares
    if effect == "1":
        return _ratio(between - within, between + (k - 1) * within)
    if effect == "C":
        return _ratio(between - residual, between + (k - 1) * residual)
    return _ratio(between - residual, between + (k - 1) * residual + k * (readers - residual) / n)


def _of_mean(one: float, k: int) -> float:
    """Return the reliability of the mean of `k` readers, by Spearman and Brown."""
    return _ratio(k * one, 1 + (k - 1) * one)


def _interval(
    squares: MeanSquares, effect: str, n: int, k: int, *, confidence: float
) -> tuple[float, float, float]:
    """Return the interval of a single reader's correlation, and F."""
    between, within, readers, residual = squares
    tail = 1 - (1 - confidence) / 2
    if effect in {"1", "C"}:
        other, rest = (within, n * (k - 1)) if effect == "1" else (residual, (n - 1) * (k - 1))
        statistic = _ratio(between, other)
        lower = statistic / f_distribution.ppf(tail, n - 1, rest)
        upper = statistic * f_distribution.ppf(tail, rest, n - 1)
        return (
            _ratio(lower - 1, lower + k - 1),
            _ratio(upper - 1, upper + k - 1),
            statistic,
        )
    one = _of_one(squares, effect, n, k)
    a = _ratio(k * one, n * (1 - one))
    b = 1 + _ratio(k * one * (n - 1), n * (1 - one))
    free = _ratio(
        (a * readers + b * residual) ** 2,
        (a * readers) ** 2 / (k - 1) + (b * residual) ** 2 / ((n - 1) * (k - 1)),
    )
    lower_f = f_distribution.ppf(tail, n - 1, free)
    upper_f = f_distribution.ppf(tail, free, n - 1)
    others = k * readers + (k * n - k - n) * residual
    return (
        _ratio(n * (between - lower_f * residual), lower_f * others + n * between),
        _ratio(n * (upper_f * between - residual), others + n * upper_f * between),
        _ratio(between, residual),
    )


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
