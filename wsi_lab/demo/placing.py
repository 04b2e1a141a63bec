"""Notebooks of the demo: given once, replaced only while nobody changed them."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

TOUR = "tour.ipynb"
NOTEBOOKS = (TOUR, "annotations.ipynb", "readers.ipynb", "agreement.ipynb")
_FOLDER = Path(__file__).parent


def place_notebooks(folder: Path) -> None:
    """Put this version's notebooks into the folder, unless they were put there before.

    What was given is remembered by its hash: a copy that is still as it was given is replaced
    by a newer one; beside a copy that the user changed the newer one gets a name of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in NOTEBOOKS:
        _place(name, folder)


def _place(name: str, folder: Path) -> None:
    notebook = _notebook(name)
    digest = _hash(notebook)
    stem = Path(name).stem
    note = folder / f".{stem}.json"
    given = _given(note)
    target = folder / name
    if digest == given and target.exists():
        return
    if target.exists() and _hash(target.read_bytes()) not in {given, digest}:
        numbers = range(2, 1000)
        target = next(path for n in numbers if not (path := folder / f"{stem}-{n}.ipynb").exists())
    target.write_bytes(notebook)
    note.write_text(json.dumps({"given": digest}), encoding="utf-8")


def _notebook(name: str) -> bytes:
    packaged = _FOLDER / "notebooks" / name
    in_checkout = _FOLDER.parents[1] / "notebooks" / name
    return (packaged if packaged.exists() else in_checkout).read_bytes()


def _given(note: Path) -> str | None:
    try:
        return str(json.loads(note.read_text(encoding="utf-8"))["given"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()
