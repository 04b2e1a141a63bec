"""Slide Score's drawn answers: JSON arrays of points and shapes."""

from wsi_lab.formats.classic import (
    HeatMap,
    Label,
    heat_map_of,
    labels_of,
    parse_shapes,
    shape_text,
    value_of,
)

__all__ = [
    "HeatMap",
    "Label",
    "heat_map_of",
    "labels_of",
    "parse_shapes",
    "shape_text",
    "value_of",
]
