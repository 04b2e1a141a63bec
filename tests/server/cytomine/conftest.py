"""A study with a slide, people of every kind with keys, and the door over real HTTP."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from clocks import Clock
from raw_tiffs import build_tiff, tiled_directory
from site_server import MOUNTS, PREFIX, SiteServer

from wsi_lab.model.image import Instance
from wsi_lab.model.ontology import Ontology, Term
from wsi_lab.model.people import Actor, Right
from wsi_lab.model.source import Source
from wsi_lab.model.study import Slide, Study
from wsi_lab.server.site import Site, site_of
from wsi_lab.service.annotating.shapes import NewShape
from wsi_lab.service.annotating.upward_wkt import features_of_wkt
from wsi_lab.service.lab import Lab, LabSettings

WIDTH, HEIGHT = 2220, 2967

RIGHTS = {
    "viewer": [Right.VIEW],
    "member": [Right.VIEW, Right.SCORE],
    "editor": [Right.VIEW, Right.SCORE, Right.EDIT],
    "study_admin": list(Right),
}


class Keys(NamedTuple):
    """A pair of keys."""

    public: str
    private: str

    def plain(self) -> dict[str, str]:
        """Return the two headers that ATrISys's scripts send."""
        return {"X-Auth-Token": self.public, "X-Auth-Secret": self.private}

    def signed(
        self,
        method: str,
        *,
        address: str | None = None,
        content_type: str = "",
        date: str | None = None,
        md5: str = "",
    ) -> dict[str, str]:
        """Return the headers of a signed request.

        Parameters
        ----------
        address
            For the signature of older clients, which cover it.
        """
        date = now_text() if date is None else date
        lines = [method, md5, content_type, date, *([] if address is None else [address])]
        digest = hmac.digest(self.private.encode(), "\n".join(lines).encode(), "sha1")
        signature = base64.b64encode(digest).decode()
        headers = {"Date": date, "Authorization": f"CYTOMINE {self.public}:{signature}"}
        if content_type:
            headers["Content-Type"] = content_type
        if md5:
            headers["Content-MD5"] = md5
        return headers


def now_text(off: timedelta = timedelta()) -> str:
    """Return the time as the released client writes it."""
    return format_datetime(datetime.now(UTC) + off)


@dataclass
class CytomineWorld:
    """A lab, its people and their keys, and a study with a slide and a few annotations."""

    lab: Lab
    owner: Actor
    clock: Clock
    slide_file: Path
    small_file: Path
    study: Study
    slide: Slide
    ontology: Ontology
    tumour: Term
    stroma: Term
    image: Instance
    ids: dict[str, int] = field(default_factory=dict)
    keys: dict[str, Keys | None] = field(default_factory=dict)
    made: int = 0

    def name(self, what: str = "made") -> str:
        """Return a name that nothing has."""
        self.made += 1
        return f"{what} {self.made}"

    def new_study(self) -> Study:
        """Return a new study with the usual members."""
        study = self.lab.studies.create(self.owner, self.name("study"))
        for person, rights in RIGHTS.items():
            self.lab.studies.set_member(self.owner, study.id, f"{person}@lab", rights)
        return study

    def new_slide(self, study: Study | None = None) -> Slide:
        """Return a new slide of the demo file."""
        where = (study or self.study).id
        return self.lab.slides.add(self.owner, where, self.slide_file, name=self.name("slide"))

    def small_slide(self, study: Study) -> Slide:
        """Return a new slide of another size."""
        return self.lab.slides.add(self.owner, study.id, self.small_file, name=self.name("slide"))

    def new_term(self) -> Term:
        """Return a new term."""
        return self.lab.ontologies.add_term(self.owner, self.ontology.id, self.name("term"))

    def draw(
        self, text: str, *terms: Term, who: Actor | None = None, slide: Slide | None = None
    ) -> int:
        """Draw an annotation and return its id."""
        on = slide or self.slide
        ids = tuple(each.id for each in terms)
        (feature,) = features_of_wkt([text], on.height)
        new = [NewShape(on.id, feature, ids)]
        (made,) = self.lab.shapes.create(who or self.owner, new)
        return made.id

    def actor(self, person: str) -> Actor:
        """Return somebody as they come with their keys."""
        keys = self.keys[person]
        assert keys is not None
        return self.lab.keys.actor_of_cytomine_key(keys.public, door="cytomine")[0]

    def new_person(self, rights: list[Right] | None = None, *, is_admin: bool = False) -> str:
        """Return somebody new with keys, by what they are called in `keys`."""
        name = self.name("person").replace(" ", "-")
        self.add_person(name, is_admin=is_admin)
        if rights:
            self.lab.studies.set_member(self.owner, self.study.id, f"{name}@lab", rights)
        return name

    def add_person(self, name: str, *, is_admin: bool = False, **key: Any) -> None:
        """Add somebody with keys."""
        user = self.lab.people.add(self.owner, f"{name}@lab", is_admin=is_admin)
        self.ids[name] = user.id
        self.keys[name] = self.new_keys(name, **key)

    def new_keys(self, name: str, **key: Any) -> Keys:
        """Return new keys of somebody; those before end."""
        made = self.lab.keys.create(self.owner, "cytomine", email=f"{name}@lab", **key)
        assert made.private is not None
        return Keys(made.text, made.private)


class CytomineDoor(SiteServer):
    """The door, and ways to ask it."""

    def __init__(self, site: Site, mount: str, world: CytomineWorld) -> None:
        super().__init__(site, mount)
        self.world = world

    def send(self, method: str, path: str, **how: Any) -> requests.Response:
        """Ask for a path below the mount; nobody signs in, and no redirect is followed."""
        answer = requests.request(
            method, f"{self.base}/{path}", timeout=60, allow_redirects=False, **how
        )
        assert answer.status_code // 100 != 3
        assert "no-store" in answer.headers["Cache-Control"]
        assert "ETag" not in answer.headers
        return answer

    def ask(
        self, method: str, path: str, who: str = "site_admin", body: Any = None, **query: Any
    ) -> requests.Response:
        """Ask as somebody with keys, as the released client does."""
        keys = self.world.keys[who]
        content_type = "" if method in {"GET", "HEAD", "OPTIONS"} else "application/json"
        headers = {} if keys is None else keys.signed(method, content_type=content_type)
        data = None if body is None else json.dumps(body)
        return self.send(method, path, headers=headers, data=data, params=query)

    def get(self, path: str, who: str = "site_admin", **query: Any) -> Any:
        """Return the JSON of a good answer to a GET."""
        answer = self.ask("GET", path, who, **query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        return answer.json()

    def change(
        self, method: str, path: str, body: Any = None, who: str = "site_admin", **query: Any
    ) -> Any:
        """Return the JSON of a good answer to a change."""
        answer = self.ask(method, path, who, body, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(
        self,
        status: int,
        method: str,
        path: str,
        who: str = "site_admin",
        body: Any = None,
        **query: Any,
    ) -> str:
        """Return the sentence of a refusal, whose envelope is the one for the method."""
        answer = self.ask(method, path, who, body, **query)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return sentence_of(answer)


def sentence_of(answer: requests.Response) -> str:
    """Return what a refusal says, where clients look for it."""
    said = answer.json()
    assert answer.headers["Content-Type"] == "application/json"
    if answer.request.method == "GET":
        assert set(said) <= {"errors", "errorValues"}
        message = said["errors"]["message"]
    else:
        assert set(said) <= {"success", "errors", "errorValues"}
        assert said["success"] is False
        message = said["errors"]
    assert isinstance(message, str)
    assert message[-1] in ".?!"
    return message


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, demo_slide: Path) -> Iterator[CytomineWorld]:
    """A populated lab; tests change only what they made in it."""
    clock = Clock()
    home = tmp_path_factory.mktemp("lab") / "home"
    small_file = tmp_path_factory.mktemp("small") / "small.tif"
    small_file.write_bytes(build_tiff([tiled_directory()]))
    roots = tuple(Source.at(str(each.parent)) for each in (demo_slide, small_file))
    settings = LabSettings(home, slide_roots=roots, workers=1)
    with Lab.open(settings, clock=clock) as lab:
        owner = lab.people.owner()
        study = lab.studies.create(owner, "HTT pilot")
        slide = lab.slides.add(owner, study.id, demo_slide, case="Jane Doe", case_public="A-17")
        ontology = lab.ontologies.of_study(owner, study.id)
        tumour = lab.ontologies.add_term(owner, ontology.id, "tumour", "#ff0000")
        stroma = lab.ontologies.add_term(owner, ontology.id, "stroma", "#00ff00")
        image = lab.images.instance(owner, slide.id)
        files = demo_slide, small_file
        world = CytomineWorld(
            lab, owner, clock, *files, study, slide, ontology, tumour, stroma, image
        )
        for person in ("stranger", *RIGHTS):
            world.add_person(person)
        for person, rights in RIGHTS.items():
            lab.studies.set_member(owner, study.id, f"{person}@lab", rights)
        world.keys["anonymous"] = None
        world.add_person("site_admin", is_admin=True)
        world.add_person("revoked", is_admin=True)
        world.new_keys("revoked")
        world.add_person("expired", is_admin=True, expires_on=clock() + timedelta(hours=1))
        clock.ahead = timedelta(hours=2)
        yield world


@pytest.fixture(scope="module", params=MOUNTS, ids=["root", "prefix"])
def everywhere(request: pytest.FixtureRequest, world: CytomineWorld) -> Iterator[CytomineDoor]:
    """The door at the root, and below a prefix."""
    with CytomineDoor(site_of(world.lab), request.param, world) as door:
        yield door


@pytest.fixture(scope="module")
def door(world: CytomineWorld) -> Iterator[CytomineDoor]:
    """The door below a prefix."""
    with CytomineDoor(site_of(world.lab), PREFIX, world) as door:
        yield door
