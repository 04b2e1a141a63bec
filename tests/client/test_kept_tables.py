"""Which tables a client keeps, and for how long."""

from __future__ import annotations

import numpy as np
import pandas as pd

from wsi_lab.client.kept_tables import KeptTables


def table(size: int) -> pd.DataFrame:
    return pd.DataFrame({"a": np.zeros(size, np.int64)}, index=pd.RangeIndex(size))


def test_tables_are_kept_until_others_need_their_place() -> None:
    kept = KeptTables(most_bytes=25_000)
    for key in "ab":
        kept.keep(key, f"tag of {key}", table(1000))
    assert kept.get("a") is not None
    kept.keep("c", "tag of c", table(1000))
    kept.keep("d", "tag of d", table(1000))
    assert [key for key in "abcd" if kept.get(key)] == ["a", "c", "d"]


def test_table_that_is_too_large_takes_nobodys_place() -> None:
    kept = KeptTables(most_bytes=25_000)
    kept.keep("a", "1", table(1000))
    kept.keep("b", "1", table(10_000))
    kept.keep("a", "2", table(10_000))
    assert kept.get("b") is None
    assert kept.get("a") is None


def test_later_table_takes_the_place_of_the_earlier_one() -> None:
    kept = KeptTables()
    kept.keep("a", "1", table(1))
    kept.keep("a", "2", table(2))
    found = kept.get("a")
    assert found is not None
    assert (found.tag, len(found.frame)) == ("2", 2)
    kept.clear()
    assert kept.get("a") is None
