"""Addresses of files of annotations and the work on them."""

from __future__ import annotations

from wsi_lab.model.people import Action
from wsi_lab.server.annotating.exchange import (
    LARGEST_FILE,
    SECONDS_PER_FILE,
    ExportHandler,
    ImportsHandler,
    MaskHandler,
)
from wsi_lab.server.annotating.jobs import JobHandler
from wsi_lab.server.annotating.loads import LARGEST_GRID, GridsHandler, LoadHandler, LoadsHandler
from wsi_lab.server.routing import Kind, Need, Route

SECONDS_PER_GRID = 600.0

_LOOK = Need(Action.STUDY_VIEW, Kind.LAYER)
_LOAD = Need(Action.ANSWER_IMPORT, Kind.LAYER)
_OWN = Need(Action.LAB_VIEW)

EXCHANGE_ROUTES: tuple[Route, ...] = (
    Route(
        "v1/layers/{layer_id}/imports",
        ImportsHandler,
        {"POST": Need(Action.ANSWER_SUBMIT, Kind.LAYER)},
        body_limit=LARGEST_FILE,
        body_seconds=SECONDS_PER_FILE,
    ),
    Route("v1/layers/{layer_id}/export", ExportHandler, {"GET": _LOOK}),
    Route("v1/layers/{layer_id}/loads", LoadsHandler, {"GET": _LOOK}),
    Route(
        "v1/layers/{layer_id}/grids",
        GridsHandler,
        {"POST": _LOAD},
        body_limit=LARGEST_GRID,
        body_seconds=SECONDS_PER_GRID,
    ),
    Route("v1/loads/{load_id}", LoadHandler, {"GET": _LOOK, "DELETE": _LOAD}),
    Route("v1/slides/{slide_id}/mask", MaskHandler, {"GET": Need(Action.STUDY_VIEW, Kind.SLIDE)}),
    Route("v1/jobs/{job_id}", JobHandler, {"GET": _OWN, "DELETE": _OWN}),
)
