"""Slides in a bucket of Google Cloud Storage or a container of Azure Blob Storage."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, timedelta
from itertools import chain, repeat, takewhile
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore

from wsi_lab.errors import Invalid, SourceRefused, SourceTimeout, SourceUnavailable, WsiLabError
from wsi_lab.model.source import Source
from wsi_lab.slides.stores.answers import changed, missing, refusal, require_good
from wsi_lab.slides.stores.objects import ObjectFacts, StoreLimits
from wsi_lab.slides.stores.transport import Answer, TryAgain, persistently
from wsi_lab.slides.stores.web import encoded

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ListStream, ObjectMeta
    from obstore.store import AzureConfig, ClientConfig, GCSConfig, RetryConfig

T = TypeVar("T")

_HASTY = 0.375
"""The part of a call's time that a second try may take, so that it ends in time, too."""

_TOO_SLOW = "The place where the slides are kept answers too slowly."
_STATUS = re.compile(r"status code: (\d{3})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PAGE_KEYS = 1000
_ENVIRONMENT = {
    "gs": ("GOOGLE_BASE_URL",),
    "az": (
        "AZURE_STORAGE_ENDPOINT",
        "AZURE_ENDPOINT",
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_USE_EMULATOR",
    ),
}
"""What the library takes from there that makes the same address another place."""


class BucketStore:
    """A bucket or container, or the part of it below a prefix, read by the obstore library.

    Credentials come from where each cloud's own tools look for them. Keys with empty parts,
    dots as parts or control characters cannot be asked for, and a bucket with such a key where
    it is listed cannot be listed: the library refuses.

    The library cannot be told how long a single call may take, so there are two clients of it:
    a patient one for the first try, and a hasty one for those after it.
    """

    def __init__(self, source: Source, limits: StoreLimits) -> None:
        self.source = source
        self.origin = _origin(source, os.environ)
        self._limits = limits
        hasty = limits.call_seconds * _HASTY
        self._hasty_seconds = hasty
        self._patient = _client(source, limits, limits.call_seconds)
        self._hasty = _client(source, limits, hasty)

    def facts(self, key: str) -> ObjectFacts:
        """Return what the store says of an object."""
        path = self._path(key)
        return self._persistently(lambda client: _facts(obstore.head(client, path)))

    def head(self, key: str, size: int) -> tuple[bytes, ObjectFacts]:
        """Return the first bytes of an object and its facts."""
        path = self._path(key)

        def attempt(client: _Client) -> tuple[bytes, ObjectFacts] | None:
            try:
                found = obstore.get(client, path, options={"range": (0, size)})
            except BaseError as error:
                if "status code: 416" in str(error):
                    return None
                raise
            facts = _facts(found.meta)
            return _bytes(found, 0, min(size, facts.size)), facts

        known = self._persistently(attempt)
        return known if known is not None else (b"", self.facts(key))

    def read(
        self, key: str, offset: int, size: int, facts: ObjectFacts, *, within: float | None = None
    ) -> bytes:
        """Return exactly `size` bytes of the version that `facts` tell of."""
        if size == 0:
            return b""
        path = self._path(key)
        options: GetOptions = {"range": (offset, offset + size)}
        if facts.strong_etag is not None:
            options["if_match"] = facts.strong_etag
        elif facts.modified is not None:
            options["if_unmodified_since"] = facts.modified

        def attempt(client: _Client) -> bytes:
            found = obstore.get(client, path, options=options)
            if not facts.is_of(_facts(found.meta)):
                raise changed()
            return _bytes(found, offset, size)

        return self._persistently(attempt, within)

    def keys(self, *, prefix: str = "", after: str = "") -> Iterator[str | None]:
        """Yield all keys that begin with `prefix` and come after `after`, in byte order.

        `None` stands for a page without any.
        """
        own = self.source.prefix
        wanted = own + prefix
        start = own + after if after else ""
        # The library lists folders, so what is left of the prefix is looked at here; and it
        # starts where it can be told to, which may be a little earlier.
        pages = obstore.list(
            self._patient,
            _folder(wanted) or None,
            offset=max(_startable(start), _startable(_before(wanted)), key=str.encode) or None,
            chunk_size=_PAGE_KEYS,
        )
        last = b""
        while (page := self._following(pages)) is not None:
            gave = False
            for each in page:
                key = each["path"]
                place = key.encode()
                if place <= last:
                    raise SourceRefused("This store does not list its slides in order.")
                last = place
                if key.startswith(wanted):
                    if key != own and place > start.encode():
                        gave = True
                        yield key.removeprefix(own)
                elif place > wanted.encode():
                    return
            if not gave:
                yield None

    def close(self) -> None:
        """Nothing: the library closes connections by itself."""

    def _following(self, pages: ListStream[Sequence[ObjectMeta]]) -> Sequence[ObjectMeta] | None:
        """Return the next page, `None` after the last one."""
        try:
            return _within(self._limits.call_seconds, lambda: next(pages, None))
        except TimeoutError:
            raise SourceTimeout(_TOO_SLOW) from None
        except InvalidPathError:
            raise SourceRefused(
                "This bucket cannot be listed: a name in it has empty parts or characters "
                "that are none. Its slides can be opened by name."
            ) from None
        except (BaseError, OSError, ValueError) as error:
            raise _without_another_try(_meaning(error)) from None

    def _path(self, key: str) -> str:
        encoded(key)
        path = self.source.prefix + key
        # The library takes the first two for something else than they are, and refuses the last.
        if any(not part for part in path.split("/")) or _CONTROL.search(path) is not None:
            raise missing()
        return path

    def _persistently(self, ask: Callable[[_Client], T], within: float | None = None) -> T:
        """Return what `ask` gives, in words of the lab where it fails."""
        seconds = self._limits.call_seconds
        left = seconds if within is None else min(within, seconds)
        # A second try starts while there is time for all of it.
        deadline = time.monotonic() + left - self._hasty_seconds
        clients = chain([self._patient if left == seconds else self._hasty], repeat(self._hasty))

        def attempt() -> T:
            try:
                return ask(next(clients))
            except (BaseError, OSError, ValueError) as error:
                raise _meaning(error) from None

        return persistently(attempt, self._limits, deadline)


_Client = AzureStore | GCSStore


def _within(seconds: float, ask: Callable[[], T]) -> T:
    """Return what `ask` gives, or raise `TimeoutError` without waiting any longer.

    One page for the library may be any number of requests. To end those, one would have to ask
    asynchronously, and the library then brings the interpreter down when it ends. So a thread
    that nobody waits for any more sees them to their end.
    """
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001 (it belongs to whoever waits)
            answer.set_exception(error)

    threading.Thread(target=run, name="list", daemon=True).start()
    return answer.result(seconds)


def _origin(source: Source, environment: Mapping[str, str]) -> str:
    found = [environment.get(name, "") for name in _ENVIRONMENT[source.scheme]]
    return "\n".join([source.endpoint or "", *found]).rstrip("\n/")


def _folder(prefix: str) -> str:
    """Return the folder that all keys with a prefix lie in, as far as the library can name it."""
    return "/".join(_nameable(prefix.split("/")[:-1]))


def _before(prefix: str) -> str:
    """Return a text that comes before all keys with a prefix, and after most others that do.

    Examples
    --------
    >>> _before("a/cd"), _before("")
    ('a/cc~', '')
    """
    if not prefix or prefix[-1] in "\0\ue000":
        return prefix[:-1]
    return f"{prefix[:-1]}{chr(ord(prefix[-1]) - 1)}~"


def _startable(text: str) -> str:
    r"""Return what a list can be told to start after without missing a key after `text`.

    Examples
    --------
    >>> _startable("a/b ü.svs"), _startable("a//b"), _startable("a/b\x01c"), _startable("/a")
    ('a/b ü.svs', 'a', 'a/b', '')
    """
    parts = text.split("/")
    good = _nameable(parts)
    if len(good) < len(parts):
        # What begins the part that cannot be named comes before it, too.
        good.append(_CONTROL.split(parts[len(good)], maxsplit=1)[0])
    start = "/".join(good).rstrip("/")
    return start if _nameable([start.rpartition("/")[2]]) else start.rpartition("/")[0]


def _nameable(parts: list[str]) -> list[str]:
    """Return the parts of a key up to the first that the library would refuse."""
    return list(
        takewhile(lambda part: part not in {"", ".", ".."} and not _CONTROL.search(part), parts)
    )


def _client(source: Source, limits: StoreLimits, seconds: float) -> _Client:
    client: ClientConfig = {
        "allow_http": (source.endpoint or "").startswith("http://"),
        "connect_timeout": timedelta(seconds=limits.connect_seconds),
        "read_timeout": timedelta(seconds=limits.silence_seconds),
        "timeout": timedelta(seconds=seconds),
    }
    # Trying again is done here, where the time that is left is known.
    retry: RetryConfig = {"max_retries": 0}
    try:
        if source.scheme == "gs":
            google: GCSConfig = {"skip_signature": True} if source.anonymous else {}
            if source.endpoint is not None:
                google["base_url"] = source.endpoint
            return GCSStore(
                source.container, config=google, client_options=client, retry_config=retry
            )
        azure: AzureConfig = {"skip_signature": True} if source.anonymous else {}
        if source.endpoint is not None:
            azure["endpoint"] = source.endpoint
        return AzureStore(source.container, config=azure, client_options=client, retry_config=retry)
    except (BaseError, OSError, ValueError):
        raise Invalid(
            "The settings for this store are not complete; see what its own tools want in the "
            "environment."
        ) from None


def _facts(meta: ObjectMeta) -> ObjectFacts:
    return ObjectFacts(meta["size"], meta["e_tag"], meta["last_modified"].astimezone(UTC))


def _bytes(found: GetResult, offset: int, size: int) -> bytes:
    data = bytes(found.bytes()) if tuple(found.range) == (offset, offset + size) else b""
    if len(data) != size:
        raise TryAgain(
            SourceUnavailable(
                "The place where the slides are kept gives other bytes than it is asked for."
            )
        )
    return data


def _meaning(error: Exception) -> WsiLabError | TryAgain:
    """Return what an error of the library means. It names addresses, and is never shown."""
    text = str(error)
    found = _STATUS.search(text)
    if isinstance(error, FileNotFoundError):
        return missing()
    if isinstance(error, PreconditionError):
        return changed()
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return SourceRefused(refusal(403))
    if found is not None:
        try:
            require_good(Answer(int(found[1]), {}, b"", None), ObjectFacts(0))
        except (WsiLabError, TryAgain) as meaning:
            return meaning
    if "timed out" in text or "TimedOut" in text:
        return TryAgain(SourceTimeout(_TOO_SLOW))
    return TryAgain(SourceUnavailable("The place where the slides are kept cannot be reached now."))


def _without_another_try(meaning: WsiLabError | TryAgain) -> WsiLabError:
    return meaning.error if isinstance(meaning, TryAgain) else meaning
