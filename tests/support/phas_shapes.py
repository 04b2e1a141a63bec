"""Draws and reads through PHAS's released client, in an interpreter that has it.

``python phas_shapes.py URL KEY_FILE PLAN RESULT``: PLAN and RESULT are JSON files. A plan names a
``slide`` and has a list of ``steps``, each one of

- ``["draw", TASK, ITEMS]`` puts items of paper.js to what is drawn in a task,
- ``["drawing", TASK]`` returns what is drawn there,
- ``["outline", TASK, LABEL, GEOMETRY]`` makes a sampling region,
- ``["outlines", TASK]`` returns the sampling regions.

The result has an answer for each step: ``{"value": …}``, or ``{"refused": STATUS}``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def drawn(task: Any, slide: int, items: list[Any]) -> Any:
    drawing = task.get_slide_annot_json(slide) or [["Layer", {"applyMatrix": True, "children": []}]]
    drawing[0][1]["children"] += items
    return task.set_slide_annot_json(slide, drawing)


def done(client: Any, slide: int, step: list[Any]) -> Any:
    from phas.client import api

    verb, task_id, *more = step
    if verb in {"draw", "drawing"}:
        task = api.AnnotationTask(client, task_id)
        return drawn(task, slide, *more) if more else task.get_slide_annot_json(slide)
    task = api.SamplingROITask(client, task_id)
    return task.create_sampling_roi(slide, *more) if more else task.slide_sampling_rois(slide)


def main(url: str, key_file: str, plan: str, result: str) -> None:
    import requests
    from phas.client import api

    client = api.Client(url, key_file)
    said = json.loads(Path(plan).read_text())
    answers = []
    for step in said["steps"]:
        try:
            answers.append({"value": done(client, said["slide"], step)})
        except requests.HTTPError as error:
            answers.append({"refused": error.response.status_code})
    Path(result).write_text(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
