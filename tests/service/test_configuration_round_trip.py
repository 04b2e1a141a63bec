"""Whatever a study is like, the files that it is written to make an equal one."""

from __future__ import annotations

import dataclasses
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsi_lab.errors import Invalid
from wsi_lab.model.people import Actor, Right
from wsi_lab.model.question import QuestionKind, QuestionSpec, checked_question
from wsi_lab.model.study import checked_name
from wsi_lab.model.study_settings import SETTINGS
from wsi_lab.service.configuring.configuration import StudyConfig
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.store import studies


def _is_name(text: str) -> bool:
    try:
        return checked_name(text, "thing") == text
    except Invalid:
        return False


odd = st.text(st.sampled_from("aB1;:.,\t /\\-_#=\"'<>&%\u00e9\u200f\u00a0\u3000map90"), max_size=12)
names = odd.filter(_is_name)


def _spec(name: str, kind: QuestionKind, configuration: str) -> QuestionSpec:
    return checked_question(name, kind, configuration)


questions = st.lists(
    st.builds(_spec, names, st.sampled_from(QuestionKind), odd),
    max_size=5,
    unique_by=lambda q: q.name,
)
members = st.dictionaries(
    st.sampled_from(["a@lab", "b@lab", "C.d+e@lab"]),
    st.frozensets(st.sampled_from(Right)).map(lambda rights: rights | {Right.VIEW}),
)
properties = st.dictionaries(st.sampled_from(SETTINGS), odd.filter(_is_name), max_size=4)
slide_names = st.lists(names, min_size=2, max_size=2, unique=True)
rotations = st.lists(st.sampled_from([0, 90, 180, 270]), min_size=2, max_size=2)


@pytest.fixture(scope="module")
def opened(
    tmp_path_factory: pytest.TempPathFactory, demo_slide: Path
) -> Iterator[tuple[Lab, Actor]]:
    home = tmp_path_factory.mktemp("round trip") / "home"
    with Lab.open(LabSettings(home, workers=1)) as lab:
        folder = lab.files.root / "shared"
        folder.mkdir()
        for name in ("a;b.svs", "c.svs"):
            shutil.copy(demo_slide, folder / name)
        owner = lab.people.owner("tests", name="owner")
        for email in ("a@lab", "b@lab", "C.d+e@lab"):
            lab.people.add(owner, email)
        yield lab, owner


def _content(config: StudyConfig) -> object:
    return (
        config.study.friendly_name,
        config.study.folder,
        dict(config.study.settings),
        {each.email: each.rights for each in config.members},
        [(each.name, each.kind, each.configuration) for each in config.questions],
        [(each.source, each.name, each.rotation) for each in config.slides],
    )


@given(questions, members, properties, slide_names, rotations, odd.map(str.strip).filter(_is_name))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_any_study_comes_back(
    opened: tuple[Lab, Actor],
    specs: list[QuestionSpec],
    rights: dict[str, frozenset[Right]],
    stated: dict[str, str],
    called: list[str],
    turned: list[int],
    friendly: str,
) -> None:
    lab, owner = opened
    study = lab.studies.create(owner, f"s{secrets.token_hex(6)}")
    for spec in specs:
        lab.questions.add(owner, study.id, spec)
    for email, held in rights.items():
        lab.studies.set_member(owner, study.id, email, held)
    shown = dataclasses.replace(
        study, friendly_name=friendly, folder=friendly[::-1].strip(), settings=stated
    )
    lab._database.write(lambda connection: studies.update_study(connection, shown))
    for file, name, degrees in zip(("a;b.svs", "c.svs"), called, turned, strict=True):
        slide = lab.slides.add_uploaded(owner, study.id, f"shared/{file}")
        lab.slides.rename(owner, slide.id, f"({slide.id})")
        lab.slides.set_rotation(owner, slide.id, degrees)
        lab.slides.rename(owner, slide.id, name)
    start = f"study.{study.name}"
    for name, text in lab.configuration.files(owner, study.id).items():
        assert name.startswith(start)
        path = lab.files.root / f"study.copy-of-{study.name}{name[len(start) :]}"
        path.write_text(text, encoding="utf-8", newline="")
    copy = lab.configuration.reimport(owner, f"copy-of-{study.name}")
    before = lab.configuration.config(owner, study.id)
    assert _content(lab.configuration.config(owner, copy.study_id)) == _content(before)
