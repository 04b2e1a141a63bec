"""Requests to one host: by a checked address, within an exact time, and followed nowhere else."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import httpcore

from wsi_lab.errors import SourceTimeout, SourceUnavailable
from wsi_lab.slides.stores.addresses import Reach, Resolver
from wsi_lab.slides.stores.network import CheckedNetwork, WentStale
from wsi_lab.slides.stores.objects import StoreLimits

_log = logging.getLogger(__name__)

_MOST_IDLE = 32
_MOST_IDLE_SECONDS = 15.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host answered.

    Attributes
    ----------
    headers
        By lower-case names; of repeated ones the first.
    body
        As much of it as was asked for.
    length
        What the head says of the body; `None` where it says nothing.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    length: int | None


class TryAgain(Exception):
    """An answer that another try may mend, with the error if none does."""

    def __init__(self, error: SourceUnavailable, *, wait: float = 0.0) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait = wait


def persistently(attempt: Callable[[], T], limits: StoreLimits, deadline: float) -> T:
    """Return what `attempt` gives, trying again with growing waits while there is time.

    Raises
    ------
    SourceUnavailable
        What the last try ended with.
    """
    wait = limits.first_wait_seconds
    for tried in range(1, limits.most_tries + 1):
        try:
            return attempt()
        except TryAgain as failure:
            # A little chance keeps many readers from coming back in step.
            pause = max(failure.wait, wait * random.uniform(0.7, 1.3))  # noqa: S311 (no secret)
            if tried == limits.most_tries or time.monotonic() + pause >= deadline:
                raise failure.error from None
            _log.debug("Asking a store again in %.1f s: %s", pause, failure)
            time.sleep(pause)
            wait *= 2
    raise AssertionError("the last try either returns or raises")


class HttpHost:
    """A host that is asked over HTTP.

    Its name is looked up and the addresses are checked before connecting, and the connection is
    made to a checked address. Nothing is taken from the environment, nothing is redirected, and
    no cookie is kept.

    Parameters
    ----------
    reach
        How far inside a network it may be.
    resolve
        Looks up names; the system's way by default.
    """

    def __init__(
        self,
        scheme: str,
        netloc: str,
        *,
        limits: StoreLimits,
        reach: Reach = Reach.PUBLIC,
        resolve: Resolver | None = None,
    ) -> None:
        self.scheme = scheme
        self.netloc = netloc
        self._host, self._port = _host_and_port(netloc, 443 if scheme == "https" else 80)
        self._limits = limits
        self._network = CheckedNetwork(limits, reach, resolve)
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpcore.default_ssl_context() if scheme == "https" else None,
            max_connections=None,
            max_keepalive_connections=_MOST_IDLE,
            keepalive_expiry=_MOST_IDLE_SECONDS,
            network_backend=self._network,
        )

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        deadline: float,
        most_bytes: int,
    ) -> Answer:
        """Return the answer to one request, with at most `most_bytes` of its body.

        Raises
        ------
        TryAgain
            There was none, or it broke off.
        SourceRefused
            The host may not be reached.
        """
        url = httpcore.URL(
            scheme=self.scheme, host=self._host, port=self._port, target=target.encode("latin-1")
        )
        lines = [(name.encode(), headers[name].encode("latin-1")) for name in headers]
        try:
            try:
                return self._exchange(method, url, lines, deadline, most_bytes)
            except WentStale:
                # It was closed while nobody looked, which is no failure of the host.
                self._network.let_idle_go()
                return self._exchange(method, url, lines, deadline, most_bytes)
        except httpcore.TimeoutException:
            # Others that were opened at that time may be as dead.
            self._network.let_idle_go()
            raise TryAgain(_too_slow()) from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            if _is_switch(error):
                return Answer(101, {}, b"", None)
            _log.debug("A store broke off: %r", error)
            raise TryAgain(_broken()) from None

    def close(self) -> None:
        """Close all connections as soon as nobody uses them."""
        self._network.keep_none()
        # The pool's own way would close those in use as well.
        for connection in self._pool.connections:
            if connection.is_idle():
                connection.close()

    def _exchange(
        self,
        method: str,
        url: httpcore.URL,
        headers: list[tuple[bytes, bytes]],
        deadline: float,
        most_bytes: int,
    ) -> Answer:
        connected = min(deadline, time.monotonic() + self._limits.connect_seconds)
        # The pool hands these on to the network, which takes them for points in time.
        until = {"connect": connected, "read": deadline, "write": deadline}
        with self._pool.stream(
            method, url, headers=headers, extensions={"timeout": until}
        ) as response:
            found = {
                name.decode("latin-1").lower(): text.decode("latin-1")
                for name, text in reversed(response.headers)
            }
            declared = found.get("content-length", "")
            length = int(declared) if declared.isascii() and declared.isdigit() else None
            return Answer(response.status, found, _body(response, length, most_bytes), length)


def _body(response: httpcore.Response, length: int | None, most_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_stream():
        parts.append(part)
        size += len(part)
        # After the last byte the pool has to see the end, to use the connection once more.
        if size >= most_bytes and size != length:
            break
    body = b"".join(parts)
    return body if size <= most_bytes else body[:most_bytes]


def _is_switch(error: Exception) -> bool:
    """Return whether a host wants to speak something else, which nobody asked it to."""
    return "_SWITCH_UPGRADE" in str(error)


def _host_and_port(netloc: str, default: int) -> tuple[str, int]:
    host, colon, port = netloc.rpartition(":")
    if not colon or netloc.endswith("]"):
        return netloc.strip("[]"), default
    return host.strip("[]"), int(port)


def _too_slow() -> SourceTimeout:
    return SourceTimeout("The place where the slides are kept answers too slowly.")


def _broken() -> SourceUnavailable:
    return SourceUnavailable("The place where the slides are kept cannot be reached now.")
