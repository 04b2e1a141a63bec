"""A study with tasks of every mode, people of every kind with keys, served over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
from clocks import Clock
from raw_tiffs import build_tiff, tiled_directory
from site_server import MOUNTS, SiteServer

from wsi_lab.model.layer import LabelSet, NewLabel
from wsi_lab.model.people import Actor, Right
from wsi_lab.model.source import Source
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.task import Access, Selection, Task, TaskMode, TaskSettings
from wsi_lab.server.site import Site, site_of
from wsi_lab.service.lab import Lab, LabSettings

PROJECT = "HTT pilot"
SQUARE = {"type": "polygon", "data": [[100, 100], [700, 100], [700, 900], [100, 900]]}

RIGHTS = {
    "viewer": [Right.VIEW],
    "reader": [Right.VIEW, Right.API],
    "private_reader": [Right.VIEW, Right.API, Right.PRIVATE],
    "scorer": [Right.VIEW, Right.API, Right.SCORE],
    "writer": [Right.VIEW, Right.API, Right.SCORE, Right.EDIT],
    "study_admin": list(Right),
    # Not named in any restricted task.
    "outsider": [Right.VIEW, Right.API, Right.SCORE, Right.EDIT, Right.PRIVATE],
}
PEOPLE = ("stranger", *RIGHTS, "site_admin")


@dataclass
class PhasWorld:
    """A lab as an administrator of PHAS would set it up."""

    lab: Lab
    owner: Actor
    clock: Clock
    study: Study
    slides: dict[str, Slide]
    labels: LabelSet
    tasks: dict[str, Task]
    keys: dict[str, str] = field(default_factory=dict)
    made: int = 0

    def name(self) -> str:
        """Return a name that nothing has."""
        self.made += 1
        return f"made {self.made}"

    @property
    def slide(self) -> Slide:
        """The slide of the demo file."""
        return self.slides["demo"]

    @cached_property
    def sample(self) -> int:
        """A training sample of the owner's."""
        return self.new_sample()

    def new_sample(self) -> int:
        """Return a new training sample of the owner's."""
        task, label = self.tasks["boxes"].id, self.labels.labels[0].id
        return self.lab.samples.create(self.owner, task, self.slide.id, label, (10, 20, 110, 80))

    def new_region(self, task: str = "regions") -> int:
        """Return a new sampling region of the owner's."""
        task_id, label = self.tasks[task].id, self.labels.labels[0].id
        return self.lab.regions.create(self.owner, task_id, self.slide.id, label, SQUARE)

    def new_label(self) -> int:
        """Return a label that nothing has."""
        new = NewLabel(self.name(), "#102030")
        return self.lab.label_sets.add_label(self.owner, self.labels.id, new).id

    def new_secret(self) -> Task:
        """Return a new restricted task for sampling regions, with the members of ``secret``."""
        settings = TaskSettings(
            self.name(), TaskMode.SAMPLING, label_set="Tissue", is_restricted=True
        )
        task = self.lab.tasks.create(self.owner, self.study.id, settings)
        _name_members(self.lab, self.owner, task)
        return task

    def key(self, person: str) -> str:
        """Return a new key of somebody's."""
        return self.lab.keys.create(self.owner, "phas", email=f"{person}@lab").text


class PhasServer(SiteServer):
    """The lab, as behind a proxy that ends TLS and says so, and people who are signed in."""

    def __init__(self, site: Site, mount: str, world: PhasWorld) -> None:
        super().__init__(site, mount, behind_proxy=True)
        self.world = world
        self.clients: dict[str, httpx.Client] = {}
        self._opened: list[httpx.Client] = []

    def __exit__(self, *raised: object) -> None:
        for client in self._opened:
            client.close()
        super().__exit__(*raised)

    def client(self) -> httpx.Client:
        """Return a client that nobody has signed in with, and that is sent nowhere else."""
        client = httpx.Client(
            base_url=self.base, timeout=60, event_hooks={"response": [_check_stays]}
        )
        self._opened.append(client)
        return client

    def signed_in(self, key: str) -> httpx.Client:
        """Return a new client that signed in with a key."""
        client = self.client()
        answer = client.post("/auth/api/login", data={"api_key": key})
        assert answer.status_code == 200, answer.text
        return client

    def of(self, person: str) -> httpx.Client:
        """Return the client of a person, who has signed in; ``anonymous`` has not."""
        if person not in self.clients:
            self.clients[person] = (
                self.client() if person == "anonymous" else self.signed_in(self.world.keys[person])
            )
        return self.clients[person]


def _check_stays(answer: httpx.Response) -> None:
    assert not 300 <= answer.status_code < 400 or answer.status_code == 304
    assert "Location" not in answer.headers


def _slides(lab: Lab, owner: Actor, study: Study, demo: Path, plain: Path) -> dict[str, Slide]:
    add = lab.slides.add
    return {
        "demo": add(
            *(owner, study.id, demo),
            name="Jane Doe 1",
            case="Jane Doe",
            case_public="A-17",
            block="B1",
            section="3",
            number="2",
            stain="H&E",
            tags=["good", "first"],
        ),
        "second": add(
            *(owner, study.id, demo),
            name="Jane Doe 2",
            case="Jane Doe",
            block="B1",
            section="10",
            number="1",
            stain="Nissl",
            tags=["good"],
        ),
        "plain": add(
            *(owner, study.id, plain), name="plain", case="John Roe", block="C,1", stain="Nissl"
        ),
    }


def _name_members(lab: Lab, owner: Actor, task: Task) -> None:
    for person, access in {
        "reader": Access.READ,
        "private_reader": Access.READ,
        "scorer": Access.WRITE,
        "writer": Access.READ,
    }.items():
        lab.tasks.set_member(owner, task.id, f"{person}@lab", access)


def _tasks(lab: Lab, owner: Actor, study: Study) -> dict[str, Task]:
    made = {
        "draw": TaskSettings("Draw", TaskMode.ANNOT, "Draw whatever you see"),
        "boxes": TaskSettings(
            "Boxes", TaskMode.DLTRAIN, label_set="Tissue", patch_size=64, largest_box=500
        ),
        "regions": TaskSettings("Regions", TaskMode.SAMPLING, label_set="Tissue"),
        "browse": TaskSettings(
            "Browse", TaskMode.BROWSE, selection=Selection(stains=("h&e",)), slide_size_limit=200
        ),
        "copy": TaskSettings("Copy", reference="Draw", is_anonymised=True),
        "secret": TaskSettings("Secret", TaskMode.SAMPLING, label_set="Tissue", is_restricted=True),
    }
    tasks = {name: lab.tasks.create(owner, study.id, settings) for name, settings in made.items()}
    _name_members(lab, owner, tasks["secret"])
    return tasks


@pytest.fixture(scope="session")
def plain_slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A slide of 32 x 32 grey pixels that says nothing about their size."""
    file = tmp_path_factory.mktemp("plain") / "plain.tif"
    file.write_bytes(build_tiff([tiled_directory()]))
    return file


@pytest.fixture(scope="module")
def phas_world(
    tmp_path_factory: pytest.TempPathFactory, demo_slide: Path, plain_slide: Path
) -> Iterator[PhasWorld]:
    """A lab; tests change only what they made in it."""
    roots = tuple(Source.at(str(each.parent)) for each in (demo_slide, plain_slide))
    settings = LabSettings(tmp_path_factory.mktemp("lab") / "home", slide_roots=roots, workers=1)
    clock = Clock()
    with Lab.open(settings, clock=clock) as lab:
        owner = lab.people.owner()
        for person in PEOPLE:
            lab.people.add(owner, f"{person}@lab", is_admin=person == "site_admin")
        study = lab.studies.create(owner, PROJECT, "What PHAS calls a project")
        slides = _slides(lab, owner, study, demo_slide, plain_slide)
        labels = lab.label_sets.create(
            owner,
            study.id,
            "Tissue",
            [NewLabel("grey", "#808080", "grey matter"), NewLabel("white", "#ffffff")],
        )
        for person, rights in RIGHTS.items():
            lab.studies.set_member(owner, study.id, f"{person}@lab", rights)
        world = PhasWorld(lab, owner, clock, study, slides, labels, _tasks(lab, owner, study))
        world.keys = {person: world.key(person) for person in PEOPLE}
        yield world


@pytest.fixture(scope="module")
def phas(phas_world: PhasWorld) -> Iterator[PhasServer]:
    """The lab, at the root."""
    with PhasServer(site_of(phas_world.lab), "/", phas_world) as server:
        yield server


@pytest.fixture(scope="module", params=MOUNTS, ids=["root", "prefix"])
def phas_anywhere(request: pytest.FixtureRequest, phas_world: PhasWorld) -> Iterator[PhasServer]:
    """The lab, at the root and below a prefix."""
    with PhasServer(site_of(phas_world.lab), request.param, phas_world) as server:
        yield server


@pytest.fixture
def say() -> Any:
    """Return a function that checks a refusal: ``say(answer, 404)`` returns its sentence."""

    def check(answer: httpx.Response, status: int) -> str:
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        said = answer.json()
        assert set(said) == {"status", "error"}
        assert said["status"] == "failed"
        sentence: str = said["error"]
        return sentence

    return check
