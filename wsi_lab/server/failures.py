"""Which status an error of the lab has over HTTP: the one table, for every dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from tornado import web

from wsi_lab.errors import (
    Busy,
    Conflict,
    CutShort,
    DamagedSlide,
    HomeUnusable,
    Invalid,
    NotAllowed,
    NotFound,
    NotIdentified,
    OutOfRange,
    SlideChanged,
    SlideError,
    SlideMissing,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    StorageFull,
    TooLarge,
    UnsupportedSlide,
    WsiLabError,
)


class MethodUnknown(WsiLabError):
    """The address exists, but not for this method. Only HTTP knows this error."""

    code: ClassVar[str] = "method_unknown"


class RevisionMissing(WsiLabError):
    """A change came without the revision it was made from. Only HTTP knows this error."""

    code: ClassVar[str] = "revision_missing"


class BodyUnsupported(WsiLabError):
    """The body is not of a type that is understood here. Only HTTP knows this error."""

    code: ClassVar[str] = "body_unsupported"


STATUS_OF: Mapping[type[WsiLabError], HTTPStatus] = {
    Invalid: HTTPStatus.BAD_REQUEST,
    OutOfRange: HTTPStatus.BAD_REQUEST,
    NotIdentified: HTTPStatus.UNAUTHORIZED,
    NotAllowed: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    MethodUnknown: HTTPStatus.METHOD_NOT_ALLOWED,
    Conflict: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    SlideError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnsupportedSlide: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    BodyUnsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    DamagedSlide: HTTPStatus.UNPROCESSABLE_ENTITY,
    CutShort: HTTPStatus.UNPROCESSABLE_ENTITY,
    SlideMissing: HTTPStatus.NOT_FOUND,
    RevisionMissing: HTTPStatus.PRECONDITION_REQUIRED,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    SlideChanged: HTTPStatus.SERVICE_UNAVAILABLE,
    SourceUnavailable: HTTPStatus.BAD_GATEWAY,
    SourceRefused: HTTPStatus.BAD_GATEWAY,
    SourceTimeout: HTTPStatus.GATEWAY_TIMEOUT,
    StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
    HomeUnusable: HTTPStatus.SERVICE_UNAVAILABLE,
    WsiLabError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_BLAND = "Something went wrong in the lab. Its log says more; the same request may do later."


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as HTTP sees it."""

    status: HTTPStatus
    error: WsiLabError


def failure_of(error: BaseException | None, status_code: int = 500) -> Failure:
    """Return what to tell whoever asked.

    Parameters
    ----------
    error
        What was raised. Anything but an error of the lab or of HTTP becomes a bland sentence:
        its own may hold paths or secrets.
    status_code
        The status when nothing was raised.

    Examples
    --------
    >>> failure_of(Conflict("Changed since.")).status.value
    409
    >>> failure_of(ZeroDivisionError("/secret/path")).error.message.startswith("Something")
    True
    """
    if isinstance(error, WsiLabError):
        return Failure(_status_of(type(error)), error)
    if isinstance(error, web.HTTPError):
        status_code = error.status_code
    return _from_status(status_code if error is None or isinstance(error, web.HTTPError) else 500)


def _status_of(kind: type[WsiLabError]) -> HTTPStatus:
    return next(STATUS_OF[each] for each in kind.__mro__ if each in STATUS_OF)


def _from_status(status_code: int) -> Failure:
    # Raised by tornado or the host, never by us: a path that is no UTF-8, an unknown method,
    # a form that cannot be parsed, a host's own check.
    said: Mapping[int, WsiLabError] = {
        400: Invalid("This request cannot be understood."),
        401: NotIdentified("It is not known who is asking."),
        403: NotAllowed("This server does not allow this request."),
        404: NotFound("There is nothing at this address."),
        405: MethodUnknown("This address cannot be asked that way."),
        413: TooLarge("This is more than one request may carry."),
    }
    error = said.get(status_code)
    if error is None:
        return Failure(HTTPStatus.INTERNAL_SERVER_ERROR, WsiLabError(_BLAND))
    return Failure(HTTPStatus(status_code), error)
