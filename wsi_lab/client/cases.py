"""The cases of a study: whose specimens the slides are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wsi_lab.client import frames, pages
from wsi_lab.client.connection import Connection, parsed
from wsi_lab.client.named import NamedCollection
from wsi_lab.errors import NotFound

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class _Fields:
    id: int
    study_id: int
    public_name: str
    revision: int
    name: str | None = None
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One patient's specimen in a study, as it was when it was read.

    Attributes
    ----------
    name
        What it is looked up by: the public name.
    private_name
        The name in the patient's records; `None` for those who may not see it.
    description
        HTML.
    """

    id: int
    study_id: int
    name: str
    private_name: str | None
    revision: int
    description: str = ""
    connection: Connection = field(repr=False, compare=False)

    @property
    def public_name(self) -> str:
        """The same as `name`, said plainly."""
        return self.name

    def change(
        self,
        *,
        name: str | None = None,
        public_name: str | None = None,
        description: str | None = None,
    ) -> Case:
        """Change the private or the public name or the description (HTML).

        Returns the case as it is then.

        Raises
        ------
        Conflict
            Somebody changed it since this object was read.
        """
        body = {"name": name, "public_name": public_name, "description": description}
        data = self.connection.json(
            "PATCH",
            f"v1/cases/{self.id}",
            body={key: value for key, value in body.items() if value is not None},
            revision=self.revision,
        )
        return _case(self.connection, data)

    def remove(self) -> None:
        """Remove the case from its study."""
        self.connection.json("DELETE", f"v1/cases/{self.id}", revision=self.revision)


class Cases(NamedCollection[Case]):
    """The cases of a study, by public name or id."""

    _what = "case"

    def __init__(self, connection: Connection, study_id: int, study_name: str) -> None:
        self._connection = connection
        self._study_id = study_id
        self._study_name = study_name

    def __repr__(self) -> str:
        return f"<Cases of the study {self._study_name!r}>"

    def _repr_html_(self) -> str:
        rows = ({"id": each.id, "name": each.name} for each in self._all())
        return pages.table(rows, title=f"Cases of {self._study_name}", empty="None yet.")

    def create(self, name: str, public_name: str = "") -> Case:
        """Make a case and return it.

        Parameters
        ----------
        name
            The private name, seen only by those with the right `private`.
        public_name
            What everybody sees; chosen by the lab when empty.
        """
        body = {"name": name, "public_name": public_name}
        return _case(
            self._connection,
            self._connection.post(f"v1/studies/{self._study_id}/cases", body),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per case, indexed by id: name, private_name."""
        return frames.frame(self._all(), {"name": frames.TEXT, "private_name": frames.TEXT})

    def _all(self, name: str | None = None) -> Iterator[Case]:
        every = (
            _case(self._connection, data)
            for data in self._connection.items(f"v1/studies/{self._study_id}/cases")
        )
        return every if name is None else (each for each in every if each.name == name)

    def _of_id(self, number: int) -> Case:
        found = _case(self._connection, self._connection.get(f"v1/cases/{number}"))
        if found.study_id != self._study_id:
            raise NotFound("This case is in another study.")
        return found


def _case(connection: Connection, data: Any) -> Case:
    fields = parsed(_Fields, data)
    return Case(
        id=fields.id,
        study_id=fields.study_id,
        name=fields.public_name,
        private_name=fields.name,
        revision=fields.revision,
        description=fields.description,
        connection=connection,
    )
