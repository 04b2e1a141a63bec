"""Shapes in the words of paper.js."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wsi_lab.formats.geometry_parts import (
    Pairs,
    is_upright_ellipse,
    is_upright_rectangle,
    pairs_of,
    parts_of,
    plain_number,
)
from wsi_lab.formats.paper_items import TEXT
from wsi_lab.model.feature import Feature

STROKE = 2
"""Pixels of the screen; PHAS keeps it as ``rawStrokeWidth``."""
_KAPPA = 0.5522847498307936
"""How long the handles of a quarter of a circle are, of its radius."""
_FONT = {"fontWeight": "bold", "fontSize": 40, "leading": 48, "justification": "center"}
_NO_LABEL = "+"


def item_of(feature: Feature, colours: Mapping[str, str]) -> Iterator[Any]:
    """Yield the items that draw a shape: one for its areas, one for each line and point."""
    parts = parts_of(feature.geometry)
    label = feature.labels[0] if feature.labels else ""
    data = {"rawStrokeWidth": STROKE, "label": label}
    said = {"applyMatrix": True, "data": data}
    colour = _colour(colours.get(label, "#000000"))
    stroke = {"strokeColor": colour, "strokeWidth": STROKE}
    if is_upright_rectangle(feature) or is_upright_ellipse(feature):
        kind = {"data": {**data, "kind": feature.kind.value}}
        segments = _segments(feature)
        yield ["Path", {**said, **kind, "segments": segments, "closed": True, **stroke}]
    elif len(parts.areas) == 1 and not parts.areas[0].interiors:
        segments = _places(pairs_of(parts.areas[0].exterior))
        yield ["Path", {**said, "segments": segments, "closed": True, **stroke}]
    elif parts.areas:
        rings = [ring for area in parts.areas for ring in (area.exterior, *area.interiors)]
        children = [
            ["Path", {"applyMatrix": True, "segments": _places(pairs_of(ring)), "closed": True}]
            for ring in rings
        ]
        yield ["CompoundPath", {**said, "children": children, "fillRule": "evenodd", **stroke}]
    for line in parts.lines:
        yield ["Path", {**said, "segments": _places(pairs_of(line)), **stroke}]
    for point in parts.points:
        yield ["PointText", _text(feature, (point.x, point.y), label, colour)]


def _text(
    feature: Feature, place: tuple[float, float], label: str, colour: list[float]
) -> dict[str, Any]:
    text = feature.properties.get(TEXT)
    content = text if isinstance(text, str) and text else label or _NO_LABEL
    x, y = map(plain_number, place)
    return {
        "applyMatrix": False,
        "matrix": [1, 0, 0, 1, x, y],
        "data": {"label": label},
        "content": content,
        "fillColor": colour,
        **_FONT,
    }


def _segments(feature: Feature) -> list[Any]:
    assert feature.geometry is not None  # noqa: S101 - what is upright has one
    left, top, right, bottom = map(plain_number, feature.geometry.bounds)
    if is_upright_rectangle(feature):
        return [[left, top], [right, top], [right, bottom], [left, bottom]]
    x, y = (left + right) / 2, (top + bottom) / 2
    dx, dy = _KAPPA * (right - left) / 2, _KAPPA * (bottom - top) / 2
    return [
        [[left, y], [0, dy], [0, -dy]],
        [[x, top], [-dx, 0], [dx, 0]],
        [[right, y], [0, -dy], [0, dy]],
        [[x, bottom], [dx, 0], [-dx, 0]],
    ]


def _places(pairs: Pairs) -> list[list[float]]:
    return [[plain_number(x), plain_number(y)] for x, y in pairs]


def _colour(colour: str) -> list[float]:
    return [plain_number(round(part / 255, 5)) for part in bytes.fromhex(colour.removeprefix("#"))]
