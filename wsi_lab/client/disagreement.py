"""Where readers differ: the units of a question, those they differ on most first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wsi_lab.client.missing import UNIT
from wsi_lab.model.question import QuestionKind

if TYPE_CHECKING:
    import pandas as pd

_MEASURED = frozenset(
    {
        QuestionKind.INTEGER,
        QuestionKind.REAL,
        QuestionKind.PERCENTAGE,
        QuestionKind.PERCENTAGE_ONLY,
        QuestionKind.H_SCORE,
        QuestionKind.H_SCORE_ONLY,
    }
)
"""Kinds whose answers differ by more or less, and hardly ever are the same."""


def disagreement_of(scores: pd.DataFrame, top: int | None = None) -> pd.DataFrame:
    """Return where readers differ, of the answers to one question.

    Columns and order are those of `wsi_lab.client.Study.disagreement`.

    Examples
    --------
    >>> import pandas as pd
    >>> tidy = pd.DataFrame({"case": None, "slide": list("ssttuu"), "slide_id": [1, 1, 2, 2, 3, 3],
    ...     "core_row": None, "core_column": None, "reader": list("ababab"),
    ...     "kind": "Percentage", "answer": ["10", "20%", "5", "95", "7", "7"]})
    >>> disagreement_of(tidy)[["slide", "readers", "least", "most"]].values.tolist()
    [['t', 2, 5, 95], ['s', 2, 10, 20]]
    """
    import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

    from wsi_lab.analysis.consensus import disagreement  # noqa: PLC0415 (it needs numpy)

    columns = {"readers": "int64", "disagreement": "float64", "spread": "float64"}
    said = scores[scores["answer"].ne("") | scores["kind"].isin(_drawn())]
    if said.empty:
        none = pd.DataFrame(columns=[*UNIT, *columns, "least", "most"])
        return none.astype({**UNIT, **columns})
    kind = said["kind"].iloc[-1]
    unit = said.groupby(list(UNIT), dropna=False, sort=False).ngroup()
    table = said.assign(unit=unit, answer=_values(said["answer"], kind))
    table = table.drop_duplicates(["unit", "reader"], keep="last")
    ratings = table.pivot(index="unit", columns="reader", values="answer")  # noqa: PD010 (units by readers, with gaps)
    found = disagreement(ratings)
    is_number = pd.api.types.is_numeric_dtype(table["answer"])
    spread = ratings.std(axis=1) if is_number else pd.Series(dtype="float64")
    found = found.assign(spread=spread.reindex(found.index))
    order = ["spread", "disagreement"] if kind in _MEASURED else ["disagreement", "spread"]
    found = found.sort_values([*order, "readers"], ascending=False, kind="stable")[:top]
    units = said[list(UNIT)].set_axis(unit).loc[lambda each: ~each.index.duplicated()]
    whole = pd.concat([units.astype(dict(UNIT)).loc[found.index], found], axis=1)
    return whole[[*UNIT, *columns, "least", "most"]].reset_index(drop=True)


def shape_count(answer: str) -> int:
    """Return how many shapes an answer that was drawn has; 0 where that cannot be told.

    Examples
    --------
    >>> shape_count('[{"x": 1, "y": 2}]'), shape_count("")
    (1, 0)
    """
    try:
        shapes = json.loads(answer)
    except ValueError:
        return 0
    return len(shapes) if isinstance(shapes, list) else 0


def _drawn() -> list[str]:
    return [kind.value for kind in QuestionKind if kind.is_drawn]


def _values(answers: pd.Series[Any], kind: str) -> pd.Series[Any]:
    """Return answers as numbers where all of them are: of shapes, how many there are."""
    import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

    if kind in _drawn():
        return answers.astype("object").map(shape_count)
    try:
        return pd.to_numeric(answers.str.strip().str.removesuffix("%"))
    except (ValueError, TypeError):
        return answers.astype("object")
