"""A study that has something of everything, and what can be told of a study."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from many_shapes import squares
from waiting import wait_until

from wsi_lab.formats import anno2
from wsi_lab.formats.slidescore_shapes import parse_shapes
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.answer import Core, NewAnswer, Place
from wsi_lab.model.feature import Feature, Grid
from wsi_lab.model.layer import FIRST_BULK_ID, NewLabel, ShapeQuery
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind
from wsi_lab.model.study import Study
from wsi_lab.model.study_plan import PlannedCase, PlannedMember, PlannedQuestion, StudyPlan
from wsi_lab.model.task import Access, Selection, TaskMode, TaskSettings
from wsi_lab.model.tma import CoreBox
from wsi_lab.service.lab import Lab
from wsi_lab.service.slides import NewSlide

QUPATH = "annotations/qupath"
MAP = "controls: K\nignore: -\n\nA1\t-\tK\nB1\tB2\n"
RECTANGLE = (
    '[{"type":"rect","corner":{"x":1,"y":2},"size":{"x":3,"y":4},"unknown":[1]},'
    '{"type":"polygon","points":[{"x":1,"y":2},{}]}]'
)
SQUARE = Feature(ShapeKind.POLYGON, shapely.box(1.125, 2, 90, 80), ("tumour", "sure"), {"n": 2})
HOLED = Feature(
    ShapeKind.BRUSH,
    shapely.box(0, 0, 50.3, 50).difference(shapely.box(10, 10, 20, 20)),
    ("gone",),
    {"ü": ["x", None, 1.5]},
)
DOT = Feature(ShapeKind.POINT, shapely.Point(500, 600.25))


@pytest.fixture
def rich(
    lab: Lab,
    owner: Actor,
    clock: Any,
    slide_folder: Path,
    demo_slide: Path,
    shared_data: Path,
    tmp_path: Path,
) -> Study:
    """A published study of three slides, with everything that an archive keeps."""
    for name in "abc":
        shutil.copy(demo_slide, slide_folder / f"{name} ü.svs")
    read = frozenset({"view", "score"})
    plan = StudyPlan(
        "HTT 'pilot' ü",
        "two\nlines",
        "HTT",
        "2026",
        {"shufflecases": "true", "organ": "breast"},
        (PlannedCase("Müller", "C1"), PlannedCase("empty", "C2")),
        tuple(
            PlannedQuestion(f"Q {kind}", kind, "a;b" if kind.has_options else "")
            for kind in QuestionKind
        ),
        (PlannedMember("anna@lab", read), PlannedMember("ben@lab", read | {"results"})),
        publish=True,
    )
    slides = [
        NewSlide(
            slide_folder / "a ü.svs",
            "A",
            "Müller",
            block="1",
            section="2",
            number="3",
            stain="H&E",
            tags=("x", "y"),
            mpp_x=0.25,
            mpp_y=0.26,
        ),
        NewSlide(slide_folder / "b ü.svs", "B", "Meier", "C3"),
        NewSlide(slide_folder / "c ü.svs"),
    ]
    study = lab.setup.create(owner, plan, slides)
    a, b, _ = lab.slides.list(owner, study.id).items
    case = lab.cases.list(owner, study.id).items[0]
    lab.cases.set_description(owner, case.id, "<b>old</b> lady")
    lab.slides.change(owner, b.id, revision=b.revision, description="<i>x</i>", rotation=90)
    lab.tma_maps.create(owner, study.id, "tma 1", MAP)
    lab.tma_maps.assign(owner, study.id, a.id, "tma 1")
    boxes = [CoreBox(0, 2, (1.5, 2, 30, 40), True), CoreBox(1, 1, (-5, 60, 30, 40))]
    lab.tma_maps.set_boxes(owner, a.id, boxes)
    clock.pass_(hours=1)
    _draw(lab, owner, study, a.id, b.id)
    clock.pass_(hours=1)
    _load(lab, owner, study, a.id, b.id, shared_data)
    clock.pass_(hours=1)
    _set_tasks_up(lab, owner, study)
    clock.pass_(hours=1)
    _answer(lab, owner, study, (a.id, b.id, case.id))
    clock.pass_(hours=1)
    _send_file(lab, owner, study, b.id, tmp_path)
    clock.pass_(days=1)
    return lab.studies.get(owner, study.id)


def _draw(lab: Lab, owner: Actor, study: Study, first: int, second: int) -> None:
    labels = [NewLabel("tumour", "#112233", "what grows"), NewLabel("gone"), NewLabel("sure")]
    layer = lab.layers.create(owner, study.id, "areas", labels=labels, is_shared=True)
    lab.drawing.add(
        owner, first, layer.id, [(None, SQUARE), ("k", HOLED), (None, DOT)], author="anna@lab"
    )
    lab.drawing.add(owner, second, layer.id, [(None, DOT), (None, SQUARE)], author="model 7")
    now = lab.layers.get(owner, layer.id)
    kept = [each for each in now.labels if each.name != "gone"]
    lab.layers.set_labels(owner, layer.id, kept, now.revision)


def _load(lab: Lab, owner: Actor, study: Study, first: int, second: int, shared_data: Path) -> None:
    layer = lab.layers.create(owner, study.id, "nuclei", labels=[NewLabel("neoplastic")])
    said = {"score": np.arange(300) / 7, "word": np.array(["a", None, "ü"] * 100, object)}
    lab.loads.load(
        owner, layer.id, first, squares(300, properties=said), author="model 7", name="all"
    )
    lab.loads.load(
        owner, layer.id, first, squares(40, side=7.77), author="model 7", name="fine", precision=0
    )
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    values[1, 1] = np.nan
    heat = Grid("heat", values, (0.0, 0.0, 400.0, 300.0))
    lab.loads.load_grid(owner, layer.id, second, heat, author="model 8")
    lab.drawing.add(owner, first, layer.id, [(None, DOT)], author="model 7")
    query = ShapeQuery(slide_id=first, layer_ids=(layer.id,), tier="bulk")
    ids = next(iter(lab.finder.find(owner, query))).ids
    lab.drawing.remove(owner, int(ids[5]), 1)
    real = next(iter(sorted((shared_data / QUPATH).rglob("qupath05.geojson"))))
    drawn = lab.layers.create(owner, study.id, "as QuPath has it")
    job = lab.exchange.begin_import(
        owner,
        drawn.id,
        second,
        io.BytesIO(real.read_bytes()),
        name=real.name,
        format="qupath",
        as_bulk=False,
    )
    wait_until(lambda: lab.jobs.get(owner, job.id).state in {"done", "failed"}, 60)
    assert lab.jobs.get(owner, job.id).state == "done"


def _set_tasks_up(lab: Lab, owner: Actor, study: Study) -> None:
    lab.label_sets.create(
        owner, study.id, "cells", [NewLabel("mitosis", "#ff0000"), NewLabel("none")]
    )
    boxes = TaskSettings(
        "Mitoses",
        TaskMode.DLTRAIN,
        "Place boxes.",
        is_restricted=True,
        label_set="cells",
        selection=Selection(stains=("H&E",), cases=("Müller",), tags_not=("bad",)),
        smallest_box=10,
        largest_box=90,
        patch_size=64,
    )
    task = lab.tasks.create(owner, study.id, boxes)
    lab.tasks.set_member(owner, task.id, "anna@lab", Access.WRITE)
    lab.tasks.create(owner, study.id, TaskSettings("Look", TaskMode.BROWSE, slide_size_limit=99))


def _answer(lab: Lab, owner: Actor, study: Study, where: tuple[int, int, int]) -> None:
    first, second, case = where
    for question, place, author, value in (
        ("Q FreeText", Place(first), "anna@lab", "two\nlines\tand a tab \\ ü"),
        ("Q FreeText", Place(second), "anna@lab", ""),
        ("Q Integer", Place(first, core=Core(0, 2, "K")), "ben@lab", "3"),
        ("Q Integer", Place(first, core=Core(1, 0, "")), "ben@lab", "4"),
        ("Q DropDown", Place(case_id=case), "Ben@Lab", "b"),
        ("Q Percentage", Place(second, case), "model 7", "12.5"),
        (
            "Q AnnoShapes",
            Place(second),
            "anna@lab",
            RECTANGLE,
        ),
        ("Q AnnoPoints", Place(first, core=Core(0, 0, "A1")), "ben@lab", '[{"x":5,"y":6.5}]'),
        ("Q AnnoPoints", Place(second), "ben@lab", "[]"),
    ):
        lab.results.submit(owner, study.id, NewAnswer(question, place, author, value))
    lab.results.submit(
        owner, study.id, NewAnswer("Q Integer", Place(first, core=Core(0, 2, "K")), "ben@lab", "5")
    )


def _send_file(lab: Lab, owner: Actor, study: Study, slide_id: int, tmp_path: Path) -> None:
    shapes = parse_shapes('[{"x":5,"y":6},{"x":7,"y":8}]', QuestionKind.ANNO_POINTS)
    path = tmp_path / "sent"
    path.write_bytes(anno2.write(shapes, {"by": "model 9"}))
    begun = lab.annotations.begin_file(
        owner, study_id=study.id, place=Place(slide_id), question="Q AnnoPoints", author="model 9"
    )
    lab.annotations.finish_file(owner, begun.uuid, path)


@pytest.fixture
def facts(lab: Lab, owner: Actor) -> Callable[..., dict[str, Any]]:
    """Return everything that can be told of a study but ids, revisions and when it was stored."""

    def tell(study_id: int, *, of: Lab = lab, by: Actor = owner) -> dict[str, Any]:
        return _Teller(of, by, study_id).everything()

    return tell


class _Teller:
    def __init__(self, lab: Lab, actor: Actor, study_id: int) -> None:
        self.lab, self.actor = lab, actor
        self.study = lab.studies.get(actor, study_id)
        self.slides = lab.slides.list(actor, study_id, limit=1000).items
        self.cases = lab.cases.list(actor, study_id, limit=1000).items
        self.slide_names = {each.id: each.name for each in self.slides}
        self.case_names = {each.id: each.name for each in self.cases}

    def everything(self) -> dict[str, Any]:
        lab, actor, study = self.lab, self.actor, self.study
        maps = {each.id: each.name for each in lab.tma_maps.list(actor, study.id)}
        asked = lab.questions.list(actor, study.id)
        return {
            "study": {
                "description": study.description,
                "friendly_name": study.friendly_name,
                "folder": study.folder,
                "settings": dict(study.settings),
                "published_on": study.published_on,
                "answered_on": study.answered_on,
            },
            "cases": [(each.name, each.public_name, each.description) for each in self.cases],
            "slides": [
                (
                    *(each.name, self.case_names.get(each.case_id or 0), each.block, each.section),
                    *(each.number, each.stain, each.tags, each.format, each.width, each.height),
                    *(each.stated_mpp_x, each.stated_mpp_y, each.description, each.rotation),
                    *(maps.get(each.tma_map_id or 0), each.file_size, Path(each.source).name),
                )
                for each in self.slides
            ],
            "maps": [
                (each.name, each.text, lab.tma_maps.cores(actor, each.id))
                for each in lab.tma_maps.list(actor, study.id)
            ],
            "cores": [
                lab.tma_maps.slide_cores(actor, each.id).places
                for each in self.slides
                if each.tma_map_id is not None
            ],
            "questions": [(each.name, each.kind, each.configuration) for each in asked],
            "label_sets": [
                (each.name, each.description, self._labels(each.labels))
                for each in lab.label_sets.list(actor, study.id)
            ],
            "layers": [
                (each.name, each.colour, each.is_shared, self._labels(each.labels))
                for each in lab.layers.list(actor, study.id)
            ],
            "tasks": self._tasks(),
            "members": sorted(
                (each.email, sorted(each.rights)) for each in lab.studies.members(actor, study.id)
            ),
            "answers": self._answers(),
            "shapes": self._shapes(),
            "loads": self._loads(),
        }

    def _labels(self, labels: Any) -> list[tuple[str, str, str]]:
        return [(each.name, each.colour, each.description) for each in labels]

    def _tasks(self) -> list[Any]:
        found = []
        for task, _ in self.lab.tasks.list(self.actor, self.study.id):
            named = (
                self.lab.tasks.members(self.actor, task.id) if task.settings.is_restricted else []
            )
            found.append((task.settings, [(one.email, one.access) for one in named]))
        return found

    def _answers(self) -> list[Any]:
        rows = self.lab.results.rows(self.actor, self.study.id)
        found = []
        for each in rows:
            answer = self.lab.results.answer(self.actor, each.answer_id)
            value = "a file" if each.value.startswith("anno2 ") else each.value
            place = answer.place
            found.append(
                (
                    *(each.question, each.author, value, each.slide_name, each.case_name),
                    *(each.core, self.case_names.get(place.case_id or 0), each.answered_on),
                )
            )
        return sorted(found, key=str)

    def _shapes(self) -> list[Any]:
        found = self.lab.annotations.list(self.actor, self.study.id)
        names = {each.id: each.name for each in self.lab.questions.list(self.actor, self.study.id)}
        return sorted(
            (
                (
                    *(names[each.question_id], each.author, self.slide_names[each.place.slide_id]),
                    *(each.place.core, each.position, each.shape.kind, each.shape.original),
                    shapely.to_wkb(each.shape.geometry),
                    *(self._labels(each.labels), json.dumps(dict(each.properties)), each.source),
                    *(each.area, each.changed_on),
                )
                for each in found
                # Those of loads are told with them.
                if each.id < FIRST_BULK_ID
            ),
            key=str,
        )

    def _loads(self) -> list[Any]:
        found = []
        for layer in self.lab.layers.list(self.actor, self.study.id):
            for load in self.lab.loads.list(self.actor, layer.id):
                counts = {
                    each.label.name if each.label else None: (each.count, round(each.area, 6))
                    for each in load.counts
                    if each.count
                }
                found.append(
                    (
                        *(layer.name, self.slide_names[load.slide_id], load.author, load.name),
                        *(load.kind, load.count, load.box, load.precision, sorted(load.properties)),
                        *(sorted(counts.items(), key=str), self._contents(layer.id, load)),
                    )
                )
        return sorted(found, key=str)

    def _contents(self, layer_id: int, load: Any) -> Any:
        if load.kind == "grid":
            read = self.lab._database.read
            from wsi_lab.store.bulk import grids

            return read(lambda c: grids.grid(c, load.id)).tobytes()
        query = ShapeQuery(slide_id=load.slide_id, layer_ids=(layer_id,), tier="bulk")
        batches = [
            each.shapes
            for each in self.lab.finder.find(self.actor, query)
            if each.load is not None and each.load.id == load.id
        ]
        return sorted(
            (
                shapely.to_wkb(geometry),
                None if label < 0 else columns.label_names[label],
                int(kind),
                str(sorted((name, str(values[at])) for name, values in columns.properties.items())),
            )
            for columns in batches
            for at, (geometry, label, kind) in enumerate(
                zip(columns.to_geometries(), columns.labels, columns.kinds, strict=True)
            )
        )


@pytest.fixture
def export(lab: Lab, owner: Actor, tmp_path: Path) -> Callable[..., Path]:
    """Return what writes the archive of a study, and tells where."""
    made = iter(range(100))

    def run(study_id: int, *, of: Lab = lab, by: Actor = owner, **how: Any) -> Path:
        file = io.BytesIO()
        of.archives.export(by, study_id, file, **how)
        path = tmp_path / f"{next(made)}.zip"
        path.write_bytes(file.getvalue())
        return path

    return run
