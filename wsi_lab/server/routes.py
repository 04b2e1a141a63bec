"""Every address of the lab: its handler, and what each of its methods asks.

Tests walk this list: a route without a cell in the matrix of who may what, or without an entry
in `openapi.yaml`, fails.
"""

from __future__ import annotations

from wsi_lab.model.people import Action
from wsi_lab.server.annotating.routes_exchange import EXCHANGE_ROUTES
from wsi_lab.server.annotating.routes_layers import LAYERS_ROUTES
from wsi_lab.server.annotating.routes_overlays import OVERLAYS_ROUTES
from wsi_lab.server.api.annotations import AnnotationsHandler
from wsi_lab.server.api.answers import (
    LARGEST_ANSWER,
    LARGEST_TABLE,
    SECONDS_PER_TABLE,
    AnswerHandler,
    AnswersHandler,
    HistoryHandler,
    ResultsHandler,
)
from wsi_lab.server.api.archives import ARCHIVE_ROUTES
from wsi_lab.server.api.cases import CaseHandler, CasesHandler
from wsi_lab.server.api.configuration import ConfigFilesHandler, ImportHandler
from wsi_lab.server.api.cores import CORES_ROUTES
from wsi_lab.server.api.forms_studies import LARGEST_PLAN
from wsi_lab.server.api.lab import MeHandler, OpenApiHandler, RootHandler
from wsi_lab.server.api.people import TokenHandler, TokensHandler, UsersHandler
from wsi_lab.server.api.pixels import (
    AssociatedHandler,
    AssociatedNamesHandler,
    BundleHandler,
    DeepZoomHandler,
    DeepZoomTileHandler,
    MapTileHandler,
    RegionHandler,
    ThumbnailHandler,
)
from wsi_lab.server.api.questions import QuestionHandler, QuestionsHandler
from wsi_lab.server.api.routes_tasks import TASK_ROUTES
from wsi_lab.server.api.slides import PropertiesHandler, SlideHandler, SlidesHandler
from wsi_lab.server.api.studies import (
    MemberHandler,
    MembersHandler,
    PlansHandler,
    PublicationHandler,
    StudiesHandler,
    StudyHandler,
)
from wsi_lab.server.api.tma_maps import SlideMapHandler, TmaMapHandler, TmaMapsHandler
from wsi_lab.server.api.uploads import FinishHandler
from wsi_lab.server.reading.routes import READING_ROUTES
from wsi_lab.server.routing import OPEN, Kind, Need, Route

_LOOK = Need(Action.LAB_VIEW)
_RUN = Need(Action.LAB_ADMIN)
_TOKENS = Need(Action.TOKEN_MANAGE)
# Any token may end itself, so the door lets all of them through to the service.
_END_TOKEN = Need(Action.TOKEN_MANAGE, Kind.TOKEN)
_VIEW = Need(Action.STUDY_VIEW, Kind.STUDY)
_EDIT = Need(Action.STUDY_EDIT, Kind.STUDY)
_ADMIN = Need(Action.STUDY_ADMIN, Kind.STUDY)
_PUBLISH = Need(Action.STUDY_PUBLISH, Kind.STUDY)
_VIEW_CASE = Need(Action.STUDY_VIEW, Kind.CASE)
_EDIT_CASE = Need(Action.STUDY_EDIT, Kind.CASE)
_VIEW_SLIDE = Need(Action.STUDY_VIEW, Kind.SLIDE)
_EDIT_SLIDE = Need(Action.STUDY_EDIT, Kind.SLIDE)
_PIXELS = Need(Action.SLIDE_VIEW, Kind.SLIDE)
_PRIVATE = Need(Action.SLIDE_PRIVATE, Kind.SLIDE)
_RESULTS = Need(Action.RESULTS_VIEW, Kind.STUDY)
_ANSWER = Need(Action.RESULTS_VIEW, Kind.ANSWER)
_EDIT_QUESTION = Need(Action.STUDY_EDIT, Kind.QUESTION)

V1_ROUTES: tuple[Route, ...] = (
    # Tiles first: most requests are for one.
    Route("v1/slides/{slide_id}/tiles/{z}/{x}/{y}.jpg", MapTileHandler, {"GET": _PIXELS}),
    Route("v1/slides/{slide_id}/tiles/{z}", BundleHandler, {"GET": _PIXELS}),
    Route(
        "v1/slides/{slide_id}/deepzoom_files/{level}/{x}_{y}.jpg",
        DeepZoomTileHandler,
        {"GET": _PIXELS},
    ),
    Route("v1/slides/{slide_id}/deepzoom.dzi", DeepZoomHandler, {"GET": _PIXELS}),
    Route("v1/slides/{slide_id}/region", RegionHandler, {"GET": _PIXELS}),
    Route("v1/slides/{slide_id}/thumbnail", ThumbnailHandler, {"GET": _PIXELS}),
    Route("v1/slides/{slide_id}/associated", AssociatedNamesHandler, {"GET": _PRIVATE}),
    Route("v1/slides/{slide_id}/associated/{name}", AssociatedHandler, {"GET": _PRIVATE}),
    Route("v1/slides/{slide_id}/properties", PropertiesHandler, {"GET": _PIXELS}),
    Route(
        "v1/slides/{slide_id}",
        SlideHandler,
        {
            "GET": _VIEW_SLIDE,
            "PATCH": _EDIT_SLIDE,
            "DELETE": Need(Action.SLIDE_DELETE, Kind.SLIDE),
        },
    ),
    Route("v1/", RootHandler, {"GET": OPEN}),
    Route("v1/openapi.yaml", OpenApiHandler, {"GET": OPEN}),
    Route("v1/me", MeHandler, {"GET": _LOOK}),
    Route("v1/users", UsersHandler, {"GET": _RUN, "POST": _RUN}),
    Route("v1/tokens", TokensHandler, {"GET": _TOKENS, "POST": _TOKENS}),
    Route("v1/tokens/{token_id}", TokenHandler, {"DELETE": _END_TOKEN}),
    Route(
        "v1/studies",
        StudiesHandler,
        {"GET": _LOOK, "POST": Need(Action.STUDY_CREATE)},
    ),
    Route(
        "v1/study-plans",
        PlansHandler,
        {"POST": Need(Action.STUDY_CREATE)},
        body_limit=LARGEST_PLAN,
        body_seconds=SECONDS_PER_TABLE,
    ),
    Route(
        "v1/studies/{study_id}",
        StudyHandler,
        {
            "GET": Need(Action.STUDY_KNOW, Kind.STUDY),
            "PATCH": _EDIT,
            "DELETE": Need(Action.STUDY_DELETE, Kind.STUDY),
        },
    ),
    Route("v1/studies/{study_id}/publication", PublicationHandler, {"PUT": _PUBLISH}),
    Route("v1/studies/{study_id}/members", MembersHandler, {"GET": _ADMIN}),
    Route(
        "v1/studies/{study_id}/members/{email}", MemberHandler, {"PUT": _ADMIN, "DELETE": _ADMIN}
    ),
    Route("v1/studies/{study_id}/cases", CasesHandler, {"GET": _VIEW, "POST": _EDIT}),
    Route(
        "v1/studies/{study_id}/slides",
        SlidesHandler,
        {"GET": _VIEW, "POST": Need(Action.SLIDE_ADD, Kind.STUDY)},
    ),
    Route(
        "v1/cases/{case_id}",
        CaseHandler,
        {"GET": _VIEW_CASE, "PATCH": _EDIT_CASE, "DELETE": _EDIT_CASE},
    ),
    Route(
        "v1/studies/{study_id}/questions",
        QuestionsHandler,
        {"GET": _VIEW, "POST": _EDIT, "PUT": _EDIT},
    ),
    Route(
        "v1/questions/{question_id}",
        QuestionHandler,
        {
            "GET": Need(Action.STUDY_VIEW, Kind.QUESTION),
            "PATCH": _EDIT_QUESTION,
            "DELETE": _EDIT_QUESTION,
        },
    ),
    Route(
        "v1/studies/{study_id}/answers",
        AnswersHandler,
        {"GET": _RESULTS, "POST": Need(Action.ANSWER_SUBMIT, Kind.STUDY)},
        body_limit=LARGEST_ANSWER,
        body_seconds=SECONDS_PER_TABLE,
    ),
    Route("v1/answers/{answer_id}", AnswerHandler, {"GET": _ANSWER}),
    Route("v1/answers/{answer_id}/history", HistoryHandler, {"GET": _ANSWER}),
    Route(
        "v1/studies/{study_id}/results",
        ResultsHandler,
        {"POST": Need(Action.ANSWER_IMPORT, Kind.STUDY)},
        body_limit=LARGEST_TABLE,
        body_seconds=SECONDS_PER_TABLE,
    ),
    Route("v1/studies/{study_id}/tma-maps", TmaMapsHandler, {"GET": _VIEW, "POST": _EDIT}),
    Route("v1/tma-maps/{map_id}", TmaMapHandler, {"GET": Need(Action.STUDY_VIEW, Kind.TMA_MAP)}),
    Route("v1/slides/{slide_id}/tma-map", SlideMapHandler, {"PUT": _EDIT_SLIDE}),
    Route(
        "v1/uploads/{upload_id}/finish",
        FinishHandler,
        {"POST": Need(Action.FILE_UPLOAD, Kind.UPLOAD)},
    ),
    Route("v1/studies/{study_id}/annotations", AnnotationsHandler, {"GET": _RESULTS}),
    Route(
        "v1/studies/{study_id}/config-files",
        ConfigFilesHandler,
        {"GET": Need(Action.STUDY_CONFIG, Kind.STUDY)},
    ),
    Route(
        "v1/studies/{study_id}/import",
        ImportHandler,
        {"POST": Need(Action.STUDY_IMPORT, Kind.STUDY)},
    ),
    *OVERLAYS_ROUTES,
    *LAYERS_ROUTES,
    *EXCHANGE_ROUTES,
    *TASK_ROUTES,
    *ARCHIVE_ROUTES,
    *READING_ROUTES,
    *CORES_ROUTES,
)
