"""The layers of a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from wsi_lab.client import frames, pages
from wsi_lab.client.connection import Connection
from wsi_lab.client.layer import Layer, layer_of
from wsi_lab.client.named import NamedCollection
from wsi_lab.client.sending_shapes import names_and_colours
from wsi_lab.errors import NotFound

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Layer", "Layers"]


class Layers(NamedCollection[Layer]):
    """The layers of a study, by name or id."""

    _what = "layer"

    def __init__(self, connection: Connection, study_id: int, study_name: str) -> None:
        self._connection = connection
        self._study_id = study_id
        self._study_name = study_name

    def __repr__(self) -> str:
        return f"<Layers of the study {self._study_name!r}>"

    def _repr_html_(self) -> str:
        return pages.table(
            (
                {
                    "id": each.id,
                    "name": each.name,
                    "labels": ", ".join(label.name for label in each.labels),
                    "shared": "yes" if each.is_shared else "no",
                }
                for each in self._all()
            ),
            title=f"Layers of {self._study_name}",
            empty='None yet; study.layers.create("nuclei") makes one.',
        )

    def create(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | Sequence[str] = (),
        kind: str = "AnnoShapes",
        colour: str = "",
        shared: bool = False,
    ) -> Layer:
        """Make a layer and return it.

        Parameters
        ----------
        labels
            Names, or names with colours ``#rrggbb``; without one, a label gets a colour that the
            colour-blind can tell from the others.
        kind
            What is drawn on it: ``"AnnoShapes"``, ``"AnnoPoints"`` or ``"AnnoMeasure"``.
        colour
            Of shapes without a label.
        shared
            Whether everybody who may view the study sees all its shapes.

        Raises
        ------
        Conflict
            The study has a question of that name.
        """
        body = {
            "name": name,
            "kind": kind,
            "colour": colour,
            "labels": names_and_colours(labels),
            "is_shared": shared,
        }
        path = f"v1/studies/{self._study_id}/layers"
        return layer_of(self._connection, self._connection.post(path, body))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per layer, indexed by id: name, colour, labels (a tuple), is_shared."""
        columns = {
            "name": frames.TEXT,
            "colour": frames.TEXT,
            "labels": frames.ANY,
            "is_shared": "bool",
        }
        return frames.frame(self._all(), columns)

    def _all(self, name: str | None = None) -> Iterator[Layer]:
        found = self._connection.items(f"v1/studies/{self._study_id}/layers")
        layers = (layer_of(self._connection, data) for data in found)
        return (each for each in layers if name is None or each.name == name)

    def _of_id(self, number: int) -> Layer:
        found = layer_of(self._connection, self._connection.get(f"v1/layers/{number}"))
        if found.study_id != self._study_id:
            raise NotFound("This layer is in another study.")
        return found
