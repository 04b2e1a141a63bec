"""A lab, as seen from Python."""

from __future__ import annotations

from typing import Any

from wsi_lab.client.connection import API, Connection, parsed
from wsi_lab.client.people import Tokens, User, Users
from wsi_lab.client.studies import Studies
from wsi_lab.errors import WsiLabError


class Lab:
    """The studies, users and tokens of one lab.

    Examples
    --------
    >>> lab = wsi_lab.connect()  # doctest: +SKIP
    >>> slide = lab.studies["demo"].slides["CMU-1-Small-Region"]  # doctest: +SKIP
    >>> slide.region((1000, 1000), (256, 256)).shape  # doctest: +SKIP
    (256, 256, 3)
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __repr__(self) -> str:
        return f"<Lab at {self.url}>"

    def _repr_html_(self) -> str:
        return self.studies._repr_html_()

    @property
    def url(self) -> str:
        """Where the lab is."""
        return self._connection.url

    @property
    def studies(self) -> Studies:
        """The studies you may see, by name or id."""
        return Studies(self._connection)

    @property
    def users(self) -> Users:
        """Everybody known to the lab; for its administrators."""
        return Users(self._connection)

    @property
    def tokens(self) -> Tokens:
        """Your own bearer tokens."""
        return Tokens(self._connection)

    @property
    def me(self) -> User:
        """Who the lab takes you for."""
        return parsed(User, _part(self._connection.get("v1/me"), "user"))

    @property
    def version(self) -> str:
        """The version of wsi-lab that runs there."""
        return str(_part(self._connection.get("v1/"), "version"))

    def check(self) -> None:
        """Return if the lab answers, speaks this client's API, and knows who you are.

        Raises
        ------
        WsiLabError
            It speaks another version of the API, or is no lab.
        SourceUnavailable
            Nothing answers.
        NotIdentified
            There is no token, or it is no longer good.
        """
        api = _part(self._connection.get("v1/"), "api")
        if api != API:
            raise WsiLabError(
                f"This lab speaks version {api} of the API and this client version {API}; "
                "install the same version of wsi-lab on both sides."
            )
        self._connection.get("v1/me")

    def close(self) -> None:
        """Close the connections that are kept open between requests."""
        self._connection.close()


def _part(answer: Any, key: str) -> Any:
    if not isinstance(answer, dict) or key not in answer:
        raise WsiLabError("What answers at this address is not a lab of this version.")
    return answer[key]
