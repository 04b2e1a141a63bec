"""Which handler answers an address, and what its methods ask of the lab.

A route states for each of its methods the action and the kind of resource it is about. One
that leaves a method out, or states one that its handler does not have, cannot be made at all.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tornado import httputil, web
from tornado.escape import url_unescape
from tornado.routing import Router

from wsi_lab.model.people import Action
from wsi_lab.server.at_once import AnswerDelegate, Asked, may_be_answered
from wsi_lab.server.base import Handler, Nowhere, Oversize
from wsi_lab.server.doors import V1_DOOR, Door
from wsi_lab.server.site import LOG, Site

LARGEST_BODY = 1 << 20
SECONDS_PER_BODY = 20.0
"""A client that takes longer to send what it announced loses its connection."""

_PARAMETER = re.compile(r"\{([a-z_]+)\}")


class Kind(StrEnum):
    """What a method is about."""

    LAB = "lab"
    STUDY = "study"
    CASE = "case"
    SLIDE = "slide"
    QUESTION = "question"
    ANSWER = "answer"
    LAYER = "layer"
    LABEL_SET = "label set"
    LABEL = "label"
    TASK = "task"
    ONTOLOGY = "ontology"
    IMAGE = "image"
    REMARK = "remark"
    ANNOTATION = "annotation"
    TMA_MAP = "tma map"
    UPLOAD = "upload"
    TOKEN = "token"  # noqa: S105 (a kind of thing, not a secret)
    KEY = "key"
    SOURCE = "source"
    """All slides of the lab's declared source alike."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a method asks of the lab; without an action it is open to everybody."""

    action: Action | None
    kind: Kind = Kind.LAB

    @property
    def about_the_lab(self) -> bool:
        """Whether the right can be judged before anything is looked up."""
        return self.kind in {Kind.LAB, Kind.SOURCE}


OPEN = Need(None)


@dataclass(frozen=True, slots=True)
class Route:
    """One address.

    Attributes
    ----------
    path
        Below the mount, with parameters in braces: ``v1/slides/{slide_id}``. A parameter takes
        one segment or a part of one.
    handler
        Gets the parameters in their order, as text.
    needs
        By method; HEAD goes with GET, and OPTIONS is open.
    door
        Whose credentials and words of failure.
    body_limit
        Bytes.
    body_seconds
        A client that takes longer to send its body loses its connection; `None` leaves it to
        the handler.
    any_case
        Whether all of the path after its first segment may be written in any case. Parameters
        arrive as they were written.
    """

    path: str
    handler: type[Handler]
    needs: Mapping[str, Need]
    door: Door = V1_DOOR
    body_limit: int = LARGEST_BODY
    body_seconds: float | None = SECONDS_PER_BODY
    any_case: bool = False
    allow: str = field(init=False)

    def __post_init__(self) -> None:
        stated = frozenset(self.needs) - {"HEAD"}
        if stated != self.handler.verbs():
            different = ", ".join(sorted(stated ^ self.handler.verbs()))
            raise TypeError(
                f"The route {self.path} and {self.handler.__name__} disagree about {different}: "
                f"every method states what it needs."
            )
        needs = dict(self.needs)
        if "GET" in needs:
            needs["HEAD"] = needs["GET"]
        object.__setattr__(self, "needs", needs)
        object.__setattr__(self, "allow", ", ".join([*sorted(needs), "OPTIONS"]))

    @property
    def pattern(self) -> re.Pattern[str]:
        """What an address below the mount must match, percent-encoding and all."""
        pieces = _PARAMETER.split(self.path)
        fixed = pieces[::2]
        pattern = re.escape(fixed[0])
        for following in fixed[1:]:
            # A parameter ends where the fixed text after it begins.
            stop = re.escape(following[:1]) if following[:1] not in {"", "/"} else ""
            pattern += rf"([^/{stop}]+)" + re.escape(following)
        if not self.any_case:
            return re.compile(pattern)
        tree, slash, rest = pattern.partition("/")
        return re.compile(f"{tree}{slash}(?i:{rest})")

    def shown(self, arguments: Sequence[str]) -> str:
        """Return the path for the log, with the whole numbers that the door may tell."""
        numbers = iter(arguments)

        def fill(match: re.Match[str]) -> str:
            argument = next(numbers, "")
            is_number = argument.isascii() and argument.isdigit() and len(argument) < 20
            return argument if is_number and match[1] in self.door.told else match[0]

        return _PARAMETER.sub(fill, self.path)


class LabRouter(Router):
    """Finds the handler of every address below a mount.

    Parameters
    ----------
    application
        The application that the handlers are part of.
    mount
        Where the lab's addresses begin, with a slash at both ends, percent-encoded as
        requests have it: ``/a%40b/wsi-lab/``.
    dress
        Turns a handler class into one that fits into the host.
    """

    def __init__(
        self,
        application: web.Application,
        routes: Iterable[Route],
        site: Site,
        *,
        mount: str = "/",
        dress: Callable[[type[Handler]], type[Handler]] = lambda handler: handler,
    ) -> None:
        self.mount = mount
        self._site = site
        self._application = application
        self._oversize = dress(Oversize)
        self._buckets: dict[str, list[tuple[re.Pattern[str], type[Handler], dict[str, Any]]]] = {}
        self._trees_in_any_case: set[str] = set()
        self._trees_after_slashes: set[str] = set()
        self._unknown: dict[str, tuple[type[Handler], dict[str, Any]]] = {}
        nowhere = dress(Nowhere)
        dressed: dict[type[Handler], type[Handler]] = {}
        known_routes = tuple(routes)
        for route in known_routes:
            handler = dressed.setdefault(route.handler, dress(route.handler))
            known = {"route": route, "site": site, "mount": mount}
            bucket = _bucket(route.path)
            if route.any_case:
                bucket = _in_any_case(bucket)
                self._trees_in_any_case.add(bucket.partition("/")[0])
            self._buckets.setdefault(bucket, []).append((route.pattern, handler, known))
            for tree in route.door.trees:
                if route.door.ignores_slashes:
                    self._trees_after_slashes.add(tree.partition("/")[0])
                if tree not in self._unknown:
                    unknown = Route(f"{tree}/…", Nowhere, {}, route.door)
                    self._unknown[tree] = (nowhere, {**known, "route": unknown})
        # With one door only, that one answers for everything.
        doors = {route.door for route in known_routes}
        door = doors.pop() if len(doors) == 1 else V1_DOOR
        elsewhere = {"route": Route("…", Nowhere, {}, door), "site": site, "mount": mount}
        self._elsewhere = (nowhere, elsewhere)

    def find_handler(
        self, request: httputil.HTTPServerRequest, **_kwargs: Any
    ) -> httputil.HTTPMessageDelegate | None:
        """Return what answers the request; `None` if it is not below the mount."""
        if request.path.startswith(self.mount):
            path = self._below_mount(request.path)
            handler, known, arguments = self._find(path)
            if may_be_answered(request) and self._may_answer():
                asked = Asked(request, known["route"], self._site, f"/{path}", arguments)
                answer = handler.answer_at_once(asked)
                if answer is not None:
                    return AnswerDelegate(request, answer)
        elif self.mount == "/":
            # Everything is below it, but for addresses such as "*".
            (handler, known), arguments = self._elsewhere, []
        else:
            return None
        if "Content-Length" in request.headers or "Transfer-Encoding" in request.headers:
            handler = self._limited(request, handler, known["route"])
        return self._application.get_handler_delegate(request, handler, known, arguments)

    def _below_mount(self, path: str) -> str:
        below = path[len(self.mount) :]
        if below[:1] != "/":
            return below
        after = below.lstrip("/")
        return after if after.partition("/")[0] in self._trees_after_slashes else below

    def _may_answer(self) -> bool:
        # A server that stops takes nobody in, and handlers write what is logged.
        return not self._site.is_stopping and not LOG.isEnabledFor(logging.DEBUG)

    def _find(self, path: str) -> tuple[type[Handler], dict[str, Any], list[bytes]]:
        first, _, rest = path.partition("/")
        bucket = f"{first}/{rest.partition('/')[0]}"
        if first in self._trees_in_any_case:
            bucket = _in_any_case(bucket)
        for each in (bucket, f"{first}/{_ANY}"):
            for pattern, handler, known in self._buckets.get(each, ()):
                match = pattern.fullmatch(path)
                if match is not None:
                    return handler, known, [_decoded(each) for each in match.groups()]
        handler, known = self._unknown.get(bucket) or self._unknown.get(first, self._elsewhere)
        return handler, known, []

    def _limited(
        self, request: httputil.HTTPServerRequest, handler: type[Handler], route: Route
    ) -> type[Handler]:
        # The host may allow bodies of hundreds of megabytes and wait for them forever.
        connection: Any = request.connection
        connection.set_body_timeout(route.body_seconds)
        limit = route.body_limit
        announced = request.headers.get("Content-Length", "")
        if announced.isascii() and announced.isdigit() and int(announced[:19]) > limit:
            connection.set_max_body_size(int(announced[:19]))
            return self._oversize
        connection.set_max_body_size(limit)
        return handler


def _decoded(part: str) -> bytes:
    return url_unescape(part, None, plus=False) if "%" in part else part.encode()


_ANY = "{}"


def _in_any_case(bucket: str) -> str:
    tree, slash, rest = bucket.partition("/")
    return f"{tree}{slash}{rest.lower()}"


def _bucket(path: str) -> str:
    # The first two segments tell most routes apart, so that few patterns have to be tried.
    first, _, rest = path.partition("/")
    second = rest.partition("/")[0]
    return f"{first}/{_ANY if '{' in second else second}"
