"""What the server and its worker processes say to each other.

A message is a frame: the lengths of two parts, a msgpack header, and raw bytes (a tile on the
way there, pixels on the way back). Nothing in it can name code, so a worker that a slide has
taken over can answer nonsense, and that is refused, but it cannot make the server run anything.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any, Self

import msgspec

from wsi_lab.model.slide import Patch, Region, SlideProperties
from wsi_lab.slides.source import Identity

LONGEST_HEADER = 16 * 1024 * 1024
"""Properties of a DICOM slide are the longest headers; they are cut far below this."""

_PREFIX = struct.Struct("<IQ")
_BUFFER_BYTES = 4096


class Request(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Anything a worker can be asked.

    Attributes
    ----------
    forget
        Slides nobody looks at any more; the worker closes them first.
    """

    forget: tuple[str, ...] = ()


class OpenFile(Request, frozen=True, kw_only=True):
    """Open a file, anew if it changed.

    Attributes
    ----------
    by_openslide
        By OpenSlide and nothing else, whatever reader would show it best.
    """

    path: str
    by_openslide: bool = False


class ReadRegion(Request, frozen=True, kw_only=True):
    """Read pixels of a slide, which must be the file it was when it was opened."""

    path: str
    identity: Identity
    region: Region


class ReadPatch(Request, frozen=True, kw_only=True):
    """Read pixels of a stored level, with their opacity; otherwise as `ReadRegion`."""

    path: str
    identity: Identity
    patch: Patch
    by_openslide: bool = False


class ReadAssociated(Request, frozen=True, kw_only=True):
    """Read an image beside the pyramid."""

    path: str
    identity: Identity
    name: str


class DecodeTile(Request, frozen=True, kw_only=True):
    """Decode the tile that is the frame's body."""

    compression: int
    photometric: int
    predictor: int
    rows: int
    columns: int
    samples: int


class Answer(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Anything a worker can answer.

    Attributes
    ----------
    retire
        The worker holds more memory than it should and wants to be replaced.
    """

    retire: bool = False

    def retiring(self) -> Self:
        """Return the same answer from a worker that wants to be replaced."""
        return msgspec.structs.replace(self, retire=True)


class Ready(Answer, frozen=True, kw_only=True):
    """The libraries for this kind of request are loaded; the answer itself comes next."""


class Opened(Answer, frozen=True, kw_only=True):
    """The slide is open."""

    identity: Identity
    properties: SlideProperties


class Picture(Answer, frozen=True, kw_only=True):
    """The frame's body is ``(rows, columns, 3) uint8``; of a patch it has 4 samples."""

    rows: int
    columns: int


class Refused(Answer, frozen=True, kw_only=True):
    """It was not done, for a reason of `wsi_lab.errors`.

    Attributes
    ----------
    surprise
        The class of an exception that nobody expected, for the log.
    """

    code: str
    message: str
    surprise: str = ""


AnyRequest = OpenFile | ReadRegion | ReadPatch | ReadAssociated | DecodeTile
AnyAnswer = Ready | Opened | Picture | Refused

_encode = msgspec.msgpack.Encoder().encode
_decode_request = msgspec.msgpack.Decoder(AnyRequest).decode
_decode_answer = msgspec.msgpack.Decoder(AnyAnswer).decode


class Disconnected(Exception):
    """The other side is gone."""


class NotUnderstood(Exception):
    """The other side does not keep to these frames."""


class Line:
    """One end of the connection between the server and a worker.

    One side asks, the other answers, one thing at a time.

    Parameters
    ----------
    connection
        A stream socket; it belongs to the line from now on.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._deadline = float("inf")
        # Most frames come whole with the first read; what a long one still lacks is read
        # straight to where it belongs.
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._start = self._end = 0

    def set_deadline(self, deadline: float) -> None:
        """Let everything from now on raise `TimeoutError` after that `time.monotonic`."""
        self._deadline = deadline

    def ask(self, request: AnyRequest, body: bytes = b"") -> None:
        """Send a request."""
        self._send(_encode(request), body)

    def answer(self, answer: AnyAnswer, body: memoryview | bytes = b"") -> None:
        """Send an answer; the body is a flat row of bytes."""
        self._send(_encode(answer), body)

    def next_request(self) -> tuple[AnyRequest, bytes]:
        """Wait for a request."""
        header, size = self._receive_header()
        request: AnyRequest = _decoded(_decode_request, header)
        body = bytearray(size)
        self._receive_into(memoryview(body))
        return request, bytes(body)

    def next_answer(self) -> tuple[AnyAnswer, int]:
        """Wait for an answer; return it with the length of its body, which is still to come."""
        header, size = self._receive_header()
        return _decoded(_decode_answer, header), size

    def receive_body(self, target: memoryview) -> None:
        """Receive the body of an answer, exactly as many bytes as `target` has."""
        self._receive_into(target)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _send(self, header: bytes, body: memoryview | bytes) -> None:
        prefix = _PREFIX.pack(len(header), len(body))
        head, rest = prefix + header, memoryview(body)
        try:
            # In one piece, so that the other side is woken once.
            self._keep_to_deadline()
            sent = self._connection.sendmsg([head, rest])
            if sent < len(head):
                self._keep_to_deadline()
                self._connection.sendall(head[sent:])
                sent = len(head)
            if sent < len(head) + len(rest):
                self._keep_to_deadline()
                self._connection.sendall(rest[sent - len(head) :])
        except (BrokenPipeError, ConnectionResetError):
            raise Disconnected from None

    def _receive_header(self) -> tuple[bytes, int]:
        header_size, body_size = _PREFIX.unpack(self._receive(_PREFIX.size))
        if header_size > LONGEST_HEADER:
            raise NotUnderstood
        return self._receive(header_size), body_size

    def _receive(self, size: int) -> bytes:
        if self._end - self._start < size:
            target = bytearray(size)
            self._receive_into(memoryview(target))
            return bytes(target)
        self._start += size
        return bytes(self._buffer[self._start - size : self._start])

    def _receive_into(self, target: memoryview) -> None:
        got, size = 0, len(target)
        while got < size:
            if self._start == self._end and size - got < _BUFFER_BYTES:
                self._start, self._end = 0, self._read(self._buffer)
            if self._start < self._end:
                count = min(self._end - self._start, size - got)
                target[got : got + count] = self._buffer[self._start : self._start + count]
                self._start += count
            else:
                count = self._read(target[got:])
            got += count

    def _read(self, target: memoryview) -> int:
        self._keep_to_deadline()
        try:
            count = self._connection.recv_into(target)
        except ConnectionResetError:
            raise Disconnected from None
        if count == 0:
            raise Disconnected
        return count

    def _keep_to_deadline(self) -> None:
        if self._deadline == float("inf"):
            return
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)


def _decoded(decode: Callable[[bytes], Any], header: bytes) -> Any:
    try:
        return decode(header)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise NotUnderstood from None
