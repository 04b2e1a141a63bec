"""Methods about annotations: ASAP's documents, and annotations that come as files."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import msgspec

from wsi_lab.errors import Invalid
from wsi_lab.model.annotation import AnnotationFile
from wsi_lab.model.answer import Core, Place
from wsi_lab.model.people import Action, Actor
from wsi_lab.server.routing import Kind, Need, Route
from wsi_lab.server.slidescore.door import SUCCESS, SlideScoreDoor
from wsi_lab.server.slidescore.method import (
    Changing,
    Reading,
    named_wrongly,
    needs,
    one_of,
    routes_of,
)
from wsi_lab.server.slidescore.params import Params
from wsi_lab.server.slidescore.results import log_of
from wsi_lab.server.slidescore.slides import slide_of_study
from wsi_lab.service.lab import Lab
from wsi_lab.service.uploading.uploads import AnnotationRequest

XML = "text/xml; charset=utf-8"

_IMPORT_ON_SLIDE = needs(Action.ANSWER_IMPORT, Kind.SLIDE)
_IMPORT = needs(Action.ANSWER_IMPORT, Kind.STUDY)
_CORE = re.compile(r"\s*([0-9]{1,4})\s*,\s*([0-9]{1,4})\s*", re.ASCII)


class ExportAsap(Reading):
    """What somebody drew on a slide, as an ASAP document."""

    name = "ExportASAPAnnotations"
    need: ClassVar[Need] = needs(Action.RESULTS_VIEW, Kind.SLIDE)

    async def answer(self, params: Params) -> bytes:
        """Return it."""
        document = await self.wait_in(
            self.site.transfers,
            self.lab.annotations.export_asap,
            self.actor,
            params.required_number("imageId"),
            params.required("user"),
            params.text("question") or None,
        )
        self.media_type = XML
        return document.encode()


class UploadAsap(Changing):
    """Make an ASAP document somebody's answers."""

    name = "UploadASAPAnnotations"
    need: ClassVar[Need] = _IMPORT_ON_SLIDE
    is_heavy: ClassVar[bool] = True

    async def answer(self, params: Params) -> Any:
        """Take all of it or nothing, and say what was done."""
        report = await self.wait_in(
            self.site.transfers,
            self.lab.annotations.import_asap,
            self.actor,
            params.required_number("imageId"),
            params.required("user"),
            params.required("asapAnnotation"),
            params.text("questionsMap") or "",
            name=params.text("annotationName") or None,
        )
        return {**SUCCESS, "log": log_of(report)}


class CreateAnno2(Changing):
    """Announce the annotation file that will be somebody's answer."""

    name = "CreateAnno2"
    need: ClassVar[Need] = _IMPORT

    async def answer(self, params: Params) -> Any:
        """Return what is needed to send it."""
        return await self.ask(self._announce, params)

    def _announce(self, params: Params) -> dict[str, Any]:
        lab, actor = self.lab, self.actor
        which = _answer_named_by(lab, actor, params)
        with named_wrongly():
            file = lab.annotations.begin_file(actor, **which)
        return announced(lab, actor, file)


class CreateOrphanAnno2(Changing):
    """Announce an annotation file that is nobody's answer."""

    name = "CreateOrphanAnno2"
    need: ClassVar[Need] = needs(Action.ANSWER_IMPORT, Kind.TOKEN)

    async def answer(self, params: Params) -> Any:  # noqa: ARG002 (there are none)
        """Return what is needed to send it."""
        return await self.ask(self._announce)

    def _announce(self) -> dict[str, Any]:
        file = self.lab.annotations.begin_orphan(self.actor)
        return announced(self.lab, self.actor, file)


class ConvertAnnotation(Changing):
    """Make an annotation file of the answer that a place, a question and an author name."""

    name = "ConvertAnnotationToAnno2"
    need: ClassVar[Need] = _IMPORT

    async def answer(self, params: Params) -> Any:
        """Return its UUID."""
        return await self.wait_in(self.site.transfers, self._convert, params)

    def _convert(self, params: Params) -> dict[str, Any]:
        which = _answer_named_by(self.lab, self.actor, params)
        with named_wrongly():
            uuid = self.lab.annotations.convert(self.actor, **which, metadata=_metadata(params))
        return {**SUCCESS, "annoUUID": uuid}


class ConvertScoreValue(Changing):
    """Make an annotation file of the answer with an id."""

    name = "ConvertScoreValueToAnno2"
    need: ClassVar[Need] = _IMPORT

    async def answer(self, params: Params) -> Any:
        """Return its UUID."""
        answer_id = params.required_number("scoreValueId")
        uuid = await self.wait_in(
            self.site.transfers,
            self.lab.annotations.convert,
            self.actor,
            answer_id=answer_id,
            metadata=_metadata(params),
        )
        return {**SUCCESS, "annoUUID": uuid}


def announced(lab: Lab, actor: Actor, file: AnnotationFile) -> dict[str, Any]:
    """Return what is needed to send an annotation file that was begun."""
    request: AnnotationRequest = lab.uploads.request_annotation(actor, file.uuid, file.study_id)
    return {
        **SUCCESS,
        "uploadToken": request.upload_token,
        "apiToken": request.api_token,
        "annoUUID": request.uuid,
    }


def core_named(lab: Lab, actor: Actor, slide_id: int, text: str | None) -> Core | None:
    """Return the core of a slide that ``row,column`` names, both counted from 0.

    Its sample is the one of the slide's map. No name, and 0, are no core.

    Raises
    ------
    Invalid
        The text names none.
    """
    if text is None or text.strip() in {"", "0"}:
        return None
    match = _CORE.fullmatch(text)
    if match is None:
        raise Invalid("A core is named by its row and column, both from 0, for example 2,5.")
    row, column = int(match[1]), int(match[2])
    map_id = lab.slides.get(actor, slide_id).tma_map_id
    cores = () if map_id is None else lab.tma_maps.cores(actor, map_id)
    samples = {(each.row, each.column): each.sample for each in cores}
    return Core(row, column, samples.get((row, column), ""))


def _answer_named_by(lab: Lab, actor: Actor, params: Params) -> dict[str, Any]:
    slide_id, case_id = params.number("imageId") or None, params.number("caseId") or None
    if slide_id is None and case_id is None:
        raise Invalid("Give an image or a case: imageId or caseId.")
    study_id = params.required_number("studyId")
    if slide_id is None:
        lab.studies.get(actor, study_id)
    else:
        slide_of_study(lab, actor, slide_id, study_id)
    tma_core = params.text("tmaCoreId")
    core = None if slide_id is None else core_named(lab, actor, slide_id, tma_core)
    by_id = one_of(params, ("scoreId", "question")) == "scoreId"
    return {
        "study_id": study_id,
        "place": Place(slide_id, case_id, core),
        "question": params.required_number("scoreId") if by_id else params.required("question"),
        "author": params.required("email"),
    }


def _metadata(params: Params) -> dict[str, Any]:
    text = params.text("metadata") or ""
    if not text.strip():
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Invalid("'metadata' must be a JSON object.") from error


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of methods about annotations."""
    return routes_of(
        door,
        ExportAsap,
        UploadAsap,
        CreateAnno2,
        CreateOrphanAnno2,
        ConvertAnnotation,
        ConvertScoreValue,
    )
