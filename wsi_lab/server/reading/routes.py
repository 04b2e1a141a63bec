"""Addresses of readings."""

from __future__ import annotations

from wsi_lab.model.people import Action
from wsi_lab.server.annotating.drawing import LARGEST_DRAWING
from wsi_lab.server.annotating.routes_layers import SECONDS_PER_DRAWING
from wsi_lab.server.reading.drawn import (
    NumberedAnnotationHandler,
    NumberedLayersHandler,
    NumberedOverlayHandler,
    NumberedPlaceHandler,
    NumberedShapesHandler,
)
from wsi_lab.server.reading.pixels import (
    NumberedBundleHandler,
    NumberedThumbnailHandler,
    NumberedTileHandler,
)
from wsi_lab.server.reading.readings import (
    ItemAnswersHandler,
    ItemHandler,
    ItemTimeHandler,
    OpenReadingHandler,
)
from wsi_lab.server.reading.reports import (
    InvitationsHandler,
    ReadersHandler,
    ReadingTimesHandler,
)
from wsi_lab.server.routing import Kind, Need, Route

_STUDY = "v1/studies/{study_id}"
_READING = f"{_STUDY}/reading"
_SLIDE = f"{_READING}/slides/{{number}}"
_READ = Need(Action.READING, Kind.STUDY)
_REPORT = {"GET": Need(Action.RESULTS_VIEW, Kind.STUDY)}

READING_ROUTES: tuple[Route, ...] = (
    Route(f"{_SLIDE}/tiles/{{z}}/{{x}}/{{y}}.jpg", NumberedTileHandler, {"GET": _READ}),
    Route(f"{_SLIDE}/tiles/{{z}}", NumberedBundleHandler, {"GET": _READ}),
    Route(f"{_SLIDE}/thumbnail", NumberedThumbnailHandler, {"GET": _READ}),
    Route(
        f"{_SLIDE}/overlay/{{layer_id}}/{{z}}/{{x}}/{{y}}.png",
        NumberedOverlayHandler,
        {"GET": _READ},
    ),
    Route(f"{_SLIDE}/layers", NumberedLayersHandler, {"GET": _READ}),
    Route(f"{_SLIDE}/annotations/at", NumberedPlaceHandler, {"GET": _READ}),
    Route(
        f"{_READING}/layers/{{layer_id}}/shapes",
        NumberedShapesHandler,
        {"GET": _READ, "POST": _READ},
        body_limit=LARGEST_DRAWING,
        body_seconds=SECONDS_PER_DRAWING,
    ),
    Route(
        f"{_READING}/annotations/{{annotation_id}}",
        NumberedAnnotationHandler,
        {"GET": _READ, "PATCH": _READ, "DELETE": _READ},
        body_limit=LARGEST_DRAWING,
        body_seconds=SECONDS_PER_DRAWING,
    ),
    Route(_READING, OpenReadingHandler, {"GET": _READ}),
    Route(f"{_READING}/items/{{number}}", ItemHandler, {"GET": _READ}),
    Route(f"{_READING}/items/{{number}}/answers", ItemAnswersHandler, {"PUT": _READ}),
    Route(f"{_READING}/items/{{number}}/time", ItemTimeHandler, {"PUT": _READ}),
    Route(f"{_STUDY}/readers", ReadersHandler, _REPORT),
    Route(f"{_STUDY}/reading-times", ReadingTimesHandler, _REPORT),
    Route(
        f"{_STUDY}/invitations",
        InvitationsHandler,
        {"POST": Need(Action.STUDY_ADMIN, Kind.STUDY)},
    ),
)
