"""Studies: what a lab is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wsi_lab.client import frames, pages
from wsi_lab.client.cases import Cases
from wsi_lab.client.connection import Connection, parsed, segment, words
from wsi_lab.client.named import NamedCollection
from wsi_lab.client.people import Member
from wsi_lab.client.slides import Slides

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class _Fields:
    id: int
    name: str
    description: str
    created_on: datetime
    published_on: datetime | None
    revision: int
    slide_count: int
    rights: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Study(_Fields):
    """A set of slides that the same people look at for the same purpose, as it was when read.

    Attributes
    ----------
    created_on, published_on
        In UTC; `published_on` is `None` while the study is being set up.
    slide_count
        How many slides it had when it was read.
    rights
        What you may do in it: `view`, `score`, `results`, `edit`, `admin`, `private`, `api`.
    revision
        Counts the changes.
    """

    connection: Connection = field(repr=False, compare=False)

    def __repr__(self) -> str:
        slides = "1 slide" if self.slide_count == 1 else f"{self.slide_count} slides"
        return f"<Study {self.id} {self.name!r}, {slides}>"

    def _repr_html_(self) -> str:
        return pages.table([_row(self)], title="Study", empty="")

    @property
    def slides(self) -> Slides:
        """Its slides, by name or id."""
        return Slides(self.connection, self.id, self.name)

    @property
    def cases(self) -> Cases:
        """Its cases, by public name or id."""
        return Cases(self.connection, self.id, self.name)

    @property
    def members(self) -> tuple[Member, ...]:
        """Who may do what in it; for its administrators."""
        answer = self.connection.items(f"v1/studies/{self.id}/members")
        return tuple(parsed(Member, each) for each in answer)

    def set_member(self, email: str, rights: Iterable[str]) -> Member:
        """Give a user exactly these rights in the study."""
        path = f"v1/studies/{self.id}/members/{segment(email)}"
        data = self.connection.json("PUT", path, body={"rights": sorted(words(rights))})
        return parsed(Member, data)

    def remove_member(self, email: str) -> None:
        """Take all rights in the study from a user."""
        self.connection.json("DELETE", f"v1/studies/{self.id}/members/{segment(email)}")

    def change(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        published: bool | None = None,
    ) -> Study:
        """Change the name or the description, let readers in or not, and return the new study.

        Raises
        ------
        Conflict
            Somebody changed it since this object was read, or the name is taken.
        """
        body = {"name": name, "description": description, "published": published}
        data = self.connection.json(
            "PATCH",
            f"v1/studies/{self.id}",
            body={key: value for key, value in body.items() if value is not None},
            revision=self.revision,
        )
        return _study(self.connection, data)

    def remove(self) -> None:
        """Remove the study. Its slide files stay where they are."""
        self.connection.json("DELETE", f"v1/studies/{self.id}", revision=self.revision)


class Studies(NamedCollection[Study]):
    """The studies of a lab that you may see, by name or id."""

    _what = "study"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __repr__(self) -> str:
        return f"<Studies of the lab at {self._connection.url}>"

    def _repr_html_(self) -> str:
        return pages.table(
            (_row(each) for each in self._all()),
            title="Studies",
            empty='None yet; lab.studies.create("name") makes one.',
        )

    def create(self, name: str, description: str = "") -> Study:
        """Make a study and return it.

        Raises
        ------
        Conflict
            There is one of that name.
        Invalid
            The name is empty, too long, or holds control characters.
        """
        body = {"name": name, "description": description}
        return _study(self._connection, self._connection.post("v1/studies", body))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per study, indexed by id.

        Columns are name, description, created_on and published_on (UTC), slide_count.
        """
        columns = {
            "name": frames.TEXT,
            "description": frames.TEXT,
            "created_on": frames.TIME,
            "published_on": frames.TIME,
            "slide_count": frames.WHOLE,
        }
        return frames.frame(self._all(), columns)

    def _all(self, name: str | None = None) -> Iterator[Study]:
        answer = self._connection.items("v1/studies", name=name)
        return (_study(self._connection, data) for data in answer)

    def _of_id(self, number: int) -> Study:
        return _study(self._connection, self._connection.get(f"v1/studies/{number}"))


def _study(connection: Connection, data: Any) -> Study:
    return Study(connection=connection, **vars(parsed(_Fields, data)))


def _row(study: Study) -> dict[str, Any]:
    return {
        "id": study.id,
        "name": study.name,
        "description": study.description,
        "slides": study.slide_count,
        "created": f"{study.created_on:%Y-%m-%d}",
        "your rights": study.rights,
    }
