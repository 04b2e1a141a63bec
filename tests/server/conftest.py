"""A real lab with people of every kind, served over real HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import shapely
import yaml
from clocks import Clock
from drawn_arrays import drawn_array
from jsonschema import Draft202012Validator
from PIL import Image
from site_server import SiteServer

from wsi_lab.model.annotation import Annotation, ShapeKind
from wsi_lab.model.answer import Answer, NewAnswer, Place
from wsi_lab.model.feature import Feature, Grid
from wsi_lab.model.job import Job
from wsi_lab.model.layer import LabelSet, Load, NewLabel
from wsi_lab.model.people import Actor, Right
from wsi_lab.model.question import Question, checked_question
from wsi_lab.model.source import Source
from wsi_lab.model.study import Case, Slide, Study
from wsi_lab.model.task import Task, TaskSettings
from wsi_lab.model.tma import TmaMap
from wsi_lab.model.upload import Upload
from wsi_lab.server.routes import V1_ROUTES
from wsi_lab.server.routing import Route
from wsi_lab.server.site import site_of
from wsi_lab.service.lab import Lab, LabSettings

RIGHTS = {
    "viewer": [Right.VIEW],
    "editor": [Right.VIEW, Right.EDIT],
    "study_admin": list(Right),
}


class Served(SiteServer):
    """The lab at the root."""

    @property
    def url(self) -> str:
        """Where it is, without a slash at its end."""
        return self.base


@contextlib.contextmanager
def served(lab: Lab, routes: Sequence[Route] = V1_ROUTES) -> Iterator[Served]:
    """Serve a lab that is open, and leave it open."""
    with Served(site_of(lab), routes=routes) as server:
        yield server


@dataclass
class World:
    """A lab, its people and their tokens, and a study with a case and a slide."""

    lab: Lab
    owner: Actor
    server: Served
    clock: Clock
    slide_file: Path
    study: Study
    case: Case
    slide: Slide
    tokens: dict[str, str | None] = field(default_factory=dict)
    made: int = 0

    def name(self) -> str:
        """Return a name that nothing has."""
        self.made += 1
        return f"made {self.made}"

    def new_study(self, name: str | None = None) -> Study:
        """Return a new study with the usual members."""
        study = self.lab.studies.create(self.owner, name or self.name())
        for person, rights in RIGHTS.items():
            self.lab.studies.set_member(self.owner, study.id, f"{person}@lab", rights)
        return study

    def new_case(self, study: Study | None = None) -> Case:
        """Return a new case."""
        return self.lab.cases.create(self.owner, (study or self.study).id, self.name())

    def new_slide(self, study: Study | None = None) -> Slide:
        """Return a new slide of the demo file."""
        where = (study or self.study).id
        return self.lab.slides.add(self.owner, where, self.slide_file, name=self.name())

    def new_question(self, study: Study | None = None, kind: str = "FreeText") -> Question:
        """Return a new question."""
        spec = checked_question(self.name(), kind)
        return self.lab.questions.add(self.owner, (study or self.study).id, spec)

    @cached_property
    def question(self) -> Question:
        """A question of the study, with an answer."""
        return self.new_question()

    @cached_property
    def answer(self) -> Answer:
        """The owner's answer to the question about the slide."""
        new = NewAnswer(self.question.name, Place(self.slide.id), self.owner.user.email, "2+")
        return self.lab.results.submit(self.owner, self.study.id, new)

    def new_shape(self, *, is_shared: bool = False) -> Annotation:
        """Return a shape that the owner has drawn on the slide."""
        layer = self.lab.layers.create(self.owner, self.study.id, self.name(), is_shared=is_shared)
        point = Feature(ShapeKind.POINT, shapely.Point(10, 20))
        (shape,) = self.lab.drawing.add(self.owner, self.slide.id, layer.id, [(None, point)])
        return shape

    @cached_property
    def shape(self) -> Annotation:
        """A shape that the owner has drawn on the slide."""
        return self.new_shape()

    @cached_property
    def shared_shape(self) -> Annotation:
        """A shape on the slide that readers of the study see."""
        return self.new_shape(is_shared=True)

    @cached_property
    def load(self) -> Load:
        """Values that the owner has loaded on the slide."""
        layer = self.lab.layers.create(self.owner, self.study.id, self.name())
        grid = Grid("values", np.zeros((2, 3), np.float32), (0, 0, 30, 20))
        return self.lab.loads.load_grid(self.owner, layer.id, self.slide.id, grid)

    @cached_property
    def job(self) -> Job:
        """A job of the site administrator's."""
        boss = self.lab.people.actor_for_token(str(self.tokens["site_admin"]), door="v1")
        return self.lab.jobs.start(boss, "nothing", lambda _task: None)

    @cached_property
    def tma_map(self) -> TmaMap:
        """A map of the study."""
        return self.lab.tma_maps.create(self.owner, self.study.id, "tma.map", "A1\tA2\nB1\n")

    @cached_property
    def array(self) -> Slide:
        """A tissue microarray in a study of its own, whose map was made of what is seen on it."""
        drawn = drawn_array(3, rows=4, columns=5, longest=300, missing=0, debris=0)
        name = f"{self.name()}.png"
        Image.fromarray(drawn.picture).save(self.lab.files.root / name)
        slide = self.lab.slides.add_uploaded(self.owner, self.new_study().id, name)
        self.lab.tma_maps.fit(self.owner, slide.id)
        return self.lab.slides.get(self.owner, slide.id)

    @cached_property
    def label_set(self) -> LabelSet:
        """A label set of the study with a label that nothing has."""
        return self.lab.label_sets.create(
            self.owner, self.study.id, self.name(), [NewLabel("tumour")]
        )

    @cached_property
    def task(self) -> Task:
        """A task of the study for its own members."""
        settings = TaskSettings(self.name(), is_restricted=True)
        return self.lab.tasks.create(self.owner, self.study.id, settings)

    def uploaded(self, person: str) -> Upload:
        """Return an upload of somebody's that is complete, but not finished."""
        actor = self.lab.people.actor_for_token(str(self.tokens[person]), door="v1")
        text = self.lab.uploads.request(actor, f"{self.name()}.txt", self.study.name)
        upload = self.lab.uploads.begin(actor, text, 5)
        with self.lab.uploads.writer(upload.id).partial as partial:
            partial.append([b"12345"])
        return upload

    def token(self, email: str, **limits: Any) -> str:
        """Return the text of a new token."""
        limits.setdefault("capabilities", ["all"])
        made = self.lab.people.create_token(self.owner, name=self.name(), email=email, **limits)
        return made[1]

    def headers(self, person: str) -> dict[str, str]:
        """Return the credentials of a kind of person."""
        text = self.tokens[person]
        return {} if text is None else {"Authorization": f"Bearer {text}"}


def _tokens(world: World) -> dict[str, str | None]:
    people, owner = world.lab.people, world.owner
    for person in ("stranger", *RIGHTS):
        people.add(owner, f"{person}@lab")
    people.add(owner, "boss@lab", is_admin=True)
    elsewhere = world.lab.studies.create(owner, "elsewhere")
    revoked, revoked_text = people.create_token(
        owner, name="revoked", email="boss@lab", capabilities=["all"]
    )
    people.revoke_token(owner, revoked.id)
    expired = world.token("boss@lab", expires_on=world.clock() + timedelta(hours=1))
    world.clock.ahead = timedelta(hours=2)
    return {
        "anonymous": None,
        **{person: world.token(f"{person}@lab") for person in ("stranger", *RIGHTS)},
        "site_admin": world.token("boss@lab"),
        "expired": expired,
        "revoked": revoked_text,
        "powerless": world.token("boss@lab", capabilities=[]),
        "elsewhere": world.token("boss@lab", read_studies=[str(elsewhere.id)]),
    }


@pytest.fixture(scope="session")
def contract(repository: Path) -> dict[str, Any]:
    """The OpenAPI file."""
    text = (repository / "wsi_lab" / "server" / "openapi.yaml").read_text()
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


@pytest.fixture(scope="session")
def schema(contract: dict[str, Any]) -> Any:
    """Return a function that checks a value against a named schema of the contract."""

    def check(name: str, value: Any) -> None:
        whole = {"$ref": f"#/components/schemas/{name}", "components": contract["components"]}
        Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
            value
        )

    return check


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, demo_slide: Path) -> Iterator[World]:
    """A populated lab over HTTP; tests change only what they made in it."""
    clock = Clock()
    home = tmp_path_factory.mktemp("lab") / "home"
    settings = LabSettings(home, slide_roots=(Source.at(str(demo_slide.parent)),), workers=1)
    with Lab.open(settings, clock=clock) as lab, served(lab) as server:
        owner = lab.people.owner()
        study = lab.studies.create(owner, "HTT pilot")
        case = lab.cases.create(owner, study.id, "Jane Doe", "A-17")
        slide = lab.slides.add(owner, study.id, demo_slide, case="Jane Doe")
        world = World(lab, owner, server, clock, demo_slide, study, case, slide)
        world.tokens = _tokens(world)
        for person, rights in RIGHTS.items():
            lab.studies.set_member(owner, study.id, f"{person}@lab", rights)
        yield world


@pytest.fixture
def http(world: World) -> Iterator[httpx.Client]:
    """A client that nobody has signed in to."""
    with httpx.Client(base_url=world.server.url, timeout=30) as client:
        yield client


@pytest.fixture
def boss(world: World) -> Iterator[httpx.Client]:
    """A client of a site administrator."""
    headers = world.headers("site_admin")
    with httpx.Client(base_url=world.server.url, timeout=30, headers=headers) as client:
        yield client


@pytest.fixture
def serve_routes(world: World) -> Callable[[Sequence[Route]], Any]:
    """Return a function that serves the lab with other routes: ``with serve_routes(…):``."""
    return lambda routes: served(world.lab, routes)


@pytest.fixture
def serve_lab() -> Callable[[Lab], Any]:
    """Return a function that serves another lab: ``with serve_lab(lab) as server:``."""
    return served
