"""Giving up tokens, and methods that others have and this lab does not."""

from __future__ import annotations

from typing import Any, ClassVar

from tornado import web

from wsi_lab.errors import Invalid, NotAllowed
from wsi_lab.model.people import Action, Actor
from wsi_lab.server.routing import OPEN, Kind, Need, Route
from wsi_lab.server.slidescore.door import SUCCESS, Form, SlideScoreDoor
from wsi_lab.server.slidescore.method import Changing, FormHandler, method_route, needs, routes_of
from wsi_lab.server.slidescore.params import Params
from wsi_lab.service.lab import Lab

NOT_OFFERED = (
    *("GenerateLoginLink", "GenerateStudentAccount", "CreateUploaderConfig"),
    *("UndeleteStudy", "SetIsArchived", "UpdateTMACoreSize"),
    *("UpsertDomain", "GetDomainForStudy", "SetDomainForStudy"),
)


class GiveUpToken(Changing):
    """End the token that the request comes with."""

    name = "GiveUpToken"
    need: ClassVar[Need] = needs(Action.TOKEN_MANAGE, Kind.TOKEN)

    async def answer(self, params: Params) -> Any:  # noqa: ARG002 (there are none)
        """End it."""
        await self.ask(give_up, self.lab, self.actor)
        return SUCCESS


@web.stream_request_body
class GiveUpNamedToken(FormHandler):
    """End the token that the form holds. Who has it may do so, and is not asked for another."""

    form: ClassVar[Form] = Form.FLAG

    async def post(self) -> None:
        """End it."""
        text = (await self.params()).required("token")
        lab = self.site.lab or await self.site.ready()
        actor = await self.site.actor_for_token(text.partition("#")[0].strip(), door=self.door.name)
        await self.ask(give_up, lab, actor)
        self.set_header("Content-Type", self.media_type)
        self.finish(dict(SUCCESS))


class NotOffered(Changing):
    """A method that is known by name and that this lab does not have."""

    name = "…"

    async def answer(self, params: Params) -> Any:  # noqa: ARG002 (nothing is done with them)
        """Say so."""
        method = self.route.path.rpartition("/")[2]
        raise Invalid(f"This lab does not offer {method}.")


def give_up(lab: Lab, actor: Actor) -> None:
    """End the token that somebody came with."""
    if actor.token is None:
        raise NotAllowed("Only a token can be given up.")
    lab.people.revoke_token(actor, actor.token.id)


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of these methods."""
    return (
        *routes_of(door, GiveUpToken),
        Route("Admin/GiveupToken", GiveUpNamedToken, {"POST": OPEN}, door, any_case=True),
        *(method_route(door, NotOffered, name) for name in NOT_OFFERED),
    )
