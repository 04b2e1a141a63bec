"""Every address of the door, and what each of its methods asks of the lab."""

from __future__ import annotations

from collections.abc import Mapping

from wsi_lab.model.attached import LARGEST_ATTACHED
from wsi_lab.model.people import Action
from wsi_lab.model.upload import LARGEST_UPLOAD
from wsi_lab.server.base import Handler
from wsi_lab.server.cytomine import (
    annotation_terms,
    attached,
    crops,
    descriptions,
    downloads,
    images,
    liveness,
    ontologies,
    pixels,
    projects,
    properties,
    tags,
    terms,
    uploads,
    users,
)
from wsi_lab.server.cytomine import annotations as annotation_lists
from wsi_lab.server.cytomine.door import CYTOMINE_DOOR
from wsi_lab.server.routing import LARGEST_BODY, OPEN, SECONDS_PER_BODY, Kind, Need, Route

LARGEST_OBJECT = 16 << 20
"""Bytes. Clients send back all that they were told of an annotation, its outline included."""

_LOOK = Need(Action.LAB_VIEW)
_KEYS = Need(Action.TOKEN_MANAGE)
_STUDY = Need(Action.STUDY_VIEW, Kind.STUDY)
_EDIT_STUDY = Need(Action.STUDY_EDIT, Kind.STUDY)
_ADMIN_STUDY = Need(Action.STUDY_ADMIN, Kind.STUDY)
_ONTOLOGY = Need(Action.STUDY_VIEW, Kind.ONTOLOGY)
_EDIT_ONTOLOGY = Need(Action.STUDY_EDIT, Kind.ONTOLOGY)
_TERM = Need(Action.STUDY_VIEW, Kind.LABEL)
_EDIT_TERM = Need(Action.STUDY_EDIT, Kind.LABEL)
_SLIDE = Need(Action.STUDY_VIEW, Kind.SLIDE)
_IMAGE = Need(Action.STUDY_VIEW, Kind.IMAGE)
_PIXELS = Need(Action.SLIDE_VIEW, Kind.SLIDE)
_IMAGE_PIXELS = Need(Action.SLIDE_VIEW, Kind.IMAGE)
_SHAPE = Need(Action.STUDY_VIEW, Kind.ANNOTATION)
_DRAW = Need(Action.ANSWER_SUBMIT, Kind.ANNOTATION)
_SHAPE_PIXELS = Need(Action.SLIDE_VIEW, Kind.ANNOTATION)
_REMARK = Need(Action.STUDY_VIEW, Kind.REMARK)
_SAY = Need(Action.STUDY_EDIT, Kind.REMARK)

_SAID = {"GET": _REMARK, "POST": _SAY}
_SAID_ONE = {"GET": _REMARK, "PUT": _SAY, "DELETE": _SAY}


def _route(
    path: str,
    handler: type[Handler],
    needs: Mapping[str, Need],
    *,
    largest: int = LARGEST_BODY,
    seconds: float | None = SECONDS_PER_BODY,
) -> Route:
    return Route(path, handler, needs, CYTOMINE_DOOR, body_limit=largest, body_seconds=seconds)


def _get(path: str, handler: type[Handler], need: Need) -> Route:
    return _route(path, handler, {"GET": need})


_ACCOUNT = (
    _get("server/ping", liveness.PingHandler, OPEN),
    _get("server/ping.json", liveness.PingHandler, OPEN),
    _get("session/admin/open.json", liveness.AdminSessionHandler, _LOOK),
    _get("session/admin/close.json", liveness.AdminSessionHandler, _LOOK),
    _get("api/currentuser.json", users.CurrentUserHandler, _LOOK),
    _get("api/user/current.json", users.CurrentUserHandler, _LOOK),
    _get("api/user.json", users.UsersHandler, _LOOK),
    _get("api/user/{user_id}.json", users.UserHandler, _LOOK),
    _get("api/user/{user_id}/keys.json", users.UserKeysHandler, _KEYS),
    _get("api/userkey/{public_key}/keys.json", users.KeysHandler, _KEYS),
    _get("api/role.json", users.RolesHandler, _LOOK),
    _get("api/user/{user_id}/role.json", users.UserRolesHandler, _LOOK),
    _get("api/user/{user_id}/role/{role_id}.json", users.UserRoleHandler, _LOOK),
    _get("api/project/{project_id}/user.json", users.MembersHandler, _STUDY),
    _get("api/project/{project_id}/admin.json", users.ManagersHandler, _STUDY),
    _route(
        "api/project/{project_id}/user/{user_id}.json",
        users.MemberHandler,
        {"POST": _ADMIN_STUDY, "DELETE": _ADMIN_STUDY},
    ),
    _route(
        "api/project/{project_id}/user/{user_id}/admin.json",
        users.ManagerHandler,
        {"POST": _ADMIN_STUDY, "DELETE": _ADMIN_STUDY},
    ),
)
_PROJECTS = (
    _route(
        "api/project.json",
        projects.ProjectsHandler,
        {"GET": _LOOK, "POST": Need(Action.STUDY_CREATE)},
    ),
    _route(
        "api/project/{project_id}.json",
        projects.ProjectHandler,
        {
            "GET": _STUDY,
            "PUT": _EDIT_STUDY,
            "DELETE": Need(Action.STUDY_DELETE, Kind.STUDY),
        },
    ),
    _get("api/ontology/{ontology_id}/project.json", projects.ProjectsOfOntologyHandler, _ONTOLOGY),
    _get("api/user/{user_id}/project.json", projects.ProjectsOfUserHandler, _LOOK),
)
_ONTOLOGIES = (
    _route("api/ontology.json", ontologies.OntologiesHandler, {"GET": _LOOK, "POST": _LOOK}),
    _route(
        "api/ontology/{ontology_id}.json",
        ontologies.OntologyHandler,
        {"GET": _ONTOLOGY, "PUT": _EDIT_ONTOLOGY, "DELETE": _EDIT_ONTOLOGY},
    ),
    _get("api/ontology/{ontology_id}/term.json", terms.TermsOfOntologyHandler, _ONTOLOGY),
    _get("api/project/{project_id}/term.json", terms.TermsOfProjectHandler, _STUDY),
    _route("api/term.json", terms.TermsHandler, {"GET": _LOOK, "POST": _EDIT_ONTOLOGY}),
    _route(
        "api/term/{term_id}.json",
        terms.TermHandler,
        {"GET": _TERM, "PUT": _EDIT_TERM, "DELETE": _EDIT_TERM},
    ),
    _route("api/relation/parent/term.json", terms.RelationsHandler, {"POST": _EDIT_TERM}),
    _route(
        "api/relation/parent/term1/{parent_id}/term2/{term_id}.json",
        terms.RelationHandler,
        {"GET": _TERM, "DELETE": _EDIT_TERM},
    ),
)
_IMAGES = (
    _get("api/project/{project_id}/imageinstance.json", images.InstancesOfProjectHandler, _STUDY),
    _route(
        "api/imageinstance.json",
        images.InstancesHandler,
        {"POST": Need(Action.SLIDE_ADD_UPLOADED, Kind.IMAGE)},
        largest=LARGEST_OBJECT,
    ),
    _route(
        "api/imageinstance/{image_id}.json",
        images.InstanceHandler,
        {
            "GET": _SLIDE,
            "PUT": Need(Action.STUDY_EDIT, Kind.SLIDE),
            "DELETE": Need(Action.SLIDE_DELETE, Kind.SLIDE),
        },
    ),
    _get("api/imageinstance/{image_id}/sliceinstance/reference.json", images.SliceHandler, _SLIDE),
    _get("api/imageinstance/{image_id}/sliceinstance.json", images.SlicesHandler, _SLIDE),
    _get("api/sliceinstance/{image_id}.json", images.SliceHandler, _SLIDE),
    _get("api/abstractimage.json", images.AbstractImagesHandler, _LOOK),
    _route(
        "api/abstractimage/{abstract_id}.json",
        images.AbstractImageHandler,
        {"GET": _IMAGE, "DELETE": Need(Action.FILE_UPLOAD, Kind.IMAGE)},
    ),
)
_PICTURES = (
    *(
        route
        for noun in ("imageinstance", "sliceinstance")
        for route in (
            _get(f"api/{noun}/{{image_id}}/window-{{place}}", pixels.WindowHandler, _PIXELS),
            _get(f"api/{noun}/{{image_id}}/thumb.{{ending}}", pixels.ThumbHandler, _PIXELS),
            _get(f"api/{noun}/{{image_id}}/preview.{{ending}}", pixels.PreviewHandler, _PIXELS),
        )
    ),
    _get(
        "api/abstractimage/{abstract_id}/window-{place}",
        pixels.AbstractWindowHandler,
        _IMAGE_PIXELS,
    ),
    _get(
        "api/abstractimage/{abstract_id}/thumb.{ending}",
        pixels.AbstractThumbHandler,
        _IMAGE_PIXELS,
    ),
    _get(
        "api/abstractimage/{abstract_id}/preview.{ending}",
        pixels.AbstractPreviewHandler,
        _IMAGE_PIXELS,
    ),
    _get(
        "api/imageinstance/{image_id}/download",
        downloads.InstanceDownloadHandler,
        Need(Action.SLIDE_DOWNLOAD, Kind.SLIDE),
    ),
    _get(
        "api/abstractimage/{abstract_id}/download",
        downloads.AbstractDownloadHandler,
        Need(Action.SLIDE_DOWNLOAD, Kind.IMAGE),
    ),
    *(
        _get(f"api/{noun}/{{annotation_id}}/{shows}.{{ending}}", handler, _SHAPE_PIXELS)
        for noun in ("userannotation", "annotation")
        for shows, handler in (
            ("crop", crops.CropHandler),
            ("mask", crops.MaskHandler),
            ("alphamask", crops.AlphaMaskHandler),
        )
    ),
)
_ANNOTATIONS = (
    _route(
        "api/annotation.json",
        annotation_lists.AnnotationsHandler,
        {"GET": _SHAPE, "POST": _DRAW},
        largest=annotation_lists.LARGEST_BATCH,
        seconds=annotation_lists.SECONDS_PER_BATCH,
    ),
    _get("api/annotation/included.json", annotation_lists.IncludedHandler, _SHAPE),
    _get(
        "api/imageinstance/{image_id}/annotation/included.json",
        annotation_lists.IncludedInImageHandler,
        _SHAPE,
    ),
    *(
        _route(
            f"api/{noun}/{{annotation_id}}.json",
            annotation_lists.AnnotationHandler,
            {"GET": _SHAPE, "PUT": _DRAW, "DELETE": _DRAW},
            largest=LARGEST_OBJECT,
        )
        for noun in ("annotation", "userannotation")
    ),
    _get("api/annotation/{annotation_id}/term.json", annotation_terms.RelationsHandler, _SHAPE),
    _route(
        "api/annotation/{annotation_id}/term/{term_id}.json",
        annotation_terms.RelationHandler,
        {"GET": _SHAPE, "POST": _DRAW, "DELETE": _DRAW},
    ),
    _route(
        "api/annotation/{annotation_id}/term/{term_id}/clearBefore.json",
        annotation_terms.OnlyRelationHandler,
        {"POST": _DRAW},
    ),
)
_THING = "api/domain/{class}/{thing_id}"
_REMARKS = (
    *(
        route
        for thing in (_THING, "api/annotation/{annotation_id}")
        for route in (
            _route(f"{thing}/property.json", properties.PropertiesHandler, _SAID),
            _route(f"{thing}/property/{{property_id}}.json", properties.PropertyHandler, _SAID_ONE),
            _get(f"{thing}/key/{{key}}/property.json", properties.PropertyByKeyHandler, _REMARK),
        )
    ),
    _route("api/tag.json", tags.TagsHandler, {"GET": _LOOK, "POST": _LOOK}),
    _route(
        "api/tag/{tag_id}.json", tags.TagHandler, dict.fromkeys(("GET", "PUT", "DELETE"), _LOOK)
    ),
    _route(f"{_THING}/tag_domain_association.json", tags.LinksHandler, _SAID),
    _route(
        "api/tag_domain_association/{link_id}.json",
        tags.LinkHandler,
        {"GET": _REMARK, "DELETE": _SAY},
    ),
    _route(
        "api/attachedfile.json",
        attached.AttachHandler,
        {"POST": _SAY},
        largest=LARGEST_ATTACHED + LARGEST_BODY,
        seconds=None,
    ),
    _get(f"{_THING}/attachedfile.json", attached.AttachedFilesHandler, _REMARK),
    _route(
        "api/attachedfile/{file_id}.json",
        attached.AttachedFileHandler,
        {"GET": _REMARK, "DELETE": _SAY},
    ),
    _get("api/attachedfile/{file_id}/download", attached.AttachedDownloadHandler, _REMARK),
    _route(
        f"{_THING}/description.json",
        descriptions.DescriptionHandler,
        {**_SAID_ONE, "POST": _SAY},
    ),
)
_UPLOADS = (
    _get("api/storage.json", uploads.StoragesHandler, _LOOK),
    _get("api/storage/{storage_id}.json", uploads.StorageHandler, _LOOK),
    _route(
        "upload",
        uploads.UploadHandler,
        {"POST": Need(Action.FILE_UPLOAD, Kind.STUDY)},
        largest=LARGEST_UPLOAD,
        seconds=None,
    ),
)

CYTOMINE_ROUTES: tuple[Route, ...] = (
    *_PICTURES,
    *_ANNOTATIONS,
    *_IMAGES,
    *_PROJECTS,
    *_ONTOLOGIES,
    *_REMARKS,
    *_ACCOUNT,
    *_UPLOADS,
)
