from __future__ import annotations

import numpy as np
import pytest

from wsi_lab.store.bulk import chunks
from wsi_lab.store.bulk.chunks import ChunkRow, Directory
from wsi_lab.store.db import Database


@pytest.mark.parametrize("chunk_count", [3, 1 << 17])
def test_every_shape_is_found_in_its_chunk(database: Database, chunk_count: int) -> None:
    count = chunks.PLACES_PER_PART + 10
    chunk_of = np.arange(count) % 3
    chunk_of[-1] = chunk_count - 1

    def through(connection) -> list[int | None]:
        connection.execute("PRAGMA defer_foreign_keys=ON")
        connection.execute(
            "INSERT INTO bulk_loads VALUES (5, 1, 1, 1, 1, NULL, 'a', '', 'shapes', 10, ?, ?, "
            "0, 0, 1, 1, 0, '[]', '[]', '', '', 1, '', 1)",
            (count, count),
        )
        first = chunks.add_chunks(
            connection, 5, [ChunkRow((0, 0, 1, 1), 1, b"a", None), ChunkRow(None, 1, b"b", b"c")]
        )
        assert first == 1
        chunks.add_places(connection, 5, chunks.packed_places(chunk_of))
        numbers = [0, 1, chunks.PLACES_PER_PART, count - 1, count, 10 * count]
        found = [chunks.chunk_of_shape(connection, 5, number) for number in numbers]
        connection.execute("DELETE FROM bulk_loads")
        return found

    found = database.write(through)
    assert found == [1, 2, 1 + chunks.PLACES_PER_PART % 3, chunk_count, None, None]


def test_directory_tells_which_chunks_touch() -> None:
    boxes = np.array([(0, 0, 10, 10), (20, 0, 30, 10), (np.nan,) * 4])
    directory = Directory(np.array([7, 8, 9]), np.array([1, 1, 1]), boxes)
    assert directory.touching((10, 5, 19, 6)).tolist() == [0]
    assert directory.touching((10, 10, 20, 20)).tolist() == [0, 1]
    assert directory.touching((11, 0, 19, 10)).tolist() == []
    assert directory.touching(None).tolist() == [0, 1, 2]
