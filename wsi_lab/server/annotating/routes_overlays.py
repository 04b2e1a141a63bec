"""Addresses of overlays."""

from __future__ import annotations

from wsi_lab.model.people import Action
from wsi_lab.server.annotating.overlays import (
    AtPlaceHandler,
    OverlayHandler,
    SlideLayersHandler,
    VectorTileHandler,
)
from wsi_lab.server.routing import Kind, Need, Route

_LOOK = {"GET": Need(Action.STUDY_VIEW, Kind.SLIDE)}
_TILE = "v1/slides/{slide_id}/overlay/{layer_id}/{z}/{x}/{y}"

OVERLAYS_ROUTES: tuple[Route, ...] = (
    Route(f"{_TILE}.png", OverlayHandler, _LOOK),
    Route(f"{_TILE}.mvt", VectorTileHandler, _LOOK),
    Route("v1/slides/{slide_id}/layers", SlideLayersHandler, _LOOK),
    Route("v1/slides/{slide_id}/annotations/at", AtPlaceHandler, _LOOK),
)
