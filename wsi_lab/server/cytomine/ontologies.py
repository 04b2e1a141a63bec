"""Ontologies: what the shapes of a project may be said to be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec
from tornado import web

from wsi_lab.model.ontology import Ontology, Term
from wsi_lab.model.people import Actor
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.handlers import CytomineReceiver
from wsi_lab.server.cytomine.reading import Said, text_of
from wsi_lab.service.lab import Lab

ONTOLOGY = "ontology"


class _Ontology(msgspec.Struct):
    name: Said


class _Changed(msgspec.Struct):
    name: Said | None = None


@web.stream_request_body
class OntologiesHandler(CytomineReceiver):
    """All ontologies."""

    async def get(self) -> None:
        """Return those that the asker may see."""
        await self.nothing()
        found, terms = await self.ask(_all, self.lab, self.actor)
        await self.send_page(found, lambda each: ontology_object(each, terms[each.id]))

    async def post(self) -> None:
        """Make one that is of no project yet."""
        new = await self.object(_Ontology)
        made = await self.ask(self.lab.ontologies.create, self.actor, text_of(new.name))
        await self.send_json(words.done(ONTOLOGY, ontology_object(made, ()), "Add"))


@web.stream_request_body
class OntologyHandler(CytomineReceiver):
    """One ontology."""

    async def get(self, ontology_id: str) -> None:
        """Return it, with its terms."""
        await self.nothing()
        await self.send_json(await self._told(self.id_of("ontology", ontology_id)))

    async def put(self, ontology_id: str) -> None:
        """Change its name."""
        changed = await self.object(_Changed)
        number = self.id_of("ontology", ontology_id)
        name = None if changed.name is None else text_of(changed.name)
        await self.ask(_rename, self.lab, self.actor, number, name)
        await self.send_json(words.done(ONTOLOGY, await self._told(number), "Edit"))

    async def delete(self, ontology_id: str) -> None:
        """Remove it, with its terms."""
        await self.nothing()
        number = self.id_of("ontology", ontology_id)
        told = await self._told(number)
        await self.ask(self.lab.ontologies.remove, self.actor, number)
        await self.send_json(words.done(ONTOLOGY, told, "Delete"))

    async def _told(self, number: int) -> words.Told:
        return ontology_object(*await self.ask(_one, self.lab, self.actor, number))


def ontology_object(ontology: Ontology, terms: Sequence[Term]) -> words.Told:
    """Return what is told of an ontology, with the tree of its terms."""
    return {
        **words.told(ontology.id, words.ONTOLOGY, ontology.created_on),
        "name": ontology.name,
        "title": ontology.name,
        "user": ontology.created_by,
        "attr": {"id": ontology.id, "type": words.ONTOLOGY},
        "data": ontology.name,
        "isFolder": True,
        "key": ontology.id,
        "children": _tree(terms),
    }


def _tree(terms: Sequence[Term]) -> list[words.Told]:
    below: dict[int | None, list[Term]] = defaultdict(list)
    for each in terms:
        below[each.parent_id].append(each)
    nodes = {each.id: _node(each) for each in terms}
    for term_id, node in nodes.items():
        node["children"] = [nodes[each.id] for each in below[term_id]]
        node["isFolder"] = bool(node["children"])
    return [nodes[each.id] for each in below[None]]


def _node(term: Term) -> words.Told:
    return {
        "id": term.id,
        "class": words.TERM,
        "name": term.name,
        "title": term.name,
        "data": term.name,
        "color": term.colour,
        "parent": term.parent_id,
        "key": term.id,
        "attr": {"id": term.id, "type": words.TERM},
    }


def _all(lab: Lab, actor: Actor) -> tuple[list[Ontology], dict[int, list[Term]]]:
    terms: dict[int, list[Term]] = defaultdict(list)
    for each in lab.ontologies.terms(actor):
        terms[each.ontology_id].append(each)
    return list(lab.ontologies.list(actor))[::-1], terms


def _one(lab: Lab, actor: Actor, ontology_id: int) -> tuple[Ontology, Sequence[Term]]:
    found = lab.ontologies.get(actor, ontology_id)
    return found, lab.ontologies.terms(actor, ontology_id=ontology_id)


def _rename(lab: Lab, actor: Actor, ontology_id: int, name: str | None) -> None:
    if name is None:
        name = lab.ontologies.get(actor, ontology_id).name
    lab.ontologies.rename(actor, ontology_id, name)
