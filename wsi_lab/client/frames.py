"""Tables of what the lab holds, with the same column types whether they are empty or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

TEXT = "str"
WHOLE = "int64"
REAL = "float64"
TIME = "datetime64[us, UTC]"
ANY = "object"


def frame(things: Iterable[Any], columns: Mapping[str, str]) -> pd.DataFrame:
    """Return one row per thing, indexed by its id.

    Parameters
    ----------
    things
        Each with an `id` and an attribute for every column.
    columns
        Name of the column to its type: one of `TEXT`, `WHOLE`, `REAL`, `TIME` (UTC), `ANY`.
    """
    import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

    rows = list(things)
    index = pd.Index([each.id for each in rows], dtype="int64", name="id")
    return pd.DataFrame(
        {
            name: pd.Series([getattr(each, name) for each in rows], index=index, dtype=kind)
            for name, kind in columns.items()
        },
        index=index,
    )
