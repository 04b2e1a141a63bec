"""What a format of annotations is: what it can say, and how files are read and written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any, cast

from wsi_lab.errors import Invalid
from wsi_lab.formats.bulk import BulkDocument, bulk_of, document_of
from wsi_lab.geometry.columns import AREAS, ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document

DRAWN = AREAS | {ShapeKind.POINT, ShapeKind.POLYLINE}
_AREA_OF_HEAT = MappingProxyType({ShapeKind.HEATMAP: ShapeKind.POLYGON})
OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "height": "Of the slide, in level-0 pixels: for formats whose y runs upwards.",
        "mpp": "Micrometres of a level-0 pixel: for formats that measure in micrometres.",
        "left": "Where a mask begins, in level-0 pixels.",
        "top": "Where a mask begins, in level-0 pixels.",
        "downsample": "How many level-0 pixels a pixel of a mask is wide.",
        "object_type": "What QuPath is to take shapes for: annotation or detection.",
        "box": "(left, top, right, bottom) of what a mask shows, in level-0 pixels.",
        "label_names": "What the values of a mask mean: a mapping, or names from value 1 on.",
    }
)
"""What can be said about a file that the file itself does not say."""


@dataclass(frozen=True, slots=True)
class Holds:
    """What a format can say; the rest is told by `wsi_lab.formats.losing.lost`.

    Attributes
    ----------
    kinds
        Shapes that come back as what they were.
    instead
        What other shapes are written as. A kind that is in neither is left out.
    holes, parts
        Whether an area may have holes, and several outlines.
    labels
        How many labels a shape may have; `None` for any number.
    properties
        Whether it has room for properties of any name with any JSON value.
    property_names
        Of those that it has room for if not for any.
    colours, grids
        Whether it states colours of labels; whether it has room for grids of values.
    precision
        Level-0 pixels by which coordinates may move; infinite where a picture tells them.
    below_zero
        Whether places left of the slide or above it can be told; else they move to its edge.
    """

    kinds: frozenset[ShapeKind] = DRAWN
    instead: Mapping[ShapeKind, ShapeKind] = field(default_factory=lambda: _AREA_OF_HEAT)
    holes: bool = True
    parts: bool = True
    labels: int | None = 1
    properties: bool = False
    property_names: frozenset[str] = frozenset()
    colours: bool = False
    grids: bool = False
    precision: float = 0.0
    below_zero: bool = True


@dataclass(frozen=True, slots=True)
class Format:
    """A format of annotations.

    Attributes
    ----------
    suffixes
        Of its files, most usual first; files are written with the first.
    module
        Within ``wsi_lab.formats``.
    read_options, write_options
        Which of `OPTIONS` it takes.
    needs
        Those without which it can be neither read nor written.
    is_written
        Whether it can be written at all.
    is_bulk
        Whether its module itself knows columns; else they are made of single shapes.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    media_type: str
    module: str
    holds: Holds
    read_options: frozenset[str] = frozenset()
    write_options: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    is_written: bool = True
    is_bulk: bool = False

    def read(self, data: bytes, **options: Any) -> Document:
        """Return what a file says.

        Raises
        ------
        Invalid
            It cannot be read as this format; or an option is not one of `read_options`, or
            lacks.
        TooLarge
            It holds more than can be read at once.
        """
        self._check(options, self.read_options)
        return cast("Document", self._loaded().read(data, **options))

    def write(self, document: Document, **options: Any) -> bytes:
        """Return a document as a file; `wsi_lab.formats.losing.lost` tells what is left out.

        Raises
        ------
        Invalid
            Nothing of it can be said; this format is never written; or an option is not one of
            `write_options`, or lacks.
        """
        self._check_written()
        self._check(options, self.write_options)
        return cast("bytes", self._loaded().write(document, **options))

    def read_columns(self, data: bytes, **options: Any) -> BulkDocument:
        """As `read`, the shapes as columns."""
        self._check(options, self.read_options)
        if self.is_bulk:
            return cast("BulkDocument", self._loaded().read_columns(data, **options))
        return bulk_of(self._loaded().read(data, **options))

    def write_columns(
        self,
        parts: Iterable[ShapeColumns],
        *,
        colours: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Iterator[bytes]:
        """Yield a file in pieces, of shapes that come in parts."""
        self._check_written()
        self._check(options, self.write_options)
        if self.is_bulk:
            pieces = self._loaded().write_columns(parts, colours=dict(colours or {}), **options)
            return cast("Iterator[bytes]", pieces)
        return iter((self._loaded().write(document_of(parts, colours), **options),))

    def _loaded(self) -> ModuleType:
        return import_module(f"wsi_lab.formats.{self.module}")

    def _check_written(self) -> None:
        if not self.is_written:
            raise Invalid(f"{self.title} can be read, but is not written.")

    def _check(self, options: Mapping[str, Any], known: frozenset[str]) -> None:
        problems = [f"{name}: {self.title} has no use for it" for name in options.keys() - known]
        lacking = (self.needs & known) - {
            key for key, value in options.items() if value is not None
        }
        problems += [f"{name} is not stated. {OPTIONS[name]}" for name in sorted(lacking)]
        if problems:
            raise Invalid(f"{self.title} cannot be read or written so.", problems=problems)
