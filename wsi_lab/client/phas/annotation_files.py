"""The JSON files in which a task's annotations leave one server and come to another."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from wsi_lab.client.phas.tasks import columns
from wsi_lab.errors import Invalid


def record(slide_name: Any, slide_id: int, annotation: Any) -> dict[str, Any]:
    """Return a slide's annotation as it stands in the file."""
    # NaN, a blank in the manifest, is not equal to itself, and no JSON either.
    name = slide_name if slide_name == slide_name else None  # noqa: PLR0124
    return {"slide_name": name, "slide_id": slide_id, "annot": annotation}


def read_records(filename: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return what a file holds: dicts with ``slide_name`` and ``annot``."""
    path = Path(filename).expanduser()
    try:
        records = json.loads(path.read_bytes())
    except OSError as error:
        raise Invalid(f"There is no file {path.name!r} that can be read here.") from error
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{path.name!r} is not JSON.") from error
    if not isinstance(records, list) or not all(
        isinstance(each, dict) and {"slide_name", "annot"} <= each.keys() for each in records
    ):
        raise Invalid(f"{path.name!r} is no file of annotations. `export_task_annots` writes them.")
    return records


class SlideNames:
    """From names in a file to the slides of a task.

    Where all names of a task are digits, the client `phas` writes them as numbers: ``007`` is 7 in
    its files. So a name is looked up as it is, then as a number when only one slide has that.
    """

    def __init__(self, manifest: bytes) -> None:
        table = columns(manifest, dtype={"slide_name": "str"}, keep_default_na=False)
        self._exact: dict[str, int] = {}
        self._numbers: dict[float, set[int]] = {}
        for row, name in table["slide_name"].items():
            slide_id = table["id"][row]
            if not name:
                continue
            self._exact[name] = slide_id
            value = _value(name)
            if value is not None:
                self._numbers.setdefault(value, set()).add(slide_id)

    def find(self, name: Any) -> int | None:
        """Return the id of a slide, or `None`."""
        if isinstance(name, str):
            return self._exact.get(name)
        if not isinstance(name, (int, float)):
            return None
        exact = self._exact.get(str(name))
        found = self._numbers.get(name, set()) if exact is None else {exact}
        return found.pop() if len(found) == 1 else None


def _value(name: str) -> float | None:
    try:
        return float(name)
    except ValueError:
        return None
