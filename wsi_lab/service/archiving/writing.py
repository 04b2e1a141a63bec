"""Archives as they are written, entry by entry."""

from __future__ import annotations

import contextlib
import io
import math
import os
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from wsi_lab.errors import SlideMissing, TooLarge
from wsi_lab.model.layer import Load, ShapeQuery
from wsi_lab.model.people import Actor
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.loading import Loads
from wsi_lab.service.archiving import layout
from wsi_lab.service.archiving.gathering import Gathered
from wsi_lab.service.transaction import Transactions
from wsi_lab.service.uploading.files import disk_in_words

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from wsi_lab.service.annotating.found import Found

_COPIED_AT_ONCE = 4 << 20

Progress = Callable[[float], None]
"""Is told how much is done, from 0 to 1."""


class ArchiveWriter:
    """Writes what was gathered of a study, and its loads, for whoever asked for it.

    Parameters
    ----------
    files
        The folder of annotation files.
    """

    def __init__(
        self, actor: Actor, transactions: Transactions, loads: Loads, finder: Finder, files: Path
    ) -> None:
        self._actor = actor
        self._transactions = transactions
        self._loads = loads
        self._finder = finder
        self._files = files

    def write(self, gathered: Gathered, file: IO[bytes], progress: Progress) -> None:
        """Write the archive.

        Raises
        ------
        TooLarge
            It would have more than 2 GiB or too many entries.
        SlideMissing
            A slide that is to be part of it cannot be read.
        StorageFull
            The disk it is written to is full.
        """
        from wsi_lab.formats.slidescore_results import results_table  # noqa: PLC0415 (only here)

        packed = [each for each in gathered.manifest.slides if each.entry is not None]
        steps = len(gathered.questions) + len(packed) + 1
        done = 0
        try:
            with (
                disk_in_words(),
                zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=False) as archive,
            ):
                lines = (msgspec.json.encode(each) + b"\n" for each in gathered.answers)
                _put(archive, layout.ANSWERS, lines)
                archive.writestr(layout.TABLE, results_table(gathered.rows))
                for place, uuid in gathered.answer_files.items():
                    entry = gathered.answers[place].file or ""
                    archive.write(self._files / uuid, entry, zipfile.ZIP_STORED)
                for place, question in enumerate(gathered.questions):
                    one = gathered.manifest.questions[place]
                    # On a task for looking only nobody draws.
                    if one.layer is not None and one.is_asked:
                        self._layer(archive, gathered, place, question.id, one.layer)
                    progress((done := done + 1) / steps)
                for slide, kept in zip(gathered.slides, gathered.manifest.slides, strict=True):
                    if kept.entry is not None:
                        _put_slide(archive, kept.entry, Path(slide.source), slide.name)
                        progress((done := done + 1) / steps)
                # Not compressed, so that the time in it does not change how large it is: two
                # archives of one study are equally long.
                manifest = msgspec.json.encode(gathered.manifest)
                archive.writestr(layout.MANIFEST, manifest, zipfile.ZIP_STORED)
                count = len(archive.infolist())
        except (zipfile.LargeZipFile, RuntimeError) as error:
            raise TooLarge(
                "The archive of this study would have more than 2 GiB; export it without slides."
            ) from error
        if count > layout.MOST_ENTRIES:
            raise TooLarge(f"The study has more than {layout.MOST_ENTRIES:,} parts to archive.")
        progress(1.0)

    def _layer(
        self,
        archive: zipfile.ZipFile,
        gathered: Gathered,
        place: int,
        layer_id: int,
        layer: layout.ArchivedLayer,
    ) -> None:
        shapes = gathered.shapes.get(place, ())
        if shapes:
            layer.shapes = f"layers/{place}.geojson"
            _put(archive, layer.shapes, _features(shapes))
        slide_places = {each.id: number for number, each in enumerate(gathered.slides)}
        of_files = {
            (gathered.answers[each].slide, gathered.answers[each].author.lower())
            for each in gathered.answer_files
            if gathered.answers[each].question == place
        }
        written: list[layout.ArchivedLoad] = []
        by_slide: dict[int, list[Load]] = defaultdict(list)
        for load in self._loads.list(self._actor, layer_id):
            # What a file says becomes loads again when that is loaded.
            if (slide_places[load.slide_id], load.author.lower()) not in of_files:
                by_slide[load.slide_id].append(load)
        for slide_id, loads in by_slide.items():
            contents = self._contents(layer_id, slide_id, loads)
            for load, ending, content in contents:
                entry = f"layers/{place}/{len(written)}{ending}"
                _put(archive, entry, content)
                written.append(
                    layout.ArchivedLoad(
                        slide_places[slide_id],
                        load.author,
                        load.name,
                        load.kind,
                        load.precision,
                        entry,
                        load.box,
                    )
                )
        layer.loads = tuple(written)

    def _contents(
        self, layer_id: int, slide_id: int, loads: Iterable[Load]
    ) -> Iterable[tuple[Load, str, Iterable[bytes]]]:
        from wsi_lab.formats import geoparquet  # noqa: PLC0415 (geometry)
        from wsi_lab.service.annotating.leaving import in_order  # noqa: PLC0415 (as above)

        batches: dict[int, list[Found]] = defaultdict(list)
        query = ShapeQuery(slide_id=slide_id, layer_ids=(layer_id,), tier="bulk")
        for found in self._finder.find(self._actor, query):
            if found.load is not None:
                batches[found.load.id].append(found)
        for load in loads:
            if load.kind == "grid":
                yield load, ".npy", [self._grid(load.id)]
            elif load.id in batches:
                columns = in_order(iter(batches[load.id]))
                yield load, ".parquet", geoparquet.write_columns([columns], colours={})

    def _grid(self, load_id: int) -> bytes:
        import numpy as np  # noqa: PLC0415 (whoever opens a lab needs none)

        values = self._transactions.read(self._actor, lambda t: self._finder.grid(t, load_id))
        file = io.BytesIO()
        np.save(file, values if values is not None else np.zeros((0, 0), np.float32))
        return file.getvalue()


def _put(archive: zipfile.ZipFile, entry: str | zipfile.ZipInfo, pieces: Iterable[bytes]) -> None:
    with archive.open(entry, "w") as file:
        for piece in pieces:
            file.write(piece)


def _put_slide(archive: zipfile.ZipFile, entry: str, path: Path, name: str) -> None:
    # Slides are packed already; to pack them once more takes long and saves nothing.
    info = zipfile.ZipInfo(entry)
    with _reading(name):
        file = path.open("rb")
    with file:
        with _reading(name):
            info.file_size = os.fstat(file.fileno()).st_size
        _put(archive, info, _pieces(file, name))


def _pieces(file: IO[bytes], name: str) -> Iterable[bytes]:
    while True:
        with _reading(name):
            piece = file.read(_COPIED_AT_ONCE)
        if not piece:
            return
        yield piece


@contextlib.contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SlideMissing(f"The file of the slide '{name}' cannot be read.") from error


def _features(shapes: Iterable[tuple[int, Any]]) -> Iterable[bytes]:
    yield b'{"type":"FeatureCollection","features":[\n'
    between = b""
    for place, each in shapes:
        shape = each.shape
        feature = layout.ArchivedFeature(
            _geojson(shape.geometry),
            layout.ArchivedShape(
                place,
                shape.kind,
                shape.original,
                each.changed_on,
                tuple(label.name for label in each.labels),
                dict(each.properties),
                None if each.source is None else (each.source.format, each.source.text),
            ),
        )
        yield between + msgspec.json.encode(feature)
        between = b",\n"
    yield b"\n]}\n"


def _geojson(geometry: BaseGeometry | None) -> dict[str, Any] | None:
    import shapely.geometry  # noqa: PLC0415 (whoever opens a lab needs none)

    if geometry is None or not math.isfinite(sum(geometry.bounds)):
        return None
    words: dict[str, Any] = shapely.geometry.mapping(geometry)
    return words
