"""A layer: what is drawn on the slides of a study, by hand or by a model, and its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_lab.client import exports, frames
from wsi_lab.client.connection import Connection, parsed
from wsi_lab.client.exports import ExportReport
from wsi_lab.client.imports import import_annotations, sending
from wsi_lab.client.layer_ids import slide_id_of
from wsi_lab.client.loads import Load, add_grid, load_of, loads_of
from wsi_lab.client.progress import Bar, ShowProgress
from wsi_lab.client.sending_shapes import names_and_colours, shape_stream
from wsi_lab.client.shape_tables import LabelChoice
from wsi_lab.client.slide import Slide
from wsi_lab.errors import Invalid, NotFound
from wsi_lab.model.layer import Label

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class _Fields:
    id: int
    study_id: int
    name: str
    colour: str
    labels: tuple[Label, ...]
    is_shared: bool
    revision: int


@dataclass(frozen=True, kw_only=True)
class Layer(_Fields):
    """A layer of annotations, as it was when it was read.

    It is at once a question of the study, so that what is drawn on it is an answer.

    Attributes
    ----------
    labels
        What its shapes may be, in the order of the palette.
    colour
        Of shapes without a label.
    is_shared
        Whether everybody who may view the study sees all its shapes; else one needs the right
        `results` for those of others.

    Examples
    --------
    >>> layer = study.layers.create("nuclei", labels={"tumour": "#d55e00"})  # doctest: +SKIP
    >>> layer.add(found, slide=slide, label="class_name")  # doctest: +SKIP
    <Load 1 of 'nuclei': 25,124 shapes by model@lab>
    """

    connection: Connection = field(repr=False, compare=False)

    def __repr__(self) -> str:
        labels = ", ".join(each.name for each in self.labels) or "no labels"
        return f"<Layer {self.id} {self.name!r}: {labels}>"

    def change(
        self, *, name: str | None = None, colour: str | None = None, shared: bool | None = None
    ) -> Layer:
        """Change what is given and return the layer as it is then.

        Raises
        ------
        Conflict
            Somebody changed it since this object was read, or the name is taken.
        """
        body = {"name": name, "colour": colour, "is_shared": shared}
        data = self.connection.json(
            "PATCH",
            f"v1/layers/{self.id}",
            body={key: value for key, value in body.items() if value is not None},
            revision=self.revision,
        )
        return layer_of(self.connection, data)

    def set_labels(self, labels: Mapping[str, str] | Sequence[str]) -> Layer:
        """Give it exactly these labels, in this order, and return the new layer.

        Parameters
        ----------
        labels
            Names, or names with colours ``#rrggbb``. Labels that are there by that name stay what
            they are; `rename_label` gives one another name. Shapes keep a label that goes.

        Raises
        ------
        Conflict
            Somebody changed the layer since this object was read.
        """
        known = {each.name: each.id for each in self.labels}
        return self._put_labels(
            [
                {**each, "id": known[each["name"]]} if each["name"] in known else {**each}
                for each in names_and_colours(labels)
            ]
        )

    def rename_label(self, old: str, new: str) -> Layer:
        """Give a label another name; its shapes keep it. Returns the new layer."""
        if old not in {each.name for each in self.labels}:
            raise NotFound(f"The layer {self.name!r} has no label {old!r}.")
        return self._put_labels(
            [
                {
                    "id": each.id,
                    "name": new if each.name == old else each.name,
                    "colour": each.colour,
                }
                for each in self.labels
            ]
        )

    def counts(self, slide: Slide | int | str | None = None) -> pd.DataFrame:
        """Return how many shapes there are by label: count, area_px2, and area_mm2 of one slide.

        The index is the label's name, ``""`` for shapes without one.
        """
        import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

        number = None if slide is None else self._slide(slide)
        answer = self.connection.get(f"v1/layers/{self.id}/counts", slide_id=number)
        found = answer["items"]
        names = ["" if each["label"] is None else each["label"]["name"] for each in found]
        table = pd.DataFrame(
            {
                "count": pd.Series([each["count"] for each in found], dtype=frames.WHOLE),
                "area_px2": pd.Series([each["area"] for each in found], dtype=frames.REAL),
            }
        )
        table.index = pd.Index(names, dtype=frames.TEXT, name="label")
        if isinstance(slide, Slide) and slide.mpp is not None:
            table["area_mm2"] = table["area_px2"] * slide.mpp**2 / 1e6
        return table

    def add(
        self,
        shapes: Any,
        *,
        slide: Slide | int | str,
        label: Any = None,
        author: str | None = None,
        name: str = "",
        colours: Mapping[str, str] | None = None,
        precision: float = 0.01,
        replace: bool = False,
        progress: ShowProgress = True,
    ) -> Load:
        """Add shapes at once, as many as a model finds; all of them, or none.

        They are shown, counted and found like those drawn by hand, and one that somebody changes
        becomes one of these. The same shapes once more are stored once.

        Parameters
        ----------
        shapes
            A GeoDataFrame, a GeoSeries or geometries of shapely, in level-0 pixels (x right, y
            down) whatever its crs says. Columns become properties, but for those that
            `Slide.annotations` gives itself (slide, reader, revision and so on).
        label
            Which column holds the labels; by default one called label, class_name or
            classification. Of shapes without columns, one name for all or a list of names. Names
            that the layer does not have are added to it.
        author
            Whose they are, for example the model's name; by default yours.
        name
            What to call them; of one author, slide and layer there is one load of a name.
        colours
            ``#rrggbb`` of new labels, by name.
        precision
            Coordinates are stored to so many pixels, or exactly where they lie on a grid; 0 keeps
            them all as they are.
        replace
            Take the place of the load of that name.
        progress
            Whether to show how far it is, or a function that is called with 0 to 1 and a few
            words. Whoever interrupts it stops it: nothing is stored then.

        Raises
        ------
        Conflict
            There is another load of that name.
        Invalid
            Something is no shape, or cannot be stored.
        """
        with Bar(progress, self.name) as bar:
            count, pieces = shape_stream(
                shapes, label, colours or {}, url=self.connection.url, at=sending(bar)
            )
            if not count:
                raise Invalid("There are no shapes to add.")
            result = import_annotations(
                self.connection,
                self.id,
                pieces,
                bar=bar,
                slide_id=self._slide(slide),
                format="arrow",
                as_bulk="true",
                author=author,
                name=name,
                precision=precision,
                replace="true" if replace else None,
            )
        return load_of(self.connection, result["loads"][0], layer=self.name)

    def add_grid(
        self,
        values: npt.ArrayLike,
        *,
        slide: Slide | int | str,
        box: Sequence[float] | None = None,
        downsample: float | None = None,
        name: str = "",
        author: str | None = None,
        replace: bool = False,
    ) -> Load:
        """Add a grid of values, such as a heat map; what is not a number (NaN) is transparent.

        Parameters
        ----------
        values
            ``(rows, columns)``, the first row at the top.
        box
            ``(left, top, right, bottom)`` that it covers, in level-0 pixels.
        downsample
            Instead: how many level-0 pixels a cell is wide, the first in the slide's corner.
            Without either it covers the whole slide.
        name
            By default that of the layer.
        """
        number = self._slide(slide)
        return add_grid(
            self.connection,
            self.id,
            values,
            slide_id=number,
            box=box,
            downsample=downsample,
            name=name or self.name,
            layer=self.name,
            author=author,
            replace=replace,
        )

    def loads(self, slide: Slide | int | str | None = None) -> tuple[Load, ...]:
        """Return what came at once, the oldest first: on all slides, or on one."""
        number = None if slide is None else self._slide(slide)
        return loads_of(self.connection, self.id, slide_id=number, layer=self.name)

    def export(
        self,
        path: str | Path,
        *,
        slide: Slide | int | str,
        format: str | None = None,  # noqa: A002 (the field's own word)
        label: LabelChoice = (),
        reader: str | None = None,
        within: Sequence[float] | None = None,
        **options: Any,
    ) -> ExportReport:
        """Write its shapes on a slide into a file, and return what the format cannot say.

        Parameters
        ----------
        format
            For example ``"qupath"``, ``"geojson"``, ``"geoparquet"``, ``"asap"``, ``"mask-png"``;
            by default what the file's suffix stands for.
        label, reader
            Only shapes with one of these labels (`None` for none), or by this author.
        within
            Only shapes that touch the box ``(left, top, right, bottom)``.
        **options
            Of the format: ``object_type="annotation"`` for QuPath, ``downsample=4`` for masks.

        Raises
        ------
        Invalid
            There is no such format, or it does not take an option.
        """
        return exports.export(
            self.connection,
            self.id,
            path,
            slide_id=self._slide(slide),
            format=format,
            label=label,
            reader=reader,
            within=within,
            options=options,
        )

    def remove(self) -> None:
        """Remove the layer from the study. Its shapes are kept, and shown no more."""
        self.connection.json("DELETE", f"v1/layers/{self.id}", revision=self.revision)

    def _put_labels(self, labels: list[dict[str, Any]]) -> Layer:
        data = self.connection.json(
            "PUT",
            f"v1/layers/{self.id}/labels",
            body={"labels": labels},
            revision=self.revision,
        )
        return layer_of(self.connection, data)

    def _slide(self, slide: Slide | int | str) -> int:
        return slide_id_of(self.connection, self.study_id, slide)


def layer_of(connection: Connection, data: Any) -> Layer:
    """Return the layer of an answer."""
    return Layer(connection=connection, **vars(parsed(_Fields, data)))
