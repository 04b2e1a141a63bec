"""A statistic with its uncertainty, and the sentence a paper needs about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Statistic:
    """A statistic of ratings.

    Attributes
    ----------
    name
        What it is called, for example ``Fleiss' kappa``.
    estimate
        NaN where it cannot be told, for example because all ratings are the same.
    low, high
        Of the confidence interval; `None` where there is none.
    confidence
        Of the interval, for example 0.95.
    n_units, n_readers, n_ratings
        How many units, readers and ratings went into it.
    method
        How it and its interval were computed, as a paper says it.
    citation
        Whose method it is.
    details
        Further figures by name, such as the observed agreement.
    """

    name: str
    estimate: float
    low: float | None
    high: float | None
    n_units: int
    n_readers: int
    n_ratings: int
    method: str
    citation: str
    confidence: float = 0.95
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What a paper's methods and results say of it, citation included.

        Examples
        --------
        >>> Statistic("Cohen's kappa", 0.4, 0.15, 0.65, 50, 2, 100, "", "Cohen, 1960").sentence
        "Cohen's kappa was 0.40 (95% CI 0.15 to 0.65; 50 units, 2 readers) [Cohen, 1960]."
        """
        interval = ""
        if self.low is not None and self.high is not None:
            interval = f"{self.confidence:.0%} CI {self.low:.2f} to {self.high:.2f}; "
        counts = f"{self.n_units:,} units, {self.n_readers:,} readers"
        value = "not defined" if math.isnan(self.estimate) else f"{self.estimate:.2f}"
        how = f" {self.method}" if self.method else ""
        return f"{self.name} was {value} ({interval}{counts}) [{self.citation}].{how}"

    def __str__(self) -> str:
        return self.sentence
