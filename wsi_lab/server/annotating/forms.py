"""Layers and shapes as `v1` takes and gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from wsi_lab.errors import Invalid
from wsi_lab.model.annotation import Annotation, ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import Label, LabelCount, Layer, NewLabel
from wsi_lab.server.api.forms import Email, Id, Json, Name, Prose
from wsi_lab.service.annotating.given_shapes import LARGEST_PROPERTIES, MOST_VERTICES

Key = Annotated[str, Meta(min_length=1, max_length=100)]
Colour = Annotated[str, Meta(max_length=20)]
DrawnKind = Literal["point", "polyline", "polygon", "rectangle", "ellipse", "brush"]
LayerKind = Literal["AnnoShapes", "AnnoPoints", "AnnoMeasure"]

LONG = 64 << 10
"""Bytes of a geometry that takes a while to read."""

_NO_PROPERTIES = msgspec.Raw(b"{}")
_RINGS = "rings of four places or more that end where they begin"
_GEOMETRIES = {
    "Point": "one place [x, y]",
    "LineString": "a list of two places [x, y] or more",
    "Polygon": _RINGS,
    "MultiPolygon": f"lists of {_RINGS}",
}


class LabelForm(Struct, forbid_unknown_fields=True):
    """A label; with an id it is one that the layer has."""

    name: Name
    colour: Colour | None = None
    id: Id | None = None
    description: Prose | None = None

    def new(self) -> NewLabel:
        """Return it as a label that is to be."""
        return NewLabel(self.name, self.colour, self.description or "")


class NewLayer(Struct, forbid_unknown_fields=True):
    """A layer to be made."""

    name: Name
    kind: LayerKind = "AnnoShapes"
    colour: Colour = ""
    labels: Annotated[list[LabelForm], Meta(max_length=1000)] = []
    is_shared: bool = False


class LayerChange(Struct, forbid_unknown_fields=True):
    """What is to be different about a layer."""

    name: Name | UnsetType = UNSET
    colour: Colour | UnsetType = UNSET
    is_shared: bool | UnsetType = UNSET


class LabelsForm(Struct, forbid_unknown_fields=True):
    """All labels of a layer, in their order."""

    labels: Annotated[list[LabelForm], Meta(max_length=1000)]

    def given(self, layer: Layer) -> list[Label | NewLabel]:
        """Return them; those with an id keep the colour and description that are left out."""
        known = {each.id: each for each in layer.labels}
        return [
            each.new() if each.id is None else _changed(each, each.id, known.get(each.id))
            for each in self.labels
        ]


def _changed(form: LabelForm, label_id: int, label: Label | None) -> Label:
    colour, description = ("#000000", "") if label is None else (label.colour, label.description)
    return Label(
        label_id,
        form.name,
        form.colour or colour,
        description if form.description is None else form.description,
    )


class CountsQuery(Struct):
    """Which shapes of a layer are counted."""

    slide_id: Id | None = None
    author: Email | None = None


class DrawnQuery(Struct):
    """Which shapes of a layer; a box has all four sides."""

    slide_id: Id
    author: Email | None = None
    left: float | None = None
    top: float | None = None
    right: float | None = None
    bottom: float | None = None

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """The box that shapes touch.

        Raises
        ------
        Invalid
            Some of its sides are missing.
        """
        left, top, right, bottom = self.left, self.top, self.right, self.bottom
        if left is None and top is None and right is None and bottom is None:
            return None
        if left is None or top is None or right is None or bottom is None:
            raise Invalid("A box has left, top, right and bottom.")
        return left, top, right, bottom


class DrawingQuery(Struct):
    """Where shapes are drawn, and in whose name."""

    slide_id: Id
    author: Email | None = None


class ShapeForm(Struct, forbid_unknown_fields=True):
    """A shape; its geometry is GeoJSON in level-0 pixels."""

    kind: DrawnKind
    geometry: msgspec.Raw
    labels: Annotated[list[Name], Meta(max_length=20)] = []
    properties: msgspec.Raw = _NO_PROPERTIES
    key: Key | None = None

    def feature(self) -> Feature:
        """Return it as shapes of files are.

        Raises
        ------
        Invalid
            The geometry is none, or the properties are none.
        """
        geometry = geometry_of(self.geometry)
        said = properties_of(self.properties)
        return Feature(ShapeKind(self.kind), geometry, tuple(self.labels), said)


class _Geometry(Struct):
    """What is read of a geometry of GeoJSON."""

    type: str = ""
    coordinates: msgspec.Raw = msgspec.Raw(b"null")


class ShapesForm(Struct, forbid_unknown_fields=True):
    """Shapes that are drawn at once."""

    shapes: Annotated[list[ShapeForm], Meta(min_length=1, max_length=10_000)]


class ShapeChange(Struct, forbid_unknown_fields=True):
    """What is to be different about a shape."""

    kind: DrawnKind | UnsetType = UNSET
    geometry: msgspec.Raw | UnsetType = UNSET
    labels: Annotated[list[Name], Meta(max_length=20)] | UnsetType = UNSET
    properties: msgspec.Raw | UnsetType = UNSET

    def of(self, old: Feature) -> Feature:
        """Return what a shape becomes."""
        geometry = old.geometry if self.geometry is UNSET else geometry_of(self.geometry)
        return Feature(
            old.kind if self.kind is UNSET else ShapeKind(self.kind),
            geometry,
            old.labels if self.labels is UNSET else tuple(self.labels),
            old.properties if self.properties is UNSET else properties_of(self.properties),
        )


def geometry_of(said: msgspec.Raw) -> Any:
    """Return the geometry that GeoJSON says.

    Raises
    ------
    Invalid
        It is none, or a ring is not closed.
    """
    import shapely  # noqa: PLC0415 (whoever lists users needs none of it)

    try:
        found = msgspec.json.decode(said, type=_Geometry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _Geometry()
    if found.type not in _GEOMETRIES:
        raise Invalid(
            f"This is no geometry of GeoJSON; its type is one of {', '.join(_GEOMETRIES)}."
        )
    if bytes(found.coordinates).count(b"[") > 2 * MOST_VERTICES:
        # Rings have brackets, too, but not so many.
        raise Invalid(
            f"A shape drawn by hand may have at most {MOST_VERTICES:,} vertices; load it."
        )
    text = b'{"type":"%b","coordinates":%b}' % (found.type.encode(), bytes(found.coordinates))
    try:
        return _long_geometry(text) if len(text) > LONG else shapely.from_geojson(text)
    except (shapely.errors.ShapelyError, UnicodeDecodeError) as error:
        raise Invalid(
            f"This is no geometry of GeoJSON: the coordinates of a {found.type} are "
            f"{_GEOMETRIES[found.type]}, in finite numbers."
        ) from error


def _long_geometry(text: bytes) -> Any:
    """Return a geometry of very many places without holding anybody up."""
    import shapely  # noqa: PLC0415 (as above)

    from wsi_lab.geometry.geojson_scan import scan  # noqa: PLC0415 (as above)

    scanned = scan(b'[{"type":"Feature","properties":{},"geometry":%b}]' % text)
    if scanned is None:
        raise shapely.errors.ShapelyError("It is not plain.")
    return scanned.columns.to_geometries()[0]


def properties_of(said: msgspec.Raw) -> dict[str, Any]:
    """Return the properties of a shape.

    Raises
    ------
    Invalid
        They are no JSON object, or a very large one.
    """
    if len(bytes(said)) > LARGEST_PROPERTIES:
        raise Invalid("The properties of a shape may have at most 1 MiB of JSON.")
    try:
        return msgspec.json.decode(said, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("The properties of a shape are a JSON object.") from error


def geojson_of(geometry: Any) -> Any:
    """Return a geometry as GeoJSON, ready to be encoded."""
    import shapely  # noqa: PLC0415 (as above)

    text = shapely.to_geojson(geometry)
    return None if text is None else msgspec.Raw(text.encode())


def label(one: Label) -> Json:
    """Return a label."""
    return {
        "id": one.id,
        "name": one.name,
        "colour": one.colour,
        "description": one.description,
    }


def layer(one: Layer) -> Json:
    """Return a layer."""
    return {
        "id": one.id,
        "study_id": one.study_id,
        "name": one.name,
        "colour": one.colour,
        "label_set_id": one.label_set_id,
        "labels": [label(each) for each in one.labels],
        "is_shared": one.is_shared,
        "revision": one.revision,
    }


def label_count(one: LabelCount) -> Json:
    """Return how many shapes have a label."""
    return {
        "label": None if one.label is None else label(one.label),
        "count": one.count,
        "area": one.area,
    }


def annotation(one: Annotation, emails: Mapping[int, str]) -> Json:
    """Return a shape drawn by hand; `emails` tells users by their ids."""
    return {
        "id": one.id,
        "answer_id": one.answer_id,
        "layer_id": one.question_id,
        "slide_id": one.place.slide_id,
        "author": one.author,
        "kind": one.shape.kind.value,
        "geometry": geojson_of(one.shape.geometry),
        "labels": [label(each) for each in one.labels],
        "properties": dict(one.properties),
        "area": one.area,
        "revision": one.revision,
        "changed_on": one.changed_on,
        "changed_by": emails.get(one.changed_by),
        "key": one.client_key,
        "bulk_id": one.bulk_id,
    }
