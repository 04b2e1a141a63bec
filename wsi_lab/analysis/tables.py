"""The table of agreement that a paper prints: every statistic that fits the ratings."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from wsi_lab.analysis import agreement, bootstrap
from wsi_lab.analysis.alpha import AlphaLevel
from wsi_lab.analysis.ratings import ratings_of
from wsi_lab.analysis.result import Statistic
from wsi_lab.errors import Invalid


def agreement_table(
    ratings: pd.DataFrame,
    level: AlphaLevel | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = bootstrap.RESAMPLES,
) -> pd.DataFrame:
    """Return every statistic of agreement that can be told of ratings, a row each.

    Parameters
    ----------
    ratings
        One row a unit, one column a reader; gaps allowed.
    level
        ``nominal``, ``ordinal``, ``interval`` or ``ratio``; by default ``interval`` for numbers and
        ``nominal`` for anything else. Categories (nominal and ordinal) have kappas, numbers have
        intraclass correlations.

    Returns
    -------
    pandas.DataFrame
        Indexed by the statistic's name, with ``estimate, low, high, n_units, n_readers, n_ratings,
        sentence``. Statistics that need what these ratings lack, such as units without gaps, are
        left out.

    Raises
    ------
    Invalid
        No unit was rated by two readers.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": ["x", "y", "y"], "b": ["x", "y", "x"]})
    >>> agreement_table(frame, resamples=10).index.tolist()
    ['Percent agreement', "Fleiss' kappa", "Gwet's AC1", "Krippendorff's alpha (nominal)"]
    """
    found: AlphaLevel = level or ("interval" if _are_numbers(ratings) else "nominal")

    def alpha() -> Statistic:
        return agreement.krippendorff_alpha(
            ratings, found, confidence=confidence, resamples=resamples
        )

    by_resampling = {"confidence": confidence, "resamples": resamples}
    wanted: list[Callable[[], Statistic]] = [
        lambda: agreement.percent_agreement(ratings, **by_resampling)  # type: ignore[arg-type]
    ]
    if found in {"nominal", "ordinal"}:
        wanted += [
            lambda: agreement.fleiss_kappa(ratings, **by_resampling),  # type: ignore[arg-type]
            lambda: agreement.gwet_ac1(ratings, **by_resampling),  # type: ignore[arg-type]
        ]
    wanted.append(alpha)
    if found in {"interval", "ratio"}:
        wanted += [
            lambda: agreement.icc(ratings, "ICC(A,1)", confidence=confidence),
            lambda: agreement.icc(ratings, "ICC(A,k)", confidence=confidence),
        ]
    first, *others = wanted
    statistics = [first()]
    for each in others:
        try:
            statistics.append(each())
        except Invalid:
            continue
    return _as_frame(statistics)


def _as_frame(statistics: list[Statistic]) -> pd.DataFrame:
    rows = [
        {
            "statistic": each.name,
            "estimate": each.estimate,
            "low": each.low,
            "high": each.high,
            "n_units": each.n_units,
            "n_readers": each.n_readers,
            "n_ratings": each.n_ratings,
            "sentence": each.sentence,
        }
        for each in statistics
    ]
    return pd.DataFrame(rows).set_index("statistic")


def _are_numbers(ratings: pd.DataFrame) -> bool:
    try:
        ratings_of(ratings).numbers  # noqa: B018 (it raises for what are none)
    except Invalid:
        return False
    return True
