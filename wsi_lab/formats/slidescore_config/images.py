"""Slides: ``study.<name>.images`` and ``*.images``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from wsi_lab.errors import Invalid
from wsi_lab.formats.safe import quoted
from wsi_lab.formats.slidescore_config.lines import each_line, file_of
from wsi_lab.model.study import checked_text
from wsi_lab.model.upload import DEEPEST_FOLDER, LONGEST_FILE_NAME_BYTES

_LIKE_A_MAP = re.compile(r"[^/\\]*\.map[^/\\]*", re.IGNORECASE)
_ROTATIONS = {"0": 0, "90": 90, "180": 180, "270": 270}
_LONGEST_PATH = (DEEPEST_FOLDER + 2) * LONGEST_FILE_NAME_BYTES
_LONGEST_LINE = 4 * _LONGEST_PATH
_NOT_IN_A_PATH = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ImageLine:
    """A slide of a study, as an ``.images`` file names it.

    Attributes
    ----------
    line
        In its file, from 1.
    path
        From the study's folder on, with slashes; may lead to a folder beside it.
    tma_map, name
        Empty where the line does not say.
    rotation
        0, 90, 180 or 270; `None` where the line does not say.
    """

    line: int
    path: str
    tma_map: str = ""
    rotation: int | None = None
    name: str = ""


def parse_images(text: str | bytes) -> tuple[list[ImageLine], list[str]]:
    r"""Return the slides that an ``.images`` file names.

    A line is ``path;map;rotation;new name``, of which later fields may be missing: then what
    looks like a rotation or a map is one, and anything else is the name.

    Examples
    --------
    >>> images, problems = parse_images("../old/1.svs\n2.svs;90\n3.svs;;B 12\n4.svs;a.map1;0;90")
    >>> [(each.path, each.tma_map, each.rotation, each.name) for each in images]
    [('../old/1.svs', '', None, ''), ('2.svs', '', 90, ''), ('3.svs', '', None, 'B 12'),
     ('4.svs', 'a.map1', 0, '90')]
    """
    images: list[ImageLine] = []
    problems = each_line(text, lambda number, line: images.append(_image(number, line)))
    return images, problems


def images_text(images: Iterable[ImageLine]) -> str:
    r"""Return the ``.images`` file of slides.

    Examples
    --------
    >>> images_text([ImageLine(1, "1.svs"), ImageLine(2, "2.svs", name="B 12")])
    '1.svs\n2.svs;;;B 12\n'
    """
    lines = []
    for image in images:
        rotation = "" if image.rotation is None else str(image.rotation)
        fields = (image.path, image.tma_map, rotation, image.name)
        separator = "\t" if ";" in image.path + image.tma_map else ";"
        lines.append(separator.join(fields) if any(fields[1:]) or separator == "\t" else fields[0])
    return file_of(lines)


def _image(number: int, line: str) -> ImageLine:
    if len(line) > _LONGEST_LINE:
        raise Invalid("is too long for the name of a slide")
    path, *rest = (each.strip() for each in line.split("\t" if "\t" in line else ";", 3))
    path = path.replace("\\", "/")
    if not path:
        raise Invalid("names no file")
    if len(path) > _LONGEST_PATH or _NOT_IN_A_PATH.search(path):
        raise Invalid(f"{quoted(path)} is no path of a file")
    if len(rest) == 3 and rest[1] in {"", *_ROTATIONS}:
        tma_map, rotation, name = rest
    else:
        tma_map, rotation, name = _by_their_looks(rest)
    return ImageLine(
        number,
        path,
        checked_text(tma_map, "TMA map"),
        _ROTATIONS.get(rotation),
        checked_text(name, "slide"),
    )


def _by_their_looks(fields: list[str]) -> tuple[str, str, str]:
    found = {"map": "", "rotation": "", "name": ""}
    for text in filter(None, fields):
        if text in _ROTATIONS:
            what = "rotation"
        else:
            what = "map" if _LIKE_A_MAP.fullmatch(text) else "name"
        if found[what]:
            raise Invalid(f"has two fields that look like a {what}, the second is {quoted(text)}")
        found[what] = text
    return found["map"], found["rotation"], found["name"]
