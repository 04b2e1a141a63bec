"""Slides in a bucket of Amazon S3, or of a store that speaks like it."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus, urlsplit
from xml.etree import ElementTree as ET

from wsi_lab.errors import Invalid, SourceRefused
from wsi_lab.model.source import Source
from wsi_lab.slides.stores.addresses import Reach, Resolver
from wsi_lab.slides.stores.answers import error_code, require_good
from wsi_lab.slides.stores.objects import StoreLimits
from wsi_lab.slides.stores.transport import Answer, HttpHost, persistently
from wsi_lab.slides.stores.web import HttpStore, encoded

if TYPE_CHECKING:
    from wsi_lab.slides.stores.aws import AwsAccess, Credentials

DEFAULT_REGION = "us-east-1"
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_NETLOC = re.compile(r"[A-Za-z0-9.:\[\]_-]+")
_LIST_BYTES = 4 * 1024 * 1024
"""Of a page: a thousand of the longest keys, each byte as three, and what is beside them."""
_MOST_EMPTY_PAGES = 16
"""In a row, each with a promise of more."""
_ELSEWHERE = {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", ""}
# The answer to HEAD has no body that could say more.
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "InvalidToken", ""}


class S3Store(HttpStore):
    """A bucket, or the part of it below a prefix.

    Without an endpoint it is Amazon's, and when it lies in another region than was thought, the
    store says so and is believed. Redirections are never followed.

    Parameters
    ----------
    environment
        Where the region and the endpoint come from that nobody named.
    """

    def __init__(
        self,
        source: Source,
        limits: StoreLimits,
        *,
        environment: Mapping[str, str] = os.environ,
        resolve: Resolver | None = None,
    ) -> None:
        named = region_named_by(source, environment)
        self._region = _checked_region(named or DEFAULT_REGION)
        self._is_signed = not _is_anonymous(source, environment)
        self._is_region_known = bool(named) or not self._is_signed
        self._endpoint = endpoint_named_by(source, environment)
        self._resolve = resolve
        self._lock = threading.Lock()
        self._access: AwsAccess | None = None
        host, self._base = self._place(source, limits)
        super().__init__(source, host, limits)
        self.origin = (self._endpoint or "").rstrip("/")

    def keys(self, *, prefix: str = "", after: str = "") -> Iterator[str | None]:
        """Yield all keys that begin with `prefix` and come after `after`, in byte order.

        `None` stands for a page without any.
        """
        own = self.source.prefix
        last, token = own + after if after else "", ""
        empty_pages = 0
        while True:
            page = self._page(own + prefix, last, token)
            gave = False
            for key in page.keys:
                # Pages rely on this order, and so do those who go on where they stopped.
                if key.encode() <= last.encode():
                    raise SourceRefused("This store does not list its slides in order.")
                last = key
                name = key.removeprefix(own)
                if key.startswith(own + prefix) and _can_be_named(name):
                    gave = True
                    yield name
            if not page.next_token:
                return
            token = page.next_token
            empty_pages = 0 if page.keys else empty_pages + 1
            if empty_pages >= _MOST_EMPTY_PAGES:
                raise SourceRefused(
                    "This store promises more slides again and again, and has none."
                )
            if not gave:
                yield None

    def _place(self, source: Source, limits: StoreLimits) -> tuple[HttpHost, str]:
        """Return who is asked for the bucket, and what paths there begin with."""
        bucket = source.container
        if self._endpoint is not None:
            found = urlsplit(self._endpoint)
            host = HttpHost(
                found.scheme, found.netloc, limits=limits, reach=Reach.INSIDE, resolve=self._resolve
            )
            return host, f"{quote(found.path.rstrip('/'), safe='/%')}/{bucket}/"
        name, base = f"s3.{self._region}.amazonaws.com", f"/{bucket}/"
        # The certificate of the short name does not reach over a dot in the bucket's.
        if "." not in bucket:
            name, base = f"{bucket}.{name}", "/"
        return HttpHost(
            "https", name, limits=limits, reach=Reach.INSIDE, resolve=self._resolve
        ), base

    def _target(self, key: str) -> str:
        return self._base + encoded(self.source.prefix + key)

    def _ask(
        self, method: str, target: str, headers: dict[str, str], *, deadline: float, most: int
    ) -> Answer:
        access = self._who_asks() if self._is_signed else None
        credentials = access.credentials(deadline) if access is not None else None
        if access is not None and not self._is_region_known:
            self._take_region_of(access, deadline)
        region = self._region

        def signed() -> Answer:
            more = headers
            if access is not None and credentials is not None:
                more = headers | self._signature(access, method, target, credentials)
            return super(S3Store, self)._ask(method, target, more, deadline=deadline, most=most)

        answer = signed()
        if answer.status not in (301, 307, 400, 403):
            return answer
        if self._moves_to_region_of(answer, region):
            return signed()
        if access is not None and credentials is not None and error_code(answer) in _EXPIRED:
            credentials = access.renewed(credentials, deadline)
            if credentials is not None:
                return signed()
        return answer

    def _who_asks(self) -> AwsAccess:
        with self._lock:
            if self._access is None:
                # Its library takes a while to load, and an anonymous source has no use for it.
                from wsi_lab.slides.stores.aws import AwsAccess  # noqa: PLC0415

                self._access = AwsAccess(self._limits, self._region)
            return self._access

    def _signature(
        self, access: AwsAccess, method: str, target: str, credentials: Credentials
    ) -> dict[str, str]:
        host = self._host
        return access.signed_headers(
            method,
            f"{host.scheme}://{host.netloc}{target}",
            host.netloc,
            region=self._region,
            credentials=credentials,
        )

    def _take_region_of(self, access: AwsAccess, deadline: float) -> None:
        """Use the region of the profile, since nobody named another."""
        region = access.region(deadline)
        with self._lock:
            if self._is_region_known:
                return
            if region and _REGION.fullmatch(region) is None:
                raise SourceRefused("The AWS profile of this server names no region of a store.")
            if region and region != self._region:
                self._move_to(region)
            self._is_region_known = True

    def _moves_to_region_of(self, answer: Answer, asked: str) -> bool:
        """Return whether the store told another region, which is used from now on."""
        region = answer.headers.get("x-amz-bucket-region", "")
        if (
            error_code(answer) not in _ELSEWHERE
            or _REGION.fullmatch(region) is None
            or region == asked
        ):
            return False
        with self._lock:
            # Somebody else may have been told so at the same time.
            if region != self._region:
                self._move_to(region)
        return True

    def _move_to(self, region: str) -> None:
        self._region = region
        if self._endpoint is None:
            before = self._host
            # A bucket without dots has the same paths everywhere, one with dots, too.
            self._host, self._base = self._place(self.source, self._limits)
            before.close()

    def _page(self, prefix: str, after: str, token: str) -> _Page:
        asked = {"encoding-type": "url", "list-type": "2"}
        if prefix:
            asked["prefix"] = prefix
        if token:
            asked["continuation-token"] = token
        elif after:
            asked["start-after"] = after
        query = "&".join(f"{name}={quote(asked[name], safe='')}" for name in sorted(asked))
        target = f"{self._base}?{query}" if self._base == "/" else f"{self._base[:-1]}?{query}"
        deadline = time.monotonic() + self._limits.call_seconds

        def attempt() -> _Page:
            answer = self._ask("GET", target, {}, deadline=deadline, most=_LIST_BYTES)
            if answer.status == 404 and error_code(answer) != "NoSuchBucket":
                raise _no_listing()
            require_good(answer)
            return _page_of(answer.body)

        return persistently(attempt, self._limits, deadline)


@dataclass(frozen=True, slots=True)
class _Page:
    keys: list[str]
    next_token: str


def _page_of(body: bytes) -> _Page:
    try:
        # What is parsed has to be what was looked at, and in other encodings it would not be.
        text = body.decode("utf-8-sig")
        # No store sends a document type; only one would let a small answer grow without end.
        if "<!" in text:
            raise _no_listing()
        root = ET.fromstring(text)  # noqa: S314 (without a document type it is harmless)
    except (UnicodeDecodeError, ET.ParseError):
        raise _no_listing() from None
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    if root.tag != f"{space}ListBucketResult":
        raise _no_listing()
    keys = [each.findtext(f"{space}Key", "") for each in root.iterfind(f"{space}Contents")]
    if root.findtext(f"{space}EncodingType") == "url":
        keys = [unquote_plus(key) for key in keys]
    truncated = root.findtext(f"{space}IsTruncated", "").strip() == "true"
    token = root.findtext(f"{space}NextContinuationToken", "") if truncated else ""
    if truncated and not token:
        raise _no_listing()
    return _Page(keys, token)


def _no_listing() -> SourceRefused:
    return SourceRefused("The store's answer is no list of slides; is its endpoint right?")


def _can_be_named(key: str) -> bool:
    """Return whether a key is one of an object and not of a folder, and can be asked for."""
    return key != "" and not key.endswith("/") and not {".", ".."} & set(key.split("/"))


def region_named_by(source: Source, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the region that somebody named; a profile may name one, too."""
    return source.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")


def _checked_region(region: str) -> str:
    if _REGION.fullmatch(region) is None:
        raise Invalid("This is no region of a store; it looks like us-east-1.")
    return region


def endpoint_named_by(source: Source, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the endpoint that somebody named.

    Raises
    ------
    Invalid
        It cannot be one.
    """
    endpoint = (
        source.endpoint
        or environment.get("AWS_ENDPOINT_URL_S3")
        or environment.get("AWS_ENDPOINT_URL")
    )
    if not endpoint:
        return None
    try:
        found = urlsplit(endpoint)
        named = found.hostname is not None and found.port != 0
    except ValueError:
        named = False
    if (
        not named
        or found.scheme not in ("http", "https")
        or _NETLOC.fullmatch(found.netloc) is None
        or found.query
    ):
        raise Invalid("The endpoint of a store looks like https://host or http://host:9000.")
    return endpoint


def _is_anonymous(source: Source, environment: Mapping[str, str]) -> bool:
    return source.anonymous or environment.get("AWS_SKIP_SIGNATURE", "").lower() in ("1", "true")
