"""Terms of ontologies, and which is a kind of which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from tornado import web

from wsi_lab.errors import Conflict, NotFound
from wsi_lab.model.layer import NewLabel
from wsi_lab.model.ontology import Term
from wsi_lab.model.people import Actor
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.handlers import CytomineHandler, CytomineReceiver
from wsi_lab.server.cytomine.reading import Said, text_of
from wsi_lab.service.annotating.ontologies import NewTerm
from wsi_lab.service.lab import Lab

TERM, RELATION = "term", "relationterm"


class _Term(msgspec.Struct):
    name: Said
    ontology: int
    color: str | None = None
    comment: Said = ""
    parent: int | None = None

    @property
    def new(self) -> NewTerm:
        """The term that it tells."""
        label = NewLabel(text_of(self.name), self.color, text_of(self.comment))
        return NewTerm(self.ontology, label, self.parent)


class _Changed(msgspec.Struct):
    name: Said | None = None
    color: str | None = None
    comment: Said | None = None


class _Relation(msgspec.Struct):
    term1: int
    term2: int


@web.stream_request_body
class TermsHandler(CytomineReceiver):
    """All terms."""

    async def get(self) -> None:
        """Return those that the asker may see."""
        await self.nothing()
        found = await self.ask(self.lab.ontologies.terms, self.actor)
        await self.send_page(_newest_first(found), term_object)

    async def post(self) -> None:
        """Add one, or many: all of them or none."""
        new, is_one = await self.forms(_Term)
        self.name("ontology", *dict.fromkeys(each.ontology for each in new))
        terms = [each.new for each in new]
        added = await self.ask(self.lab.ontologies.add_terms, self.actor, terms)
        await self.send_added(TERM, [term_object(each) for each in added], is_one=is_one)


class TermsOfOntologyHandler(CytomineHandler):
    """The terms of an ontology."""

    async def get(self, ontology_id: str) -> None:
        """Return them."""
        number = self.id_of("ontology", ontology_id)
        found = await self.ask(self.lab.ontologies.terms, self.actor, ontology_id=number)
        await self.send_page(_newest_first(found), term_object)


class TermsOfProjectHandler(CytomineHandler):
    """The terms of a project: those of its ontology."""

    async def get(self, project_id: str) -> None:
        """Return them."""
        study = self.id_of("study", project_id)
        found = await self.ask(self.lab.ontologies.terms, self.actor, study_id=study)
        await self.send_page(_newest_first(found), term_object)


@web.stream_request_body
class TermHandler(CytomineReceiver):
    """One term."""

    async def get(self, term_id: str) -> None:
        """Return it."""
        await self.nothing()
        number = self.id_of("label", term_id)
        await self.send_json(term_object(await self._term(number)))

    async def put(self, term_id: str) -> None:
        """Change its name, colour or comment."""
        changed = await self.object(_Changed)
        number = self.id_of("label", term_id)
        given: Mapping[str, Any] = {
            "name": None if changed.name is None else text_of(changed.name),
            "colour": changed.color,
            "comment": None if changed.comment is None else text_of(changed.comment),
        }
        found = await self.ask(self.lab.ontologies.change_term, self.actor, number, **given)
        await self.send_json(words.done(TERM, term_object(found), "Edit"))

    async def delete(self, term_id: str) -> None:
        """Remove it."""
        await self.nothing()
        number = self.id_of("label", term_id)
        told = term_object(await self._term(number))
        await self.ask(self.lab.ontologies.remove_term, self.actor, number)
        await self.send_json(words.done(TERM, told, "Delete"))

    async def _term(self, number: int) -> Term:
        return await self.ask(self.lab.ontologies.term, self.actor, number)


@web.stream_request_body
class RelationsHandler(CytomineReceiver):
    """Which term is a kind of which."""

    async def post(self) -> None:
        """Say that the second term is a kind of the first."""
        new = await self.object(_Relation)
        self.name("label", new.term1, new.term2)
        await self.ask(_set_parent, self.lab, self.actor, new.term2, new.term1)
        told = relation_object(new.term1, new.term2)
        await self.send_json(words.done(RELATION, told, "Add"))


@web.stream_request_body
class RelationHandler(CytomineReceiver):
    """That a term is a kind of another one."""

    async def get(self, parent_id: str, term_id: str) -> None:
        """Return it."""
        await self.nothing()
        parent, term = self._ids(parent_id, term_id)
        found = await self.ask(self.lab.ontologies.parent, self.actor, term)
        if found != parent:
            raise NotFound(f"The term {term} is not a kind of the term {parent}.")
        await self.send_json(relation_object(parent, term))

    async def delete(self, parent_id: str, term_id: str) -> None:
        """End it."""
        await self.nothing()
        parent, term = self._ids(parent_id, term_id)
        await self.ask(self.lab.ontologies.unset_parent, self.actor, term, parent)
        await self.send_json(words.done(RELATION, relation_object(parent, term), "Delete"))

    def _ids(self, parent_id: str, term_id: str) -> tuple[int, int]:
        return self.id_of("label", parent_id), self.id_of("label", term_id)


def term_object(term: Term) -> words.Told:
    """Return what is told of a term."""
    return {
        **words.told(term.id, words.TERM, None),
        "name": term.name,
        "comment": term.description or None,
        "ontology": term.ontology_id,
        "color": term.colour,
        "parent": term.parent_id,
    }


def relation_object(parent_id: int, term_id: int) -> words.Told:
    """Return what is told of a term being a kind of another one; each is of one at most."""
    told = words.told(term_id, words.RELATION_TERM, None)
    return {**told, "term1": parent_id, "term2": term_id}


def _newest_first(terms: Sequence[Term]) -> list[Term]:
    return sorted(terms, key=lambda each: -each.id)


def _set_parent(lab: Lab, actor: Actor, term_id: int, parent_id: int) -> None:
    if lab.ontologies.parent(actor, term_id) == parent_id:
        raise Conflict(f"The term {term_id} is a kind of the term {parent_id} already.")
    lab.ontologies.set_parent(actor, term_id, parent_id)
