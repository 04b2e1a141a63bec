"""Coordinates from text: any number of geometries, none of them trusted."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from wsi_lab.errors import TooLarge
from wsi_lab.formats import json_rings
from wsi_lab.formats.json_rings import rings_of


def test_rings_know_their_geometry_and_their_polygon() -> None:
    found = rings_of(
        ["Polygon", "MultiPolygon", "Point"],
        [
            b"[[[0,0],[9,0],[9,9],[0,0]],[[1,1],[2,1],[2,2],[1,1]]]",
            b"[[[[0,0],[1,0],[1,1]]],[[[5,5],[6,5],[6,6]]]]",
            b"[7, 8.25]",
        ],
    )
    assert found.geometries.tolist() == [0, 0, 1, 1, 2]
    assert np.diff(found.starts).tolist() == [4, 4, 3, 3, 1]
    first, second, third, fourth, _ = found.polygons.tolist()
    assert first == second
    assert len({first, third, fourth}) == 3
    assert found.positions[-1].tolist() == [7, 8.25]


def test_numbers_are_exactly_those_of_the_text() -> None:
    random.seed(3)
    points = [[random.random() * 2e5, -random.random() / 3] for _ in range(1000)]
    found = rings_of(["LineString"], [json.dumps(points).encode()])
    assert found.positions.tolist() == points


@pytest.mark.parametrize(
    ("kind", "text", "trouble"),
    [
        ("Polygon", b"[]", "no coordinates"),
        ("Polygon", b"[[]]", "no coordinates"),
        ("Polygon", b"[[1,2]]", "nested"),
        ("Polygon", b"[[[[1,2]]]]", "nested"),
        ("Polygon", b"[[[1,2],3]]", "nested"),
        ("LineString", b"[[1],[2,3]]", "nested"),
        ("LineString", b"[[],[2,3]]", "nested"),
        ("Point", b"5", "nested"),
        ("Point", b"null", "not numbers"),
        ("Point", b'["1",2]', "not numbers"),
        ("Point", b'[{"x":1},2]', "not numbers"),
        ("Point", b"[1e999,2]", "not finite"),
        ("Point", b"[1,-1e10]", "farther"),
    ],
)
def test_a_geometry_that_is_not_well_made_is_told_and_spoils_no_other(
    kind: str, text: bytes, trouble: str
) -> None:
    found = rings_of(["Point", kind, "Point"], [b"[1,2]", text, b"[3,4]"])
    assert trouble in found.troubles[1]
    assert found.troubles.keys() == {1}
    assert found.positions.tolist() == [[1, 2], [3, 4]]
    assert found.geometries.tolist() == [0, 2]


def test_a_long_text_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rings, "_PIECE", 64)
    ring = [[place, place * place] for place in range(200)]
    text = json.dumps([ring, ring[:50]]).encode()
    found = rings_of(["Polygon"], [text])
    assert found.positions.tolist() == ring + ring[:50]
    assert found.starts.tolist() == [0, 200, 250]
    assert len(set(found.polygons.tolist())) == 1


def test_a_long_text_that_goes_wrong_late_is_taken_back_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_rings, "_PIECE", 64)
    text = json.dumps([[[place, 1] for place in range(100)]]).encode()[:-2] + b",[1,null]]]"
    found = rings_of(["Polygon", "Point"], [text, b"[5,6,7]"])
    assert found.troubles.keys() == {0}
    assert found.positions.tolist() == [[5, 6]]
    assert found.extra == {1}


def test_too_many_vertices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rings, "MOST_VERTICES", 10)
    with pytest.raises(TooLarge, match="at most 10 vertices"):
        rings_of(["Point"] * 11, [b"[1,2]"] * 11)
