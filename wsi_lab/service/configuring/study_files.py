"""What the configuration files of a study say, all of them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from wsi_lab.errors import Invalid, TooLarge, WsiLabError
from wsi_lab.formats.slidescore_config import (
    ImageLine,
    StudyProperties,
    file_kind,
    parse_config,
    parse_emails,
    parse_images,
    parse_map,
    parse_scores,
)
from wsi_lab.model.people import Right
from wsi_lab.model.question import QuestionSpec
from wsi_lab.model.source import FILE_ENDINGS, is_address
from wsi_lab.model.tma import TmaLayout
from wsi_lab.service.adding import MOST_AT_ONCE
from wsi_lab.service.scoring.tma_maps import map_name_of
from wsi_lab.service.uploading.files import Files
from wsi_lab.service.uploading.folders import place_of


@dataclass(frozen=True, slots=True)
class NamedImage:
    """A slide that the files name.

    Attributes
    ----------
    where
        File and line, for the log.
    path
        Below the lab's folder of slides; or a full path or an address.
    folder
        The folder it lies in; `None` for what lies elsewhere.
    """

    where: str
    path: str
    folder: str | None
    tma_map: str = ""
    rotation: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class MapFile:
    """A map that the files hold."""

    file: str
    name: str
    text: str
    layout: TmaLayout


@dataclass(slots=True)
class StudyFiles:
    """What the files of a study say.

    Attributes
    ----------
    found
        Names of the files that were read.
    problems
        Whatever is wrong with them, each with its file and line.
    """

    study: str
    found: list[str] = field(default_factory=list)
    members: list[tuple[str, frozenset[Right]]] = field(default_factory=list)
    images: list[NamedImage] = field(default_factory=list)
    maps: dict[str, MapFile] = field(default_factory=dict)
    properties: StudyProperties = field(default_factory=StudyProperties)
    questions: list[QuestionSpec] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_study_files(files: Files, study: str) -> StudyFiles:
    """Read everything that the lab's folder holds of a study."""
    return _Reader(files, study).read()


class _Reader:
    def __init__(self, files: Files, study: str) -> None:
        self._files = files
        self._read = StudyFiles(study)
        self._positions: dict[str, list[int]] = {}

    def read(self) -> StudyFiles:
        read, study = self._read, self._read.study
        readers: dict[str, Callable[[str, str], None]] = {
            "emails": self._emails,
            "images": self._images,
            "map": self._map,
            "config": self._config,
            "scores": self._scores,
        }
        for name in self._files.listing():
            kind = file_kind(name, study=study)
            if kind is not None:
                self._with_text(name, "", readers[kind.kind])
        beside = self._files.listing(study)
        for name in beside:
            if name.lower().endswith(".images"):
                self._with_text(name, study, self._images)
        named = {image.path for image in read.images}
        for name in beside:
            path = f"{study}/{name}"
            if PurePosixPath(name).suffix.lower() in FILE_ENDINGS:
                read.found.append(path)
                if path not in named:
                    read.images.append(NamedImage(path, path, study))
        self._find_maps()
        return read

    def _with_text(self, name: str, folder: str, take: Callable[[str, str], None]) -> None:
        shown = f"{folder}/{name}" if folder else name
        try:
            text = self._files.text(name, folder)
            if text is not None:
                self._read.found.append(shown)
                take(shown, text)
        except (Invalid, TooLarge) as error:
            problems = getattr(error, "problems", ()) or (error.message,)
            self._add_problems(shown, problems)

    def _add_problems(self, file: str, problems: list[str] | tuple[str, ...]) -> None:
        self._read.problems += [f"{file}: {problem}" for problem in problems]

    def _emails(self, file: str, text: str) -> None:
        self._read.members, problems = parse_emails(text)
        self._add_problems(file, problems)

    def _config(self, file: str, text: str) -> None:
        self._read.properties, problems = parse_config(text)
        self._add_problems(file, problems)

    def _scores(self, file: str, text: str) -> None:
        self._read.questions, problems = parse_scores(text)
        self._add_problems(file, problems)

    def _map(self, file: str, text: str) -> None:
        name = map_name_of(file.rpartition("/")[2], self._read.study)
        known = self._read.maps.get(name)
        if known is not None:
            raise Invalid(f"would be called '{name}', as {known.file} is")
        self._read.maps[name] = MapFile(file, name, text, parse_map(text))

    def _images(self, file: str, text: str) -> None:
        lines, problems = parse_images(text)
        self._add_problems(file, problems)
        for line in lines:
            if len(self._read.images) > MOST_AT_ONCE:
                # Enough to be refused for.
                return
            where = f"{file}: Line {line.line}"
            try:
                self._add_image(where, line)
            except Invalid as error:
                self._read.problems.append(f"{where}: {error.message}")

    def _add_image(self, where: str, line: ImageLine) -> None:
        folder, path = self._place(line.path)
        image = NamedImage(where, path, folder, line.tma_map, line.rotation, line.name)
        positions = self._positions.setdefault(path, [])
        for position in positions:
            other = self._read.images[position]
            if not line.name or line.name == other.name or not other.name:
                self._read.images[position] = _merged(other, image)
                return
        positions.append(len(self._read.images))
        self._read.images.append(image)

    def _place(self, path: str) -> tuple[str | None, str]:
        """Return the folder of a file, and its path below the lab's folder if it lies there."""
        own: str | None = None
        if not is_address(path):
            own = self._files.inside(path) if path.startswith("/") else path
        if own is None:
            return None, path
        folder, name = place_of(own, start="" if own != path else self._read.study)
        return folder, f"{folder}/{name}" if folder else name

    def _find_maps(self) -> None:
        """Read the maps that lie in the study's folder and are named by its slides."""
        study = self._read.study
        for image in self._read.images:
            wanted = image.tma_map
            if not wanted or file_kind(wanted, study=study) is not None:
                continue
            try:
                if map_name_of(wanted, study) not in self._read.maps:
                    self._with_text(wanted, study, self._map)
            except WsiLabError as error:
                self._read.problems.append(f"{image.where}: {error.message}")


def _merged(first: NamedImage, then: NamedImage) -> NamedImage:
    """Return what two lines say of one slide; where both say something, the later one counts."""
    return NamedImage(
        then.where,
        then.path,
        then.folder,
        then.tma_map or first.tma_map,
        first.rotation if then.rotation is None else then.rotation,
        then.name or first.name,
    )
