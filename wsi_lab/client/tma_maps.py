"""Maps of tissue microarrays: which core lies where on a slide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wsi_lab.client import frames, pages
from wsi_lab.client.connection import Connection, parsed
from wsi_lab.client.named import NamedCollection
from wsi_lab.errors import NotFound

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class MapCore:
    """One core that a map names; rows and columns are counted from 0."""

    row: int
    column: int
    sample: str
    is_control: bool


@dataclass(frozen=True, kw_only=True)
class _Fields:
    id: int
    study_id: int
    name: str
    text: str
    row_count: int
    column_count: int
    revision: int


@dataclass(frozen=True, kw_only=True)
class _Cores:
    cores: tuple[MapCore, ...]


@dataclass(frozen=True, kw_only=True)
class TmaMap(_Fields):
    """A map of a study.

    Attributes
    ----------
    text
        The file it was made of.
    """

    connection: Connection = field(repr=False, compare=False)

    @cached_property
    def cores(self) -> tuple[MapCore, ...]:
        """The cores that it names, row by row."""
        return parsed(_Cores, self.connection.get(f"v1/tma-maps/{self.id}")).cores

    def to_frame(self) -> pd.DataFrame:
        """Return one row per core: row, column, sample, is_control."""
        import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

        columns = {"row": "int64", "column": "int64", "sample": frames.TEXT, "is_control": "bool"}
        return pd.DataFrame(
            {
                name: pd.Series([getattr(each, name) for each in self.cores], dtype=kind)
                for name, kind in columns.items()
            }
        )


class TmaMaps(NamedCollection[TmaMap]):
    """The maps of a study, by name or id."""

    _what = "TMA map"

    def __init__(self, connection: Connection, study_id: int, study_name: str) -> None:
        self._connection = connection
        self._study_id = study_id
        self._study_name = study_name

    def __repr__(self) -> str:
        return f"<TMA maps of the study {self._study_name!r}>"

    def _repr_html_(self) -> str:
        return pages.table(
            (
                {
                    "id": each.id,
                    "name": each.name,
                    "size": f"{each.row_count} x {each.column_count}",
                }
                for each in self._all()
            ),
            title=f"TMA maps of {self._study_name}",
            empty="None yet.",
        )

    def create(self, name: str, text: str) -> TmaMap:
        """Make a map of the text of a map file: rows of core ids with tabs between them.

        Raises
        ------
        Conflict
            There is one of that name.
        """
        body = {"name": name, "text": text}
        return _map(
            self._connection, self._connection.post(f"v1/studies/{self._study_id}/tma-maps", body)
        )

    def _all(self, name: str | None = None) -> Iterator[TmaMap]:
        every = (
            _map(self._connection, data)
            for data in self._connection.items(f"v1/studies/{self._study_id}/tma-maps")
        )
        return every if name is None else (each for each in every if each.name == name)

    def _of_id(self, number: int) -> TmaMap:
        found = _map(self._connection, self._connection.get(f"v1/tma-maps/{number}"))
        if found.study_id != self._study_id:
            raise NotFound("This TMA map is in another study.")
        return found


def _map(connection: Connection, data: Any) -> TmaMap:
    return TmaMap(connection=connection, **vars(parsed(_Fields, data)))
