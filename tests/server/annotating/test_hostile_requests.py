"""Requests about annotations that are made to do harm, and what they are told."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import numpy as np
import pytest

from tests.support.many_shapes import squares
from wsi_lab.model.layer import Layer
from wsi_lab.store.bulk import grids

ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture
def layer(world: Any) -> Layer:
    made: Layer = world.lab.layers.create(world.owner, world.study.id, world.name())
    return made


def _npy(header: str, values: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + values


@pytest.mark.parametrize(
    "body",
    [
        _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000)}", b"0" * 64),
        _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-2, -2)}", b"0" * 32),
        _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2)}", b"0" * 31),
        _npy("(" * 5000),
        b"PK\x03\x04" + b"0" * 100,
    ],
    ids=["terabytes", "negative", "cut", "nested", "archive"],
)
def test_array_that_is_none_is_refused(
    world: Any, boss: httpx.Client, layer: Layer, body: bytes
) -> None:
    where = {"left": 0, "top": 0, "right": 9, "bottom": 9, "slide_id": world.slide.id, "name": "g"}
    answer = boss.post(f"/v1/layers/{layer.id}/grids", params=where, content=body)
    assert answer.status_code == 400, answer.text
    assert "no array" in answer.json()["detail"]


@pytest.mark.parametrize("order", ["C", "F"])
def test_array_comes_in_either_order(
    world: Any, boss: httpx.Client, layer: Layer, order: Any
) -> None:
    values = np.array([[1, 2, 3], [4, np.inf, 1e300]], order=order)
    file = io.BytesIO()
    np.save(file, values)
    where = {"left": 0, "top": 0, "right": 3, "bottom": 2, "slide_id": world.slide.id, "name": "g"}
    made = boss.post(f"/v1/layers/{layer.id}/grids", params=where, content=file.getvalue())
    assert made.status_code == 201, made.text
    found = world.lab._database.read(lambda connection: grids.grid(connection, made.json()["id"]))
    assert found.tolist() == [[1, 2, 3], [4, np.inf, np.inf]]


@pytest.mark.parametrize(
    "options",
    [
        {"downsample": "a"},
        {"box": [1, 2]},
        {"box": "x"},
        {"left": "q"},
        {"label_names": 5},
        {"label_names": {"a": "b"}},
        {"mpp": 0},
        {"document": 1},
    ],
    ids=json.dumps,
)
def test_options_that_are_none_are_refused(
    world: Any, boss: httpx.Client, layer: Layer, options: dict[str, Any]
) -> None:
    query = {"slide_id": world.slide.id, "format": "mask-nifti", "options": json.dumps(options)}
    answer = boss.get(f"/v1/layers/{layer.id}/export", params=query)
    assert answer.status_code == 400
    assert "options" in answer.json()["problems"][0]


@pytest.mark.parametrize(
    "query",
    [
        {"within": "POLYGON((0 0, 1e999 0, 1 1, 0 0))"},
        {"within": "POLYGON((0 0, nan 0, 1 1, 0 0))"},
        {"within": "POLYGON((0 0, 1e300 0, 1 1, 0 0))"},
        {"where": f'[["score", ">", {"9" * 400}]]'},
        {"where": f'[["score", "<", -{"9" * 400}]]'},
    ],
    ids=["infinite", "no number", "far", "large", "small"],
)
@pytest.mark.parametrize("accept", [ARROW, "application/geo+json"])
def test_numbers_of_no_slide_are_refused(
    world: Any, boss: httpx.Client, layer: Layer, query: dict[str, str], accept: str
) -> None:
    world.lab.loads.load(world.owner, layer.id, world.slide.id, squares(3), name=world.name())
    path = f"/v1/studies/{world.study.id}/annotations"
    answer = boss.get(path, params=query, headers={"Accept": accept})
    assert answer.status_code == 400, answer.text
