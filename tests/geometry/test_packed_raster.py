"""Packed shapes are drawn as they are when they are unpacked."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from wsi_lab.errors import WsiLabError
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.packing import PackedShapes, pack, unpack
from wsi_lab.geometry.raster import draw


def some_shapes(seed: int) -> PackedShapes:
    """Return areas with and without holes, lines and points, of few and of many vertices."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-50, 350, (200, 2))
    found = []
    for number, (x, y) in enumerate(centres.tolist()):
        size = float(rng.gamma(2, 8))
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 120))))
        radii = rng.uniform(0.3, 1.0, len(angles)) * size
        outline = np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], axis=1)
        match number % 5:
            case 0:
                found.append(shapely.Point(x, y))
            case 1:
                found.append(shapely.LineString(outline))
            case 2:
                ring = shapely.Point(x, y).buffer(size + 2)
                found.append(ring.difference(shapely.Point(x, y).buffer(size / 2 + 0.5)))
            case 3:
                parts = [shapely.box(x, y, x + 5, y + 3), shapely.box(x + 9, y, x + 12, y + 3)]
                found.append(shapely.MultiPolygon(parts))
            case _:
                found.append(shapely.Polygon(outline))
    (chunk,) = pack(ShapeColumns.from_geometries(found), cell=100_000)
    return unpack(chunk.shapes)


@pytest.mark.parametrize("downsample", [0.25, 1.0, 3.0, 16.0])
@pytest.mark.parametrize("style", [(1, 1.0, 3.0), (3, 1.0, 5.0), (1, 0.0, 0.0), (2, 0.5, 1.0)])
def test_pixels_are_those_of_other_shapes(
    downsample: float, style: tuple[int, float, float]
) -> None:
    width, share, radius = style
    for seed in range(3):
        shapes = some_shapes(seed)
        rng = np.random.default_rng(seed)
        # One value: of packed shapes those smaller than a pixel are drawn first.
        fill = np.full(len(shapes), 7, np.uint16)
        line = np.where(rng.random(len(shapes)) <= share, fill, 0).astype(np.uint16)
        mask = rng.random(len(shapes)) < 0.9 if seed else None
        canvases = [np.zeros((240, 256), np.uint8) for _ in range(2)]
        for canvas, each in zip(canvases, (shapes, shapes.columns()), strict=True):
            draw(
                canvas,
                each,
                origin=(20.5, 30.25),
                downsample=downsample,
                fill=fill,
                line=line,
                mask=mask,
                line_width=width,
                point_radius=radius,
            )
        assert canvases[0].any()
        assert np.array_equal(*canvases)


def test_canvases_of_two_bytes_and_exact_shapes_are_drawn_too() -> None:
    square = ShapeColumns.from_geometries([shapely.box(1 / 3, 0, 5, 5)])
    (chunk,) = pack(square, precision=0)
    shapes = unpack(chunk.shapes)
    assert shapes.scale == 0
    style = {"fill": np.array([1000], np.uint16), "line": np.array([0], np.uint16)}

    canvas = np.zeros((8, 8), np.uint16)
    draw(canvas, shapes, origin=(0, 0), downsample=1.0, **style)

    assert (canvas == 1000).sum() == 25


def test_damaged_vertices_are_not_drawn() -> None:
    square = ShapeColumns.from_geometries([shapely.box(0, 0, 500, 500)])
    (chunk,) = pack(square)
    damaged = unpack(chunk.shapes[:-1] + b"\xff")
    style = {"fill": np.array([1], np.uint16), "line": np.array([1], np.uint16)}

    with pytest.raises(WsiLabError):
        draw(np.zeros((8, 8), np.uint8), damaged, origin=(0, 0), downsample=1.0, **style)
