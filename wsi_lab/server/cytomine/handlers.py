"""What the handlers of the door have in common: what is named, pages, cookies, JSON in and out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import msgspec
from tornado import web

from wsi_lab.errors import NotAllowed, NotFound, NotIdentified
from wsi_lab.model.people import Action
from wsi_lab.server.cytomine.door import COOKIE, CYTOMINE_DOOR
from wsi_lab.server.cytomine.reading import Query, object_of, objects_of
from wsi_lab.server.cytomine.signing import Credentials, credentials_of
from wsi_lab.server.cytomine.words import Told, all_done, collection, done
from wsi_lab.server.dialect import JSON, DialectHandler
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.receiving import Receiver
from wsi_lab.server.routing import Need
from wsi_lab.server.site import Lane
from wsi_lab.service.hidden import Kind

F = TypeVar("F", bound=msgspec.Struct)
P = ParamSpec("P")
T = TypeVar("T")

TOLD_AT_ONCE = 100
"""Things of a list; more are told in a thread."""

_SCHEMES = frozenset({"http", "https"})
_CALLED: dict[Kind, str] = {
    "study": "project",
    "slide": "image",
    "shape": "annotation",
    "label": "term",
    "image": "abstract image",
    "file": "attached file",
}


class CytomineHandler(DialectHandler):
    """Base of all handlers of the door."""

    def initialize(self, **known: Any) -> None:
        """Remember what the router found."""
        super().initialize(**known)
        self._named: list[tuple[Kind, int]] = []
        self._credentials: Credentials | None = None

    def let_in(self, need: Need, action: Action) -> Awaitable[None] | None:
        """Let in who has keys, or a cookie where that will do."""
        return self._let_in(need, action)

    async def _let_in(self, need: Need, action: Action) -> None:
        self._credentials = credentials_of(self.request.headers)
        await self._let_known_in(need, action)
        if self._credentials is not None and not await self._has_cookie():
            await self._give_cookie()

    @property
    def public_key(self) -> str:
        """The public key that the request came with; empty for one with a cookie."""
        return "" if self._credentials is None else self._credentials.public

    @property
    def query(self) -> Query:
        """The query of the request."""
        return Query(self.request.query_arguments)

    @property
    def host(self) -> str:
        """The address that users write for this server, with a slash at its end."""
        # A server in front of this one says how it was asked itself. Nobody but whoever asked is
        # told the address.
        said = self.request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower()
        scheme = said if said in _SCHEMES else self.request.protocol
        return f"{scheme}://{self.request.host}{self.mount}"

    def id_of(self, kind: Kind, text: str) -> int:
        """Return an id from the address; see `name`."""
        return self.name(kind, whole_id(text, _CALLED.get(kind, kind)))[0]

    def name(self, kind: Kind, *ids: int) -> Sequence[int]:
        """Say what the request is about, and return it.

        Should it be hidden from whoever asks, they are told that they have no rights there,
        where other doors tell that there is no such thing.
        """
        self._named += [(kind, each) for each in ids]
        return ids

    async def wait_in(
        self, lane: Lane, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what a verb answers; see `name`."""
        try:
            return await super().wait_in(lane, verb, *args, **kwargs)
        except NotFound as error:
            if self._named:
                hidden = self.lab.hidden.any_of
                if await super().wait_in(self.site.rows, hidden, self.actor, self._named):
                    raise NotAllowed("You have no rights in the project of this.") from error
            raise

    def options(self, *_args: str, **_kwargs: str) -> None:
        """Say which methods there are; these clients take 200 for good and nothing else."""
        super().options()
        self.set_status(200)

    async def send_page(self, things: Sequence[T], tell: Callable[[T], Told]) -> None:
        """Send the page of a list that is asked for.

        Parameters
        ----------
        things
            All of them, the newest first.
        tell
            Returns what is told of one.
        """
        most, offset = self.page()
        shown = things[offset : offset + most] if most else things[offset:]

        def told() -> bytes:
            page = collection(map(tell, shown), len(things), most=most, offset=offset)
            return msgspec.json.encode(page)

        is_long = len(shown) > TOLD_AT_ONCE
        body = await self.wait_in(self.site.transfers, told) if is_long else told()
        await self.send_file(body, JSON)

    def page(self) -> tuple[int, int]:
        """Return how many things a page may have, 0 for no limit, and how many come before it."""
        query = self.query
        return query.whole("max", 0), query.whole("offset", 0)

    async def _has_cookie(self) -> bool:
        sent = COOKIE.sent(self.request.headers)
        if not sent:
            return False
        try:
            visitor = await self.ask(CYTOMINE_DOOR.visitor, self.lab, sent)
        except NotIdentified:
            return False
        own, its = self.actor.token, visitor.token
        return own is not None and its is not None and own.id == its.id

    async def _give_cookie(self) -> None:
        link = await self.ask(self.lab.grants.pixel_cookie, self.actor)
        COOKIE.give(self, link.text, link.expires_on)


@web.stream_request_body
class CytomineReceiver(CytomineHandler, Receiver):
    """Base of handlers that take JSON, or a body that is not looked at."""

    async def forms(self, form: type[F]) -> tuple[list[F], bool]:
        """Return the objects in the body as forms, and whether it is one outside any list."""

        def read(body: bytes) -> tuple[list[F], bool]:
            given = objects_of(body)
            is_one = isinstance(given, dict)
            many = [given] if isinstance(given, dict) else given
            return [object_of(form, each) for each in many], is_one

        return await self.received(read)

    def send_added(self, key: str, added: Sequence[Told], *, is_one: bool) -> Awaitable[None]:
        """Send what was stored; see `forms`."""
        return self.send_json(done(key, added[0], "Add") if is_one else all_done(added))

    async def object(self, form: type[F]) -> F:
        """Return the one object in the body as a form."""
        return await self.received(lambda body: object_of(form, objects_of(body)))
