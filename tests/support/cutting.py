"""A proxy that cuts connections after so many bytes."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
from urllib.parse import urlsplit


class CuttingProxy:
    """Passes connections on to a server, and cuts them at random bytes of what clients send.

    Parameters
    ----------
    cuts
        How many connections are cut; later ones are left alone.
    mean
        Bytes between cuts, on average.

    Attributes
    ----------
    passed
        Bytes that clients have sent.
    connections
        How many there were.
    """

    def __init__(self, target: str, chance: random.Random, *, cuts: int, mean: int) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        # Drawn from apart, so that where is cut does not depend on which thread draws first.
        self._manner = random.Random(chance.random())
        self._chance = chance
        self._mean = mean
        self._left = chance.randrange(1, 2 * mean)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.cuts_left = cuts
        self.passed = 0
        self.connections = 0
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> CuttingProxy:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in list(self._threads):
            thread.join(10)

    def _start(self, run, *words: object) -> None:
        thread = threading.Thread(target=run, args=words, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(self._target)
            self._start(self._pass_on, client, server, True)
            self._start(self._pass_on, server, client, False)

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 14):
                allowed = self._allowed(len(data)) if is_counted else len(data)
                sink.sendall(data[:allowed])
                if allowed < len(data):
                    self._cut(source)
                    self._cut(sink)
                    return
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        source.close()

    def _allowed(self, count: int) -> int:
        with self._lock:
            self.passed += count
            if not self.cuts_left or count <= self._left:
                self._left -= count if self.cuts_left else 0
                return count
            allowed, self._left = self._left, self._chance.randrange(1, 2 * self._mean)
            self.cuts_left -= 1
            return allowed

    def _cut(self, connection: socket.socket) -> None:
        if self._manner.random() < 0.5:
            # No farewell, but a reset.
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
