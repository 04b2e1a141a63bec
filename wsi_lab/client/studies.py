"""The studies of a lab."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wsi_lab.client import frames, pages
from wsi_lab.client.connection import Connection
from wsi_lab.client.named import NamedCollection
from wsi_lab.client.study import Study, study_of
from wsi_lab.client.study_fields import row_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Studies", "Study"]


class Studies(NamedCollection[Study]):
    """The studies of a lab that you may see, by name or id."""

    _what = "study"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __repr__(self) -> str:
        return f"<Studies of the lab at {self._connection.url}>"

    def _repr_html_(self) -> str:
        return pages.table(
            (row_of(each) for each in self._all()),
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
        return study_of(self._connection, self._connection.post("v1/studies", body))

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
        return (study_of(self._connection, data) for data in answer)

    def _of_id(self, number: int) -> Study:
        return study_of(self._connection, self._connection.get(f"v1/studies/{number}"))
