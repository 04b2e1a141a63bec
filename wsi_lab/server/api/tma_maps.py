"""Maps of tissue microarrays: which core lies where on a slide."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated

from msgspec import Meta, Struct

from wsi_lab.model.people import Actor
from wsi_lab.model.tma import MapCore, TmaMap
from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.lab import Lab


class NewMap(Struct):
    """A map to be made of the text of a map file."""

    name: forms.Name
    text: Annotated[str, Meta(max_length=1_000_000)]


class ChosenMap(Struct):
    """The map of a slide; without a name, none."""

    name: forms.Name | None


class TmaMapsHandler(JsonHandler):
    """The maps of a study."""

    async def get(self, study_id: str) -> None:
        """Return maps, without their cores."""
        number, query = whole_id(study_id, "study"), self.query(forms.PageQuery)
        found = await self.ask(self.lab.tma_maps.list, self.actor, number)
        self.send(forms.page(forms.cut(found, query, attrgetter("id")), _as_json))

    async def post(self, study_id: str) -> None:
        """Make a map."""
        number, new = whole_id(study_id, "study"), self.body(NewMap)
        answer = await self.ask(_create, self.lab, self.actor, number, new)
        location = f"v1/tma-maps/{answer['id']}"
        self.send(answer, status=201, revision=answer["revision"], location=location)


class TmaMapHandler(JsonHandler):
    """One map."""

    async def get(self, map_id: str) -> None:
        """Return it with its cores."""
        self.query(forms.NoQuery)
        number = whole_id(map_id, "TMA map")
        answer = await self.ask(_whole, self.lab, self.actor, number)
        self.send(answer, revision=answer["revision"])


class SlideMapHandler(JsonHandler):
    """Which map tells the cores of a slide."""

    async def put(self, slide_id: str) -> None:
        """Say which one."""
        number, chosen = whole_id(slide_id, "slide"), self.body(ChosenMap)
        self.send(await self.ask(_assign, self.lab, self.actor, number, chosen))


def _create(lab: Lab, actor: Actor, study_id: int, new: NewMap) -> forms.Json:
    made = lab.tma_maps.create(actor, study_id, new.name, new.text)
    return _whole(lab, actor, made.id)


def _whole(lab: Lab, actor: Actor, map_id: int) -> forms.Json:
    return {
        **_as_json(lab.tma_maps.get(actor, map_id)),
        "cores": _cores(lab.tma_maps.cores(actor, map_id)),
    }


def _assign(lab: Lab, actor: Actor, slide_id: int, chosen: ChosenMap) -> forms.Json:
    study_id = lab.slides.get(actor, slide_id).study_id
    slide = lab.tma_maps.assign(actor, study_id, slide_id, chosen.name or "")
    return {"slide_id": slide.id, "tma_map_id": slide.tma_map_id}


def _as_json(one: TmaMap) -> forms.Json:
    return {
        "id": one.id,
        "study_id": one.study_id,
        "name": one.name,
        "text": one.text,
        "row_count": one.row_count,
        "column_count": one.column_count,
        "revision": one.revision,
    }


def _cores(cores: Sequence[MapCore]) -> list[forms.Json]:
    return [
        {
            "row": each.row,
            "column": each.column,
            "sample": each.sample,
            "is_control": each.is_control,
        }
        for each in cores
    ]
