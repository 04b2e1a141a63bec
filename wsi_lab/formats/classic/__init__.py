"""The JSON objects that Slide Score's clients call an annotation: one object for each shape."""

from wsi_lab.formats.classic.reading import (
    MOST_SHAPES,
    MOST_VERTICES,
    Label,
    heat_map_of,
    labels_of,
    parse_shapes,
)
from wsi_lab.formats.classic.writing import (
    HeatMap,
    ellipse_outline,
    shape_text,
    shape_with_text,
    value_of,
)

__all__ = [
    "MOST_SHAPES",
    "MOST_VERTICES",
    "HeatMap",
    "Label",
    "ellipse_outline",
    "heat_map_of",
    "labels_of",
    "parse_shapes",
    "shape_text",
    "shape_with_text",
    "value_of",
]
