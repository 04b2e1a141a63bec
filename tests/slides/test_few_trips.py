from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from wsi_lab.errors import CutShort, DamagedSlide
from wsi_lab.slides import few_trips
from wsi_lab.slides.few_trips import DIRECTORY_BYTES, HEAD_BYTES, FewTrips
from wsi_lab.slides.source import SlideFile


class Counting(SlideFile):
    """A local file that remembers each trip to it."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.trips: list[list[tuple[int, int]]] = []

    def read_several(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        self.trips.append(list(ranges))
        return super().read_several(ranges)


@pytest.fixture
def source(tmp_path: Path) -> Counting:
    path = tmp_path / "file"
    path.write_bytes(b"II*\0\x10\0\0\0" + random.Random(3).randbytes(1_000_000))
    return Counting(path)


def test_it_gives_the_bytes_of_the_file_however_it_is_asked(source: Counting) -> None:
    chance = random.Random(5)
    head = source.read(0, HEAD_BYTES)
    for _ in range(20):
        trips = FewTrips(source, head if chance.random() < 0.5 else b"")
        for _ in range(50):
            offset = chance.randrange(source.size)
            size = chance.randrange(min(source.size - offset, 5_000) + 1)
            if chance.random() < 0.3:
                trips.expect([(offset, size), (chance.randrange(1_000_000), 8)], offset)
            assert trips.read(offset, size) == source.read(offset, size)


def test_no_byte_is_fetched_twice(source: Counting) -> None:
    trips = FewTrips(source, source.read(0, HEAD_BYTES))
    trips.read(50_000, 30_000)
    trips.read(100_000, 10)
    trips.read(90_000, 40_000)
    trips.read(0, 200_000)
    fetched = sorted(each for trip in source.trips for each in trip)
    assert fetched[0][0] == HEAD_BYTES
    assert all(a + size <= b for (a, size), (b, _) in itertools.pairwise(fetched))
    before = len(source.trips)
    trips.read(120_000, 50_000)
    assert len(source.trips) == before


def test_what_is_expected_comes_in_one_trip_with_the_next_directory(source: Counting) -> None:
    trips = FewTrips(source, source.read(0, HEAD_BYTES))
    trips.expect([(100, 50), (200_000, 4_000), (204_100, 300)], 600_000)
    assert source.trips == [[(200_000, 4_400), (600_000, DIRECTORY_BYTES)]]
    trips.read(200_000, 4_400)
    trips.read(600_000, 1_000)
    trips.expect([(200_010, 20)], 600_500)
    trips.expect([], 0)
    assert len(source.trips) == 1


def test_a_first_directory_behind_the_pixels_is_fetched_with_its_lists(source: Counting) -> None:
    head = b"II*\0" + (900_000).to_bytes(4, "little") + bytes(HEAD_BYTES - 8)
    FewTrips(source, head).read(900_000, 2)
    FewTrips(source, head).read(500_000, 2)
    assert [trip[0][1] for trip in source.trips] == [HEAD_BYTES, HEAD_BYTES]
    with_directory = b"II*\0" + (16).to_bytes(4, "little") + bytes(HEAD_BYTES - 8)
    FewTrips(source, with_directory).read(500_000, 2)
    assert source.trips[-1] == [(500_000, DIRECTORY_BYTES)]


@pytest.mark.parametrize("place", [(-1, 5), (0, -1), (1_000_000, 9), (2_000_000, 0)])
def test_what_lies_outside_is_cut_short(source: Counting, place: tuple[int, int]) -> None:
    with pytest.raises(CutShort):
        FewTrips(source).read(*place)


def test_expectations_outside_of_the_file_fetch_nothing_there(source: Counting) -> None:
    trips = FewTrips(source, source.read(0, HEAD_BYTES))
    trips.expect([(999_000, 50_000)], 5_000_000)
    assert source.trips == [[(999_000, source.size - 999_000)]]


def test_there_is_an_end_to_what_is_fetched(
    source: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(few_trips, "MOST_BYTES", 300_000)
    trips = FewTrips(source)
    trips.read(0, 200_000)
    with pytest.raises(DamagedSlide):
        trips.expect([(400_000, 200_000)], 0)
