"""From the answer of a server that refused to the error of the lab."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from wsi_lab.errors import (
    Busy,
    Invalid,
    NotAllowed,
    NotFound,
    NotIdentified,
    SourceTimeout,
    SourceUnavailable,
    StorageFull,
    TooLarge,
    WsiLabError,
    error_class,
)

_WITHOUT_CODE: Mapping[int, tuple[type[WsiLabError], str]] = {
    400: (Invalid, "The lab did not understand this request."),
    401: (
        NotIdentified,
        "The lab does not know who is asking. Connect with a token that is still good.",
    ),
    403: (NotAllowed, "The lab knows who is asking and does not allow this."),
    404: (NotFound, "There is no such thing, or no lab at this address."),
    413: (TooLarge, "This is more than one request may carry."),
    502: (SourceUnavailable, "Something between here and the lab does not answer."),
    503: (Busy, "Too much is going on at the lab; try again in a moment."),
    504: (SourceTimeout, "Something between here and the lab answers too slowly."),
    507: (StorageFull, "The lab's disk is full; nothing was stored."),
}
LONGEST_WAIT_S = 10.0
_ABOUT_THE_ANSWER = frozenset({"type", "title", "status", "code", "detail", "problems", "instance"})


def refusal(status: int, body: bytes, *, request: str) -> WsiLabError:
    """Return the error that an answer means, ready to be raised.

    Parameters
    ----------
    status
        The HTTP status, used where the body says nothing (a proxy's own answer, say).
    body
        Problem details as JSON; anything else is not looked at.
    request
        What was asked, for example ``"GET v1/slides/3"``; kept in `WsiLabError.request`.

    Examples
    --------
    >>> body = b'{"code": "conflict", "detail": "It was changed.", "current": 3}'
    >>> refusal(409, body, request="PATCH v1/slides/3").details
    {'current': 3}
    >>> refusal(404, b"<html>", request="GET v1/slides/3").request
    'GET v1/slides/3'
    """
    problem = _problem(body)
    error = _from_problem(problem) if problem is not None else _from_status(status)
    error.request = request
    return error


def with_request(error: WsiLabError, method: str, path: str) -> WsiLabError:
    """Return the error, which says now what was asked."""
    error.request = f"{method} {path}"
    return error


def seconds_to_wait(status: int, headers: Mapping[str, str]) -> float | None:
    """Return how long to wait before the same is asked again; `None` where that is no use.

    Examples
    --------
    >>> seconds_to_wait(503, {"Retry-After": "2"}), seconds_to_wait(500, {})
    (2.0, None)
    """
    if status != 503:
        return None
    try:
        wait = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return wait if 0 <= wait <= LONGEST_WAIT_S else None


def _problem(body: bytes) -> dict[str, Any] | None:
    try:
        problem = json.loads(body)
    except ValueError:
        return None
    if not isinstance(problem, dict) or not isinstance(problem.get("code"), str):
        return None
    return problem


def _from_problem(problem: dict[str, Any]) -> WsiLabError:
    kind = error_class(problem["code"])
    message = str(problem.get("detail") or problem.get("title") or "The lab refused this.")
    details = {
        key: value
        for key, value in problem.items()
        if key not in _ABOUT_THE_ANSWER and key.isidentifier() and key != "message"
    }
    problems = problem.get("problems")
    if issubclass(kind, Invalid) and isinstance(problems, list):
        return kind(message, problems=[str(each) for each in problems], **details)
    return kind(message, **details)


def _from_status(status: int) -> WsiLabError:
    if 300 <= status < 400:
        return NotIdentified(
            "The address leads to a page to sign in to. Connect to the lab itself, with a token; "
            "inside Jupyter its address ends in wsi-lab/."
        )
    kind, message = _WITHOUT_CODE.get(
        status, (WsiLabError, f"The lab failed to answer (status {status}).")
    )
    return kind(message)
