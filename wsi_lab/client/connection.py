"""One lab over HTTP: requests out, answers or the lab's own errors back.

httpx's transport is the seam: tests hand in one that answers in process.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from wsi_lab.client.kept_tables import KeptTables
from wsi_lab.client.refusals import refusal, seconds_to_wait, with_request
from wsi_lab.errors import Invalid, SourceTimeout, SourceUnavailable, WsiLabError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

API = 1
PAGE_SIZE = 500
TRIES = 4
NOT_MODIFIED = 304
"""The status of an answer that is what `unless` says; nobody else gets one."""
_SAFE_TO_REPEAT = frozenset({"GET", "PUT", "DELETE"})


class Connection:
    """Sends requests to one lab and turns refusals into the classes of `wsi_lab.errors`.

    Safe to share between threads.

    Parameters
    ----------
    url
        Where the lab is, for example ``"http://127.0.0.1:8888/wsi-lab/"``.
    token
        A bearer token; it travels in a header, never in an address.
    browser_url
        The same place as the browser that shows the notebook sees it, relative to its own
        origin (``"/wsi-lab/"``), or `None` when the browser cannot reach it that way.
    viewer
        What `Slide.view` calls; given by `wsi_lab.connect`, so that this package draws nothing.
    dashboard, scorer
        What `Study.dashboard` and `Study.score` call; given in the same way.
    transport
        How bytes travel; the default is the network.
    timeout_s
        Seconds to wait for an answer to begin.
    sleep
        How to wait before a request is sent again.

    Raises
    ------
    Invalid
        The address is not one of http or https, or the token cannot be one.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        browser_url: str | None = None,
        viewer: Callable[..., Any] | None = None,
        dashboard: Callable[..., Any] | None = None,
        scorer: Callable[..., Any] | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout_s: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        import httpx  # noqa: PLC0415 (130 ms that `import wsi_lab` must not pay)

        self.url = url if url.endswith("/") else url + "/"
        self.browser_url = browser_url
        self.viewer = viewer
        self.dashboard = dashboard
        self.scorer = scorer
        self.kept_tables = KeptTables()
        self._sleep = sleep
        self._httpx = httpx
        try:
            address = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise Invalid("This is not the address of a lab; it cannot be read.") from error
        if address.scheme not in {"http", "https"} or not address.host:
            raise Invalid("The address of a lab begins with http:// or https:// and names a host.")
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {_as_copied(token)}"
        self._client = httpx.Client(
            base_url=address,
            headers=headers,
            transport=transport,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0)),
            follow_redirects=False,
        )

    def __repr__(self) -> str:
        return f"<Connection to {self.url}>"

    def close(self) -> None:
        """Close the connections that are kept open between requests."""
        self.kept_tables.clear()
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a GET."""
        return self.json("GET", path, query=query)

    def get_bytes(
        self, path: str, *, accept: str | None = None, timeout_s: float | None = None, **query: Any
    ) -> bytes:
        """Return the body of a GET as it came.

        Parameters
        ----------
        accept
            The media type it is to have, where there are several.
        timeout_s
            Seconds to wait for an answer to begin, where that may take longer than usual.
        """
        headers = {} if accept is None else {"Accept": accept}
        return self._ask("GET", path, query=query, headers=headers, timeout_s=timeout_s).content

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON of a POST. It is never sent twice."""
        return self.json("POST", path, body=body)

    def post_text(
        self, path: str, text: str, *, media_type: str, timeout_s: float | None = None
    ) -> Any:
        """Return the JSON of a POST whose body is a text. It is never sent twice."""
        headers = {"Content-Type": f"{media_type}; charset=utf-8"}
        answer = self._ask(
            "POST", path, content=_as_bytes(text), headers=headers, timeout_s=timeout_s
        )
        return _json(answer, "POST", path)

    def ask(
        self,
        method: str,
        path: str,
        *,
        accept: str | None = None,
        content: bytes | Iterable[bytes] | None = None,
        media_type: str | None = None,
        unless: str | None = None,
        timeout_s: float | None = None,
        **query: Any,
    ) -> httpx.Response:
        """Return the whole answer, for what is neither JSON nor bytes alone; see `get_bytes`.

        Parameters
        ----------
        content
            The body; pieces of it are sent as they come.
        unless
            The ETag of what is there already; if it is still that, the answer is an empty 304.
        """
        headers = {}
        if accept is not None:
            headers["Accept"] = accept
        if media_type is not None:
            headers["Content-Type"] = media_type
        if unless is not None:
            headers["If-None-Match"] = unless
        sent: dict[str, Any] = {} if content is None else {"content": content}
        return self._ask(method, path, query=query, headers=headers, timeout_s=timeout_s, **sent)

    def pieces(
        self, path: str, *, timeout_s: float, accept: str = "*/*", **query: Any
    ) -> Iterator[bytes]:
        """Yield the body of a GET while it comes, for what may not fit into memory."""
        params = {key: value for key, value in query.items() if value is not None}
        timeout = self._httpx.Timeout(timeout_s, connect=10.0)
        headers = {"Accept": accept}
        with (
            self._in_words("GET", path),
            self._client.stream(
                "GET", path, params=params or None, headers=headers, timeout=timeout
            ) as answer,
        ):
            if not answer.is_success:
                raise refusal(answer.status_code, answer.read(), request=f"GET {path}")
            yield from answer.iter_bytes()

    def exchange(
        self, method: str, address: str, *, headers: Mapping[str, str], content: bytes = b""
    ) -> httpx.Response:
        """Return whatever is answered to a request, a refusal, too; it is sent once.

        Parameters
        ----------
        address
            Below the lab's address, or what `address_of` returned.
        """
        return self._send(method, address, headers=headers, content=content)

    def address_of(self, location: str) -> str:
        """Return the whole address that a Location header names.

        Raises
        ------
        WsiLabError
            It leads away from the lab; the token must not.
        """
        base = self._httpx.URL(self.url)
        try:
            address = base.join(location)
        except self._httpx.InvalidURL:
            address = None
        if not location or address is None or _origin(address) != _origin(base):
            raise WsiLabError("What answers at this address leads away from the lab.")
        return str(address)

    def wait(self, seconds: float) -> None:
        """Wait before a request is sent again."""
        self._sleep(seconds)

    def json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        revision: int | None = None,
    ) -> Any:
        """Return what the lab answers, parsed; `None` when it answers nothing.

        Parameters
        ----------
        path
            Below the lab's address, already escaped, for example ``"v1/studies/3"``.
        query, body
            Entries that are `None` are left out of the query; the body is sent as it is.
        revision
            The revision that a change was made from.

        Raises
        ------
        WsiLabError
            The class that belongs to the code in the answer, with `request` set.
        """
        headers = {} if revision is None else {"If-Match": f'"r{revision}"'}
        answer = self._ask(method, path, query=query, body=body, headers=headers)
        return _json(answer, method, path) if answer.content else None

    def items(self, path: str, **query: Any) -> Iterator[Any]:
        """Yield every item of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, limit=PAGE_SIZE, cursor=cursor, **query)
            if not isinstance(page, dict) or not isinstance(page.get("items"), list):
                raise _not_a_lab("GET", path)
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        **sent: Any,
    ) -> httpx.Response:
        params = {key: value for key, value in (query or {}).items() if value is not None}
        for attempt in range(1, TRIES + 1):
            answer = self._send(method, path, params=params or None, json=body, **sent)
            if answer.is_success or answer.status_code == NOT_MODIFIED:
                return answer
            wait = seconds_to_wait(answer.status_code, answer.headers)
            if method not in _SAFE_TO_REPEAT or wait is None or attempt == TRIES:
                break
            self._sleep(wait)
        raise refusal(answer.status_code, answer.content, request=f"{method} {path}")

    def _send(
        self, method: str, path: str, *, timeout_s: float | None = None, **sent: Any
    ) -> httpx.Response:
        if self._client.is_closed:
            raise SourceUnavailable("This lab was closed; wsi_lab.connect() opens it again.")
        if timeout_s is not None:
            sent["timeout"] = self._httpx.Timeout(timeout_s, connect=10.0)
        with self._in_words(method, path):
            return self._client.request(method, path, **sent)

    @contextlib.contextmanager
    def _in_words(self, method: str, path: str) -> Iterator[None]:
        try:
            yield
        except self._httpx.TimeoutException as error:
            raise with_request(
                SourceTimeout(
                    "The lab did not answer in time. It may be very busy; try again in a moment.",
                    url=self.url,
                ),
                method,
                path,
            ) from error
        except self._httpx.TransportError as error:
            raise with_request(
                SourceUnavailable(
                    "The lab does not answer. Check that its server is running and that the "
                    "address is right; after a restart of the server, restart the kernel too.",
                    url=self.url,
                ),
                method,
                path,
            ) from error


def segment(text: str) -> str:
    """Return `text` as one segment of a path.

    Examples
    --------
    >>> segment("a/b c@d")
    'a%2Fb%20c%40d'
    """
    return quote(text, safe="")


def words(given: Iterable[str]) -> list[str]:
    """Return the words of a list; a single text is one word, not its letters.

    Examples
    --------
    >>> words("view"), words(("view", "score"))
    (['view'], ['view', 'score'])
    """
    return [given] if isinstance(given, str) else list(given)


def parsed(kind: type[T], data: Any) -> T:
    """Return an answer's JSON as a dataclass; keys it does not know are left out.

    Raises
    ------
    WsiLabError
        The answer lacks something, or holds something of another type.
    """
    import msgspec  # noqa: PLC0415 (only when something is read)

    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise WsiLabError(
            "The lab's answer cannot be understood; "
            "it and this client may be of different versions. Update the older one.",
            reason=str(error),
        ) from error


def _as_copied(token: str) -> str:
    # A blank or a line end comes along when a token is copied or read from a file.
    token = token.strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise Invalid("This is not a token. `wsi-lab token create` prints one: wsi_ and 43 signs.")
    return token


def _as_bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Invalid("The text holds characters that are not valid Unicode.") from error


def _origin(address: httpx.URL) -> tuple[str, str, int | None]:
    return address.scheme, address.host, address.port


def _json(answer: httpx.Response, method: str, path: str) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise _not_a_lab(method, path) from error


def _not_a_lab(method: str, path: str) -> WsiLabError:
    error = WsiLabError(
        "What answers at this address is not a lab. The address of a lab inside Jupyter is that "
        "of Jupyter followed by wsi-lab/."
    )
    return with_request(error, method, path)
