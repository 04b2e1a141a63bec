"""Locations: well-known texts with y upwards, as clients send them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from wsi_lab.model.feature import Feature
from wsi_lab.service.annotating.upward_wkt import features_of_wkt


def feature_of(text: str, height: int) -> Feature:
    """Return the shape that a location tells; see `features_on_slides`."""
    return features_on_slides([(text, height)])[0]


def features_on_slides(locations: Sequence[tuple[str, int]]) -> list[Feature]:
    """Return the shapes that locations tell, with y downwards.

    Parameters
    ----------
    locations
        Texts, and the heights of the slides that they are on, in level-0 pixels.

    Raises
    ------
    Invalid
        A text tells no shape, or one that nobody could have drawn; ``problems`` names each.

    Examples
    --------
    >>> features_on_slides([("POINT (3 90)", 100)])[0].geometry.wkt
    'POINT (3 10)'
    """
    by_height: dict[int, list[int]] = defaultdict(list)
    for number, (_, height) in enumerate(locations):
        by_height[height].append(number)
    found: dict[int, Feature] = {}
    for height, numbers in by_height.items():
        texts = [locations[each][0] for each in numbers]
        found.update(zip(numbers, features_of_wkt(texts, height, mend=False), strict=True))
    return [found[number] for number in range(len(locations))]
