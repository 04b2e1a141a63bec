"""Files sent to a lab by tus, the protocol for uploads that may be cut and go on."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from wsi_lab.client.connection import Connection
from wsi_lab.client.refusals import refusal
from wsi_lab.errors import Busy, Conflict, Invalid, SourceUnavailable, WsiLabError

if TYPE_CHECKING:
    import httpx

TREE = "files/"
CHUNK_BYTES = 8 << 20
TRIES_WITHOUT_PROGRESS = 6
LONGEST_WAIT_S = 10.0
_VERSION = {"Tus-Resumable": "1.0.0"}
# Another request holds the file, the offset is another one, the checksum does not fit, or what
# stands between here and the lab is out of sorts: the lab is asked how far it has come.
_ASK_AGAIN = frozenset({409, 423, 460, 500, 502, 503, 504})

Progress = Callable[[int, int], None]


class Upload:
    """One file on its way to a lab.

    Parameters
    ----------
    folder
        Below the lab's folder of slides; empty for the root.
    progress
        Called with the bytes that have arrived, and all of them.
    """

    def __init__(
        self,
        connection: Connection,
        path: Path,
        *,
        name: str,
        folder: str,
        progress: Progress | None = None,
    ) -> None:
        try:
            stat = path.stat()
        except OSError as error:
            raise Invalid(f"There is no file {path.name!r} that can be read here.") from error
        if not path.is_file():
            raise Invalid(f"{path.name!r} is not a file. Files are sent one by one.")
        self._connection = connection
        self._path = path
        self._name = name
        self._folder = folder
        self._length = stat.st_size
        self._progress = progress or (lambda _done, _all: None)
        described = (connection.url, folder, name, str(path.resolve()), stat.st_size)
        self._note = _notes() / _digest(repr((*described, stat.st_mtime_ns)))

    def run(self) -> None:
        """Send the file, from where an earlier attempt was cut on."""
        address, offset = self._begun() or self._begin()
        with self._path.open("rb") as file:
            failures = 0
            while offset < self._length:
                self._progress(offset, self._length)
                try:
                    reached = self._send(file, address, offset)
                except (SourceUnavailable, Busy, Conflict):
                    failures += 1
                    if failures == TRIES_WITHOUT_PROGRESS:
                        raise
                    self._connection.wait(min(LONGEST_WAIT_S, 0.25 * 2**failures))
                    reached = self._asked(address, offset)
                failures = 0 if reached > offset else failures
                offset = reached
        self._progress(self._length, self._length)
        self._connection.post(f"v1/uploads/{address.rsplit('/', 1)[-1]}/finish", {})
        self._note.unlink(missing_ok=True)

    def _begin(self) -> tuple[str, int]:
        metadata = f"filename {_encoded(self._name)},folder {_encoded(self._folder)}"
        headers = {"Upload-Length": str(self._length), "Upload-Metadata": metadata.rstrip()}
        answer = self._exchange("POST", TREE, headers)
        address = self._connection.address_of(answer.headers.get("Location", ""))
        with contextlib.suppress(OSError):
            # Without the note an attempt that is cut begins anew; that is all.
            self._note.parent.mkdir(parents=True, exist_ok=True)
            self._note.write_text(address)
        return address, 0

    def _begun(self) -> tuple[str, int] | None:
        try:
            address = self._connection.address_of(self._note.read_text())
            return address, _offset(self._exchange("HEAD", address, {}))
        except (OSError, WsiLabError):
            # Never begun, or expired, or somebody else's by now.
            return None

    def _asked(self, address: str, offset: int) -> int:
        try:
            return _offset(self._exchange("HEAD", address, {}))
        except (SourceUnavailable, Busy):
            return offset

    def _send(self, file: BinaryIO, address: str, offset: int) -> int:
        file.seek(offset)
        chunk = file.read(CHUNK_BYTES)
        if not chunk:
            raise Invalid(f"{self._path.name!r} became shorter while it was sent.")
        checksum = base64.b64encode(hashlib.sha256(chunk).digest()).decode()
        headers = {
            "Upload-Offset": str(offset),
            "Upload-Checksum": f"sha256 {checksum}",
            "Content-Type": "application/offset+octet-stream",
        }
        return _offset(self._exchange("PATCH", address, headers, chunk))

    def _exchange(
        self, method: str, address: str, headers: dict[str, str], content: bytes = b""
    ) -> httpx.Response:
        answer = self._connection.exchange(
            method, address, headers={**_VERSION, **headers}, content=content
        )
        if answer.is_success:
            return answer
        error = refusal(answer.status_code, answer.content, request=f"{method} {TREE}")
        if answer.headers.get("Content-Type", "").startswith("text/plain") and answer.text:
            # tus has no codes; what went wrong is a sentence.
            error = type(error)(answer.text.strip()[:500])
            error.request = f"{method} {TREE}"
        if answer.status_code in _ASK_AGAIN and not isinstance(error, (Busy, Conflict)):
            raise SourceUnavailable(error.message) from error
        raise error


class Sent(NamedTuple):
    """A file that was sent: where it lies in the lab's folder, and whether it is no slide."""

    path: str
    is_config: bool


def send_file(
    connection: Connection,
    study: str,
    path: str | Path,
    *,
    name: str | None,
    folder: str | None,
    progress: Progress | None,
) -> Sent:
    """Send a file for a study; see `wsi_lab.client.Study.upload`."""
    path = Path(path).expanduser()
    name = path.name if name is None else name
    is_config = name.startswith(f"study.{study}.")
    if folder is None:
        folder = "" if is_config else study
    Upload(connection, path, name=name, folder=folder, progress=progress).run()
    return Sent(f"{folder}/{name}" if folder else name, is_config)


def _offset(answer: httpx.Response) -> int:
    text = answer.headers.get("Upload-Offset", "")
    if not (text.isascii() and text.isdigit()):
        raise WsiLabError("What answers at this address does not take files.")
    return int(text)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _notes() -> Path:
    import platformdirs  # noqa: PLC0415 (only for those who send files)

    return platformdirs.user_cache_path("wsi-lab") / "uploads"
