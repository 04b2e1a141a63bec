"""Addresses of layers and of shapes drawn by hand."""

from __future__ import annotations

from wsi_lab.model.people import Action
from wsi_lab.server.annotating.drawing import (
    LARGEST_DRAWING,
    AnnotationHandler,
    AnnotationHistoryHandler,
    ShapesHandler,
)
from wsi_lab.server.annotating.layers import (
    CountsHandler,
    LabelsHandler,
    LayerHandler,
    LayersHandler,
)
from wsi_lab.server.routing import Kind, Need, Route

SECONDS_PER_DRAWING = 120.0

_LOOK = Need(Action.STUDY_VIEW, Kind.LAYER)
_EDIT = Need(Action.STUDY_EDIT, Kind.LAYER)
_LOOK_AT_SHAPE = Need(Action.STUDY_VIEW, Kind.ANNOTATION)
_DRAW = Need(Action.ANSWER_SUBMIT, Kind.ANNOTATION)

LAYERS_ROUTES: tuple[Route, ...] = (
    Route(
        "v1/studies/{study_id}/layers",
        LayersHandler,
        {
            "GET": Need(Action.STUDY_VIEW, Kind.STUDY),
            "POST": Need(Action.STUDY_EDIT, Kind.STUDY),
        },
    ),
    Route("v1/layers/{layer_id}", LayerHandler, {"GET": _LOOK, "PATCH": _EDIT, "DELETE": _EDIT}),
    Route("v1/layers/{layer_id}/labels", LabelsHandler, {"PUT": _EDIT}),
    Route("v1/layers/{layer_id}/counts", CountsHandler, {"GET": _LOOK}),
    Route(
        "v1/layers/{layer_id}/shapes",
        ShapesHandler,
        {"GET": _LOOK, "POST": Need(Action.ANSWER_SUBMIT, Kind.LAYER)},
        body_limit=LARGEST_DRAWING,
        body_seconds=SECONDS_PER_DRAWING,
    ),
    Route(
        "v1/annotations/{annotation_id}",
        AnnotationHandler,
        {"GET": _LOOK_AT_SHAPE, "PATCH": _DRAW, "DELETE": _DRAW},
        body_limit=LARGEST_DRAWING,
        body_seconds=SECONDS_PER_DRAWING,
    ),
    Route(
        "v1/annotations/{annotation_id}/history", AnnotationHistoryHandler, {"GET": _LOOK_AT_SHAPE}
    ),
)
