"""Who comes: signing in with a key, and what a session hides."""

from __future__ import annotations

from wsi_lab.errors import Invalid, NotIdentified
from wsi_lab.model.people import Actor
from wsi_lab.server.browsers import refuse_other_sites
from wsi_lab.server.phas.door import COOKIE, PHAS_DOOR
from wsi_lab.server.phas.handlers import ChangingByGet, PhasHandler, PhasReceiver, required
from wsi_lab.service.grants import PhasVisitor

KEY = "api_key"


class SessionHandler(PhasReceiver):
    """Base of handlers that answer with a session."""

    async def begin_session(self, actor: Actor, *, anonymise: bool) -> None:
        """Set the cookie of a session."""
        link = await self.ask(self.lab.grants.phas_session, actor, anonymise=anonymise)
        COOKIE.give(self, link.text, link.expires_on)


class LoginHandler(SessionHandler):
    """Signs in who has a key."""

    async def post(self) -> None:
        """Begin a session, which hides nothing yet."""
        form = await self.form()
        refuse_other_sites(self.request.headers)
        key = required(form, KEY)
        self.lab = self.site.lab or await self.site.ready()
        actor = await self.ask(self.lab.keys.actor_of_phas_key, key.strip(), door=PHAS_DOOR.name)
        await self.begin_session(actor, anonymise=False)
        await self.send_json({"status": "ok"})


class KeyHandler(ChangingByGet):
    """Makes keys."""

    async def change(self, *args: str) -> None:  # noqa: ARG002 (its address says nothing)
        """Return a new key of whoever asks; those that they have stay valid."""
        made = await self.ask(self.lab.keys.create, self.actor, "phas")
        await self.send_json({KEY: made.text})


class AnonymiseHandler(PhasHandler):
    """Whether a session hides private names."""

    async def get(self) -> None:
        """Return that; without a session nothing is hidden."""
        visitor = await visitor_of(self)
        await self.send_json({"anonymize": visitor is not None and visitor.anonymise})


class SetAnonymiseHandler(SessionHandler):
    """Lets a session hide private names, or show them to who may see them."""

    async def post(self, flag: str) -> None:
        """Answer with a session that does."""
        await self.nothing()
        if flag not in {"0", "1"}:
            raise Invalid("Private names are hidden with 1 and shown with 0.")
        await self.begin_session(self.actor, anonymise=flag == "1")
        await self.send_json({"anonymize": flag == "1"})


class PrivateAccessHandler(PhasHandler):
    """Whether somebody may see the private names of a project."""

    async def get(self, project: str) -> None:
        """Return whether they have that right; nobody has it in a project that there is not."""
        visitor = await visitor_of(self)
        may_see = visitor is not None and await self.ask(
            (self.site.lab or await self.site.ready()).tasks.private_access, visitor.actor, project
        )
        await self.send_json({"private_access": may_see})


async def visitor_of(handler: PhasHandler) -> PhasVisitor | None:
    """Return who asks at an address that is open to everybody."""
    refuse_other_sites(handler.request.headers)
    try:
        return await PHAS_DOOR.visitor(handler)
    except NotIdentified:
        return None
