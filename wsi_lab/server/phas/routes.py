"""Every address of the door, and what each of its methods asks of the lab."""

from __future__ import annotations

from wsi_lab.model.people import Action
from wsi_lab.server.base import Handler
from wsi_lab.server.phas import (
    account,
    deepzoom,
    drawings,
    labels,
    manifests,
    projects,
    shapes,
    slides,
)
from wsi_lab.server.phas.door import PHAS_DOOR
from wsi_lab.server.phas.handlers import LARGEST_FORM
from wsi_lab.server.routing import (
    OPEN,
    SECONDS_PER_BODY,
    Kind,
    Need,
    Route,
)

_LOOK = Need(Action.LAB_VIEW)
_KEYS = Need(Action.TOKEN_MANAGE)
_STUDY = Need(Action.STUDY_VIEW, Kind.STUDY)
_EDIT_STUDY = Need(Action.STUDY_EDIT, Kind.STUDY)
_TASK = Need(Action.STUDY_VIEW, Kind.TASK)
_DRAW = Need(Action.ANSWER_SUBMIT, Kind.TASK)
_LIST = Need(Action.API_USE, Kind.TASK)
_PIXELS = Need(Action.SLIDE_VIEW, Kind.SLIDE)
_PICTURES = Need(Action.SLIDE_VIEW, Kind.TASK)
_PRIVATE = Need(Action.SLIDE_PRIVATE, Kind.SLIDE)
_PATH = Need(Action.STUDY_ADMIN, Kind.SLIDE)


def _get(path: str, handler: type[Handler], need: Need) -> Route:
    return Route(path, handler, {"GET": need}, PHAS_DOOR, body_limit=LARGEST_FORM)


def _post(
    path: str,
    handler: type[Handler],
    need: Need,
    *,
    largest: int = LARGEST_FORM,
    seconds: float = SECONDS_PER_BODY,
) -> Route:
    return Route(path, handler, {"POST": need}, PHAS_DOOR, body_limit=largest, body_seconds=seconds)


def _either(path: str, handler: type[Handler], need: Need) -> Route:
    return Route(path, handler, {"GET": need, "POST": need}, PHAS_DOOR, body_limit=LARGEST_FORM)


_ACCOUNT = (
    _post("auth/api/login", account.LoginHandler, OPEN),
    _either("auth/api/generate_key", account.KeyHandler, _KEYS),
    _get("auth/api/anonymize", account.AnonymiseHandler, OPEN),
    _post("auth/api/set_anonymize/{flag}", account.SetAnonymiseHandler, _LOOK),
    _get("auth/api/project/{project}/private_access", account.PrivateAccessHandler, OPEN),
)
_LISTS = (
    _get("api/projects", projects.ProjectsHandler, _LOOK),
    _get("api/project/{project}/tasks", projects.TasksHandler, _STUDY),
    _get("api/task/{task_id}/info", projects.TaskHandler, _TASK),
    _get("api/task/{task_id}/labelset", projects.TaskLabelSetHandler, _TASK),
    _get(
        "api/task/{task_id}/slide_detailed_manifest.csv", manifests.DetailedManifestHandler, _LIST
    ),
    _get("api/task/{task_id}/slide_manifest.csv", manifests.ManifestHandler, _LIST),
    _get("api/task/{task_id}/specimens", manifests.SpecimensHandler, _LIST),
    _get("api/task/{task_id}/slide/{slide_id}/info", manifests.SlideHandler, _LIST),
    _get("api/task/{task_id}/slide/{slide_id}/tags", manifests.TagsHandler, _LIST),
)
_DRAWINGS = (
    _get(
        "task/{task_id}/slide/{mode}/{resolution}/{slide_id}/annot/get",
        drawings.DrawingHandler,
        _TASK,
    ),
    _post(
        "task/{task_id}/slide/{mode}/{resolution}/{slide_id}/annot/set",
        drawings.SetDrawingHandler,
        _DRAW,
        largest=drawings.LARGEST_DRAWING,
        seconds=drawings.SECONDS_PER_DRAWING,
    ),
    _get("api/task/{task_id}/slide/{slide_id}/annot/timestamp", drawings.TimestampHandler, _TASK),
    _post("api/task/{task_id}/slide_{slide_id}_annot.svg", drawings.SvgHandler, _TASK),
    _post("api/task/{task_id}/slide_{slide_id}_annot_{size}.svg", drawings.SvgHandler, _TASK),
)
_LABELS = (
    _get("dltrain/api/{project}/labelsets", labels.LabelSetsHandler, _STUDY),
    _get("dltrain/api/{project}/labelset/{label_set_id}/labels", labels.LabelsHandler, _STUDY),
    _post("dltrain/{project}/add_labelset", labels.AddLabelSetHandler, _EDIT_STUDY),
    _post(
        "dltrain/api/{project}/labelset/{label_set_id}/add_label",
        labels.AddLabelHandler,
        _EDIT_STUDY,
    ),
    _post("dltrain/api/{project}/label/{label_id}/update", labels.ChangeLabelHandler, _EDIT_STUDY),
    _post("dltrain/api/{project}/label/{label_id}/delete", labels.RemoveLabelHandler, _EDIT_STUDY),
)
_ON_SLIDE = "task/{task_id}/slide/{slide_id}"
_ON_RAW = "task/{task_id}/slide/{mode}/{resolution}/{slide_id}"
_SHAPES = (
    _get(f"{_ON_SLIDE}/dltrain/samples", shapes.SamplesHandler, _TASK),
    _post(f"{_ON_SLIDE}/dltrain/sample/create", shapes.AddSampleHandler, _DRAW),
    _post(f"{_ON_SLIDE}/dltrain/sample/update", shapes.ChangeSampleHandler, _DRAW),
    _post(f"{_ON_SLIDE}/dltrain/sample/delete", shapes.RemoveSampleHandler, _DRAW),
    _get("dltrain/api/sample/{sample_id}/image.png", slides.SampleImageHandler, _PICTURES),
    _get("dltrain/api/task/{task_id}/samples/manifest.csv", shapes.SamplesTableHandler, _LIST),
    _get(f"{_ON_RAW}/sampling_roi/get", shapes.RegionsHandler, _TASK),
    _post(
        f"{_ON_RAW}/dltrain/sampling_roi/create",
        shapes.AddRegionHandler,
        _DRAW,
        largest=shapes.LARGEST_SHAPE,
    ),
    _post(
        f"{_ON_RAW}/dltrain/sampling_roi/update",
        shapes.ChangeRegionHandler,
        _DRAW,
        largest=shapes.LARGEST_SHAPE,
    ),
    _post(f"{_ON_SLIDE}/dltrain/sampling_roi/delete", shapes.RemoveRegionHandler, _DRAW),
    _either(f"{_ON_SLIDE}/dltrain/sampling_roi/delete_all", shapes.RemoveRegionsHandler, _DRAW),
    _get(
        f"{_ON_SLIDE}/sampling_roi/make_image_{{size}}.nii.gz",
        slides.RegionsNiftiHandler,
        _PICTURES,
    ),
    _get("dltrain/api/task/{task_id}/sampling_roi/manifest.csv", shapes.RegionsTableHandler, _LIST),
)
_OF_SLIDE = "dzi/download/{project}/slide_{slide_id}"
_SLIDES = (
    _get("dzi/{project}/{slide_id}/header", slides.HeaderHandler, _PIXELS),
    _get("dzi/{project}/{slide_id}/filepath", slides.PathHandler, _PATH),
    _get(f"{_OF_SLIDE}_raw_header.json", slides.OpenSlideHeaderHandler, _PIXELS),
    _get(
        "dzi/patch/{project}/{slide_id}/raw/{level}/{x}_{y}_{width}_{height}.png",
        slides.PatchHandler,
        _PIXELS,
    ),
    _get(
        "dzi/download/task/{task_id}/slide_{slide_id}_raw_{size}.nii.gz",
        slides.ThumbnailNiftiHandler,
        _PICTURES,
    ),
    _get(f"{_OF_SLIDE}_raw_{{size}}.nii.gz", slides.ThumbnailOfProjectNiftiHandler, _PIXELS),
    _get(f"{_OF_SLIDE}_label.png", slides.LabelImageHandler, _PRIVATE),
    _get(f"{_OF_SLIDE}_macro.png", slides.MacroImageHandler, _PRIVATE),
    _get("api/task/{task_id}/slide/{slide_id}_thumbnail.png", slides.ThumbnailHandler, _PICTURES),
    _get(
        "api/task/{task_id}/slide/{slide_id}/random_patch/{width}",
        slides.RandomPatchHandler,
        _PICTURES,
    ),
    _get("dzi/{mode}/{project}/{slide_id}/raw.dzi", deepzoom.DescriptorHandler, _PIXELS),
    _get(
        "dzi/{mode}/{project}/{slide_id}/raw_files/{level}/{x}_{y}", deepzoom.TileHandler, _PIXELS
    ),
)

PHAS_ROUTES: tuple[Route, ...] = (
    *_SLIDES,
    *_DRAWINGS,
    *_SHAPES,
    *_LISTS,
    *_LABELS,
    *_ACCOUNT,
)
