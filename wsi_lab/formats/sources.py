"""Shapes that go out as they came: in their own text, as long as it still tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from shapely.geometry.base import BaseGeometry

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.model.feature import Feature

Reader = Callable[[str], Sequence[Feature]]


def runs(
    features: Sequence[Feature],
    format_name: str,
    read: Reader,
    *,
    labels: bool = True,
    properties: bool = False,
) -> Iterator[tuple[str | None, list[Feature]]]:
    """Yield features, those that one text still tells together with it, others by themselves.

    Parameters
    ----------
    read
        Returns what the text of one shape tells.
    labels
        Whether the format has labels; else it does not matter which a feature has.
    properties
        The same for properties.
    """
    for source, same in groupby(features, key=lambda each: each.source):
        found = list(same)
        told: Sequence[Feature] = ()
        if source is not None and source.format == format_name:
            try:
                told = read(source.text)
            except (Invalid, TooLarge):
                told = ()
        # Shapes that are alike stand in one run, each with the same text.
        size = len(told)
        if source is None or not size or len(found) % size:
            yield from ((None, [each]) for each in found)
            continue
        for begin in range(0, len(found), size):
            part = found[begin : begin + size]
            if _are_alike(told, part, labels=labels, properties=properties):
                yield source.text, part
            else:
                yield from ((None, [each]) for each in part)


def _are_alike(
    told: Sequence[Feature], part: Sequence[Feature], *, labels: bool, properties: bool
) -> bool:
    return all(
        one.kind is other.kind
        and (not labels or one.labels == other.labels)
        and (not properties or dict(one.properties) == dict(other.properties))
        and _are_equal(one.geometry, other.geometry)
        for one, other in zip(told, part, strict=True)
    )


def _are_equal(one: BaseGeometry | None, other: BaseGeometry | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(one.equals_exact(other, 0.0))
