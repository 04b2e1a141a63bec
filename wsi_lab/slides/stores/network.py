"""Connections to checked addresses, every byte of which comes in time or not at all."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable

import httpcore

from wsi_lab.errors import SourceRefused
from wsi_lab.slides.stores.addresses import Reach, Resolver, addresses_of
from wsi_lab.slides.stores.objects import StoreLimits

# Of the names of a cloud's stores, which move from machine to machine.
_ADDRESSES_SECONDS = 60.0


class WentStale(httpcore.ReadError):
    """A connection that was kept turns out to be closed, and nobody has answered over it."""


class CheckedNetwork(httpcore.NetworkBackend):
    """The way to one host, for the connections of a pool.

    Whatever httpcore calls a timeout is a point in time here, of `time.monotonic`: what belongs
    to one call must end together, however many reads and writes it takes.
    """

    def __init__(self, limits: StoreLimits, reach: Reach, resolve: Resolver | None) -> None:
        self._network = httpcore.SyncBackend()
        self._limits = limits
        self._reach = reach
        self._resolve = resolve
        self._addresses: tuple[list[str], float] | None = None
        self._keeps = True
        self._era = object()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection to one of the addresses of a host."""
        addresses = self._checked_addresses(host, port, _left(timeout, httpcore.ConnectTimeout))
        failure: Exception = httpcore.ConnectError()
        for number, address in enumerate(addresses):
            # One that swallows everything must leave some time for the next.
            seconds = _left(timeout, httpcore.ConnectTimeout) / (len(addresses) - number)
            try:
                line = self._network.connect_tcp(
                    address, port, seconds, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _Line(line, self, self._limits.silence_seconds)
        # Perhaps it has moved; the next try looks.
        self._addresses = None
        raise failure

    @property
    def era(self) -> object:
        """Connections of another one than this are not used again."""
        return self._era if self._keeps else None

    def let_idle_go(self) -> None:
        """Have all connections closed that are or become idle."""
        self._era = object()

    def keep_none(self) -> None:
        """Have every connection closed as soon as it is idle, from now on."""
        self._keeps = False

    def _checked_addresses(self, host: str, port: int, seconds: float) -> list[str]:
        known = self._addresses
        if known is None or time.monotonic() - known[1] > _ADDRESSES_SECONDS:
            found = addresses_of(host, port, self._reach, seconds=seconds, resolve=self._resolve)
            self._addresses = known = (found, time.monotonic())
        return known[0]


class _Line(httpcore.NetworkStream):
    """One connection."""

    def __init__(
        self, line: httpcore.NetworkStream, network: CheckedNetwork, silence: float
    ) -> None:
        self._line = line
        self._network = network
        self._silence = silence
        self._era = network.era
        self._is_kept = False
        self._has_answered = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _left(timeout, httpcore.ReadTimeout)
        try:
            data = self._line.read(max_bytes, min(self._silence, left))
        except httpcore.ReadError:
            if self._is_stale:
                raise WentStale from None
            raise
        if data:
            self._has_answered = True
        elif self._is_stale:
            raise WentStale
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        if self._has_answered:
            self._is_kept, self._has_answered = True, False
        # All of a request fits into what the system takes at once.
        self._line.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._line.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        try:
            secured = self._line.start_tls(ssl_context, server_hostname, left)
        except httpcore.ConnectError as error:
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise SourceRefused(
                    "The place where the slides are kept shows a certificate that is not trusted."
                ) from None
            raise
        return _Line(secured, self._network, self._silence)

    def get_extra_info(self, info: str) -> object:
        # What can be read while nobody waits is its end, so such a connection is given up.
        if info == "is_readable" and (self._era is None or self._era is not self._network.era):
            return True
        return self._line.get_extra_info(info)

    @property
    def _is_stale(self) -> bool:
        return self._is_kept and not self._has_answered


def _left(until: float | None, error: type[httpcore.TimeoutException]) -> float:
    if until is None:
        raise ValueError("every step has a time to be done by")
    left = until - time.monotonic()
    if left <= 0:
        raise error
    return left
