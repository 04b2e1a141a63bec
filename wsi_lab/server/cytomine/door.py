"""The door of Cytomine: pairs of keys, and no word that its clients do not look for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from wsi_lab.errors import Conflict, Invalid, NotIdentified, SlideError, SlideMissing
from wsi_lab.model.people import Actor
from wsi_lab.server.browsers import GrantCookie, first_known, is_of_another_site
from wsi_lab.server.cytomine.dates import require_now
from wsi_lab.server.cytomine.signing import (
    SCHEME,
    WRONG,
    Credentials,
    credentials_of,
    is_equal,
    is_signed,
)
from wsi_lab.server.dialect import JSON
from wsi_lab.server.doors import Door, FailureAnswer, refusal_headers
from wsi_lab.server.failures import BodyUnsupported, Failure
from wsi_lab.service.lab import Lab

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest

    from wsi_lab.server.base import Handler

COOKIE = GrantCookie("cytomine_pixels")

_PIXELS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", "/download")
_READING = frozenset({"GET", "HEAD"})


class CytomineDoor(Door):
    """The door of Cytomine.

    A client shows its keys with each request, or that it has them by a signature. Scripts ask
    for pictures without any; for those alone there is a cookie, which comes with all answers to
    a client that has shown its keys.

    Parameters
    ----------
    now
        Tells the time, by which old signatures are known.
    """

    name: ClassVar[str] = "cytomine"
    # PHAS has addresses below `api`, too; what nobody knows there is answered in our words.
    trees: ClassVar[tuple[str, ...]] = ("api", "server", "session", "upload")
    ignores_slashes: ClassVar[bool] = True
    told: ClassVar[frozenset[str]] = frozenset(
        {
            *("project_id", "image_id", "abstract_id", "ontology_id", "term_id", "parent_id"),
            *("annotation_id", "property_id", "tag_id", "link_id", "user_id", "thing_id"),
            *("file_id", "role_id", "storage_id"),
        }
    )

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now

    async def identify(self, handler: Handler) -> Actor:
        """Return whose keys they are, or whose cookie it is where that will do.

        Keys count before a cookie, also when they are wrong.

        Raises
        ------
        NotIdentified
            Nobody's.
        """
        request = handler.request
        credentials = credentials_of(request.headers)
        lab = handler.site.lab or await handler.site.ready()
        if credentials is not None:
            return await handler.ask(self._owner, lab, credentials, request, handler.mount)
        if takes_cookie(request):
            sent = COOKIE.sent(request.headers)
            if sent:
                return await handler.ask(self.visitor, lab, sent)
        raise NotIdentified(
            "The lab does not know who is asking. Sign this request with your keys, or send them "
            "as X-Auth-Token and X-Auth-Secret."
        )

    def visitor(self, lab: Lab, sent: Sequence[str]) -> Actor:
        """Return who a cookie for pictures and files was given to.

        Raises
        ------
        NotIdentified
            Nobody, or it has ended with its time or with their keys.
        """
        known = partial(lab.grants.pixel_visitor, door=self.name)
        return first_known(sent, known, "This cookie has ended; send your keys again.")

    def _owner(
        self, lab: Lab, credentials: Credentials, request: HTTPServerRequest, mount: str
    ) -> Actor:
        try:
            actor, private = lab.keys.actor_of_cytomine_key(credentials.public, door=self.name)
        except NotIdentified as error:
            raise NotIdentified(WRONG) from error
        if credentials.secret is not None:
            if not is_equal(credentials.secret, private):
                raise NotIdentified(WRONG)
            return actor
        address, method = address_below(request.uri or "", mount), request.method or ""
        if not is_signed(private, credentials.signature or "", method, request.headers, address):
            raise NotIdentified(WRONG)
        require_now(request.headers.get("Date", ""), self._now())
        return actor

    def failure(self, handler: Handler, failure: Failure) -> FailureAnswer:
        """Return a failure as the status and an object that holds the sentence."""
        error = failure.error
        method = handler.request.method or ""
        said: dict[str, Any] = {"errors": {"message": error.message}}
        if method not in _READING:
            said = {"success": False, "errors": error.message}
        if isinstance(error, Invalid) and error.problems:
            said["errorValues"] = {"problems": list(error.problems)}
        body = msgspec.json.encode(said)
        return FailureAnswer(_status(failure, method), body, JSON, refusal_headers(error, SCHEME))


def takes_cookie(request: HTTPServerRequest) -> bool:
    """Return whether a request is for a picture or a file, and comes from no other site's page."""
    return (
        request.method in _READING
        and request.path.endswith(_PIXELS)
        and not is_of_another_site(request.headers)
    )


def address_below(uri: str, mount: str) -> str:
    """Return what was asked for below the mount, as it was sent, with one slash before it.

    Examples
    --------
    >>> address_below("/a%40b/wsi-lab//api/project.json?max=0", "/a%40b/wsi-lab/")
    '/api/project.json?max=0'
    """
    return "/" + uri.removeprefix(mount).lstrip("/")


def _status(failure: Failure, method: str) -> int:
    error = failure.error
    if isinstance(error, Conflict):
        if error.details.get("current", error) is None:
            # It was there once; by now there is nothing of that id.
            return 404
        # To a client that removes something, in the way is what still uses it.
        return 400 if method == "DELETE" else 409
    is_about_a_file = isinstance(error, SlideError) and not isinstance(error, SlideMissing)
    return 400 if is_about_a_file or isinstance(error, BodyUnsupported) else failure.status.value


CYTOMINE_DOOR = CytomineDoor()
