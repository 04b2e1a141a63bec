"""A session at a PHAS server."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any

from wsi_lab.client.phas.connection import Connection, no_phas, project_segment
from wsi_lab.client.phas.key_files import read_key
from wsi_lab.errors import NotIdentified


class Client:
    """A session at a PHAS server, or at a lab.

    It is signed in as soon as it is there. The session ends when the server says so (after a month
    at PHAS); there is no way to prolong it, so make another client then. A new session shows
    private names, whatever `anonymize` was in the one before.

    Parameters
    ----------
    url
        For example ``"https://phas.example.org:8888"`` or
        ``"https://hub.example.org/user/ada/wsi-lab/"``.
    api_key
        The path of a key file, which the server's web page or ``wsi-lab key create`` makes; by
        default the one that ``PHAS_AUTH_KEY`` in the environment names.
    verify
        Whether the server's certificate is checked; or the file or folder of the authorities to
        trust instead of the usual ones.
    timeout_s
        Seconds to wait for an answer to begin.

    Raises
    ------
    NotIdentified
        The login failed: the key is wrong, expired or withdrawn.
    UnusableKey
        There is no key file, or no key in it.
    SourceUnavailable
        Nothing answers, or its certificate is not trusted.

    Examples
    --------
    >>> with Client("https://phas.example.org/", "key.json") as client:  # doctest: +SKIP
    ...     pd.DataFrame(client.project_listing())
    """

    def __init__(
        self,
        url: str,
        api_key: str | os.PathLike[str] | None = None,
        verify: bool | str | os.PathLike[str] = True,  # noqa: FBT001, FBT002 (as in phas)
        *,
        timeout_s: float = 300.0,
    ) -> None:
        key = read_key(api_key)
        self.connection = Connection(url, verify=verify, timeout_s=timeout_s)
        try:
            self._sign_in(key)
        except BaseException:
            self.close()
            raise

    def _sign_in(self, key: str) -> None:
        try:
            self.connection.post_form("auth/api/login", {"api_key": key})
        except NotIdentified as error:
            sentence = (
                "The server does not take this API key: it is wrong, expired or withdrawn. "
                "Have a new one made."
            )
            refused = NotIdentified(sentence)
            refused.request = error.request
            raise refused from error
        if not self.connection.has_session:
            raise no_phas()

    def __repr__(self) -> str:
        return f"<PHAS client of {self.url}>"

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where the server is, with a slash at the end."""
        return self.connection.url

    def close(self) -> None:
        """Forget the session and close what is open."""
        self.connection.close()

    def project_listing(self) -> list[dict[str, Any]]:
        """Return the projects you have access to, a row each, as `pandas.DataFrame` takes them.

        The rows have ``id``, ``disp_name``, ``desc``, ``admin`` (0 or 1), ``nspecimens``,
        ``nblocks`` and ``nslides``.
        """
        return rows(self.connection.get_json("api/projects"))

    def task_listing(self, project: str) -> list[dict[str, Any]]:
        """Return the tasks of a project that you have access to, a row each.

        The rows have ``id``, ``name``, ``desc``, ``mode``, ``admin`` (0 or 1), ``nspecimens``,
        ``nblocks`` and ``nslides``.

        Parameters
        ----------
        project
            Its id.
        """
        path = f"api/project/{project_segment(project)}/tasks"
        return rows(self.connection.get_json(path))

    @property
    def anonymize(self) -> bool:
        """Whether private names are hidden in this session, whatever you may see.

        Without the right to private information in a project, its names are hidden either way.
        """
        return bool(
            member(self.connection.get_json("auth/api/anonymize"), "anonymize", default=False)
        )

    @anonymize.setter
    def anonymize(self, value: bool) -> None:
        self.connection.post_json(f"auth/api/set_anonymize/{int(bool(value))}")

    def get_project_private_access(self, project: str) -> bool:
        """Return whether you have the right to a project's private information.

        `anonymize` makes no difference to it.

        Parameters
        ----------
        project
            Its id.
        """
        path = f"auth/api/project/{project_segment(project)}/private_access"
        return bool(member(self.connection.get_json(path), "private_access", default=False))


def rows(answer: Any) -> list[dict[str, Any]]:
    """Return an answer that is a list of objects."""
    if not isinstance(answer, list) or not all(isinstance(each, dict) for each in answer):
        raise no_phas()
    return answer


def fields(answer: Any, *names: str) -> dict[str, Any]:
    """Return an answer that is an object with these members."""
    if not isinstance(answer, dict) or not answer.keys() >= set(names):
        raise no_phas()
    return answer


def member(answer: Any, name: str, *, default: Any) -> Any:
    """Return one member of an answer that is an object."""
    return fields(answer).get(name, default)
