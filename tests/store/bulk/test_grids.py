from __future__ import annotations

import numpy as np

from wsi_lab.store.bulk.grids import add_grid, grid, packed_grid
from wsi_lab.store.db import Database


def test_grid_comes_back_bit_for_bit(database: Database) -> None:
    values = np.random.default_rng(1).random((7, 5)).astype(np.float32)
    values[2, 3] = np.nan
    row = packed_grid(values)
    assert (row.row_count, row.column_count) == (7, 5)
    assert row.least == np.nanmin(values)

    def through(connection) -> np.ndarray | None:
        connection.execute("PRAGMA defer_foreign_keys=ON")
        add_grid(connection, 1, row)
        found = grid(connection, 1)
        connection.execute("DELETE FROM bulk_grids")
        return found

    found = database.write(through)
    assert found is not None
    np.testing.assert_array_equal(found, values)
    assert database.read(lambda c: grid(c, 2)) is None


def test_grid_of_nothing_has_no_range() -> None:
    row = packed_grid(np.full((2, 2), np.nan, np.float32))
    assert (row.least, row.most) == (None, None)
