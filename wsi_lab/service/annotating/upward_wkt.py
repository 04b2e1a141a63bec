"""Shapes as well-known texts whose y runs upwards from the bottom of their slide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from wsi_lab.model.annotation import Annotation
from wsi_lab.model.feature import Feature


def features_of_wkt(texts: Sequence[str], height: float, *, mend: bool = True) -> list[Feature]:
    """Return the shapes that texts tell, one each, with y downwards.

    They are told again as they came until somebody moves them.

    Parameters
    ----------
    height
        Of the slide, in level-0 pixels.
    mend
        Whether outlines that are not closed, or cross themselves, are mended and not refused.

    Raises
    ------
    Invalid
        A text tells no shape, or several; ``problems`` names each.
    TooLarge
        They are more than anybody draws by hand.
    """
    from wsi_lab.formats import cytomine_wkt  # noqa: PLC0415 (whoever opens a lab needs none of it)

    if not mend:
        cytomine_wkt.require_sound(texts)
    return cytomine_wkt.features(texts, height=height)


def wkt_of(shapes: Iterable[Annotation], heights: Mapping[int, float]) -> dict[int, str]:
    """Return the texts of shapes, by their ids.

    Parameters
    ----------
    heights
        Of their slides, by the slides' ids.
    """
    from wsi_lab.formats import cytomine_wkt  # noqa: PLC0415 (as above)

    found: dict[int, str] = {}
    other: list[Annotation] = []
    for each in shapes:
        source = each.source
        if source is not None and source.format == cytomine_wkt.FORMAT:
            found[each.id] = source.text
        else:
            other.append(each)
    texts = cytomine_wkt.turned_texts(
        [each.shape.geometry for each in other],
        [heights[each.place.slide_id or 0] for each in other],
    )
    found.update((each.id, text) for each, text in zip(other, texts, strict=True))
    return found
