"""Slides on a web server, and what all stores that are asked over HTTP have in common."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NoReturn
from urllib.parse import quote

from wsi_lab.errors import SourceRefused
from wsi_lab.model.source import Source
from wsi_lab.slides.stores.addresses import Resolver
from wsi_lab.slides.stores.answers import (
    conditions,
    known_facts,
    missing,
    part_of,
    range_header,
    require_good,
)
from wsi_lab.slides.stores.objects import HIGHEST_KEY_BYTES, ObjectFacts, StoreLimits
from wsi_lab.slides.stores.transport import Answer, HttpHost, persistently

_ERROR_BYTES = 16 * 1024
"""Of the body of an error: enough for its name."""


class HttpStore(ABC):
    """A store that is asked over HTTP: everything but how requests look.

    Parameters
    ----------
    host
        Who is asked.
    """

    def __init__(self, source: Source, host: HttpHost, limits: StoreLimits) -> None:
        self.source = source
        self.origin = ""
        self._host = host
        self._limits = limits

    @abstractmethod
    def _target(self, key: str) -> str:
        """Return the path of an object in requests; `SlideMissing` where there cannot be one."""

    def _ask(
        self, method: str, target: str, headers: dict[str, str], *, deadline: float, most: int
    ) -> Answer:
        """Ask once; stores that want signatures add them here."""
        return self._host.ask(
            method,
            target,
            {"Host": self._host.netloc, "Accept-Encoding": "identity", **headers},
            deadline=deadline,
            most_bytes=most,
        )

    def facts(self, key: str) -> ObjectFacts:
        """Return what the store says of an object."""
        target = self._target(key)
        deadline = time.monotonic() + self._limits.call_seconds

        def attempt() -> ObjectFacts:
            answer = self._ask("HEAD", target, {}, deadline=deadline, most=0)
            require_good(answer)
            return known_facts(answer)

        return persistently(attempt, self._limits, deadline)

    def head(self, key: str, size: int) -> tuple[bytes, ObjectFacts]:
        """Return the first bytes of an object and its facts."""
        target = self._target(key)
        deadline = time.monotonic() + self._limits.call_seconds
        headers = {"Range": range_header(0, size)}
        most = max(size, _ERROR_BYTES)

        def attempt() -> tuple[bytes, ObjectFacts] | None:
            answer = self._ask("GET", target, headers, deadline=deadline, most=most)
            if answer.status == 416:
                return None
            require_good(answer)
            facts = known_facts(answer)
            data = answer.body[:size]
            # Who ignores the range gives everything from the start, which does as well.
            asked = min(size, facts.size)
            if answer.status == 206:
                data = part_of(answer, 0, asked, facts)
            return data[:asked], facts

        found = persistently(attempt, self._limits, deadline)
        # Nothing has no first bytes: some stores call that an error.
        return found if found is not None else (b"", self.facts(key))

    def read(
        self, key: str, offset: int, size: int, facts: ObjectFacts, *, within: float | None = None
    ) -> bytes:
        """Return exactly `size` bytes of the version that `facts` tell of."""
        if size == 0:
            return b""
        target = self._target(key)
        seconds = self._limits.call_seconds
        deadline = time.monotonic() + (seconds if within is None else min(seconds, within))
        headers = {"Range": range_header(offset, size), **conditions(facts)}
        # One byte more than asked for tells an answer that is too long.
        most = max(size + 1, _ERROR_BYTES)

        def attempt() -> bytes:
            answer = self._ask("GET", target, headers, deadline=deadline, most=most)
            require_good(answer, facts)
            return part_of(answer, offset, size, facts)

        return persistently(attempt, self._limits, deadline)

    def close(self) -> None:
        """Give back all connections."""
        self._host.close()


class WebStore(HttpStore):
    """A folder of a web server. It cannot be listed: there is no one way to ask for that.

    Parameters
    ----------
    resolve
        Looks up names; the system's way by default.
    """

    def __init__(
        self, source: Source, limits: StoreLimits, *, resolve: Resolver | None = None
    ) -> None:
        host = HttpHost(source.scheme, source.container, limits=limits, resolve=resolve)
        super().__init__(source, host, limits)

    def keys(self, *, prefix: str = "", after: str = "") -> Iterator[str | None]:  # noqa: ARG002 (never)
        """Raise `SourceRefused`."""
        return _no_list()

    def _target(self, key: str) -> str:
        # Servers take backslashes and empty parts for something else than they are.
        if "\\" in key or any(not part for part in key.split("/")):
            raise missing()
        return "/" + encoded(self.source.prefix + key)


def encoded(key: str) -> str:
    """Return a key as the path of a request, so that no server reads anything else into it.

    Raises
    ------
    SlideMissing
        It is none that an object can have, or would lead out of its folder.

    Examples
    --------
    >>> encoded("ü/a b%2F?#.svs")
    '%C3%BC/a%20b%252F%3F%23.svs'
    """
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise missing() from None
    # Whoever stands in between may resolve dots, encoded or not.
    if not key or size > HIGHEST_KEY_BYTES or "\0" in key or {".", ".."} & set(key.split("/")):
        raise missing()
    return quote(key, safe="/")


def _no_list() -> NoReturn:
    raise SourceRefused(
        "The slides of a web server cannot be listed; each can be opened by its name."
    )
