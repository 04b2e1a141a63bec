"""The answers to one question as statistics take them: units by readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_lab.errors import Invalid

if TYPE_CHECKING:
    import pandas as pd

UNIT = ("case", "slide", "core_row", "core_column")


def ratings_of(scores: pd.DataFrame) -> pd.DataFrame:
    """Return a tidy table of answers to one question as a table of units by readers.

    Raises
    ------
    Invalid
        There are no answers, or those of several questions.

    Examples
    --------
    >>> import pandas as pd
    >>> tidy = pd.DataFrame({"case": ["c"] * 2, "slide": ["s"] * 2, "core_row": [None] * 2,
    ...     "core_column": [None] * 2, "reader": ["a", "b"], "question": ["TIL %"] * 2,
    ...     "answer": ["10", "20"]})
    >>> ratings_of(tidy).loc[("c", "s")].tolist()
    [10, 20]
    """
    import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

    from wsi_lab.analysis.ratings import wide  # noqa: PLC0415 (as above)

    asked = scores["question"].unique()
    if len(asked) != 1:
        what = "no answers" if not len(asked) else f"answers to {len(asked)} questions"
        raise Invalid(f"Agreement is about the answers to one question; there are {what}.")
    # What no answer has (cores, cases) is no part of what units are called.
    unit = [name for name in UNIT if scores[name].notna().any()] or ["slide"]
    said = scores.assign(**{name: scores[name].astype(object) for name in unit})
    said = said.drop_duplicates([*unit, "reader"], keep="last").astype({"answer": object})
    table = wide(said, unit=unit, reader="reader", value="answer")
    try:
        numbers: pd.DataFrame = table.apply(pd.to_numeric)
    except (ValueError, TypeError):
        return table
    return numbers
