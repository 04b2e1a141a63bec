"""The door of WSI Streamer: signatures instead of people, its error codes, any origin."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, ClassVar

import msgspec

from wsi_lab.errors import (
    Busy,
    CutShort,
    DamagedSlide,
    Invalid,
    NotAllowed,
    NotFound,
    NotIdentified,
    OutOfRange,
    SlideMissing,
    SourceRefused,
    SourceUnavailable,
    TooLarge,
    UnsupportedSlide,
    WsiLabError,
)
from wsi_lab.model.people import Actor
from wsi_lab.model.signing import Signer
from wsi_lab.server.doors import HEADERS, RETRY_AFTER_SECONDS, Door, FailureAnswer
from wsi_lab.server.failures import Failure, MethodUnknown
from wsi_lab.server.identity import lab_token
from wsi_lab.server.streamer.settings import (
    ANY_ORIGIN,
    DEFAULT_QUALITY,
    Access,
    StreamerSettings,
)

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest

    from wsi_lab.server.base import Handler
    from wsi_lab.server.site import Site

CODES: Mapping[type[WsiLabError], str] = {
    Invalid: "invalid_request",
    OutOfRange: "tile_out_of_bounds",
    NotIdentified: "not_identified",
    NotAllowed: "not_allowed",
    NotFound: "not_found",
    SlideMissing: "not_found",
    MethodUnknown: "method_not_allowed",
    TooLarge: "too_large",
    UnsupportedSlide: "unsupported_format",
    DamagedSlide: "decode_error",
    CutShort: "io_error",
    SourceUnavailable: "connection_error",
    Busy: "busy",
    WsiLabError: "internal_error",
}
"""Where an error does not bring its own code as the detail ``reason``."""

_ALWAYS_500 = (DamagedSlide, SourceRefused)
_PREFLIGHT: Mapping[str, str] = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type",
    "Access-Control-Max-Age": "86400",
}
_EXPOSED = ", ".join(
    (
        *("ETag", "X-Tile-Cache-Hit", "X-Tile-Quality", "X-Thumbnail-Size-Clamped"),
        *("X-Thumbnail-Requested-Size", "X-Thumbnail-Actual-Size"),
    )
)
_ALLOW_ORIGIN, _EXPOSE = "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"
_RESOURCE_POLICY = "Cross-Origin-Resource-Policy"


class StreamerDoor(Door):
    """The door of WSI Streamer, for one set of settings and one site.

    Parameters
    ----------
    now
        Tells Unix time.
    """

    name: ClassVar[str] = "streamer"
    trees: ClassVar[tuple[str, ...]] = ("tiles", "slides", "view", "health")
    told: ClassVar[frozenset[str]] = frozenset({"level", "x", "y"})

    def __init__(self, settings: StreamerSettings, now: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.access = settings.access
        self.quality = settings.quality or DEFAULT_QUALITY
        # Who runs the server and asked for a quality wants it; otherwise stored bytes are best.
        self.recodes = settings.quality is not None
        self.for_everybody = f"public, max-age={settings.cache_max_age}"
        self.for_one = f"private, max-age={settings.cache_max_age}"
        self.now = now
        self._signer = Signer(settings.secret) if settings.secret else None
        self._origins = settings.cors_origins
        self._elsewhere = _headers_for(settings.cors_origins)

    async def identify(self, handler: Handler) -> Actor | None:
        """Return the actor of a token of the lab. Only a closed door looks at it."""
        text = lab_token(handler.request.headers)
        return None if text is None else await handler.site.actor_for_token(text, door=self.name)

    def signer_at_once(self) -> Signer | None:
        """Return what signs addresses, if its secret is known by now."""
        return self._signer

    async def signer(self, site: Site) -> Signer:
        """Return what signs addresses; the lab is opened if its key is needed for that."""
        if self._signer is None:
            lab = await site.ready()
            self._signer = Signer(await site.rows.submit(lab.source_secret))
        return self._signer

    def headers(self, request: HTTPServerRequest) -> Mapping[str, str]:
        """Return what every answer carries: which other origins may read it, above all."""
        if not self._origins:
            return self._elsewhere
        origin = request.headers.get("Origin")
        if origin is None or origin not in self._origins:
            return self._elsewhere
        return {**self._elsewhere, _ALLOW_ORIGIN: origin, _EXPOSE: _EXPOSED}

    @staticmethod
    def keep_from_other_origins(headers: MutableMapping[str, str]) -> None:
        """Take from an answer what lets other origins read it."""
        headers[_RESOURCE_POLICY] = HEADERS[_RESOURCE_POLICY]
        for name in (_ALLOW_ORIGIN, _EXPOSE):
            headers.pop(name, None)

    def preflight_headers(self) -> Mapping[str, str]:
        """Return what a browser asks for before it sends a request from another origin."""
        return {} if self._origins == () else _PREFLIGHT

    def failure(self, handler: Handler, failure: Failure) -> FailureAnswer:
        """Return code, message and status as JSON."""
        error, status = failure.error, failure.status.value
        if isinstance(error, _ALWAYS_500) or _is_of_the_disk(handler, error):
            status = 500
        said = {"error": _code(handler, error), "message": error.message, "status": status}
        headers = {}
        if isinstance(error, Busy):
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        if isinstance(error, NotIdentified) and self.access is Access.CLOSED:
            headers["WWW-Authenticate"] = 'Bearer realm="wsi-lab"'
        return FailureAnswer(status, msgspec.json.encode(said), "application/json", headers)


def _headers_for(origins: tuple[str, ...] | None) -> Mapping[str, str]:
    """Return what is the same on all answers."""
    if origins is None:
        any_origin = {_ALLOW_ORIGIN: ANY_ORIGIN, _EXPOSE: _EXPOSED}
        return {**HEADERS, _RESOURCE_POLICY: "cross-origin", **any_origin}
    if origins:
        return {**HEADERS, _RESOURCE_POLICY: "cross-origin", "Vary": "Origin"}
    return HEADERS


def _code(handler: Handler, error: WsiLabError) -> str:
    reason = error.details.get("reason")
    if isinstance(reason, str):
        return reason
    if isinstance(error, SourceRefused) or _is_of_the_disk(handler, error):
        return "io_error" if getattr(handler, "reads_pixels", False) else "storage_error"
    return next(CODES[each] for each in type(error).__mro__ if each in CODES)


def _is_of_the_disk(handler: Handler, error: WsiLabError) -> bool:
    """Return whether a disk failed: nobody would look for that behind a bad gateway."""
    slides = handler.site.source
    is_local = slides is not None and not slides.source.is_remote
    return is_local and isinstance(error, SourceUnavailable)
