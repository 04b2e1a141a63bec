"""A reader study that is set up in a cell: slides, cases, questions and readers, all or nothing."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_lab.client.connection import Connection, words
from wsi_lab.client.local_files import content_of
from wsi_lab.client.question_lists import questions_of
from wsi_lab.client.study import Study, study_of
from wsi_lab.errors import Invalid
from wsi_lab.formats.slide_csv import (
    LARGEST_TABLE_BYTES,
    SlideLine,
    SlideTable,
    read_slide_csv,
    slide_table_of,
)
from wsi_lab.model.source import FILE_ENDINGS, is_address
from wsi_lab.model.study_settings import settings_of_words

if TYPE_CHECKING:
    import pandas as pd

SECONDS_TO_OPEN_SLIDES = 3600.0
_TABLE_ENDINGS = frozenset({".csv", ".tsv", ".txt"})


def create_study(connection: Connection, name: str, **given: Any) -> Study:
    """Make a study; see `wsi_lab.client.Lab.create_study`."""
    from msgspec import json  # noqa: PLC0415 (only when something is made)

    body = {
        "name": name,
        "description": given["description"],
        "settings": settings_of_words(given["settings"] or {}),
        "slides": slides_of(given["slides"]),
        "cases": cases_of(given["cases"]),
        "questions": questions_of(given["questions"]),
        "members": [
            {"email": email, "rights": sorted(words(given["rights"]))}
            for email in words(given["readers"])
        ],
        "published": given["publish"],
    }
    answer = connection.ask(
        "POST",
        "v1/study-plans",
        content=json.encode({key: value for key, value in body.items() if value}),
        media_type="application/json",
        timeout_s=SECONDS_TO_OPEN_SLIDES if body["slides"] else None,
    )
    return study_of(connection, answer.json())


def slides_of(given: Any) -> list[dict[str, Any]]:
    """Return the slides of a folder, a list of files or a table as they are sent to a lab.

    Raises
    ------
    Invalid
        There is no such folder or table, the folder has no slides, or rows are wrong;
        ``problems`` names each.
    """
    if given is None:
        return []
    if hasattr(given, "columns"):
        return [_slide(line, Path()) for line in _table_of_frame(given).lines]
    if not isinstance(given, str | os.PathLike):
        return [{"path": _full(each)} for each in given]
    if isinstance(given, str) and is_address(given):
        return [{"path": given}]
    path = Path(given).expanduser()
    if path.is_dir():
        return [{"path": str(each)} for each in slides_below(path)]
    if path.suffix.lower() in _TABLE_ENDINGS:
        table = read_slide_csv(content_of(path, LARGEST_TABLE_BYTES), path.name)
        return [_slide(line, path.parent) for line in table.lines]
    if not path.exists():
        raise Invalid(f"There is no folder, slide or table '{path.name}' on this machine.")
    return [{"path": _full(path)}]


def slides_below(folder: Path) -> list[Path]:
    """Return the slides in a folder and in folders below it, in the order of their names.

    Hidden ones are left out, and folders that belong to a slide file beside them, as those of
    MIRAX do. Of a folder of DICOM files, which are one slide together, the first is the slide.

    Raises
    ------
    Invalid
        There are none.
    """
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        here = Path(place)
        shown = sorted(name for name in names if not name.startswith("."))
        slides = [name for name in shown if Path(name).suffix.lower() in FILE_ENDINGS]
        dicom = [name for name in slides if name.lower().endswith(".dcm")]
        stems = {Path(name).stem for name in slides if name.lower().endswith(".mrxs")}
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name not in stems
        )
        found += [Path(os.path.abspath(here / name)) for name in slides if name not in dicom[1:]]  # noqa: PTH100 (resolve() would follow links)
    if not found:
        raise Invalid(f"The folder '{folder.name}' has no slides.")
    return found


def cases_of(given: Any) -> list[dict[str, str]]:
    """Return cases as they are sent to a lab: from names, from private to public ones, a table."""
    if given is None:
        return []
    if hasattr(given, "columns"):
        if "case" not in given.columns:
            raise Invalid("The table of cases needs a column 'case', and may have 'case_public'.")
        public = given["case_public"] if "case_public" in given.columns else [None] * len(given)
        pairs = [(_cell(name), _cell(shown)) for name, shown in zip(given["case"], public)]  # noqa: B905 (columns of one table)
    elif isinstance(given, Mapping):
        pairs = [(_cell(name), _cell(shown)) for name, shown in given.items()]
    else:
        pairs = [(_cell(name), "") for name in words(given)]
    return [{"name": name, "public_name": shown} for name, shown in pairs]


def _table_of_frame(frame: pd.DataFrame) -> SlideTable:
    heads = [str(each) for each in frame.columns]
    rows = [
        (number, [_cell(value) for value in row])
        for number, row in enumerate(frame.itertuples(index=False, name=None))
    ]
    return slide_table_of(heads, rows, "The table of slides", row_word="row")


def _cell(value: object) -> str:
    """Return a value of a table as somebody would write it."""
    if value is None or value != value or str(value) == "<NA>":  # noqa: PLR0124 (only NaN and NaT differ from themselves)
        return ""
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        # A column of whole numbers with gaps becomes one of floats.
        return str(int(value))
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return ";".join(map(str, value))
    return str(value).strip()


def _slide(line: SlideLine, folder: Path) -> dict[str, Any]:
    path = line.path if is_address(line.path) else _full(folder / line.path)
    return {"path": path, **line.known}


def _full(path: str | os.PathLike[str]) -> str:
    """Return a path in full if there is such a file here; else the lab finds it, or says not."""
    text = os.fspath(path)
    if is_address(text):
        return text
    here = Path(text).expanduser()
    return os.path.abspath(here) if here.exists() else text  # noqa: PTH100 (resolve() would follow links)
