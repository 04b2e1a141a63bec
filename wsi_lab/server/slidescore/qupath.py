"""Slides by link, for QuPath: an address that brings its own leave, and what lies beside it."""

from __future__ import annotations

import re
from statistics import median
from typing import Any, ClassVar

import msgspec
from tornado import web

from wsi_lab.errors import Invalid, NotAllowed, NotFound
from wsi_lab.model.answer import NewAnswer, Place, ResultRow
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import Slide
from wsi_lab.server.routing import Kind, Need, Route
from wsi_lab.server.slidescore.annotations import announced, core_named
from wsi_lab.server.slidescore.door import JSON, SUCCESS, Form, SlideScoreDoor
from wsi_lab.server.slidescore.method import (
    LARGEST_HEAVY_BODY,
    SECONDS_PER_HEAVY_BODY,
    FormHandler,
    Reading,
    needs,
    routes_of,
)
from wsi_lab.server.slidescore.params import Params
from wsi_lab.server.slidescore.pixels import JPEG, metadata_of
from wsi_lab.server.slidescore.studies import iso
from wsi_lab.server.slidescore.tiles import FOR_A_WHILE, GrantHandler, as_grants_are_refused
from wsi_lab.service.lab import Lab
from wsi_lab.service.tiles import Shown

TEXT = "text/plain; charset=utf-8"
METADATA_NAME = "SlideScoreMetadata.json"
CORE_SHARE = 0.8
"""Of its box: that of a fitted core is as much wider, and a cell of an even grid is a guess."""

_VIEW = needs(Action.SLIDE_VIEW, Kind.SLIDE)
_RESULTS = needs(Action.STUDY_VIEW, Kind.SLIDE)
_SUBMIT = needs(Action.ANSWER_SUBMIT, Kind.SLIDE)
_CORES = "TMAs:"
_PLACE = re.compile(r"(-?[0-9]{1,9})", re.ASCII)
_SIDE = re.compile(r"([0-9]{1,9})", re.ASCII)
_LAST_SIDE = re.compile(r"([0-9]{1,9})\.jpe?g", re.ASCII)


class QupathTokens(Reading):
    """Links to all slides of a study."""

    name = "GetQupathTokensForStudy"
    need: ClassVar[Need] = needs(Action.SLIDE_VIEW, Kind.STUDY)

    async def answer(self, params: Params) -> Any:
        """Return them; addresses are below that of the door."""
        study_id = params.required_number("studyId")
        found = await self.ask(self.lab.grants.links, self.actor, study_id)
        return {
            **SUCCESS,
            "tokens": [
                {
                    "imageID": slide.id,
                    "name": slide.name,
                    "token": link.text,
                    "link": f"i/{slide.id}/{link.text}/{METADATA_NAME}",
                    "expiresOn": iso(link.expires_on),
                }
                for slide, link in found
            ],
        }


class LinkHandler(GrantHandler):
    """Base of handlers that let in who brings the link of a slide."""

    def visitor(self, lab: Lab, slide_id: int, text: str) -> Actor:
        """Return whose link it is."""
        return lab.grants.link_visitor(slide_id, text, door=self.route.door.name)


class MetadataHandler(LinkHandler):
    """What a slide is like, in another spelling."""

    async def get(self, slide_id: str, _grant: str) -> None:
        """Return it."""
        with as_grants_are_refused():
            shown = await self.draw(self.lab.tiles.shown, self.actor, int(slide_id))
        said = {_pascal(name): value for name, value in metadata_of(shown).items()}
        name = shown.slide.name
        said["FileName"] = name if name.endswith(shown.ending) else name + shown.ending
        self.set_header("Content-Type", JSON)
        self.finish(msgspec.json.encode(said))


class RawHandler(LinkHandler):
    """A rectangle of one of the slide's own levels."""

    async def get(  # noqa: PLR0917 (an address, in the order of its parts)
        self, slide_id: str, _grant: str, level: str, x: str, y: str, width: str, height: str
    ) -> None:
        """Return it as JPEG."""
        wanted = (
            *(_SIDE.fullmatch(level), _PLACE.fullmatch(x), _PLACE.fullmatch(y)),
            *(_SIDE.fullmatch(width), _LAST_SIDE.fullmatch(height)),
        )
        numbers = [int(match[1]) for match in wanted if match is not None]
        if len(numbers) != len(wanted):
            raise NotFound("There is nothing at this address.")
        with as_grants_are_refused():
            data, _ = await self.draw(
                self.lab.tiles.region_image,
                self.actor,
                int(slide_id),
                (numbers[1], numbers[2]),
                (numbers[3], numbers[4]),
                level=numbers[0],
                format="jpg",
            )
        self.set_header("Content-Type", JPEG)
        self.set_header("Cache-Control", FOR_A_WHILE)
        await self.send_body(data)


class QuestionsHandler(LinkHandler):
    """What is asked about the slide."""

    async def get(self, slide_id: str, _grant: str) -> None:
        """Return a line for each question."""
        text = await self.ask(_questions, self.lab, self.actor, int(slide_id))
        self.set_header("Content-Type", TEXT)
        await self.send_body(text.encode())


class AnswersHandler(LinkHandler):
    """What was drawn on the slide: by everybody for who may see that, else by oneself."""

    async def get(self, slide_id: str, _grant: str) -> None:
        """Return a line for each answer that is drawn."""
        text = await self.wait_in(
            self.site.transfers, _answers, self.lab, self.actor, int(slide_id)
        )
        self.set_header("Content-Type", TEXT)
        await self.send_body(text.encode())


class CoresHandler(LinkHandler):
    """Where the cores of a tissue microarray lie."""

    async def get(self, slide_id: str, _grant: str) -> None:
        """Return them spread evenly over the slide, as their map has them in rows."""
        shown = await self.draw(self.lab.tiles.shown, self.actor, int(slide_id))
        said = await self.ask(_core_positions, self.lab, self.actor, shown)
        self.set_header("Content-Type", JSON)
        self.finish(msgspec.json.encode(said))


class LinkForm(LinkHandler, FormHandler):
    """Base of handlers that take a form from who brings a link."""

    form: ClassVar[Form] = Form.FLAG

    async def post(self, slide_id: str, _grant: str) -> None:
        """Answer."""
        params = await self.params()
        said = await self.wait_in(self.site.transfers, self.answer, int(slide_id), params)
        self.set_header("Content-Type", JSON)
        self.finish(msgspec.json.encode(said))

    def answer(self, slide_id: int, params: Params) -> Any:
        """Return what is sent as JSON; runs in a thread."""
        raise NotImplementedError


@web.stream_request_body
class AnswerHandler(LinkForm):
    """Takes what was drawn in QuPath as the visitor's own answer."""

    def answer(self, slide_id: int, params: Params) -> Any:
        """Store it, or one for each core."""
        lab, actor, question = self.lab, self.actor, params.required("question")
        study_id = lab.slides.get(actor, slide_id).study_id
        new = [
            NewAnswer(
                question,
                Place(slide_id, core=core_named(lab, actor, slide_id, core)),
                actor.user.email,
                value,
            )
            for core, value in by_core(params.required("answer"))
        ]
        for each in new:
            lab.results.submit(actor, study_id, each)
        return SUCCESS


@web.stream_request_body
class CreateFileHandler(LinkForm):
    """Announces an annotation file that will be the visitor's own answer."""

    def answer(self, slide_id: int, params: Params) -> Any:
        """Return what is needed to send it."""
        lab, actor = self.lab, self.actor
        core = core_named(lab, actor, slide_id, params.text("tmaCoreId"))
        file = lab.annotations.begin_file(
            actor,
            study_id=lab.slides.get(actor, slide_id).study_id,
            place=Place(slide_id, core=core),
            question=params.required("question"),
            author=actor.user.email,
        )
        return announced(lab, actor, file)


@web.stream_request_body
class FinishFileHandler(LinkForm):
    """Makes an annotation file the answer it was announced as, once all of it is here."""

    def answer(self, slide_id: int, params: Params) -> Any:  # noqa: ARG002 (the token knows)
        """Finish the upload."""
        lab, door = self.lab, self.route.door.name
        sender = lab.people.actor_for_token(params.required("apiToken"), door=door)
        if sender.user.id != self.actor.user.id:
            raise NotAllowed("This upload belongs to somebody else.")
        # What stands before the id is a part of the address it was sent to.
        upload_id = params.required("uploadId")[-32:]
        lab.uploads.finish(sender, upload_id, params.required("uploadToken"))
        return SUCCESS


def by_core(answer: str) -> list[tuple[str | None, str]]:
    r"""Return the parts of an answer, each with the core it is about.

    Examples
    --------
    >>> by_core("[]")
    [(None, '[]')]
    >>> by_core("TMAs:\n0,1\n[]\n0,2\n[]")
    [('0,1', '[]'), ('0,2', '[]')]
    """
    if not answer.startswith(_CORES):
        return [(None, answer)]
    # Only at ends of lines: JSON may hold what else is taken for one.
    lines = [line for line in answer.removeprefix(_CORES).split("\n") if line.strip()]
    if len(lines) % 2:
        raise Invalid("An answer about cores has two lines for each: row,column and its shapes.")
    return list(zip(lines[::2], lines[1::2], strict=True))


def _questions(lab: Lab, actor: Actor, slide_id: int) -> str:
    asked = lab.questions.list(actor, lab.slides.get(actor, slide_id).study_id)
    return "".join(f"{each.name};{each.kind};{each.configuration}\n" for each in asked)


def _answers(lab: Lab, actor: Actor, slide_id: int) -> str:
    slide = lab.slides.get(actor, slide_id)
    drawn = {
        each.name: each.colour
        for each in lab.questions.list(actor, slide.study_id)
        if each.kind.is_drawn
    }
    return "".join(
        # A semicolon ends the value for who reads it, and within JSON there is another spelling.
        f"{row.question};{row.author};{row.value.replace(';', chr(92) + 'u003b')};"
        f"{drawn[row.question]}\n"
        for row in _rows(lab, actor, slide)
        if row.question in drawn and row.core is None
    )


def _rows(lab: Lab, actor: Actor, slide: Slide) -> list[ResultRow]:
    try:
        return lab.results.rows(actor, slide.study_id, slide_id=slide.id)
    except NotAllowed:
        return lab.results.own_rows(actor, slide.study_id, slide_id=slide.id)


def _core_positions(lab: Lab, actor: Actor, shown: Shown) -> dict[str, Any]:
    slide, properties = shown.slide, shown.properties
    found: dict[str, Any] = {"coreRadiusUM": 0.0, "rotate": slide.rotation, "cores": []}
    if slide.tma_map_id is None:
        return found
    places = lab.tma_maps.slide_cores(actor, slide.id).places
    scale = 1000 * properties.width / max(properties.width, properties.height)
    # Called a radius, and read as a diameter.
    side = median(min(each.box[2:]) for each in places)
    found["coreRadiusUM"] = CORE_SHARE * side * (properties.mpp or 1.0)
    found["cores"] = [
        {
            "row": core.row,
            "col": core.column,
            "name": core.sample,
            "x": round((core.box[0] + core.box[2] / 2) * scale),
            "y": round((core.box[1] + core.box[3] / 2) * scale),
        }
        for core in places
        if core.sample
    ]
    return found


def _pascal(name: str) -> str:
    return "OSDTileSize" if name == "osdTileSize" else name[0].upper() + name[1:]


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of links."""
    below = "i/{image_id}/{grant}"
    raw = f"{below}/raw/{{level}}/{{x}}_{{y}}/{{width}}_{{height}}"
    return (
        *routes_of(door, QupathTokens),
        Route(f"{below}/{METADATA_NAME}", MetadataHandler, {"GET": _VIEW}, door),
        Route(raw, RawHandler, {"GET": _VIEW}, door),
        Route(f"{below}/Questions.json", QuestionsHandler, {"GET": _RESULTS}, door),
        Route(f"{below}/Answers.json", AnswersHandler, {"GET": _RESULTS}, door),
        Route(f"{below}/TMAPositions.json", CoresHandler, {"GET": _VIEW}, door),
        Route(
            f"{below}/AnnoAnswer.json",
            AnswerHandler,
            {"POST": _SUBMIT},
            door,
            body_limit=LARGEST_HEAVY_BODY,
            body_seconds=SECONDS_PER_HEAVY_BODY,
        ),
        Route(f"{below}/CreateAnno2.json", CreateFileHandler, {"POST": _SUBMIT}, door),
        Route(f"{below}/FinishAnno2Upload.json", FinishFileHandler, {"POST": _SUBMIT}, door),
    )
