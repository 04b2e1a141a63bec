"""What answers kinds of people get, in their order, and a request to ask with."""

from __future__ import annotations

from typing import Any, NamedTuple

PEOPLE = (
    "anonymous",
    "stranger",
    "viewer",
    "editor",
    "study_admin",
    "site_admin",
    "expired",  # the other tokens are a site administrator's
    "revoked",
    "powerless",  # a token without capabilities
    "elsewhere",  # a token limited to another study
)

OPEN = "200 200 200 200 200 200 200 200 200 200"
KNOWN = "401 200 200 200 200 200 401 401 403 200"
FULL_TOKEN = "401 200 200 200 200 200 401 401 403 403"
FULL_TOKEN_MAKES = "401 201 201 201 201 201 401 401 403 403"
BOSS_SEES = "401 403 403 403 403 200 401 401 403 403"
BOSS_MAKES = "401 403 403 403 403 201 401 401 403 403"
MEMBERS_SEE = "401 404 200 200 200 200 401 401 404 404"
EDITORS_CHANGE = "401 404 403 200 200 200 401 401 404 404"
EDITORS_MAKE = "401 404 403 201 201 201 401 401 404 404"
EDITORS_REMOVE = "401 404 403 204 204 204 401 401 404 404"
EDITORS_BEGIN = "401 404 403 202 202 202 401 401 404 404"
ADMINS_SEE = "401 404 403 403 200 200 401 401 404 404"
ADMINS_REMOVE = "401 404 403 403 204 204 401 401 404 404"
ADMINS_FIND = "401 404 404 404 200 200 401 401 404 404"
ADMINS_FIND_AND_REMOVE = "401 404 404 404 204 204 401 401 404 404"
BOSS_JOB = "401 404 404 404 404 200 401 401 403 404"
BOSS_OWN = "401 404 404 404 404 200 401 401 404 404"
VIEWERS_OWN = "401 404 204 404 404 204 401 401 403 403"


class Ask(NamedTuple):
    """A request that would be answered well if whoever asks may."""

    address: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    query: dict[str, Any] | None = None
    body: dict[str, Any] | None = None
    revision: int | None = None
    text: str | None = None
    npy: bytes | None = None
