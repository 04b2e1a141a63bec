"""Tasks of each mode in one study, with labels, and people who may different things in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wsi_lab.model.layer import LabelSet, NewLabel
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.task import Task, TaskMode, TaskSettings
from wsi_lab.service.lab import Lab


@pytest.fixture
def label_set(lab: Lab, owner: Actor, study: Study) -> LabelSet:
    labels = [NewLabel("tumour", "#ff0000", "malignant"), NewLabel("stroma", "#00ff00")]
    return lab.label_sets.create(owner, study.id, "tissue", labels, description="What there is")


@pytest.fixture
def new_task(lab: Lab, owner: Actor, study: Study, label_set: LabelSet) -> Callable[..., Task]:
    """Return a function that makes a task; tasks with labels have those of the label set."""

    def make(name: str, mode: str = "annot", **settings: Any) -> Task:
        if mode in {"dltrain", "sampling"}:
            settings.setdefault("label_set", label_set.name)
        return lab.tasks.create(owner, study.id, TaskSettings(name, TaskMode(mode), **settings))

    return make


@pytest.fixture
def task(new_task: Callable[..., Task]) -> Task:
    return new_task("free drawing")


@pytest.fixture
def writer(as_user: Callable[..., Actor], study: Study) -> Actor:
    return as_user("writer@lab", rights="write api private", study=study)


@pytest.fixture
def reader(as_user: Callable[..., Actor], study: Study) -> Actor:
    return as_user("reader@lab", rights="read api", study=study)


@pytest.fixture
def stranger(as_user: Callable[..., Actor]) -> Actor:
    return as_user("stranger@lab")


@pytest.fixture
def second_slide(lab: Lab, owner: Actor, study: Study, slide_file: Any) -> Slide:
    return lab.slides.add(
        owner, study.id, slide_file, name="CMU-2", case="Meier", block="B", section="2",
        number="10", stain="Ki67", tags=("Good", "new"),
    )  # fmt: skip
