"""Methods about whole studies: set up from files, taken out again; and letters to members."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from wsi_lab.model.people import Action, User
from wsi_lab.server.routing import Kind, Need, Route
from wsi_lab.server.slidescore.door import SUCCESS, Form, SlideScoreDoor
from wsi_lab.server.slidescore.method import Changing, Reading, named_wrongly, needs, routes_of
from wsi_lab.server.slidescore.params import Params
from wsi_lab.server.slidescore.questions import question_object
from wsi_lab.server.slidescore.studies import iso
from wsi_lab.service.configuring.configuration import StudyConfig

_CONFIG = needs(Action.STUDY_CONFIG, Kind.STUDY)


class Reimport(Changing):
    """Set a study up from its files."""

    name = "Reimport"
    need: ClassVar[Need] = needs(Action.STUDY_IMPORT, Kind.STUDY)
    form: ClassVar[Form] = Form.TEXT

    async def answer(self, params: Params) -> Any:
        """Return the id of the study, and what was done."""
        name, lenient = params.required("studyName"), params.flag("ignoreImageErrors")
        reimport = self.lab.configuration.reimport
        with named_wrongly():
            done = await self.wait_in(
                self.site.transfers, reimport, self.actor, name, ignore_image_errors=lenient
            )
        return {**SUCCESS, "id": done.study_id, "log": "\n".join(done.log)}


class GetConfig(Reading):
    """How a study is set up."""

    name = "GetConfig"
    need: ClassVar[Need] = _CONFIG

    async def answer(self, params: Params) -> Any:
        """Return it as one object."""
        study_id = params.required_number("studyId")
        config = await self.ask(self.lab.configuration.config, self.actor, study_id)
        return {**SUCCESS, "config": config_object(config)}


class GetConfigFiles(Reading):
    """The files that a study can be set up from again."""

    name = "GetConfigFiles"
    need: ClassVar[Need] = _CONFIG

    async def answer(self, params: Params) -> Any:
        """Return their texts by their names."""
        study_id = params.required_number("studyId")
        files = await self.ask(self.lab.configuration.files, self.actor, study_id)
        return {**files, **SUCCESS}


class SendEmail(Changing):
    """Write to members of a study."""

    name = "SendEmail"
    need: ClassVar[Need] = needs(Action.STUDY_MAIL, Kind.STUDY)
    form: ClassVar[Form] = Form.STATUS

    async def answer(self, params: Params) -> Any:
        """Send a letter to each of them."""
        study_id = params.required_number("studyId")
        to = [each.strip() for each in params.required("to").split(";") if each.strip()]
        lab, actor, here = self.lab, self.actor, self._address()

        def link(user: User) -> str:
            address = (lab.settings.public_url or here).rstrip("/")
            query: dict[str, Any] = {"studyId": study_id}
            if lab.settings.public_url:
                # What the request calls this server may be anybody's; leave goes to ours only.
                reader = lab.invitations.for_letter(actor, study_id, user.email)
                if reader is not None:
                    return f"{address}/{reader.address}"
                query["access"] = lab.grants.study_page(actor, study_id, user).text
            return f"{address}/Image/Details?{urlencode(query)}"

        await self.wait_in(
            self.site.transfers,
            self.lab.mail.send,
            self.actor,
            study_id,
            to,
            params.required("subject"),
            params.required("body"),
            link=link,
        )
        return {}

    def _address(self) -> str:
        return f"{self.request.protocol}://{self.request.host}{self.mount}"


def config_object(config: StudyConfig) -> dict[str, Any]:
    """Return the configuration of a study as clients read it."""
    study = config.study
    map_names = {each.id: each.name for each in config.maps}
    return {
        **study.settings,
        "id": study.id,
        "name": study.name,
        "friendlyName": study.friendly_name,
        "folder": study.folder,
        "publishedOn": iso(study.published_on) if study.published_on else None,
        "scores": [question_object(each) for each in config.questions],
        "users": [
            {"email": each.email, "rights": config.right_words[each.user_id]}
            for each in config.members
        ],
        "images": [
            {
                "id": each.id,
                "name": each.name,
                "path": config.paths.get(each.id, ""),
                "rotation": each.rotation,
                "tmaMap": map_names.get(each.tma_map_id or 0),
            }
            for each in config.slides
        ],
        "tmaMaps": list(map_names.values()),
    }


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of these methods."""
    return routes_of(door, Reimport, GetConfig, GetConfigFiles, SendEmail)
