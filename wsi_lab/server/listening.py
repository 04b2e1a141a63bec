"""An HTTP server that stays up however many connect to it, and however slowly they read."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

LOG = logging.getLogger("wsi_lab.server")

MOST_FILES = 1 << 16
MOST_CONNECTIONS = 4096
LEAST_CONNECTIONS = 16
FILES_FOR_OTHERS = 192
"""What a server has open besides connections and slides: stores, databases, decoders."""

PAUSE_SECONDS = 0.1
"""For how long nobody is taken in after the system had no room for a connection."""
UNREAD_SECONDS = 30.0
"""Whoever reads nothing of what was sent for so long loses the connection."""
SECONDS_BETWEEN_WARNINGS = 60.0

_TAKEN_AT_ONCE = 128
_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)


def raise_file_limit() -> int:
    """Let this process open as many files as the system lets it, and return how many that are.

    What a shell allows is often 1,024, which few programs that draw up connections can live on.
    """
    soft, hard = (_bounded(limit) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    if soft < hard:
        with contextlib.suppress(OSError, ValueError):
            stated = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, stated))
            return hard
    return soft


def most_connections(files: int, open_slides: int) -> int:
    """Return how many connections leave room for everything else.

    Parameters
    ----------
    files
        How many files the process may have open.
    open_slides
        How many of them are kept for slides.

    Examples
    --------
    >>> most_connections(1024, 64), most_connections(64, 64), most_connections(1 << 16, 100)
    (768, 16, 4096)
    """
    left = files - FILES_FOR_OTHERS - open_slides
    return min(max(left, LEAST_CONNECTIONS), MOST_CONNECTIONS)


class ListeningServer(HTTPServer):
    """tornado's server with a bound to its connections.

    One connection too many is closed at once. Where the system itself has no room for another,
    nobody is taken in for a moment: asking it over and over would take all the server's time.
    """

    def initialize(self, *args: Any, most: int = MOST_CONNECTIONS, **limits: Any) -> None:
        """Take what `HTTPServer` takes, and the most connections there may be at a time."""
        super().initialize(*args, **limits)
        self._most = most
        self._open = 0
        self._listeners: list[_Listener] = []
        self._silent_until: dict[str, float] = {}

    @property
    def connections(self) -> int:
        """How many there are."""
        return self._open

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Take in whoever connects to these sockets, which listen already."""
        for each in sockets:
            self._listeners.append(_Listener(each, self._take_in, self._warn))

    def stop(self) -> None:
        """Take nobody in any more."""
        while self._listeners:
            self._listeners.pop().close()
        super().stop()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Serve a connection, and count it."""
        super().handle_stream(stream, address)
        self._open += 1

    def on_close(self, server_conn: object) -> None:
        """Count one connection less."""
        self._open -= 1
        super().on_close(server_conn)

    def _take_in(self, connection: socket.socket, address: Any) -> None:
        if self._open >= self._most:
            connection.close()
            self._warn("There are as many connections as the server takes; new ones are closed.")
            return
        try:
            _drop_if_unread(connection)
        except OSError:
            # It has gone already.
            connection.close()
            return
        stream = IOStream(
            connection, max_buffer_size=self.max_buffer_size, read_chunk_size=self.read_chunk_size
        )
        self.handle_stream(stream, address)

    def _warn(self, words: str) -> None:
        # A log that grows with every refusal would be the next thing to run full.
        now = time.monotonic()
        if now >= self._silent_until.get(words, now):
            self._silent_until[words] = now + SECONDS_BETWEEN_WARNINGS
            LOG.warning("%s", words)


class _Listener:
    """A socket that listens, and rests while the system has no room for connections."""

    def __init__(
        self,
        listening: socket.socket,
        take_in: Callable[[socket.socket, Any], None],
        warn: Callable[[str], None],
    ) -> None:
        self._socket = listening
        self._take_in = take_in
        self._warn = warn
        self._loop = asyncio.get_running_loop()
        self._resting: asyncio.TimerHandle | None = None
        self._listen()

    def close(self) -> None:
        """Close the socket."""
        if self._resting is not None:
            self._resting.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _listen(self) -> None:
        self._resting = None
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        # Those who are in want to be served before the next so many come.
        for _ in range(_TAKEN_AT_ONCE):
            try:
                connection, address = self._socket.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._rest(error)
                return
            self._take_in(connection, address)

    def _rest(self, error: OSError) -> None:
        # Whoever waits makes the socket readable again and again.
        self._loop.remove_reader(self._socket)
        self._resting = self._loop.call_later(PAUSE_SECONDS, self._listen)
        self._warn(f"The system gives no further connections: {error.strerror}.")


def _drop_if_unread(connection: socket.socket) -> None:
    """Have the system close a connection whose other end takes nothing of what is sent.

    tornado waits for it forever, and keeps what is to be sent.
    """
    if _USER_TIMEOUT is not None:
        milliseconds = int(1000 * UNREAD_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, milliseconds)


def _bounded(limit: int) -> int:
    return MOST_FILES if limit == resource.RLIM_INFINITY else min(limit, MOST_FILES)
