"""An object server for measuring and for tests: the files of a folder, S3-like and as plain HTTP.

``python -m bench.object_server FOLDER --port P --latency S`` serves the folder as the bucket
``slides`` (path style, any signature is taken) and, at the same addresses, to whoever knows no S3.
It counts what it is asked and what it sends, waits before every answer as long as it is told, and
can be told to fail in the ways that stores on a network fail. `sent_so_far` and
`wait_before_answers` talk to one in another process; in this process use `ObjectServer`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO, Self
from xml.sax.saxutils import escape

from bench.object_faults import Fault, Trouble

BUCKET = "slides"
_CONTROL = "/-/"


@dataclass(frozen=True)
class Asked:
    """One request, as it was answered."""

    method: str
    key: str
    range: str | None
    sent: int
    headers: dict[str, str]


@dataclass(frozen=True)
class Sent:
    """What a server did so far: requests answered, and bytes of the bodies."""

    requests: int
    bytes: int


class ObjectServer:
    """The server, in threads of this process from `start` to `stop`."""

    def __init__(
        self, folder: Path, *, host: str = "127.0.0.1", port: int = 0, latency: float = 0.0
    ) -> None:
        self.folder = folder
        self.latency = latency
        self.page_keys = 1000
        self.slow_seconds = 1.0
        self.trouble: Trouble | None = None
        self.log: list[Asked] = []
        self.connections = 0
        self.salt = ""
        self._bytes = 0
        self._requests = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._http = _Listener((host, port), self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{self._http.server_address[0]!s}:{self.port}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.close_connections()
        self._http.server_close()
        self._thread.join()

    def serve_forever(self) -> None:
        self._http.serve_forever()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def sent(self) -> Sent:
        with self._lock:
            return Sent(self._requests, self._bytes)

    @contextmanager
    def in_trouble(self, trouble: Trouble) -> Iterator[None]:
        self.trouble = trouble
        try:
            yield
        finally:
            self.trouble = None

    def take_log(self) -> list[Asked]:
        with self._lock:
            log, self.log = self.log, []
        return log

    def note(self, asked: Asked) -> None:
        with self._lock:
            self.log.append(asked)
            # A server that is measured for hours must not grow.
            del self.log[:-10_000]
            self._requests += 1
            self._bytes += asked.sent

    def next_trouble(self, method: str, key: str) -> Trouble | None:
        with self._lock:
            trouble = self.trouble
            if trouble is None or trouble.method not in (None, method):
                return None
            if trouble.keys and key not in trouble.keys:
                return None
            if trouble.times is not None:
                if trouble.times <= 0:
                    return None
                trouble.times -= 1
            return trouble

    def pause(self, seconds: float) -> bool:
        """Wait, and return whether to go on."""
        return not self._stopping.wait(seconds)

    def keys(self) -> list[str]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted((str(path.relative_to(self.folder)) for path in files), key=str.encode)

    def etag(self, path: Path) -> str:
        return self.etag_of(path.stat())

    def etag_of(self, found: os.stat_result) -> str:
        text = f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}{self.salt}"
        return f'"{hashlib.md5(text.encode()).hexdigest()}"'


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], objects: ObjectServer) -> None:
        self.objects = objects
        self._open: set[Any] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.objects.connections += 1
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for each in list(self._open):
            super().shutdown_request(each)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away in the middle are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Head and body leave in one piece.
    wbufsize = 256 * 1024
    server: _Listener

    def log_message(self, *_: object) -> None:
        """The log is `ObjectServer.log`."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        objects = self.server.objects
        path, _, query = self.path.partition("?")
        if path.startswith(_CONTROL):
            self._control(path.removeprefix(_CONTROL), query)
            return
        if objects.latency:
            time.sleep(objects.latency)
        bucket, _, encoded = path.removeprefix("/").partition("/")
        key = urllib.parse.unquote(encoded)
        self._trouble = objects.next_trouble(self.command, key)
        if self._trouble is not None and self._fails(self._trouble):
            return
        if bucket != BUCKET:
            self._error(404, "NoSuchBucket")
        elif not key:
            self._list(dict(urllib.parse.parse_qsl(query, keep_blank_values=True)))
        else:
            self._object(key)

    def _fails(self, trouble: Trouble) -> bool:
        """Answer wrongly from the start; `False` where the fault is in how it is sent."""
        match trouble.fault:
            case Fault.DIE:
                self._note("", 0)
                self.close_connection = True
            case Fault.MUTE:
                self._note("", 0)
                self.close_connection = True
                self.server.objects.pause(3600)
            case Fault.STATUS:
                self._error(trouble.status, trouble.code, headers=trouble.headers)
            case Fault.REDIRECT:
                self._error(307, "TemporaryRedirect", headers=(("Location", trouble.location),))
            case _:
                return False
        return True

    def _object(self, key: str) -> None:
        objects = self.server.objects
        path = objects.folder / key
        if any(part in ("", ".", "..") for part in key.split("/")) or not path.is_file():
            self._error(404, "NoSuchKey", key)
            return
        # Once open, it stays the same object, whatever is put in its place.
        with path.open("rb") as file:
            self._give(file, key)

    def _give(self, file: BinaryIO, key: str) -> None:
        fault = self._trouble.fault if self._trouble is not None else None
        found = os.fstat(file.fileno())
        etag, size = self.server.objects.etag_of(found), found.st_size
        if fault in (Fault.OTHER_ETAG, Fault.DEAF):
            etag = f'"{hashlib.md5(etag.encode()).hexdigest()}"'
        wanted = self.headers.get("If-Match")
        if fault is not Fault.DEAF and wanted not in (None, "*", etag):
            self._error(412, "PreconditionFailed", key)
            return
        facts = [
            ("ETag", etag),
            ("Last-Modified", formatdate(found.st_mtime, usegmt=True)),
            ("Accept-Ranges", "bytes"),
        ]
        asked = self.headers.get("Range")
        if self.command == "HEAD" or asked is None or fault is Fault.WHOLE:
            body = b"" if self.command == "HEAD" else file.read()
            self._send(200, [*facts, ("Content-Length", str(size))], body, key)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, stop = int(first), min(int(last) + 1 if last else size, size)
        if start >= size:
            self._error(416, "InvalidRange", key, headers=(("Content-Range", f"bytes */{size}"),))
            return
        if fault is Fault.SHIFTED:
            start, stop = (start + 1, stop + 1) if stop < size else (start - 1, stop - 1)
        if fault is Fault.LENGTH:
            stop -= 1
        file.seek(start)
        body = file.read(stop - start)
        facts.append(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
        self._send(206, [*facts, ("Content-Length", str(len(body)))], body, key)

    def _list(self, asked: dict[str, str]) -> None:
        if "list-type" not in asked:
            self._error(404, "NoSuchKey")
            return
        objects = self.server.objects
        prefix = asked.get("prefix", "")
        after = asked.get("continuation-token") or asked.get("start-after", "")
        found = [
            key
            for key in objects.keys()  # noqa: SIM118 (a server, no mapping)
            if key.startswith(prefix) and key.encode() > after.encode()
        ]
        page = found[: min(int(asked.get("max-keys", "1000")), objects.page_keys)]
        encode = urllib.parse.quote_plus if asked.get("encoding-type") == "url" else escape
        entries = "".join(
            f"<Contents><Key>{encode(key)}</Key><ETag>{objects.etag(objects.folder / key)}</ETag>"
            f"<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<Size>{(objects.folder / key).stat().st_size}</Size></Contents>"
            for key in page
        )
        more = len(page) < len(found)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        kind = "<EncodingType>url</EncodingType>" if encode is not escape else ""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><IsTruncated>{str(more).lower()}</IsTruncated>{kind}"
            f"<KeyCount>{len(page)}</KeyCount>{token}{entries}</ListBucketResult>"
        ).encode()
        facts = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
        self._send(200, facts, body, f"?prefix={prefix}")

    def _error(
        self, status: int, code: str, key: str = "", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()
        facts = [*headers, ("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
        self._trouble = None
        self._send(status, facts, b"" if self.command == "HEAD" else body, key)

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes, key: str) -> None:
        lines = [f"HTTP/1.1 {status} .", *(f"{name}: {text}" for name, text in headers), "", ""]
        head = "\r\n".join(lines).encode("latin-1")
        match self._trouble.fault if self._trouble is not None else None:
            case Fault.STALL if self._trouble is not None:
                body = body[: self._trouble.after]
            case Fault.SHORT:
                body = body[: len(body) // 2]
        # Whoever has the answer must find it counted.
        self._note(key, len(body))
        self._write(head + body)

    def _write(self, answer: bytes) -> None:
        """Send an answer the way the fault wants it."""
        fault = self._trouble.fault if self._trouble is not None else None
        if fault is Fault.SLOW:
            for each in answer:
                self.wfile.write(bytes([each]))
                self.wfile.flush()
                if not self.server.objects.pause(self.server.objects.slow_seconds):
                    return
            return
        self.wfile.write(answer)
        if fault in (Fault.STALL, Fault.SHORT):
            self.wfile.flush()
            self.close_connection = True
        if fault is Fault.STALL:
            self.server.objects.pause(3600)

    def _note(self, key: str, sent: int) -> None:
        asked = self.headers.get("Range")
        self.server.objects.note(Asked(self.command, key, asked, sent, dict(self.headers.items())))

    def _control(self, word: str, query: str) -> None:
        objects, asked = self.server.objects, dict(urllib.parse.parse_qsl(query))
        answer: object = {}
        match word:
            case "sent":
                answer = {"requests": objects.sent.requests, "bytes": objects.sent.bytes}
            case "latency":
                objects.latency = float(asked["seconds"])
            case "trouble":
                times = int(asked["times"]) if "times" in asked else None
                status = int(asked.get("status", "503"))
                objects.trouble = Trouble(Fault(asked["fault"]), times, status)
            case "peace":
                objects.trouble = None
            case "log":
                answer = [(one.method, one.key, one.range, one.sent) for one in objects.take_log()]
        body = json.dumps(answer).encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def sent_so_far(url: str) -> Sent:
    """Return what the server at `url` did since it was started."""
    return Sent(**_told(url, "sent"))


def wait_before_answers(url: str, seconds: float) -> None:
    """Make the server at `url` wait before each answer."""
    _told(url, f"latency?seconds={seconds}")


def cause_trouble(url: str, fault: Fault, *, times: int | None = None, status: int = 503) -> None:
    """Make answers of the server at `url` go wrong, all or the next few."""
    asked = {"fault": fault, "status": status} | ({} if times is None else {"times": times})
    _told(url, f"trouble?{urllib.parse.urlencode(asked)}")


def end_trouble(url: str) -> None:
    """Make the server at `url` answer properly again."""
    _told(url, "peace")


def _told(url: str, what: str) -> Any:
    with urllib.request.urlopen(f"{url}{_CONTROL}{what}") as answer:
        return json.load(answer)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.object_server", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    chosen = parser.parse_args()
    server = ObjectServer(chosen.folder, host=chosen.host, port=chosen.port, latency=chosen.latency)
    print(server.url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
