from __future__ import annotations

from datetime import datetime

import pytest

from wsi_lab.errors import Conflict
from wsi_lab.model.tma import MapCore, TmaLayout
from wsi_lab.store import people, studies, tma_maps
from wsi_lab.store.db import Database

ONE = TmaLayout(1, 2, (MapCore(0, 0, "A"), MapCore(0, 1, "K", is_control=True)))
TWO = TmaLayout(2, 1, (MapCore(1, 0, "B"),))


@pytest.fixture
def study_ids(database: Database, noon: datetime) -> list[int]:
    def make(connection):
        user = people.add_user(connection, "a@lab", "A", is_admin=True, created_on=noon)
        return [
            studies.add_study(
                connection, name, "", created_on=noon, created_by=user.id, created_with=None
            ).id
            for name in ("first", "second")
        ]

    return database.write(make)


def test_map_keeps_its_id_when_its_text_changes(database: Database, study_ids: list[int]) -> None:
    def run(connection):
        made = tma_maps.add_map(connection, study_ids[0], "m", "A\tK", ONE)
        assert tma_maps.cores(connection, made.id) == list(ONE.cores)
        changed = tma_maps.change_map(connection, made.id, "\nB", TWO)
        assert (changed.id, changed.revision, changed.row_count) == (made.id, 2, 2)
        assert tma_maps.cores(connection, made.id) == list(TWO.cores)
        assert tma_maps.map_by_id(connection, made.id) == changed
        assert tma_maps.map_by_id(connection, made.id + 1) is None

    database.write(run)


def test_names_are_unique_in_a_study(database: Database, study_ids: list[int]) -> None:
    def run(connection):
        first, second = (tma_maps.add_map(connection, each, "m", "A", ONE) for each in study_ids)
        assert tma_maps.map_by_name(connection, study_ids[1], "m") == second
        assert tma_maps.map_by_name(connection, study_ids[1], "M") is None
        assert tma_maps.maps(connection, study_ids[0]) == [first]
        with pytest.raises(Conflict, match="'m'"):
            tma_maps.add_map(connection, study_ids[0], "m", "B", TWO)

    database.write(run)
