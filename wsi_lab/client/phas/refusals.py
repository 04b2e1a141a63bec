"""From the answer of a PHAS server that refused to the error of the lab."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from wsi_lab.client.refusals import refusal
from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound, NotIdentified, WsiLabError

LONGEST_SENTENCE = 2000

_SESSION_ENDED = "The server does not know who is asking: the session has ended. Make a new Client."
_SENTENCES: Mapping[int, tuple[type[WsiLabError], str]] = {
    400: (Invalid, "The server did not understand this request."),
    401: (NotIdentified, _SESSION_ENDED),
    403: (
        NotAllowed,
        "You may not do this here, or there is no such thing; PHAS does not tell which of them.",
    ),
    404: (
        NotFound,
        "There is no such thing, or it cannot be made, or the server's address is not right.",
    ),
    409: (Conflict, "This cannot be done as things are."),
    500: (
        WsiLabError,
        "The server failed to answer. PHAS does so, too, when what is asked for is not there.",
    ),
}


def phas_refusal(status: int, body: bytes, location: str, *, request: str) -> WsiLabError:
    """Return the error that an answer means, ready to be raised.

    Parameters
    ----------
    status
        The HTTP status.
    body
        A lab says in it what is wrong; PHAS mostly does not.
    location
        Where the answer leads to, or ``""``.

    Examples
    --------
    >>> type(phas_refusal(302, b"", "/auth/login", request="GET api/projects")).__name__
    'NotIdentified'
    >>> phas_refusal(400, b'{"error": "No such level."}', "", request="GET dzi/…").message
    'No such level.'
    """
    said = _object(body)
    error = refusal(status, body, request=request)
    if isinstance(said.get("code"), str):
        return error
    if status in _SENTENCES:
        kind, sentence = _SENTENCES[status]
        error = kind(sentence)
    elif 300 <= status < 400:
        error = _led_away(location)
    if isinstance(said.get("error"), str) and said["error"]:
        error = type(error)(said["error"][:LONGEST_SENTENCE])
    error.request = request
    return error


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _led_away(location: str) -> WsiLabError:
    if "login" in location:
        return NotIdentified(_SESSION_ENDED)
    return WsiLabError(
        "This address leads to another one, where the key is not sent by itself. "
        "Give Client the address that the browser shows once the page is open."
    )
