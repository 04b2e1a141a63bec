"""A lab with tasks of every mode, as an administrator of PHAS would set it up, in a home."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wsi_lab.model.layer import NewLabel
from wsi_lab.model.task import Selection, TaskMode, TaskSettings
from wsi_lab.service.lab import Lab, LabSettings

PROJECT = "HTT pilot"
STATED: Mapping[str, tuple[float, float]] = {"levels": (0.5, 0.4)}
"""Micrometres per pixel, across and down, of slides whose files hold none that can be right."""
ODD_DRAWINGS: Mapping[str, Any] = {
    "bare": [
        ["Layer", {"children": [["Path", {"segments": [[1, 2], [3.5, 4], [900, 77.12345]]}]]}]
    ],
    "without segments": [
        ["Layer", {"applyMatrix": True, "children": [["Path", {"closed": True}]]}]
    ],
    "selected": [
        [
            "Layer",
            {
                "selected": True,
                "children": [
                    ["Path", {"segments": [[[5, 6], [0, 0], [1, 1], 7], [40, 50]], "name": "é😀"}],
                    [
                        "PointText",
                        {
                            "matrix": [1, 0, 0, 1, 700.5, 800.25],
                            "content": "CA1 <&\"'>",
                            "fontWeight": "bold",
                            "fontSize": 60,
                            "leading": 72,
                            "justification": "center",
                        },
                    ],
                    ["Group", {"children": [["Path", {"segments": [[1, 1], [2, 2]]}]]}],
                ],
            },
        ]
    ],
    "numbers": [["Layer", {"children": [], "data": {"a": 0.1, "b": 1e300, "c": -0, "d": 10**15}}]],
    "dictionary": [["dictionary", {"#1": ["Gradient", [[1, 0]]]}], [["Layer", {"children": []}]]],
    "list": [],
    "object": {},
}
"""Drawings that PHAS itself changes or fails at."""


class PhasLab:
    """Where the home is, and what a plan of calls needs to know of it.

    Attributes
    ----------
    plan
        For ``phas_calls.py``.
    files
        The slides' files by name.
    """

    def __init__(
        self, folder: Path, slides: Mapping[str, Path], drawings: Mapping[str, Any]
    ) -> None:
        self.folder = folder
        self.files = dict(slides)
        self.plan: dict[str, Any] = {"project": PROJECT, "drawings": {**ODD_DRAWINGS, **drawings}}
        folder.mkdir(parents=True, exist_ok=True)
        with Lab.open(LabSettings(home=folder / "home")) as lab:
            self._fill(lab)

    def key_file(self, name: str) -> Path:
        """Return the key file of ``owner``, ``outsider`` or ``nobody``, whose key is wrong."""
        return self.folder / f"phas_{name}_api_key.json"

    def _fill(self, lab: Lab) -> None:
        owner = lab.people.owner()
        study = lab.studies.create(owner, PROJECT, "What PHAS calls a project")
        lab.people.add(owner, "outsider@lab", name="Outsider")
        self._write_key("owner", lab.keys.create(owner, "phas").text)
        self._write_key("outsider", lab.keys.create(owner, "phas", email="outsider@lab").text)
        self._write_key("nobody", "3f0c3b55-2e3b-4f4c-9b29-0a4b0c7e8d11")
        ids = {}
        for number, (name, file) in enumerate(self.files.items(), start=1):
            placed = self.folder / "home" / "slides" / file.name
            placed.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, placed)
            ids[name] = lab.slides.add(
                owner,
                study.id,
                placed,
                name=name,
                case="Ada" if number < 3 else "Bea",
                case_public="Anon A" if number < 3 else "Anon B",
                block=f"B{number}",
                section=str(number),
                number=str(10 - number),
                stain="NISSL" if number < 3 else "H&E",
                tags=["all", f"only {number}"],
                mpp_x=STATED.get(name, (None, None))[0],
                mpp_y=STATED.get(name, (None, None))[1],
            ).id
        labels = lab.label_sets.create(
            owner,
            study.id,
            "Tissue",
            [NewLabel("grey", "#808080", "grey matter"), NewLabel("white", "#ffffff")],
        ).labels
        tasks = {}
        for name, settings in {
            "draw": TaskSettings("Draw", TaskMode.ANNOT, "Draw whatever you see"),
            "copy": TaskSettings("Copy", TaskMode.ANNOT, reference="Draw"),
            "boxes": TaskSettings("Boxes", TaskMode.DLTRAIN, label_set="Tissue", patch_size=128),
            "regions": TaskSettings("Regions", TaskMode.SAMPLING, label_set="Tissue"),
            "browse": TaskSettings(
                "Browse", TaskMode.BROWSE, selection=Selection(stains=("nissl",))
            ),
        }.items():
            tasks[name] = lab.tasks.create(owner, study.id, settings).id
        first = next(iter(ids.values()))
        boxes = [(100.5, 200.0, 180.0, 260.25), (900.0, 1200.0, 1000.0, 1300.0)]
        samples = [
            lab.samples.create(owner, tasks["boxes"], first, label.id, box)
            for label, box in zip(labels, boxes, strict=True)
        ]
        self.plan |= {
            "slides": ids,
            "labels": [each.id for each in labels],
            "tasks": tasks,
            "samples": samples,
            "boxes": boxes,
        }

    def _write_key(self, name: str, key: str) -> None:
        self.key_file(name).write_text(json.dumps({"api_key": key}))


def released_client(repository: Path, environment: Mapping[str, str]) -> Path | None:
    """Return the interpreter that has PHAS's own client, or `None`."""
    named = environment.get("WSI_LAB_PHAS_PYTHON")
    python = Path(named) if named else repository / ".venv-phas" / "bin" / "python"
    return python if python.is_file() else None


def own_client() -> Path:
    """Return the interpreter that has ours."""
    return Path(sys.executable)
