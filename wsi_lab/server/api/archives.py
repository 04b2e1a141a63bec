"""Whole studies as files: out of the lab, and into it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from tornado import web

from wsi_lab.model.people import Action, Actor
from wsi_lab.server.annotating.receiving_files import FileReceiver
from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import JsonHandler, disposition
from wsi_lab.server.api.studies import study_json
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.routing import Kind, Need, Route
from wsi_lab.service.lab import Lab

LARGEST_ARCHIVE = 2 << 30
SECONDS_PER_ARCHIVE = 7200.0
SENT_AT_ONCE = 1 << 20


class ArchiveQuery(Struct):
    """What is to be part of an archive."""

    slides: bool = False


class LoadQuery(Struct):
    """What the study of an archive is to be called, and the folder its slides lie in."""

    name: forms.Name | None = None
    slides: forms.Path | None = None


class ArchiveHandler(JsonHandler):
    """A study as a file."""

    async def get(self, study_id: str) -> None:
        """Return it."""
        number, query = whole_id(study_id, "study"), self.query(ArchiveQuery)
        name, file = await self.wait_in(
            self.site.transfers, _export, self.lab, self.actor, number, query
        )
        self.set_header("Content-Type", "application/zip")
        self.set_header("Content-Disposition", disposition(name, "zip"))
        with file:
            await self.send_pieces(iter(partial(file.read, SENT_AT_ONCE), b""))


@web.stream_request_body
class ArchivesHandler(FileReceiver):
    """Studies that come in as files."""

    async def get_ready(self) -> None:
        """Find out whether whoever asks may do this, before the file is taken."""
        self.query(LoadQuery)
        await self.ask(self.lab.archives.check_load, self.actor)

    async def post(self) -> None:
        """Make the study of one, or nothing at all."""
        file = await self.received_file()
        query = self.query(LoadQuery)
        # Not `wait_in`: whoever goes away meanwhile must not leave the file open.
        answer = await self.site.transfers.submit(_load, self.lab, self.actor, file, query)
        location = f"v1/studies/{answer['id']}"
        self.send(answer, status=201, revision=answer["revision"], location=location)


def _export(lab: Lab, actor: Actor, study_id: int, query: ArchiveQuery) -> tuple[str, BinaryIO]:
    study = lab.studies.get(actor, study_id)
    file = lab.exchange.new_file()
    try:
        lab.archives.export(actor, study_id, file, with_slides=query.slides)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return study.name, file


def _load(lab: Lab, actor: Actor, file: BinaryIO, query: LoadQuery) -> forms.Json:
    folder = None if query.slides is None else Path(query.slides)
    return study_json(lab, actor, lab.archives.load(actor, file, name=query.name, folder=folder))


ARCHIVE_ROUTES: tuple[Route, ...] = (
    Route(
        "v1/studies/{study_id}/archive",
        ArchiveHandler,
        {"GET": Need(Action.RESULTS_VIEW, Kind.STUDY)},
    ),
    Route(
        "v1/study-archives",
        ArchivesHandler,
        {"POST": Need(Action.STUDY_CREATE)},
        body_limit=LARGEST_ARCHIVE,
        body_seconds=SECONDS_PER_ARCHIVE,
    ),
)
