"""Large answers: which form they are to have, and annotations made to GeoJSON as they are sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from wsi_lab.model.annotation import Annotation
from wsi_lab.model.layer import FIRST_BULK_ID
from wsi_lab.server.api import forms_answers

SHAPES_PER_PIECE = 1000


def accepted(header: str | None, offered: Sequence[str]) -> str:
    """Return the media type that an Accept header likes best; the first one where it does not say.

    Examples
    --------
    >>> accepted("text/html;q=0.9, text/csv", ["application/json", "text/csv"])
    'text/csv'
    >>> accepted("*/*", ["application/json", "text/csv"])
    'application/json'
    """
    liking = dict(_liked(header or ""))

    def of(media_type: str) -> float:
        kind = media_type.partition("/")[0]
        return next(
            (liking[each] for each in (media_type, f"{kind}/*", "*/*") if each in liking), 0.0
        )

    return max(offered, key=of)


def feature_collection(
    annotations: Sequence[Annotation],
    *,
    questions: Mapping[int, str],
    slides: Mapping[int, str],
) -> Iterator[bytes]:
    """Yield a GeoJSON FeatureCollection whose coordinates are level-0 pixels.

    Parameters
    ----------
    questions, slides
        Names by id.
    """
    import shapely  # noqa: PLC0415 (only for those who ask for annotations)

    begin = b'{"type":"FeatureCollection","features":['
    for start in range(0, len(annotations), SHAPES_PER_PIECE):
        some = annotations[start : start + SHAPES_PER_PIECE]
        geometries = shapely.to_geojson([each.shape.geometry for each in some])
        features = [
            _feature(each, geometry, questions, slides)
            for each, geometry in zip(some, geometries, strict=True)
        ]
        yield begin + b",".join(features)
        begin = b","
    yield b"]}" if begin == b"," else begin + b"]}"


def _feature(
    one: Annotation,
    geometry: str | None,
    questions: Mapping[int, str],
    slides: Mapping[int, str],
) -> bytes:
    slide_id = one.place.slide_id
    return msgspec.json.encode(
        {
            "type": "Feature",
            "id": one.id,
            "geometry": None if geometry is None else msgspec.Raw(geometry.encode()),
            "properties": {
                "answer_id": one.answer_id,
                "question_id": one.question_id,
                "question": questions.get(one.question_id),
                "slide_id": slide_id,
                "slide": None if slide_id is None else slides.get(slide_id),
                "case_id": one.place.case_id,
                "core": forms_answers.core(one.place.core),
                "author": one.author,
                "position": one.position,
                "shape": one.shape.kind.value,
                "labels": [each.name for each in one.labels],
                "properties": dict(one.properties),
                "tier": "hand" if one.id < FIRST_BULK_ID else "bulk",
                "revision": one.revision,
                "changed_on": one.changed_on,
            },
        }
    )


def _liked(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        media_type, *parameters = (each.strip().lower() for each in part.split(";"))
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            yield media_type, float(quality)
        except ValueError:
            yield media_type, 0.0
