"""Annotations of a study as GeoJSON."""

from __future__ import annotations

from collections.abc import Iterator

from wsi_lab.model.people import Actor
from wsi_lab.server.api import forms_answers
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.api.tables import feature_collection
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.lab import Lab

GEOJSON = "application/geo+json"
SLIDES_PER_PAGE = 1000


class AnnotationsHandler(JsonHandler):
    """The shapes on a study's slides."""

    async def get(self, study_id: str) -> None:
        """Return them."""
        number, query = whole_id(study_id, "study"), self.query(forms_answers.ShapesQuery)
        pieces = await self.wait_in(
            self.site.transfers, _features, self.lab, self.actor, number, query
        )
        self.set_header("Content-Type", GEOJSON)
        await self.send_pieces(pieces)


def _features(
    lab: Lab, actor: Actor, study_id: int, query: forms_answers.ShapesQuery
) -> Iterator[bytes]:
    annotations = lab.annotations.list(
        actor,
        study_id,
        slide_id=query.slide_id,
        question=query.question,
        author=query.author,
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
