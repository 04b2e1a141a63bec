"""A study's configuration files: out of the study, and into it."""

from __future__ import annotations

from msgspec import Struct

from wsi_lab.model.people import Actor
from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.lab import Lab


class ImportForm(Struct):
    """How a study is to be set up from its files."""

    ignore_image_errors: bool = False


class ConfigFilesHandler(JsonHandler):
    """The files that say what a study is."""

    async def get(self, study_id: str) -> None:
        """Return them, as they would have to be to make the study anew."""
        number = whole_id(study_id, "study")
        self.query(forms.NoQuery)
        files = await self.ask(self.lab.configuration.files, self.actor, number)
        self.send({"files": files})


class ImportHandler(JsonHandler):
    """Setting a study up from the files in the lab's own folder."""

    async def post(self, study_id: str) -> None:
        """Read the files and add what they name."""
        number, form = whole_id(study_id, "study"), self.body(ImportForm)
        # It opens every slide that is new.
        self.send(
            await self.wait_in(self.site.transfers, _import, self.lab, self.actor, number, form)
        )


def _import(lab: Lab, actor: Actor, study_id: int, form: ImportForm) -> forms.Json:
    study = lab.studies.get(actor, study_id)
    done = lab.configuration.reimport(
        actor, study.name, ignore_image_errors=form.ignore_image_errors
    )
    return {"study_id": done.study_id, "log": list(done.log)}
