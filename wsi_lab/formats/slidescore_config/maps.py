"""Cores of a tissue microarray: ``study.<name>.map*``."""

from __future__ import annotations

import re

from wsi_lab.errors import Invalid
from wsi_lab.formats.safe import lines_of, no_text_problems, text_of
from wsi_lab.model.study import checked_text
from wsi_lab.model.tma import LARGEST_SIDE, MapCore, TmaLayout

LARGEST_MAP = 4 << 20
"""Characters."""

_PROPERTY = re.compile(r"[a-z][a-z _-]*")
_KNOWN = frozenset({"tmas", "controls", "ignore", "force"})
_YES = frozenset({"true", "yes", "1"})
_PROBLEMS_IN_A_SENTENCE = 20


def parse_map(text: str | bytes) -> TmaLayout:
    r"""Return the layout of a tissue microarray.

    Raises
    ------
    Invalid
        It names no core or too many; ``problems`` lists every one found.

    Examples
    --------
    >>> layout = parse_map("controls: K\nignore: -\n\nA1\t-\nB1\tK\n")
    >>> layout.row_count, layout.column_count, [core.sample for core in layout.cores]
    (2, 2, ['A1', 'B1', 'K'])
    """
    if len(text) > LARGEST_MAP:
        raise Invalid(f"A TMA map may have at most {LARGEST_MAP:,} characters.")
    problems = no_text_problems(text_of(text))
    lines = [] if problems else [line for _, line in lines_of(text)]
    properties, begin = _header(lines)
    row_count, column_count, cores = _cores(lines, begin, properties, problems)
    if not cores and not problems:
        problems.append("The TMA map names no core")
    if problems:
        raise Invalid(f"{'; '.join(problems[:_PROBLEMS_IN_A_SENTENCE])}.", problems=problems)
    return TmaLayout(
        row_count,
        column_count,
        cores,
        slides=tuple(dict.fromkeys(_words(properties, "tmas"))),
        force=properties.get("force", "").lower() in _YES,
        properties=properties,
    )


def map_text(text: str) -> str:
    """Return the file of a map that is stored: what it came as."""
    return text


def _header(lines: list[str]) -> tuple[dict[str, str], int]:
    """Return the properties before the rows, and the index of the first row."""
    begin = _after_empty(lines, 0)
    found: dict[str, str] = {}
    end = begin
    for line in lines[begin:]:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not _PROPERTY.fullmatch(name) or ("\t" in line and name not in _KNOWN):
            break
        found[name] = value.strip()
        end += 1
    if end < len(lines) and lines[end].strip(" ") and not found.keys() <= _KNOWN:
        # No empty line ends it: a sample may be called "A: 1", and this is the first row.
        return {}, begin
    return found, _after_empty(lines, end)


def _after_empty(lines: list[str], begin: int) -> int:
    while begin < len(lines) and not lines[begin].strip(" "):
        begin += 1
    return begin


def _cores(
    lines: list[str], begin: int, properties: dict[str, str], problems: list[str]
) -> tuple[int, int, tuple[MapCore, ...]]:
    ignored, controls = (set(_words(properties, name)) for name in ("ignore", "controls"))
    cores: list[MapCore] = []
    row_count = column_count = 0
    for row, line in enumerate(lines[begin:]):
        cells = [cell.strip() for cell in line.rstrip().split("\t")]
        if cells == [""]:
            continue
        row_count, column_count = row + 1, max(column_count, len(cells))
        if max(row_count, column_count) > LARGEST_SIDE:
            problems.append(f"A TMA map has at most {LARGEST_SIDE} rows and columns")
            break
        for column, sample in enumerate(cells):
            if sample and sample not in ignored:
                try:
                    checked_text(sample, "core")
                except Invalid as error:
                    problems.append(f"Line {begin + row + 1}: {error.message.rstrip('.')}")
                cores.append(MapCore(row, column, sample, sample in controls))
    return row_count, column_count, tuple(cores)


def _words(properties: dict[str, str], name: str) -> list[str]:
    return [word.strip() for word in re.split(r"[,;\t]", properties.get(name, "")) if word.strip()]
