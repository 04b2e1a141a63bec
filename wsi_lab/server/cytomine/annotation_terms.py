"""Terms of annotations: what somebody says that they are."""

from __future__ import annotations

from collections.abc import Iterable

from tornado import web

from wsi_lab.errors import NotFound
from wsi_lab.model.annotation import Annotation
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.annotation_objects import relation_id
from wsi_lab.server.cytomine.handlers import CytomineHandler, CytomineReceiver

ANNOTATION_TERM = "annotationterm"


class RelationsHandler(CytomineHandler):
    """The terms of an annotation."""

    async def get(self, annotation_id: str) -> None:
        """Return them, as relations."""
        number = self.id_of("shape", annotation_id)
        found = await self.ask(self.lab.shapes.get, self.actor, number)
        told = [relation_object(found, each.id) for each in found.labels]
        await self.send_page(told, lambda each: each)


@web.stream_request_body
class _Relation(CytomineReceiver):
    """Base of handlers of an annotation and a term."""

    def ids(self, annotation_id: str, term_id: str) -> tuple[int, int]:
        """Return the two ids in the address."""
        return self.id_of("shape", annotation_id), self.id_of("label", term_id)


@web.stream_request_body
class RelationHandler(_Relation):
    """That an annotation has a term."""

    async def get(self, annotation_id: str, term_id: str) -> None:
        """Return it."""
        await self.nothing()
        number, term = self.ids(annotation_id, term_id)
        found = await self.ask(self.lab.shapes.get, self.actor, number)
        _require(term, (each.id for each in found.labels))
        await self.send_json(relation_object(found, term))

    async def post(self, annotation_id: str, term_id: str) -> None:
        """Say so."""
        await self.nothing()
        number, term = self.ids(annotation_id, term_id)
        found = await self.ask(self.lab.shapes.add_label, self.actor, number, term)
        await self.send_json(words.done(ANNOTATION_TERM, relation_object(found, term), "Add"))

    async def delete(self, annotation_id: str, term_id: str) -> None:
        """Say so no more."""
        await self.nothing()
        number, term = self.ids(annotation_id, term_id)
        found = await self.ask(self.lab.shapes.remove_label, self.actor, number, term)
        await self.send_json(words.done(ANNOTATION_TERM, relation_object(found, term), "Delete"))


@web.stream_request_body
class OnlyRelationHandler(_Relation):
    """That an annotation has a term and no other."""

    async def post(self, annotation_id: str, term_id: str) -> None:
        """Say so."""
        await self.nothing()
        number, term = self.ids(annotation_id, term_id)
        found = await self.ask(self.lab.shapes.replace_labels, self.actor, number, [term])
        await self.send_json(words.done(ANNOTATION_TERM, relation_object(found, term), "Add"))


def relation_object(annotation: Annotation, term_id: int) -> words.Told:
    """Return what is told of an annotation having a term."""
    return {
        **words.told(
            relation_id(annotation.id, term_id), words.ANNOTATION_TERM, annotation.changed_on
        ),
        "userannotation": annotation.id,
        "annotation": annotation.id,
        "term": term_id,
        "user": annotation.changed_by,
    }


def _require(term_id: int, known: Iterable[int]) -> None:
    if term_id not in set(known):
        raise NotFound(f"The annotation does not have the term {term_id}.")
