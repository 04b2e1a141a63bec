"""Annotations of a study: as GeoJSON, Arrow or GeoParquet."""

from __future__ import annotations

from collections.abc import Iterator

from wsi_lab.model.people import Actor
from wsi_lab.server.annotating.tables import (
    ARROW,
    GEOJSON,
    PARQUET,
    TableQuery,
    shape_query,
)
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.api.tables import accepted, feature_collection
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.lab import Lab

SLIDES_PER_PAGE = 1000


class AnnotationsHandler(JsonHandler):
    """The shapes on a study's slides."""

    async def get(self, study_id: str) -> None:
        """Return them."""
        number, query = whole_id(study_id, "study"), self.query(TableQuery)
        self.set_header("Vary", "Accept")
        wanted = accepted(self.request.headers.get("Accept"), [GEOJSON, ARROW, PARQUET])
        pieces = await self.wait_in(
            self.site.transfers, _pieces, self.lab, self.actor, number, query, wanted
        )
        self.set_header("Content-Type", wanted)
        await self.send_pieces(pieces)


def _pieces(
    lab: Lab, actor: Actor, study_id: int, query: TableQuery, wanted: str
) -> Iterator[bytes]:
    if wanted == GEOJSON and query.is_plain:
        return _features(lab, actor, study_id, query)
    from wsi_lab.service.annotating.found_files import features, parquet  # noqa: PLC0415 (geometry)

    found = shape_query(lab, actor, study_id, query)
    if wanted == GEOJSON:
        return features(lab.finder.find(actor, found))
    stream = lab.finder.arrow(actor, found)
    return stream if wanted == ARROW else parquet(stream)


def _features(lab: Lab, actor: Actor, study_id: int, query: TableQuery) -> Iterator[bytes]:
    annotations = lab.annotations.list(
        actor,
        study_id,
        slide_id=query.slide_id,
        question=query.question,
        author=query.author,
        with_loads=query.tier == "all",
    )
    return feature_collection(
        annotations,
        questions={each.id: each.name for each in lab.questions.list(actor, study_id)},
        slides=_slide_names(lab, actor, study_id),
    )


def _slide_names(lab: Lab, actor: Actor, study_id: int) -> dict[int, str]:
    names: dict[int, str] = {}
    cursor: str | None = None
    while True:
        page = lab.slides.list(actor, study_id, limit=SLIDES_PER_PAGE, cursor=cursor)
        names.update((slide.id, slide.name) for slide in page.items)
        cursor = page.next_cursor
        if cursor is None:
            return names
