"""Large answers that are made while they are sent: tables as CSV, annotations as GeoJSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from wsi_lab.model.annotation import Annotation
from wsi_lab.model.answer import ResultRow
from wsi_lab.model.layer import FIRST_BULK_ID
from wsi_lab.server.api import forms_answers

PIECE_BYTES = 1 << 18
SHAPES_PER_PIECE = 1000
SCORE_COLUMNS = (
    "answer_id",
    "slide_id",
    "slide",
    "case",
    "core_row",
    "core_column",
    "core_sample",
    "reader",
    "question",
    "kind",
    "answer",
    "answered_on",
    "revision",
)


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


def scores_csv(rows: Iterable[ResultRow], kinds: Mapping[str, str]) -> Iterator[bytes]:
    """Yield a tidy table: a line for each answer, the names of its columns first.

    Parameters
    ----------
    kinds
        Kind of question by its name.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(SCORE_COLUMNS)
    for row in rows:
        core = row.core
        places = ("", "", "") if core is None else (core.row, core.column, core.sample)
        writer.writerow(
            (
                row.answer_id,
                row.slide_id,
                row.slide_name,
                row.case_name,
                *places,
                row.author,
                row.question,
                kinds.get(row.question),
                row.value,
                _time(row.answered_on),
                row.revision,
            )
        )
        if buffer.tell() > PIECE_BYTES:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


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


def _time(time: datetime | None) -> str:
    return "" if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")
