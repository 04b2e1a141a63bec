"""The slide files of an archive that comes in: part of it, in a folder, or where they lay."""

from __future__ import annotations

import os
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from wsi_lab.errors import Invalid, StorageFull, WsiLabError
from wsi_lab.formats.safe import SafeZip
from wsi_lab.model.source import FILE_ENDINGS
from wsi_lab.model.upload import checked_file_name
from wsi_lab.service.adding import SlideAdder
from wsi_lab.service.archiving import layout
from wsi_lab.service.new_slides import SlideOnDisk
from wsi_lab.service.uploading.files import Files


class SlideFiles:
    """Finds the files of an archive's slides, and puts those in their place that came with it.

    Parameters
    ----------
    folder
        Where files lie that did not, by their names; `None`: where they lay.
    """

    def __init__(self, files: Files, adder: SlideAdder, folder: Path | None) -> None:
        self._files = files
        self._adder = adder
        self._folder = folder
        self._placed: list[Path] = []

    def find(self, archive: SafeZip, slides: Sequence[layout.ArchivedSlide]) -> list[SlideOnDisk]:
        """Return the file of each slide, opened.

        Raises
        ------
        Invalid
            Some are missing, cannot be shown, or are other ones; ``problems`` names each.
        """
        there = {} if self._folder is None else _by_name(self._folder)
        sources: dict[int, str] = {}
        problems: list[str] = []
        own = f"loaded-{secrets.token_hex(4)}"
        self._files.require_space(
            sum(archive.size(each.entry) for each in slides if each.entry is not None)
        )
        taken: set[str] = set()
        for place, slide in enumerate(slides):
            try:
                if slide.entry is not None:
                    sources[place] = self._extracted(archive, slide, place, own, taken)
                else:
                    sources[place] = self._source(slide, there)
            except WsiLabError as error:
                problems.append(f"{slide.name}: {error.message}")
        found: list[SlideOnDisk] = []
        looked = self._adder.look_at_many(list(sources.values()))
        for place, result in zip(sources, looked, strict=True):
            slide = slides[place]
            if isinstance(result, WsiLabError):
                problems.append(f"{slide.name}: {result.message}")
            elif (result.properties.width, result.properties.height) != (
                slide.width,
                slide.height,
            ):
                problems.append(
                    f"{slide.name}: The file has another size than the slide in the archive."
                )
            else:
                found.append(result)
        if problems:
            count = f"{len(problems)} of {len(slides)} slides"
            raise Invalid(
                f"Nothing was loaded, since {count} cannot be: {problems[0]}", problems=problems
            )
        return found

    def take_back(self) -> None:
        """Remove the files that were put in their place."""
        for path in self._placed:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in self._placed}:
            for each in (folder, folder.parent):
                if each != self._files.root and each.is_dir() and not any(each.iterdir()):
                    each.rmdir()

    def _extracted(
        self,
        archive: SafeZip,
        slide: layout.ArchivedSlide,
        place: int,
        folder: str,
        taken: set[str],
    ) -> str:
        entry = slide.entry or ""
        name = checked_file_name(PurePosixPath(entry).name)
        if name.casefold() in taken:
            folder = f"{folder}/{place}"
        taken.add(name.casefold())
        between = self._files.root / f".{secrets.token_hex(8)}.incoming"
        try:
            with between.open("xb") as target:
                archive.copy(entry, target, layout.LARGEST_ARCHIVE)
            self._placed.append(self._files.place(between, folder, name))
        except OSError as error:
            raise StorageFull("The lab's disk cannot take in the slides.") from error
        finally:
            between.unlink(missing_ok=True)
        return str(self._placed[-1].resolve())

    def _source(self, slide: layout.ArchivedSlide, there: Mapping[str, Sequence[Path]]) -> str:
        if self._folder is not None:
            found = list(there.get(slide.file or "", ()))
            if slide.file is None:
                found = [
                    path
                    for paths in there.values()
                    for path in paths
                    if path.stem == slide.name and path.suffix.lower() in FILE_ENDINGS
                ]
            if len(found) > 1:
                raise Invalid("There are several files of that name in the folder.")
            if found:
                return self._adder.resolve(os.path.abspath(found[0]), is_admin=True)  # noqa: PTH100 (resolve() would follow links)
            raise Invalid("There is no file of that name in the folder.")
        if slide.source is None:
            raise Invalid("The archive has no file of it; name a folder where that lies.")
        return self._adder.resolve(slide.source, is_admin=True)


def _by_name(folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        raise Invalid("There is no such folder of slides on the lab's machine.")
    found: dict[str, list[Path]] = defaultdict(list)
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            found[name].append(Path(place, name))
    return dict(found)
