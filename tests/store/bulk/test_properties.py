from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_lab.store.bulk.properties import kind_of, packed, unpacked

NAN = float("nan")


def objects(*values: object) -> np.ndarray:
    column = np.empty(len(values), object)
    column[:] = values
    return column


def back(column: np.ndarray) -> tuple[str, list[object]]:
    kind, values = kind_of("p", column)
    (found,) = unpacked(packed({"p": values}), len(column), [kind]).values()
    return kind.kind, [
        None if isinstance(value, float) and math.isnan(value) else value
        for value in found.tolist()
    ]


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    [
        (np.array([1, 300, -5]), "integer", [1, 300, -5]),
        (np.array([1, 2**63], np.uint64), "number", [1.0, float(2**63)]),
        (np.array([0.1, NAN, 2.5]), "number", [0.1, None, 2.5]),
        (np.array([0.1], np.float32), "number", [float(np.float32(0.1))]),
        (np.array([True, False]), "boolean", [True, False]),
        (np.array(["a", "ü"]), "text", ["a", "ü"]),
        (objects("a", None, NAN), "text", ["a", None, None]),
        (objects(1, 2.5, None), "number", [1.0, 2.5, None]),
        (objects(1, 2), "integer", [1, 2]),
        (objects(True, None), "json", [True, None]),
        (objects({"a": [1]}, "x", 2**70), "json", [{"a": [1]}, "x", float(2**70)]),
        (
            objects(np.float32(0.5), datetime(2026, 7, 1, tzinfo=UTC)),
            "json",
            [0.5, "2026-07-01T00:00:00Z"],
        ),
        (np.array(["2026-07-01", "NaT"], "datetime64[D]"), "text", ["2026-07-01", None]),
    ],
)
def test_values_come_back_as_they_were(column: np.ndarray, kind: str, values: list[object]) -> None:
    assert back(column) == (kind, values)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_whole_numbers_stay_exact(numbers: list[int]) -> None:
    assert back(np.array(numbers, np.int64)) == ("integer", numbers)


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_numbers_stay_exact(numbers: list[float]) -> None:
    assert back(np.array(numbers)) == ("number", numbers)


def test_many_numbers_stay_exact_however_they_are_kept() -> None:
    for column in (np.random.default_rng(3).random(5000), np.zeros(5000), np.arange(5000) / 7):
        assert back(column) == ("number", column.tolist())
    constant, noise = (len(packed({"p": each}) or b"") for each in (np.zeros(5000), column))
    assert constant < 1000 < noise


def test_range_is_that_of_known_numbers() -> None:
    kind, _ = kind_of("p", np.array([3.0, NAN, -1.5, float("inf")]))
    assert (kind.least, kind.most) == (-1.5, 3.0)
    assert kind_of("p", np.array([NAN]))[0].least is None


def test_what_is_not_there_is_missing() -> None:
    kind, values = kind_of("p", np.array([1, 2]))
    other, _ = kind_of("q", np.array([1, 2]))
    assert unpacked(packed({"p": values}), 2, [other])["q"].tolist() == [None, None]
    assert packed({}) is None
    assert unpacked(None, 2, [kind])["p"].tolist() == [None, None]
