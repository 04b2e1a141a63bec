"""Ratings as statistics take them: a frame of units by readers, with gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wsi_lab.errors import Invalid


@dataclass(frozen=True, slots=True)
class Ratings:
    """Ratings of units by readers.

    Attributes
    ----------
    codes
        ``(units, readers) int64``: the place of a rating among `categories`, -1 for none.
    categories
        What was said, in order.
    readers
        The names of the columns.
    """

    codes: NDArray[np.int64]
    categories: tuple[Any, ...]
    readers: tuple[Any, ...]

    @property
    def levels(self) -> NDArray[np.float64]:
        """The categories as numbers.

        Raises
        ------
        Invalid
            They are no numbers.
        """
        try:
            return np.array([*map(float, self.categories)])
        except (TypeError, ValueError):
            raise Invalid("These ratings are no numbers; ask for a nominal statistic.") from None

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The ratings as numbers, ``(units, readers)``, NaN for none; see `levels`."""
        return np.append(self.levels, np.nan)[self.codes]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many readers chose each category, ``(units, categories)``."""
        found = np.zeros((len(self.codes), len(self.categories)), np.int64)
        units, columns = np.nonzero(self.codes >= 0)
        np.add.at(found, (units, self.codes[units, columns]), 1)
        return found

    @property
    def per_unit(self) -> NDArray[np.int64]:
        """How many readers rated each unit."""
        found: NDArray[np.int64] = (self.codes >= 0).sum(axis=1)
        return found

    @property
    def crossed(self) -> NDArray[np.int64]:
        """How often two readers said what of the same units: a row for each of the first's words.

        They have left out none, as `pair_of` has it.
        """
        found = np.zeros((len(self.categories),) * 2, np.int64)
        np.add.at(found, (self.codes[:, 0], self.codes[:, 1]), 1)
        return found

    def of_units(self, places: NDArray[np.int64]) -> Ratings:
        """Return the ratings of some units; a place may be there several times."""
        return Ratings(self.codes[places], self.categories, self.readers)

    def __len__(self) -> int:
        return len(self.codes)


def ratings_of(ratings: pd.DataFrame, *, categories: Sequence[Any] | None = None) -> Ratings:
    """Return a frame of units by readers as ratings.

    Parameters
    ----------
    ratings
        One row a unit, one column a reader; what is missing is a gap.
    categories
        All that could be said, in order; by default what was said, sorted as numbers where they
        are numbers.

    Raises
    ------
    Invalid
        There are no units or no readers, or a rating is none of `categories`.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2], "b": [2, None]})
    >>> ratings_of(frame).codes.tolist()
    [[0, 1], [1, -1]]
    """
    if not isinstance(ratings, pd.DataFrame) or not ratings.shape[0] or not ratings.shape[1]:
        raise Invalid("Ratings are a frame with a row for each unit and a column for each reader.")
    cells = ratings.to_numpy(dtype=object)
    is_gap = pd.isna(cells)
    said = cells[~is_gap]
    known = _sorted(set(said)) if categories is None else list(categories)
    place = {value: number for number, value in enumerate(known)}
    unknown = {str(value) for value in said if value not in place}
    if unknown:
        raise Invalid(
            f"These ratings are none of the categories: {', '.join(sorted(unknown)[:5])}."
        )
    codes = np.full(cells.shape, -1, np.int64)
    codes[~is_gap] = [place[value] for value in said]
    return Ratings(codes, tuple(known), tuple(ratings.columns))


def rated_units(ratings: pd.DataFrame, *, least: int = 2) -> Ratings:
    """Return the ratings of units that at least so many readers have rated.

    Raises
    ------
    Invalid
        No unit was rated by two readers.
    """
    found = ratings_of(ratings)
    if not (found.per_unit >= 2).any():
        raise Invalid("No unit was rated by two readers.")
    return found.of_units(np.flatnonzero(found.per_unit >= least))


def wide(
    readings: pd.DataFrame, *, unit: str | Sequence[str], reader: str, value: str
) -> pd.DataFrame:
    """Lay a table with a row for each reading out as ratings: a row a unit, a column a reader.

    Parameters
    ----------
    unit, reader, value
        Which columns say what was read, who (or on what) read it, and what was said. Several
        columns may make a unit, such as region and reader where platforms are compared.

    Raises
    ------
    Invalid
        A column is missing, or a reader has read a unit twice.

    Examples
    --------
    >>> long = pd.DataFrame({"case": ["c", "c", "d"], "by": ["a", "b", "a"], "says": [1, 2, 3]})
    >>> wide(long, unit="case", reader="by", value="says").loc["c"].tolist()
    [1.0, 2.0]
    """
    units = [unit] if isinstance(unit, str) else list(unit)
    missing = [name for name in (*units, reader, value) if name not in readings.columns]
    if missing:
        raise Invalid(f"The readings lack the column {' and '.join(map(repr, missing))}.")
    several = readings[readings.duplicated([*units, reader])]
    if len(several):
        again = several.iloc[0]
        what = ", ".join(str(again[name]) for name in units)
        raise Invalid(
            f"{again[reader]} has read {what} more than once; say which reading counts, for "
            "example with drop_duplicates."
        )
    table = readings.set_index([*units, reader])[value].unstack(reader)  # noqa: PD010 (nothing to gather)
    return table.rename_axis(columns=None)


def pair_of(
    a: Sequence[Any] | pd.Series[Any],
    b: Sequence[Any] | pd.Series[Any],
    *,
    categories: Sequence[Any] | None = None,
) -> Ratings:
    """Return the ratings of two readers, without units that either left out.

    Series are matched by their index, other sequences by place; `categories` are as those of
    `ratings_of`.

    Raises
    ------
    Invalid
        They are not equally long, have no unit in common, or a rating is none of `categories`.
    """
    if isinstance(a, pd.Series) and isinstance(b, pd.Series):
        frame = pd.concat([a, b], axis=1, join="inner", keys=["a", "b"])
    elif len(a) != len(b):
        raise Invalid("Two readers' ratings are as many, one for each unit.")
    else:
        frame = pd.DataFrame({"a": list(a), "b": list(b)})
    frame = frame.dropna()
    if frame.empty:
        raise Invalid("The two readers have rated no unit in common.")
    return ratings_of(frame, categories=categories)


def _sorted(values: set[Any]) -> list[Any]:
    try:
        return sorted(values, key=float)
    except (TypeError, ValueError):
        return sorted(values, key=str)
