"""What is printed: tables to read, goals that are met or not, and the same as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

Cell = str | float | int | None


class Verdict(StrEnum):
    MET = "met"
    MISSED = "NOT MET"
    UNKNOWN = "not measured"


class Bound(StrEnum):
    AT_MOST = "≤"
    AT_LEAST = "≥"


@dataclass(frozen=True)
class Goal:
    """A figure the project promises, and what was measured of it in every round.

    The verdict is about the median of the rounds; what the single rounds said is printed
    beside it, so that a verdict that hangs on chance shows.
    """

    what: str
    bound: Bound
    limit: float
    measured: tuple[float, ...] = ()
    unit: str = "×"
    why_not: str = ""

    @property
    def median(self) -> float | None:
        return statistics.median(self.measured) if self.measured else None

    @property
    def verdict(self) -> Verdict:
        if self.median is None:
            return Verdict.UNKNOWN
        met = (
            self.median <= self.limit if self.bound is Bound.AT_MOST else self.median >= self.limit
        )
        return Verdict.MET if met else Verdict.MISSED

    def row(self) -> list[Cell]:
        goal = f"{self.bound} {number(self.limit)} {self.unit}".strip()
        if self.median is None:
            return [self.what, goal, "-", "", f"{self.verdict}: {self.why_not}".rstrip(": ")]
        measured = f"{number(self.median)} {self.unit}".strip()
        spread = f"{number(min(self.measured))} to {number(max(self.measured))}"
        return [self.what, goal, measured, spread, str(self.verdict)]


@dataclass(frozen=True)
class Table:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()

    def render(self) -> str:
        """Return the table as text: names to the left, numbers to the right."""
        cells = [list(self.columns)] + [
            [value if isinstance(value, str) else number(value) for value in row]
            for row in self.rows
        ]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        left = [all(isinstance(row[i], str) for row in self.rows) for i in range(len(self.columns))]
        lines = [self.title]
        for position, row in enumerate(cells):
            padded = [
                text.ljust(width) if to_left else text.rjust(width)
                for text, width, to_left in zip(row, widths, left, strict=True)
            ]
            lines.append("  " + "  ".join(padded).rstrip())
            if position == 0:
                lines.append("  " + "  ".join("-" * width for width in widths))
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


@dataclass
class Findings:
    """What one topic found out."""

    topic: str
    tables: list[Table] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """What could not be measured here, and how to get it: a sentence each."""
    failures: list[str] = field(default_factory=list)
    """What should have worked and did not."""
    rounds: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    """Every single measurement, for whoever wants to compute on."""

    def render(self) -> str:
        parts = [table.render() for table in self.tables]
        if self.goals:
            columns = ("goal", "wanted", "measured", "single rounds", "")
            rows = [goal.row() for goal in self.goals]
            parts.append(Table(f"Goals: {self.topic}", columns, rows).render())
        parts += [f"FAILED: {sentence}" for sentence in self.failures]
        parts += [f"Left out: {sentence}" for sentence in self.left_out]
        return "\n\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        goals = [
            asdict(goal) | {"median": goal.median, "verdict": str(goal.verdict)}
            for goal in self.goals
        ]
        return asdict(self) | {"goals": goals}


def summary(topics: Sequence[Findings]) -> str:
    """Return the last line of a run.

    >>> summary([Findings("tiles", goals=[Goal("a", Bound.AT_MOST, 2, (1.0,))])])
    'Goals: 1 met, 0 not met, 0 not measured.'
    """
    verdicts = [goal.verdict for topic in topics for goal in topic.goals]
    counts = ", ".join(
        f"{verdicts.count(verdict)} {words}"
        for verdict, words in (
            (Verdict.MET, "met"),
            (Verdict.MISSED, "not met"),
            (Verdict.UNKNOWN, "not measured"),
        )
    )
    return f"Goals: {counts}."


def number(value: float | None) -> str:
    """Return a number with three figures that matter, and no more.

    >>> number(61068.2), number(15.04), number(0.0555), number(2), number(None)
    ('61,068', '15.0', '0.056', '2', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3f}"


def ratios(
    rounds: dict[str, list[dict[str, float]]], above: str, below: str, key: str
) -> tuple[float, ...]:
    """Return one subject's figure over another's, round by round.

    Both halves of a ratio come from the same round, minutes at most apart: what else the
    machine did then weighs on both.
    """
    if above not in rounds or below not in rounds:
        return ()
    pairs = zip(rounds[above], rounds[below], strict=False)
    return tuple(a[key] / b[key] for a, b in pairs if b[key])


def medians(measured: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(one[key] for one in measured) for key in measured[0]}
