"""Where the cores of a tissue microarray lie on its slide."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from wsi_lab.model.people import Action, Actor
from wsi_lab.model.tma import LARGEST_SIDE, CoreBox, CoreFit, PlacedCore, SlideCores
from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.routing import Kind, Need, Route
from wsi_lab.service.lab import Lab

LARGEST_GRID = 16 << 20
"""Bytes: as many boxes as the largest map has places."""
_SECONDS_PER_GRID = 60.0

Count = Annotated[int, Meta(ge=1, le=LARGEST_SIDE)]
_Place = Annotated[int, Meta(ge=0, lt=LARGEST_SIDE)]


class GivenBox(Struct):
    """Where a core lies; what is not said of tissue stays as it was."""

    row: _Place
    column: _Place
    box: tuple[forms.Pixel, forms.Pixel, forms.Pixel, forms.Pixel]
    is_found: bool | None = None


class GivenBoxes(Struct):
    """Where some or all cores lie."""

    cores: Annotated[list[GivenBox], Meta(max_length=LARGEST_SIDE**2)]
    revision: Annotated[int, Meta(ge=0)] | None = None


class WantedFit(Struct):
    """How many rows and columns there are, where that is known."""

    rows: Count | None = None
    columns: Count | None = None


class CoresHandler(JsonHandler):
    """Where the cores of a slide lie."""

    async def get(self, slide_id: str) -> None:
        """Return all places of its map."""
        self.query(forms.NoQuery)
        number = whole_id(slide_id, "slide")
        self.send(await self.ask(_get, self.lab, self.actor, number))

    async def put(self, slide_id: str) -> None:
        """Say where some or all of them lie."""
        number, given = whole_id(slide_id, "slide"), await self.large_body(GivenBoxes)
        self.send(await self.ask(_put, self.lab, self.actor, number, given))

    async def delete(self, slide_id: str) -> None:
        """Forget where they lie."""
        self.query(forms.NoQuery)
        await self.ask(self.lab.tma_maps.clear, self.actor, whole_id(slide_id, "slide"))
        self.send_nothing()


class CoresFitHandler(JsonHandler):
    """Cores are looked for in a picture of the slide."""

    async def post(self, slide_id: str) -> None:
        """Find them, and keep where they lie."""
        number, wanted = whole_id(slide_id, "slide"), self.body(WantedFit)
        self.send(await self.draw(_fit, self.lab, self.actor, number, wanted))


def _get(lab: Lab, actor: Actor, slide_id: int) -> forms.Json:
    return _as_json(lab.tma_maps.slide_cores(actor, slide_id))


def _put(lab: Lab, actor: Actor, slide_id: int, given: GivenBoxes) -> forms.Json:
    boxes = [CoreBox(each.row, each.column, each.box, each.is_found) for each in given.cores]
    return _as_json(lab.tma_maps.set_boxes(actor, slide_id, boxes, revision=given.revision))


def _fit(lab: Lab, actor: Actor, slide_id: int, wanted: WantedFit) -> forms.Json:
    return _as_json(lab.tma_maps.fit(actor, slide_id, wanted.rows, wanted.columns))


def _as_json(found: SlideCores) -> forms.Json:
    return {
        "slide_id": found.slide_id,
        "tma_map_id": found.tma_map.id,
        "row_count": found.tma_map.row_count,
        "column_count": found.tma_map.column_count,
        "revision": 0 if found.fit is None else found.fit.revision,
        "fit": None if found.fit is None else _fit_as_json(found.fit),
        "cores": [_core_as_json(each) for each in found.places],
    }


def _fit_as_json(fit: CoreFit) -> forms.Json:
    return {
        "confidence": fit.confidence,
        "residual": fit.residual,
        "angle": fit.angle,
        "changed_on": fit.changed_on,
    }


def _core_as_json(core: PlacedCore) -> forms.Json:
    return {
        "row": core.row,
        "column": core.column,
        "sample": core.sample,
        "is_control": core.is_control,
        "is_found": core.is_found,
        "box": core.box,
    }


_VIEW = Need(Action.STUDY_VIEW, Kind.SLIDE)
_EDIT = Need(Action.STUDY_EDIT, Kind.SLIDE)

CORES_ROUTES: tuple[Route, ...] = (
    Route(
        "v1/slides/{slide_id}/cores",
        CoresHandler,
        {"GET": _VIEW, "PUT": _EDIT, "DELETE": _EDIT},
        body_limit=LARGEST_GRID,
        body_seconds=_SECONDS_PER_GRID,
    ),
    Route("v1/slides/{slide_id}/cores/fit", CoresFitHandler, {"POST": _EDIT}),
)
