"""One PHAS server over HTTP: requests out, answers or the lab's own errors back."""

from __future__ import annotations

import json
import os
import ssl
import time
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request

from wsi_lab.client.connection import TRIES, segment
from wsi_lab.client.phas.refusals import phas_refusal
from wsi_lab.client.refusals import seconds_to_wait, with_request
from wsi_lab.errors import Invalid, SourceTimeout, SourceUnavailable, TooLarge, WsiLabError

if TYPE_CHECKING:
    from http.cookiejar import Cookie

    import httpx

LARGEST_JSON = 256 << 20
LARGEST_FILE = 1 << 30


class Connection:
    """Sends requests to one server and keeps its session's cookie, in memory only.

    Redirects are not followed: they lead to a page to sign in to, or elsewhere.

    Parameters
    ----------
    url
        Of the server, with whatever path it lives under; a query in it is left out.
    verify
        Whether certificates are checked; or the file or folder of the authorities to trust.
    timeout_s
        Seconds to wait for an answer to begin.
    sleep
        How to wait before a request is sent again.
    """

    def __init__(
        self,
        url: str,
        *,
        verify: bool | str | os.PathLike[str] = True,
        timeout_s: float = 300.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        import httpx  # noqa: PLC0415 (130 ms, only for those who connect)

        self._httpx = httpx
        self._sleep = sleep
        try:
            address = httpx.URL(url).copy_with(query=None, fragment=None)
        except (httpx.InvalidURL, TypeError) as error:
            raise Invalid("This is not the address of a server; it cannot be read.") from error
        if address.scheme not in {"http", "https"} or not address.host:
            raise Invalid(
                "The address of a server begins with http:// or https:// and names a host."
            )
        self.url = str(address).rstrip("/") + "/"
        self._jar = CookieJar(_FromPosts())
        self._client = httpx.Client(
            base_url=self.url,
            cookies=self._jar,
            verify=_trust(verify),
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0)),
            follow_redirects=False,
        )

    @property
    def has_session(self) -> bool:
        """Whether the server has set a cookie."""
        return len(self._jar) > 0

    def close(self) -> None:
        """Forget the session and close what is open."""
        self._jar.clear()
        self._client.close()

    def get_json(self, path: str) -> Any:
        """Return the JSON of a GET."""
        return as_json(self.ask("GET", path, most=LARGEST_JSON))

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> bytes:
        """Return the body of a GET; entries of the query that are `None` are left out."""
        return self.ask("GET", path, query=query)

    def post_json(self, path: str, body: Any = None) -> Any:
        """Return the JSON of a POST. It is never sent twice."""
        sent = {} if body is None else _json_body(body)
        return as_json(self.ask("POST", path, most=LARGEST_JSON, **sent))

    def post_form(self, path: str, form: Mapping[str, Any]) -> bytes:
        """Return the body of a POST of a form. It is never sent twice."""
        return self.ask("POST", path, data={key: str(value) for key, value in form.items()})

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        most: int = LARGEST_FILE,
        **sent: Any,
    ) -> bytes:
        """Return what is answered.

        Parameters
        ----------
        path
            Below the server's address, already escaped.
        most
            Bytes that the answer may have.
        """
        params = {key: value for key, value in (query or {}).items() if value is not None}
        for attempt in range(1, TRIES + 1):
            status, headers, body = self._send(method, path, most, params=params or None, **sent)
            if 200 <= status < 300:
                return body
            wait = seconds_to_wait(status, headers)
            if method != "GET" or wait is None or attempt == TRIES:
                break
            self._sleep(wait)
        location = headers.get("Location", "")
        raise phas_refusal(status, body, location, request=f"{method} {path}")

    def _send(
        self, method: str, path: str, most: int, **sent: Any
    ) -> tuple[int, Mapping[str, str], bytes]:
        if self._client.is_closed:
            raise SourceUnavailable("This client was closed; make a new one.")
        try:
            with self._client.stream(method, path, **sent) as answer:
                return answer.status_code, answer.headers, _read(answer, most)
        except self._httpx.TimeoutException as error:
            raise with_request(
                SourceTimeout(
                    "The server did not answer in time. It may be very busy; try again later."
                ),
                method,
                path,
            ) from error
        except (self._httpx.TransportError, self._httpx.DecodingError) as error:
            raise with_request(_unreachable(error), method, path) from error


class _FromPosts(DefaultCookiePolicy):
    """Takes cookies from answers to POSTs alone: only those sign in or change the session."""

    def set_ok(self, cookie: Cookie, request: Request) -> bool:
        return request.get_method() == "POST" and super().set_ok(cookie, request)


def as_json(body: bytes) -> Any:
    """Return a body's JSON.

    Raises
    ------
    WsiLabError
        It is something else.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise no_phas() from error


def no_phas() -> WsiLabError:
    """Return what to raise when an answer is not what PHAS would say."""
    return WsiLabError(
        "What answers at this address does not speak PHAS. The address is that of the page where "
        "its projects are listed; of a lab inside Jupyter, that of Jupyter followed by wsi-lab/."
    )


def project_segment(project: str) -> str:
    """Return the id of a project as one segment of a path.

    Examples
    --------
    >>> project_segment("HTT pilot")
    'HTT%20pilot'
    """
    text = str(project)
    if not text or text in {".", ".."} or "/" in text:
        raise Invalid("A project's id is a text without slashes, as `project_listing` gives it.")
    return segment(text)


def _trust(
    verify: bool | str | os.PathLike[str],  # noqa: FBT001 (a path as well)
) -> bool | ssl.SSLContext:
    if isinstance(verify, bool):
        return verify
    path = Path(verify)
    try:
        if path.is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise Invalid(
            f"{path.name!r} is neither a file nor a folder of certificates that can be read here."
        ) from error


def _json_body(value: Any) -> dict[str, Any]:
    try:
        content = json.dumps(value, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid("This cannot be sent: JSON holds texts, finite numbers, lists …") from error
    return {"content": content, "headers": {"Content-Type": "application/json"}}


def _read(answer: httpx.Response, most: int) -> bytes:
    body = bytearray()
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > most:
            raise TooLarge(f"The server sends more than {most >> 20} MiB; the rest was not read.")
    return bytes(body)


def _unreachable(error: BaseException) -> SourceUnavailable:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SourceUnavailable(
                "The server's certificate is not signed by anybody trusted here. If it is signed "
                "by your own authority, give the file of that one's certificate as verify."
            )
        cause = cause.__cause__ or cause.__context__
    return SourceUnavailable(
        "The server does not answer. Check that it is running and that the address is right."
    )
