"""A lab of its own for each test, with people who may different things."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wsi_lab.model.people import Actor
from wsi_lab.model.source import Source
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.store import audit
from wsi_lab.store.audit import Entry


class ClockInHand:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.time = datetime(2026, 7, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_(self, **span: float) -> None:
        self.time += timedelta(**span)


@pytest.fixture
def clock() -> ClockInHand:
    return ClockInHand()


@pytest.fixture
def slide_folder(tmp_path: Path) -> Path:
    """The folder that slides may come from."""
    folder = tmp_path / "slide folder ü"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(tmp_path: Path, slide_folder: Path) -> LabSettings:
    return LabSettings(tmp_path / "home", slide_roots=(Source.at(str(slide_folder)),), workers=1)


@pytest.fixture
def lab(settings: LabSettings, clock: ClockInHand) -> Iterator[Lab]:
    with Lab.open(settings, clock=clock) as lab:
        yield lab


@pytest.fixture
def owner(lab: Lab) -> Actor:
    return lab.people.owner("tests", name="owner")


@pytest.fixture
def study(lab: Lab, owner: Actor) -> Study:
    return lab.studies.create(owner, "HTT 'pilot' ü\u200f")


@pytest.fixture
def slide_file(slide_folder: Path, demo_slide: Path) -> Path:
    return Path(shutil.copy(demo_slide, slide_folder / "CMU-1.svs"))


@pytest.fixture
def slide(lab: Lab, owner: Actor, study: Study, slide_file: Path) -> Slide:
    return lab.slides.add(owner, study.id, slide_file, case="Müller", case_public="C1")


@pytest.fixture
def as_user(lab: Lab, owner: Actor) -> Callable[..., Actor]:
    """Return somebody who comes with a token: by e-mail, with rights in a study."""

    def make(email: str, *, rights: str = "", study: Study | None = None, **token) -> Actor:
        if email not in {user.email for user in lab.people.list(owner)}:
            lab.people.add(owner, email, is_admin=token.pop("is_admin", False))
        if rights and study is not None:
            lab.studies.set_member(owner, study.id, email, rights.split())
        token.setdefault("capabilities", ["all"])
        _, text = lab.people.create_token(owner, name="t", email=email, **token)
        return lab.people.actor_for_token(text, door="tests")

    return make


@pytest.fixture
def entries(lab: Lab) -> Callable[[], list[Entry]]:
    """Return the audit."""
    return lambda: lab._database.read(audit.entries)
