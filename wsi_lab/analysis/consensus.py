"""What readers say together, and where they differ most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from wsi_lab.analysis.ratings import ratings_of
from wsi_lab.analysis.staple import StapleResult, consensus_shapes, staple

__all__ = ["StapleResult", "consensus_shapes", "disagreement", "majority", "median", "staple"]


def majority(ratings: pd.DataFrame, *, tie: Any = None) -> pd.Series[Any]:
    """Return what most readers said of each unit.

    Parameters
    ----------
    tie
        What stands where two answers are as frequent, and where nobody answered.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2], "b": [1, 3], "c": [2, None]})
    >>> majority(frame, tie=0).tolist()
    [1, 0]
    """
    found = ratings_of(ratings)
    counts = found.counts
    most = counts.max(axis=1)
    is_clear = (counts == most[:, None]).sum(axis=1) == 1
    said = [
        found.categories[place] if clear and top else tie
        for place, clear, top in zip(
            counts.argmax(axis=1).tolist(), is_clear.tolist(), most.tolist(), strict=True
        )
    ]
    return pd.Series(said, index=ratings.index, name="majority")


def median(ratings: pd.DataFrame) -> pd.Series[float]:
    """Return the median of the numbers that readers gave each unit; NaN where nobody did.

    Raises
    ------
    Invalid
        They are no numbers.

    Examples
    --------
    >>> median(pd.DataFrame({"a": [1, 2], "b": [3, None]})).tolist()
    [2.0, 2.0]
    """
    numbers = pd.DataFrame(ratings_of(ratings).numbers, index=ratings.index)
    return numbers.median(axis=1).rename("median")


def disagreement(ratings: pd.DataFrame) -> pd.DataFrame:
    """Return the units on which readers differ, those they differ on most first.

    Returns
    -------
    pandas.DataFrame
        ``disagreement``: the share of pairs of readers that differ; ``readers``: how many rated
        the unit; ``least`` and ``most`` of what was said.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2], "b": [1, 3]}, index=["s1", "s2"])
    >>> disagreement(frame).index.tolist()
    ['s2']
    """
    found = ratings_of(ratings)
    counts = found.counts
    per_unit = counts.sum(axis=1)
    pairs = per_unit * (per_unit - 1)
    alike = (counts * (counts - 1)).sum(axis=1)
    share = np.divide(pairs - alike, pairs, out=np.zeros(len(counts)), where=pairs > 0)
    said = counts > 0
    last = counts.shape[1] - 1
    least, most = said.argmax(axis=1), last - said[:, ::-1].argmax(axis=1)
    table = pd.DataFrame(
        {
            "disagreement": share,
            "readers": per_unit,
            "least": [found.categories[place] for place in least.tolist()],
            "most": [found.categories[place] for place in most.tolist()],
        },
        index=ratings.index,
    )
    return table[table["disagreement"] > 0].sort_values(
        ["disagreement", "readers"], ascending=False, kind="stable"
    )
