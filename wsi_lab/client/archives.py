"""Whole studies as files: fetched from a lab, and sent to one."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from wsi_lab.client.connection import Connection
from wsi_lab.client.exports import write_whole
from wsi_lab.client.imports import file_pieces
from wsi_lab.client.progress import Bar, ShowProgress
from wsi_lab.errors import Invalid

SECONDS_PER_ARCHIVE = 7200.0


def export_study(
    connection: Connection,
    study_id: int,
    path: str | Path,
    *,
    with_slides: bool,
    progress: ShowProgress,
) -> tuple[str, ...]:
    """Write the archive of a study; see `wsi_lab.client.Study.export`."""
    path = Path(path).expanduser()
    with Bar(progress, path.name) as bar:
        bar.at(0.0, "exporting")
        pieces = connection.pieces(
            f"v1/studies/{study_id}/archive",
            timeout_s=SECONDS_PER_ARCHIVE,
            slides="true" if with_slides else None,
        )
        write_whole(path, pieces)
        bar.at(1.0, "exporting")
    with zipfile.ZipFile(path) as archive:
        return tuple(json.loads(archive.read("manifest.json"))["left_out"])


def load_study(
    connection: Connection,
    path: str | Path,
    *,
    name: str | None,
    slides: str | Path | None,
    progress: ShowProgress,
) -> Any:
    """Send an archive to a lab; see `wsi_lab.client.Lab.load_study`."""
    path = Path(path).expanduser()
    try:
        file = path.open("rb")
    except OSError as error:
        raise Invalid(f"There is no file {path.name!r} that can be read here.") from error
    with file, Bar(progress, path.name) as bar:
        answer = connection.ask(
            "POST",
            "v1/study-archives",
            content=file_pieces(file, path.stat().st_size, bar),
            media_type="application/zip",
            timeout_s=SECONDS_PER_ARCHIVE,
            name=name,
            slides=None if slides is None else str(slides),
        )
        bar.at(1.0)
    return answer.json()
