"""GeoJSON as a lab sends it; apart, so that only those who read annotations pay for it."""

from __future__ import annotations

from typing import Any

import msgspec


class Feature(msgspec.Struct):
    """One shape; its geometry is left to be read with all the others at once."""

    id: int
    geometry: msgspec.Raw
    properties: dict[str, Any]


class Features(msgspec.Struct):
    """A FeatureCollection."""

    features: list[Feature]
