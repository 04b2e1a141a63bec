"""The table of agreement that a paper prints: every statistic that fits the ratings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
    table = side_by_side({each.name: each for each in statistics})
    return table.rename_axis("statistic")


def side_by_side(statistics: Mapping[str, Statistic]) -> pd.DataFrame:
    """Return statistics as a table, a row each: one of several groups, or several of one.

    Columns are ``estimate, low, high, n_units, n_readers, n_ratings, sentence``;
    `wsi_lab.analysis.plots.forest` draws such tables.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": ["x", "y"], "b": ["x", "y"], "c": ["x", "x"]})
    >>> of_two = {name: agreement.percent_agreement(frame[["a", name]], resamples=10)
    ...     for name in ("b", "c")}
    >>> side_by_side(of_two)["estimate"].to_dict()
    {'b': 1.0, 'c': 0.5}
    """
    rows = [
        {
            "estimate": each.estimate,
            "low": each.low,
            "high": each.high,
            "n_units": each.n_units,
            "n_readers": each.n_readers,
            "n_ratings": each.n_ratings,
            "sentence": each.sentence,
        }
        for each in statistics.values()
    ]
    return pd.DataFrame(rows, index=pd.Index(statistics))


def _are_numbers(ratings: pd.DataFrame) -> bool:
    try:
        ratings_of(ratings).levels  # noqa: B018 (it raises for what are none)
    except Invalid:
        return False
    return True
