"""Readers: how far they are, how long they looked, and how they are asked in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wsi_lab.client import frames
from wsi_lab.client.connection import Connection, parsed
from wsi_lab.client.study_fields import StudyFields

if TYPE_CHECKING:
    import pandas as pd

_PROGRESS: Mapping[str, str] = {
    "reader": frames.TEXT,
    "answered": frames.WHOLE,
    "needed": frames.WHOLE,
    "items_done": frames.WHOLE,
    "items": frames.WHOLE,
    "answered_on": frames.TIME,
    "seconds": frames.REAL,
}
_TIMES: Mapping[str, str] = {
    "reader": frames.TEXT,
    "slide_id": "Int64",
    "case_id": "Int64",
    "opened_on": frames.TIME,
    "seconds": frames.REAL,
}


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """What a reader is sent; whoever has it can read in their name.

    Attributes
    ----------
    link
        Where they read. It holds the token; neither is shown by ``repr``.
    expires_on
        In UTC; `None` for one that is good until it is revoked.
    """

    email: str
    link: str = field(repr=False)
    token: str = field(repr=False)
    expires_on: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class StudyReadings(StudyFields):
    """The part of a study that is about its readers."""

    connection: Connection = field(repr=False, compare=False)

    def reading_progress(self) -> pd.DataFrame:
        """Return how far each reader is.

        Columns are reader, answered and needed (answers), items_done and items (slides, or cases
        where the setting ``score_cases`` is on), answered_on (UTC), seconds (of looking, where the
        setting ``time_cases`` is on). Needs the right `results`.

        Examples
        --------
        >>> study.reading_progress().query("items_done < items")  # doctest: +SKIP
        """
        return _table(self.connection.items(f"v1/studies/{self.id}/readers"), _PROGRESS)

    def reading_times(self) -> pd.DataFrame:
        """Return how long readers looked: a row for each visit to a slide or case.

        Columns are reader, slide_id, case_id, opened_on (UTC), seconds. It is kept where the
        setting ``time_cases`` is on. Needs the right `results`.
        """
        return _table(self.connection.items(f"v1/studies/{self.id}/reading-times"), _TIMES)

    def invite(
        self, email: str, name: str | None = None, expires: datetime | None = None
    ) -> Invitation:
        """Let somebody read this study, and return the link that they read at.

        Needs the right `admin`. Who is no user of the lab yet becomes one where you are a site
        administrator. The link lets whoever has it read this study, and nothing else.

        Parameters
        ----------
        name
            What a new user is called; by default it is taken from the e-mail.
        expires
            When the link ends, with its time zone; by default not before its token is revoked.

        Examples
        --------
        >>> study.invite("anna@hospital.example").link  # doctest: +SKIP
        'https://lab.example/read/7#wsi_…'
        """
        body: dict[str, Any] = {"email": email, "name": name}
        body["expires_on"] = None if expires is None else expires.isoformat()
        told = self.connection.post(f"v1/studies/{self.id}/invitations", body)
        invitation = parsed(Invitation, told)
        if not invitation.link.startswith("/"):
            return invitation
        # The lab knows its path, and not by which address it is reached.
        return replace(invitation, link=self.connection.address_of(invitation.link))


def _table(items: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

    rows = list(items)
    return pd.DataFrame(
        {
            name: pd.Series([row.get(name) for row in rows], dtype=_given(kind))
            for name, kind in columns.items()
        }
    ).astype(dict(columns))


def _given(kind: str) -> str:
    # Times come as texts, which pandas reads when they are asked to be times.
    return frames.ANY if kind == frames.TIME else kind
