"""A study with two cases of two slides each and one slide by itself, and its readers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, QuestionKind, QuestionSpec
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab

CASES = ("Müller", "Meier", None, "Müller", "Meier")


@pytest.fixture
def slides(
    lab: Lab, owner: Actor, study: Study, slide_folder: Path, demo_slide: Path
) -> list[Slide]:
    file = Path(shutil.copy(demo_slide, slide_folder / "CMU-1.svs"))
    return [
        lab.slides.add(owner, study.id, file, name=f"slide {number}", case=case)
        for number, case in enumerate(CASES)
    ]


@pytest.fixture
def questions(lab: Lab, owner: Actor, study: Study, slides: list[Slide]) -> dict[str, Question]:
    """By name; two of the four need answers in words, one needs shapes."""
    for spec in (
        QuestionSpec("Grade", QuestionKind.DROP_DOWN, "1;2;3"),
        QuestionSpec("Percent", QuestionKind.PERCENTAGE_ONLY),
        QuestionSpec("Remark", QuestionKind.FREE_TEXT),
        QuestionSpec("Mitoses", QuestionKind.ANNO_POINTS, "#00ff00"),
    ):
        lab.questions.add(owner, study.id, spec)
    return {each.name: each for each in lab.questions.list(owner, study.id)}


@pytest.fixture
def set_up(
    lab: Lab, owner: Actor, study: Study, questions: dict[str, Question]
) -> Callable[..., None]:
    """Return a function that gives the study settings and lets readers in."""

    def set_up(**settings: str) -> None:
        now = lab.studies.get(owner, study.id)
        lab.studies.change(owner, study.id, revision=now.revision, settings=settings)
        lab.studies.publish(owner, study.id)

    return set_up


@pytest.fixture
def anna(as_user: Callable[..., Actor], study: Study) -> Actor:
    return as_user("anna@lab", rights="score", study=study)


@pytest.fixture
def ben(as_user: Callable[..., Actor], study: Study) -> Actor:
    return as_user("ben@lab", rights="score", study=study)
