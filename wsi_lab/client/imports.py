"""Annotations brought in: sent, worked on by the lab, and what came of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from wsi_lab.client.connection import Connection, parsed
from wsi_lab.client.progress import Bar
from wsi_lab.client.refusals import refusal
from wsi_lab.errors import Invalid, WsiLabError
from wsi_lab.model.exchange import Imported

SECONDS_PER_FILE = 3600.0
PIECE_BYTES = 1 << 20
_SENT = 0.4
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.02, 0.5


@dataclass(frozen=True, kw_only=True)
class _LoadId:
    id: int


@dataclass(frozen=True, kw_only=True)
class AnnotationReport(Imported[_LoadId]):
    """What came of a file of annotations; of what came at once, only the ids are here."""

    loads: tuple[_LoadId, ...] = field(repr=False)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 (IPython's)
        printer.text(str(self))


def import_annotations(
    connection: Connection,
    layer_id: int,
    body: Iterable[bytes],
    *,
    bar: Bar,
    **query: Any,
) -> Any:
    """Send a file of annotations, wait until the lab is done with it, and return its report.

    Who interrupts this stops the work: nothing is stored then.
    """
    path = f"v1/layers/{layer_id}/imports"
    answer = connection.ask(
        "POST",
        path,
        content=body,
        media_type="application/octet-stream",
        timeout_s=SECONDS_PER_FILE,
        **query,
    )
    job = answer.json()
    try:
        return _result(connection, job, bar)
    except BaseException:
        # Also when somebody interrupts it. What is over already stays as it is.
        connection.json("DELETE", f"v1/jobs/{job['id']}")
        raise


def file_pieces(file: BinaryIO, size: int, bar: Bar) -> Iterator[bytes]:
    """Yield a file piece by piece."""
    sent = 0
    while piece := file.read(PIECE_BYTES):
        yield piece
        sent += len(piece)
        bar.at(_SENT * sent / max(size, 1), "sending")


def import_file(
    connection: Connection, layer_id: int, path: str | Path, *, bar: Bar, **query: Any
) -> AnnotationReport:
    """Bring in a file; see `wsi_lab.client.Study.import_annotations`."""
    path = Path(path).expanduser()
    try:
        file = path.open("rb")
    except OSError as error:
        raise Invalid(f"There is no file {path.name!r} that can be read here.") from error
    with file:
        pieces = file_pieces(file, path.stat().st_size, bar)
        query.setdefault("name", path.name)
        result = import_annotations(connection, layer_id, pieces, bar=bar, **query)
    return parsed(AnnotationReport, result)


def options_text(options: Mapping[str, Any]) -> str | None:
    """Return options of a format as the lab takes them."""
    known = {name: value for name, value in options.items() if value is not None}
    return json.dumps(known) if known else None


def sending(bar: Bar) -> Any:
    """Return what tells the bar how much of a file was sent."""
    return lambda done: bar.at(_SENT * done, "sending")


def _result(connection: Connection, job: Any, bar: Bar) -> Any:
    wait = _FIRST_WAIT_S
    while job["state"] in {"waiting", "running"}:
        bar.at(_SENT + (1 - _SENT) * job["progress"], job["words"].lower())
        connection.wait(wait)
        wait = min(_LONGEST_WAIT_S, 1.5 * wait)
        job = connection.get(f"v1/jobs/{job['id']}")
    if job["state"] == "failed":
        problem = json.dumps(job["error"]).encode()
        raise refusal(400, problem, request=job["title"])
    if job["state"] != "done":
        raise WsiLabError("The work was stopped; nothing was stored.")
    bar.at(1.0)
    return job["result"]
