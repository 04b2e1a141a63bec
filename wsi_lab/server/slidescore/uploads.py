"""Sending files: what is asked before and after the bytes go through `wsi_lab.server.tus`."""

from __future__ import annotations

from typing import Any, ClassVar

from wsi_lab.errors import Invalid
from wsi_lab.model.people import Action
from wsi_lab.server.routing import Kind, Need, Route
from wsi_lab.server.slidescore.door import Form, SlideScoreDoor
from wsi_lab.server.slidescore.method import Changing, needs, routes_of
from wsi_lab.server.slidescore.params import Params

_ID_LENGTH = 32


class RequestUpload(Changing):
    """Announce a file."""

    name: ClassVar[str] = "RequestUpload"
    need: ClassVar[Need] = needs(Action.FILE_UPLOAD, Kind.STUDY)
    form: ClassVar[Form] = Form.TEXT

    async def answer(self, params: Params) -> Any:
        """Return the token to send it with."""
        token = await self.ask(
            self.lab.uploads.request,
            self.actor,
            params.required("filename"),
            params.text("folder") or "",
            params.number("studyId"),
        )
        return {"token": token}


class FinishUpload(Changing):
    """Have a file put in its place once all of it is here."""

    name: ClassVar[str] = "FinishUpload"
    # Annotations are sent by those who may do nothing else, with tokens made for them.
    need: ClassVar[Need] = needs(Action.FILE_UPLOAD, Kind.STUDY)
    form: ClassVar[Form] = Form.TEXT

    async def answer(self, params: Params) -> Any:
        """Return the one text that means that it worked."""
        # One client takes parts of the address for the beginning of the id.
        upload_id = params.required("id")[-_ID_LENGTH:]
        await self.wait_in(
            self.site.transfers,
            self.lab.uploads.finish,
            self.actor,
            upload_id,
            params.required("token"),
        )
        return "OK"


class RequestUploadAttachment(Changing):
    """Announce a file that descriptions will link to."""

    name: ClassVar[str] = "RequestUploadAttachment"
    need: ClassVar[Need] = needs(Action.STUDY_EDIT, Kind.STUDY)

    async def answer(self, params: Params) -> Any:
        """Return a token that is good for this file, and where to send it."""
        study_id = params.number("studyId")
        if study_id is None:
            raise Invalid("Name a study; there are no teaching modules here.")
        request = await self.ask(
            self.lab.uploads.request_attachment,
            self.actor,
            study_id,
            params.required("filename"),
        )
        return {
            "success": True,
            "token": request.api_token,
            "folder": request.folder,
            "filename": request.file_name,
            "attId": request.attachment.id,
        }


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of sending files."""
    return routes_of(door, RequestUpload, FinishUpload, RequestUploadAttachment)
