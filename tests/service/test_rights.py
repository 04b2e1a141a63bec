"""The matrix: who may do what, verb by verb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.errors import NotAllowed, NotFound, NotIdentified, WsiLabError
from wsi_lab.model.people import ALL_CAPABILITIES, Actor
from wsi_lab.model.study import Case, Slide, Study
from wsi_lab.service.lab import Lab


@dataclass
class Scene:
    """What verbs are tried on."""

    lab: Lab
    owner: Actor
    study: Study
    case: Case
    slide: Slide
    file: Path

    @property
    def place(self) -> tuple[int, Any, int, int, int]:
        return (self.slide.id, "map", 0, 0, 0)

    def revision(self, thing: Study | Case | Slide) -> int:
        """Return the current one, whoever tries a verb."""
        verbs = {Study: self.lab.studies, Case: self.lab.cases, Slide: self.lab.slides}
        return verbs[type(thing)].get(self.owner, thing.id).revision


Verb = Callable[[Scene, Actor], object]

READ: dict[str, Verb] = {
    "study": lambda s, a: s.lab.studies.get(a, s.study.id),
    "study by name": lambda s, a: s.lab.studies.by_name(a, s.study.name),
    "own rights": lambda s, a: s.lab.studies.rights(a, s.study.id),
    "cases": lambda s, a: s.lab.cases.list(a, s.study.id),
    "case": lambda s, a: s.lab.cases.get(a, s.case.id),
    "slides": lambda s, a: s.lab.slides.list(a, s.study.id),
    "slide": lambda s, a: s.lab.slides.get(a, s.slide.id),
}
PIXELS: dict[str, Verb] = {
    "shown": lambda s, a: s.lab.tiles.shown(a, s.slide.id),
    "properties": lambda s, a: s.lab.slides.properties(a, s.slide.id),
    "tile": lambda s, a: s.lab.tiles.tile(a, *s.place),
    "bundle": lambda s, a: s.lab.tiles.bundle(a, s.slide.id, 0, [(0, 0)]),
    "region": lambda s, a: s.lab.tiles.region(a, s.slide.id, (0, 0), (1, 1)),
    "region image": lambda s, a: s.lab.tiles.region_image(a, s.slide.id, (0, 0), (1, 1)),
    "thumbnail": lambda s, a: s.lab.tiles.thumbnail(a, s.slide.id, 9, 9),
}
PRIVATE: dict[str, Verb] = {
    "associated names": lambda s, a: s.lab.tiles.associated_names(a, s.slide.id),
    "associated": lambda s, a: s.lab.tiles.associated(a, s.slide.id, "label"),
}
ADD: dict[str, Verb] = {
    "add slide": lambda s, a: s.lab.slides.add(a, s.study.id, s.file, name="new"),
    "add slides": lambda s, a: s.lab.slides.add_many(a, s.study.id, []),
}
EDIT: dict[str, Verb] = {
    "change study": lambda s, a: s.lab.studies.change(
        a, s.study.id, revision=s.revision(s.study), description="new"
    ),
    "create case": lambda s, a: s.lab.cases.create(a, s.study.id, "new"),
    "change case": lambda s, a: s.lab.cases.change(
        a, s.case.id, revision=s.revision(s.case), public_name="new"
    ),
    "remove case": lambda s, a: s.lab.cases.remove(a, s.case.id, revision=s.revision(s.case)),
    "change slide": lambda s, a: s.lab.slides.change(
        a, s.slide.id, revision=s.revision(s.slide), stain="new"
    ),
}
DELETE: dict[str, Verb] = {
    "remove slide": lambda s, a: s.lab.slides.remove(a, s.slide.id, revision=s.revision(s.slide)),
}
ADMIN: dict[str, Verb] = {
    "members": lambda s, a: s.lab.studies.members(a, s.study.id),
    "set member": lambda s, a: s.lab.studies.set_member(a, s.study.id, "friend@lab", ["view"]),
    "remove member": lambda s, a: s.lab.studies.remove_member(a, s.study.id, "member@lab"),
    "publish": lambda s, a: s.lab.studies.change(
        a, s.study.id, revision=s.revision(s.study), published=True
    ),
}
DELETE_STUDY: dict[str, Verb] = {
    "remove study": lambda s, a: s.lab.studies.remove(a, s.study.id, revision=s.revision(s.study)),
}
SITE: dict[str, Verb] = {
    "create study": lambda s, a: s.lab.studies.create(a, "new"),
    "add user": lambda s, a: s.lab.people.add(a, "new@lab"),
    "list users": lambda s, a: s.lab.people.list(a),
    "everybody's tokens": lambda s, a: s.lab.people.list_tokens(a, everybody=True),
}
OWN: dict[str, Verb] = {
    "me": lambda s, a: s.lab.people.me(a),
    "list studies": lambda s, a: s.lab.studies.list(a),
}
TOKENS: dict[str, Verb] = {
    "own tokens": lambda s, a: s.lab.people.list_tokens(a),
    "create token": lambda s, a: s.lab.people.create_token(a, name="t", capabilities=[]),
}
IN_A_STUDY = READ | PIXELS | PRIVATE | ADD | EDIT | DELETE | ADMIN | DELETE_STUDY
ALL = IN_A_STUDY | SITE | OWN | TOKENS

ROLES: dict[str, tuple[dict[str, Any], dict[str, Verb]]] = {
    "stranger": ({}, OWN | TOKENS),
    "viewer": ({"rights": "view"}, READ | PIXELS | OWN | TOKENS),
    "scorer": ({"rights": "score"}, READ | PIXELS | OWN | TOKENS),
    "results": ({"rights": "results"}, READ | PIXELS | OWN | TOKENS),
    "api": ({"rights": "api"}, READ | PIXELS | OWN | TOKENS),
    "private": ({"rights": "private"}, READ | PIXELS | PRIVATE | OWN | TOKENS),
    "editor": ({"rights": "edit"}, READ | PIXELS | ADD | EDIT | DELETE | OWN | TOKENS),
    "study admin": (
        {"rights": "admin edit"},
        READ | PIXELS | ADD | EDIT | DELETE | ADMIN | DELETE_STUDY | OWN | TOKENS,
    ),
    "site admin": ({"is_admin": True}, ALL),
    "reads other studies": ({"is_admin": True, "read_studies": ["other"]}, OWN),
    "modifies other studies": (
        {"is_admin": True, "modify_studies": ["other"]},
        READ | PIXELS | PRIVATE | OWN,
    ),
    "reads and modifies this study": (
        {"is_admin": True, "read_studies": ["1"], "modify_studies": ["study"]},
        IN_A_STUDY | OWN,
    ),
    "token for pixels": (
        {"is_admin": True, "capabilities": ["pixels"]},
        READ | PIXELS | PRIVATE | OWN,
    ),
    "token for uploads": ({"is_admin": True, "capabilities": ["upload"]}, READ | ADD | OWN),
    "token for configuration": (
        {"is_admin": True, "capabilities": ["config"]},
        READ | EDIT | ADMIN | OWN,
    ),
    "token for deleting": (
        {"is_admin": True, "capabilities": ["delete"]},
        READ | DELETE | DELETE_STUDY | OWN,
    ),
    "token for studies": (
        {"is_admin": True, "capabilities": ["studies"]},
        READ | {"create study": SITE["create study"]} | OWN,
    ),
    "token that may nothing": ({"is_admin": True, "capabilities": []}, {}),
    "everything but paths": (
        {"is_admin": True, "capabilities": sorted(ALL_CAPABILITIES - {"paths"})},
        IN_A_STUDY | OWN | {"create study": SITE["create study"]},
    ),
}


@pytest.fixture
def scene(lab: Lab, owner: Actor, slide_file: Path) -> Scene:
    study = lab.studies.create(owner, "study")
    case = lab.cases.create(owner, study.id, "case")
    slide = lab.slides.add(owner, study.id, slide_file)
    for email in ("friend@lab", "member@lab"):
        lab.people.add(owner, email)
    lab.studies.set_member(owner, study.id, "member@lab", ["view"])
    return Scene(lab, owner, study, case, slide, slide_file)


def outcome(verb: Verb, scene: Scene, actor: Actor) -> type[WsiLabError] | None:
    try:
        verb(scene, actor)
    except WsiLabError as error:
        return type(error)
    return None


@pytest.mark.parametrize("role", ROLES)
def test_role_may_exactly_its_verbs(role: str, scene: Scene, as_user: Callable[..., Actor]) -> None:
    given, allowed = ROLES[role]
    actor = as_user("role@lab", study=scene.study, **given)
    refused = {
        name: outcome(verb, scene, actor) for name, verb in ALL.items() if name not in allowed
    }
    assert set(refused.values()) <= {NotAllowed, NotFound}, refused
    # Last, and in an order in which none takes away what the next needs.
    assert {name: outcome(allowed[name], scene, actor) for name in ALL if name in allowed} == (
        dict.fromkeys(allowed)
    )


@pytest.mark.parametrize("role", ["stranger", "reads other studies", "token that may nothing"])
def test_study_that_may_not_be_seen_is_not_found(
    role: str, scene: Scene, as_user: Callable[..., Actor]
) -> None:
    actor = as_user("role@lab", study=scene.study, **ROLES[role][0])
    found = {name: outcome(verb, scene, actor) for name, verb in IN_A_STUDY.items()}
    assert found == dict.fromkeys(IN_A_STUDY, NotFound)


def test_revoked_token_may_nothing(
    scene: Scene, owner: Actor, as_user: Callable[..., Actor]
) -> None:
    actor = as_user("role@lab", is_admin=True)
    assert actor.token is not None
    scene.lab.people.revoke_token(owner, actor.token.id)
    found = {name: outcome(verb, scene, actor) for name, verb in ALL.items()}
    assert found == dict.fromkeys(ALL, NotIdentified)
