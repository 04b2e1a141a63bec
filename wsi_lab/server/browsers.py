"""What browsers send by themselves: the cookies of grants, and where a request comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from wsi_lab.errors import NotAllowed, NotIdentified

if TYPE_CHECKING:
    from wsi_lab.server.base import Handler

T = TypeVar("T")

MOST_COOKIES = 8
"""A client may hold those of several labs on one machine, whose paths begin alike."""

NOT_IN_YOUR_NAME = "A page of another site may not ask the lab in your name."

_ELSEWHERE = frozenset({"cross-site", "same-site"})


class GrantCookie:
    """A cookie that holds a grant. It goes to pages of this origin only, and to no script.

    Parameters
    ----------
    name
        What it is called.

    Examples
    --------
    >>> GrantCookie("t").sent({"Cookie": "_xsrf=2|a; t=AbC; at=0"})
    ['AbC']
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._pattern = re.compile(rf"(?:^|;)\s*{re.escape(name)}=([^;\s]*)")

    def sent(self, headers: Mapping[str, str]) -> list[str]:
        """Return those that a request brings, the one that fits its address best first."""
        return self._pattern.findall(headers.get("Cookie", ""))[:MOST_COOKIES]

    def give(
        self, handler: Handler, text: str, expires_on: datetime, *, path: str | None = None
    ) -> None:
        """Let an answer set it.

        Parameters
        ----------
        path
            Below which it is sent; by default all that is answered here.
        """
        handler.set_cookie(
            self.name,
            text,
            expires=expires_on,
            path=handler.mount if path is None else path,
            httponly=True,
            samesite="Strict",
            secure=handler.request.protocol == "https",
        )


def first_known(sent: Iterable[str], known: Callable[[str], T], otherwise: str) -> T:
    """Return what is known by the first of several texts that is good.

    Parameters
    ----------
    otherwise
        What is said when none is.

    Raises
    ------
    NotIdentified
        None is.
    """
    ended: NotIdentified | None = None
    for text in sent:
        try:
            return known(text)
        except NotIdentified as error:
            ended = error
    raise NotIdentified(otherwise) from ended


def is_of_another_site(headers: Mapping[str, str]) -> bool:
    """Return whether a browser says that a request comes from a page of another site."""
    return headers.get("Sec-Fetch-Site") in _ELSEWHERE


def refuse_other_sites(headers: Mapping[str, str]) -> None:
    """Raise unless a request comes from a page of this origin, or from no page at all.

    Raises
    ------
    NotAllowed
        A browser says that it comes from elsewhere.
    """
    if is_of_another_site(headers):
        raise NotAllowed(NOT_IN_YOUR_NAME)
