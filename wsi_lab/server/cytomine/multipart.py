"""A form with one file in it, read piece by piece while it comes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from typing import NamedTuple
from urllib.parse import unquote

from wsi_lab.errors import Invalid

LARGEST_HEADERS = 16 << 10
LARGEST_FIELDS = 1 << 20
"""Bytes of all that is no file."""

_BOUNDARY = re.compile(
    r'multipart/form-data\b.*;\s*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200})(?=[\s;]|$))',
    re.IGNORECASE,
)
_QUOTED = re.compile(r"%(22|0D|0A)", re.IGNORECASE)


class Begun(NamedTuple):
    """The file begins."""

    file_name: str


class FormFile:
    r"""Finds the file in a form.

    Parameters
    ----------
    content_type
        Of the request; it tells what stands between the parts.

    Examples
    --------
    >>> form = FormFile("multipart/form-data; boundary=x")
    >>> head = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.svs"\r\n\r\n'
    >>> list(form.feed(head + b"12")), list(form.feed(b"34\r\n--x--\r\n")), form.is_whole
    ([Begun(file_name='a.svs')], [b'1234'], True)
    """

    def __init__(self, content_type: str) -> None:
        found = _BOUNDARY.match(content_type.strip())
        if found is None:
            raise Invalid("The body of this request must be a form with a file in it.")
        self._line = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
        self._between = b"\r\n" + self._line
        # As if a line ended before the first part, as it does before all others.
        self._held = bytearray(b"\r\n")
        self._passed = 0
        self._has_file = False
        self._read = self._before_part
        self.is_whole = False

    def feed(self, data: bytes) -> Iterator[Begun | bytes]:
        """Take what has come, and yield that the file begins and what is in it.

        Raises
        ------
        Invalid
            It is no such form.
        """
        self._held += data
        while True:
            reading = self._read
            yield from reading()
            if self._read == reading:
                return

    def _before_part(self) -> Iterator[Begun | bytes]:
        """Drop what is no file, up to the next part."""
        found = self._held.find(self._between)
        keep = len(self._held) - len(self._between) + 1
        drop = found if found >= 0 else max(0, keep)
        self._passed += drop
        if self._passed > LARGEST_FIELDS:
            raise Invalid("The form holds too much besides its file.")
        del self._held[:drop]
        if found >= 0:
            del self._held[: len(self._between)]
            self._read = self._after_line
        yield from ()

    def _after_line(self) -> Iterator[Begun | bytes]:
        """Read whether another part follows, or nothing more."""
        head = bytes(self._held[:2])
        if head == b"--":
            self.is_whole = True
            self._read = self._at_end
        elif head == b"\r\n":
            del self._held[:2]
            self._read = self._headers
        elif len(head) == 2:
            raise Invalid("The form in the body of this request is damaged.")
        yield from ()

    def _headers(self) -> Iterator[Begun | bytes]:
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            if len(self._held) > LARGEST_HEADERS:
                raise Invalid("The form in the body of this request is damaged.")
            return
        name = file_name_of(bytes(self._held[:end]))
        # The line that ends the headers may be the one before the next part, too.
        del self._held[: end + 2]
        if name is None:
            self._read = self._before_part
            return
        del self._held[:2]
        if self._has_file:
            raise Invalid("Send one file at a time.")
        self._has_file = True
        self._read = self._content
        yield Begun(name)

    def _content(self) -> Iterator[Begun | bytes]:
        found = self._held.find(self._between)
        keep = len(self._held) - len(self._between) + 1
        some = bytes(self._held[: found if found >= 0 else max(0, keep)])
        del self._held[: len(some)]
        if found >= 0:
            del self._held[: len(self._between)]
            self._read = self._after_line
        if some:
            yield some

    def _at_end(self) -> Iterator[Begun | bytes]:
        self._held.clear()
        yield from ()


def file_name_of(headers: bytes) -> str | None:
    """Return the name of the file that a part is; `None` for one that is a field.

    Some clients send the whole path that the file has where it comes from.

    Examples
    --------
    >>> file_name_of(b'content-disposition: form-data; name="a"; filename="/x/b.svs"')
    'b.svs'
    """
    for line in headers.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() != "content-disposition":
            continue
        message = Message()
        message["content-disposition"] = value.strip()
        found = message.get_filename()
        if found is not None:
            plain = _QUOTED.sub(lambda each: unquote(each[0]), found)
            return plain.replace("\\", "/").rpartition("/")[2]
    return None
