"""The door of uploads: whose they are, and how tus says no."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from wsi_lab.errors import Busy, Conflict, Invalid, NotIdentified, WsiLabError
from wsi_lab.model.people import Actor
from wsi_lab.server.doors import HEADERS, RETRY_AFTER_SECONDS, Door, FailureAnswer
from wsi_lab.server.failures import Failure
from wsi_lab.server.identity import LONGEST_TOKEN, lab_token

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest

    from wsi_lab.server.base import Handler

VERSION = "1.0.0"


class OffsetWrong(Conflict):
    """More of the file, or less, is here already. Only tus knows this error."""

    code: ClassVar[str] = "offset_wrong"


class Locked(Conflict):
    """Somebody else is sending the same file. Only tus knows this error."""

    code: ClassVar[str] = "locked"


class Finished(WsiLabError):
    """The upload has been made a file of the lab. Only tus knows this error."""

    code: ClassVar[str] = "finished"


class VersionUnknown(WsiLabError):
    """Another version of tus is spoken. Only tus knows this error."""

    code: ClassVar[str] = "version_unknown"


class ChecksumWrong(WsiLabError):
    """What came is not what was sent. Only tus knows this error."""

    code: ClassVar[str] = "checksum_wrong"


_STATUS_OF: Mapping[type[WsiLabError], int] = {
    OffsetWrong: 409,
    Finished: 410,
    VersionUnknown: 412,
    Locked: 423,
    ChecksumWrong: 460,
}


class TusDoor(Door):
    """The door of uploads.

    An upload is begun with the tokens in its metadata or, by those who ask for it only now, with
    a bearer token; from then on its address is the secret.
    """

    name: ClassVar[str] = "tus"
    trees: ClassVar[tuple[str, ...]] = ("files",)

    async def identify(self, handler: Handler) -> Actor | None:
        """Return the actor of the token in the metadata, else in the Authorization header."""
        headers = handler.request.headers
        text = metadata_of(headers).get("apitoken", "").partition("#")[0]
        text = text[: LONGEST_TOKEN + 1] or (lab_token(headers) or "").partition("#")[0]
        return await handler.site.actor_for_token(text, door=self.name) if text else None

    def failure(self, handler: Handler, failure: Failure) -> FailureAnswer:  # noqa: ARG002 (others look at it)
        """Return a failure as a status and a sentence."""
        error = failure.error
        headers = {}
        if isinstance(error, VersionUnknown):
            headers["Tus-Version"] = VERSION
        if isinstance(error, NotIdentified):
            headers["WWW-Authenticate"] = 'Bearer realm="wsi-lab"'
        if isinstance(error, (Busy, Locked)):
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        status = _STATUS_OF.get(type(error), failure.status.value)
        body = f"{error.message}\n".encode()
        return FailureAnswer(status, body, "text/plain; charset=UTF-8", headers)

    def headers(self, request: HTTPServerRequest) -> Mapping[str, str]:  # noqa: ARG002 (others look at it)
        """Return what every answer carries."""
        return _HEADERS


_HEADERS = {**HEADERS, "Tus-Resumable": VERSION}

TUS_DOOR = TusDoor()


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what the client tells about its file.

    Raises
    ------
    Invalid
        It is not in the form that tus gives it.

    Examples
    --------
    >>> metadata_of({"Upload-Metadata": "filename MS5zdnM=,is_final"})
    {'filename': '1.svs', 'is_final': ''}
    """
    found: dict[str, str] = {}
    for pair in headers.get("Upload-Metadata", "").split(","):
        name, _, value = pair.strip().partition(" ")
        if not name:
            continue
        try:
            found[name.lower()] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise Invalid("Upload-Metadata holds names and values in base64.") from error
    return found
