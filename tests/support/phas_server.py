"""A small server with the habits of PHAS, over real HTTP on loopback."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

KEY = "8a2cd5d4-4e0b-4a9a-9f6d-0c2f9c8fd111"


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Answer = Callable[[Asked], Reply]


class FakePhas:
    """Answers whoever signed in; others are sent to a page to sign in to, as PHAS does.

    Attributes
    ----------
    answers
        From ``"GET /path"`` below the prefix, unescaped, to what is answered.
    asked
        All requests but the login, in order.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.port = 0
        self.scheme = "http"
        self.answers: dict[str, Answer] = {}
        self.otherwise: Answer = lambda _: Reply(b"<h1>Not Found</h1>", 404)
        self.asked: list[Asked] = []
        self.sessions = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{self.prefix}"

    def answer(self, request: str, body: Any = b"", status: int = 200, **headers: str) -> None:
        """Set what is answered to a request such as ``"GET /api/projects"``."""
        reply = Reply(body, status, {key.replace("_", "-"): text for key, text in headers.items()})
        self.answers[request] = lambda _: reply

    def reply(self, asked: Asked) -> Reply:
        if asked.path == "/auth/api/login":
            return self._sign_in(asked)
        self.asked.append(asked)
        if f"session=s{self.sessions}" not in asked.headers.get("Cookie", ""):
            return Reply(b"<html>", 302, {"Location": f"{self.prefix}/auth/login"})
        return self.answers.get(f"{asked.method} {asked.path}", self.otherwise)(asked)

    def _sign_in(self, asked: Asked) -> Reply:
        if asked.method != "POST":
            return Reply(b"", 405)
        if asked.form.get("api_key") != KEY:
            return Reply({"status": "failed", "error": "bad key"}, 401)
        return Reply({"status": "ok"}, 200, self.new_session())

    def new_session(self) -> dict[str, str]:
        """Return the header that begins a session and ends the one before."""
        self.sessions += 1
        return {"Set-Cookie": f"session=s{self.sessions}; HttpOnly; Path=/"}


@contextlib.contextmanager
def serving(phas: FakePhas, secured: ssl.SSLContext | None = None) -> Iterator[FakePhas]:
    """Answer on a port of loopback; by https, where there is a certificate."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = unquote(parts.path)
            assert path.startswith(phas.prefix), path
            asked = Asked(
                self.command,
                path.removeprefix(phas.prefix),
                parse_qs(parts.query, keep_blank_values=True),
                dict(self.headers.items()),
                body,
            )
            reply = phas.reply(asked)
            self.send_response(reply.status)
            for name, text in reply.headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        do_GET = do_POST = _answer  # noqa: N815 (as the base class calls them)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if secured is not None:
            server.socket = secured.wrap_socket(server.socket, server_side=True)
            phas.scheme = "https"
        phas.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield phas
        finally:
            server.shutdown()
            thread.join(10)
