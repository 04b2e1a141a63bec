"""The matrix: who may do what, verb by verb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.errors import NotAllowed, NotFound, NotIdentified, WsiLabError
from wsi_lab.model.answer import Answer, NewAnswer, Place
from wsi_lab.model.people import ALL_CAPABILITIES, Actor
from wsi_lab.model.question import Question, QuestionKind, QuestionSpec
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
    layer: Question
    other: Question
    answer: Answer

    @property
    def place(self) -> tuple[int, Any, int, int, int]:
        return (self.slide.id, "map", 0, 0, 0)

    def revision(self, thing: Study | Case | Slide) -> int:
        """Return the current one, whoever tries a verb."""
        verbs = {Study: self.lab.studies, Case: self.lab.cases, Slide: self.lab.slides}
        return verbs[type(thing)].get(self.owner, thing.id).revision


Verb = Callable[[Scene, Actor], object]

FREE_TEXT = QuestionSpec("new", QuestionKind.FREE_TEXT)
ASAP = (
    '<ASAP_Annotations><Annotations><Annotation Name="a" Type="Dot" PartOfGroup="None" '
    'Color="#00ff00"><Coordinates><Coordinate Order="0" X="1" Y="2"/></Coordinates>'
    "</Annotation></Annotations></ASAP_Annotations>"
)

READ: dict[str, Verb] = {
    "study": lambda s, a: s.lab.studies.get(a, s.study.id),
    "study by name": lambda s, a: s.lab.studies.by_name(a, s.study.name),
    "own rights": lambda s, a: s.lab.studies.rights(a, s.study.id),
    "cases": lambda s, a: s.lab.cases.list(a, s.study.id),
    "case": lambda s, a: s.lab.cases.get(a, s.case.id),
    "slides": lambda s, a: s.lab.slides.list(a, s.study.id),
    "slide": lambda s, a: s.lab.slides.get(a, s.slide.id),
    "questions": lambda s, a: s.lab.questions.list(a, s.study.id),
    "question": lambda s, a: s.lab.questions.get(a, s.layer.id),
    "own answers": lambda s, a: s.lab.results.own_rows(a, s.study.id),
    "own shapes": lambda s, a: s.lab.annotations.list(a, s.study.id, author=a.user.email),
    "maps": lambda s, a: s.lab.tma_maps.list(a, s.study.id),
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
    "rename slide": lambda s, a: s.lab.slides.rename(a, s.slide.id, "renamed"),
    "describe slide": lambda s, a: s.lab.slides.set_description(a, s.slide.id, "new"),
    "slide's resolution": lambda s, a: s.lab.slides.set_resolution(a, s.slide.id, 0.5),
    "turn slide": lambda s, a: s.lab.slides.set_rotation(a, s.slide.id, 90),
    "add question": lambda s, a: s.lab.questions.add(a, s.study.id, FREE_TEXT),
    "change question": lambda s, a: s.lab.questions.change(a, s.layer.id, position=1),
    "remove question": lambda s, a: s.lab.questions.remove(a, s.other.id),
    "create map": lambda s, a: s.lab.tma_maps.create(a, s.study.id, "study.study.map", "1\t2\n"),
    "attachment": lambda s, a: s.lab.uploads.request_attachment(a, s.study.id, "a.pdf"),
}
PUBLISH: dict[str, Verb] = {
    "publish by itself": lambda s, a: s.lab.studies.publish(a, s.study.id),
    "unpublish": lambda s, a: s.lab.studies.unpublish(a, s.study.id),
    "publish": lambda s, a: s.lab.studies.change(
        a, s.study.id, revision=s.revision(s.study), published=True
    ),
}
SUBMIT: dict[str, Verb] = {
    "answer": lambda s, a: s.lab.results.submit(
        a, s.study.id, NewAnswer("layer", Place(s.slide.id), a.user.email, "[]")
    ),
    "own file": lambda s, a: s.lab.annotations.begin_file(
        a,
        study_id=s.study.id,
        place=Place(s.slide.id),
        question="layer",
        author=a.user.email,
    ),
}
IMPORT: dict[str, Verb] = {
    "import table": lambda s, a: s.lab.results.import_table(a, s.study.id, ""),
    "import rows": lambda s, a: s.lab.results.import_rows(a, s.study.id, []),
    "answer for others": lambda s, a: s.lab.results.submit(
        a, s.study.id, NewAnswer("layer", Place(s.slide.id), "friend@lab", "[]")
    ),
    "file of others": lambda s, a: s.lab.annotations.begin_file(
        a, study_id=s.study.id, place=Place(s.slide.id), question="layer", author="model"
    ),
    "import shapes": lambda s, a: s.lab.annotations.import_asap(a, s.slide.id, "model", ASAP),
    "convert": lambda s, a: s.lab.annotations.convert(a, answer_id=s.answer.id),
}
RESULTS: dict[str, Verb] = {
    "everybody's answers": lambda s, a: s.lab.results.rows(a, s.study.id),
    "table": lambda s, a: s.lab.results.table(a, s.study.id),
    "somebody's answer": lambda s, a: s.lab.results.answer(a, s.answer.id),
    "history": lambda s, a: s.lab.results.history(a, s.answer.id),
    "everybody's shapes": lambda s, a: s.lab.annotations.list(a, s.study.id),
    "export shapes": lambda s, a: s.lab.annotations.export_asap(a, s.slide.id, "model"),
    "sessions": lambda s, a: s.lab.sessions.list(a, s.study.id),
}
SCREENSHOT: dict[str, Verb] = {
    "screenshot": lambda s, a: s.lab.screenshots.picture(
        a, s.slide.id, box=None, level=3, author="model", question=None, question_ids=None
    ),
}
CONFIG: dict[str, Verb] = {
    "configuration": lambda s, a: s.lab.configuration.config(a, s.study.id),
    "configuration files": lambda s, a: s.lab.configuration.files(a, s.study.id),
}
REIMPORT: dict[str, Verb] = {
    "reimport": lambda s, a: s.lab.configuration.reimport(a, s.study.name),
}
UPLOAD: dict[str, Verb] = {
    "upload": lambda s, a: s.lab.uploads.request(a, "new.svs", "study", s.study.id),
}
DOWNLOAD: dict[str, Verb] = {
    "download": lambda s, a: s.lab.downloads.slide(a, s.slide.id).close(),
}
PATHS: dict[str, Verb] = {
    "path": lambda s, a: s.lab.slides.path_of(a, s.slide.id),
}
DELETE: dict[str, Verb] = {
    "remove slide": lambda s, a: s.lab.slides.remove(a, s.slide.id, revision=s.revision(s.slide)),
}
ADMIN: dict[str, Verb] = {
    "members": lambda s, a: s.lab.studies.members(a, s.study.id),
    "set member": lambda s, a: s.lab.studies.set_member(a, s.study.id, "friend@lab", ["view"]),
    "remove member": lambda s, a: s.lab.studies.remove_member(a, s.study.id, "member@lab"),
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
EDITS = ADD | EDIT | SUBMIT | IMPORT | CONFIG | UPLOAD | DELETE
ADMINISTERS = ADMIN | PUBLISH | REIMPORT | DELETE_STUDY
IN_A_STUDY = (
    (READ | PIXELS | PRIVATE | DOWNLOAD | PATHS | RESULTS | SCREENSHOT)
    | (ADD | EDIT | SUBMIT | IMPORT | CONFIG | UPLOAD | REIMPORT | ADMIN | PUBLISH)
    | (DELETE | DELETE_STUDY)
)
ALL = IN_A_STUDY | SITE | OWN | TOKENS

# What every token may that may anything at all, as far as its user may it.
ANY_TOKEN = READ | EDIT | PUBLISH | OWN

ROLES: dict[str, tuple[dict[str, Any], dict[str, Verb]]] = {
    "stranger": ({}, OWN | TOKENS),
    "viewer": ({"rights": "view"}, READ | PIXELS | OWN | TOKENS),
    "scorer": ({"rights": "score"}, READ | PIXELS | SUBMIT | OWN | TOKENS),
    "results": ({"rights": "results"}, READ | PIXELS | RESULTS | SCREENSHOT | OWN | TOKENS),
    "api": ({"rights": "api"}, READ | PIXELS | OWN | TOKENS),
    "private": ({"rights": "private"}, READ | PIXELS | PRIVATE | DOWNLOAD | OWN | TOKENS),
    "editor": ({"rights": "edit"}, READ | PIXELS | EDITS | OWN | TOKENS),
    "administrator": ({"rights": "admin"}, READ | PIXELS | ADMINISTERS | OWN | TOKENS),
    "study admin": ({"rights": "admin edit"}, READ | PIXELS | EDITS | ADMINISTERS | OWN | TOKENS),
    "site admin": ({"is_admin": True}, ALL),
    "reads other studies": ({"is_admin": True, "read_studies": ["other"]}, OWN),
    "modifies other studies": (
        {"is_admin": True, "modify_studies": ["other"]},
        (READ | PIXELS | PRIVATE | DOWNLOAD | PATHS) | (RESULTS | SCREENSHOT | CONFIG | OWN),
    ),
    "reads and modifies this study": (
        {"is_admin": True, "read_studies": ["1"], "modify_studies": ["study"]},
        IN_A_STUDY | OWN,
    ),
    "token for pixels": (
        {"is_admin": True, "capabilities": ["pixels"]},
        PIXELS | PRIVATE | ANY_TOKEN,
    ),
    "token for uploads": ({"is_admin": True, "capabilities": ["upload"]}, ADD | UPLOAD | ANY_TOKEN),
    "token for scores": (
        {"is_admin": True, "capabilities": ["scores"]},
        SUBMIT | IMPORT | ANY_TOKEN,
    ),
    "token for results": ({"is_admin": True, "capabilities": ["results"]}, RESULTS | ANY_TOKEN),
    "token for results of its own studies": (
        {"is_admin": True, "capabilities": ["own-results"]},
        ANY_TOKEN,
    ),
    "token for screenshots": (
        {"is_admin": True, "capabilities": ["results", "pixels"]},
        PIXELS | PRIVATE | RESULTS | SCREENSHOT | ANY_TOKEN,
    ),
    "token for configuration": (
        {"is_admin": True, "capabilities": ["config"]},
        CONFIG | ADMIN | ANY_TOKEN,
    ),
    "token for reimports": ({"is_admin": True, "capabilities": ["reimport"]}, REIMPORT | ANY_TOKEN),
    "token for downloads": ({"is_admin": True, "capabilities": ["download"]}, DOWNLOAD | ANY_TOKEN),
    "token for paths": ({"is_admin": True, "capabilities": ["paths"]}, PATHS | ANY_TOKEN),
    "token for deleting": (
        {"is_admin": True, "capabilities": ["delete"]},
        DELETE | DELETE_STUDY | ANY_TOKEN,
    ),
    "token for studies": (
        {"is_admin": True, "capabilities": ["studies"]},
        {"create study": SITE["create study"]} | ANY_TOKEN,
    ),
    "token that may nothing": ({"is_admin": True, "capabilities": []}, {}),
    "everything but paths": (
        {"is_admin": True, "capabilities": sorted(ALL_CAPABILITIES - {"paths"})},
        {name: verb for name, verb in IN_A_STUDY.items() if name not in PATHS}
        | OWN
        | {"create study": SITE["create study"]},
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
    layer = lab.questions.add(owner, study.id, QuestionSpec("layer", QuestionKind.ANNO_SHAPES))
    other = lab.questions.add(owner, study.id, QuestionSpec("other", QuestionKind.INTEGER))
    shape = '[{"type":"rect","corner":{"x":1,"y":1},"size":{"x":5,"y":5}}]'
    drawn = NewAnswer("layer", Place(slide.id), "model", shape)
    answer = lab.results.submit(owner, study.id, drawn)
    (lab.files.root / "study").mkdir()
    (lab.files.root / "study.study.scores").write_text("layer;AnnoShapes\n")
    return Scene(
        lab, owner, study, case, slide, slide_file, layer=layer, other=other, answer=answer
    )


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
    # Studies are reimported by their names, and made so, too: the answer is another one.
    verbs = {name: verb for name, verb in IN_A_STUDY.items() if name not in REIMPORT}
    found = {name: outcome(verb, scene, actor) for name, verb in verbs.items()}
    assert found == dict.fromkeys(verbs, NotFound)


@pytest.mark.parametrize("role", ["stranger", "reads other studies", "token that may nothing"])
def test_reimport_does_not_tell_whether_there_is_a_study(
    role: str, scene: Scene, as_user: Callable[..., Actor]
) -> None:
    actor = as_user("role@lab", study=scene.study, **ROLES[role][0])
    (scene.lab.files.root / "study.none.scores").write_text("layer;AnnoShapes\n")
    answers = []
    for name in ("study", "none"):
        with pytest.raises(NotAllowed) as refused:
            scene.lab.configuration.reimport(actor, name)
        answers.append(refused.value.message)
    assert answers[0] == answers[1]


def test_revoked_token_may_nothing(
    scene: Scene, owner: Actor, as_user: Callable[..., Actor]
) -> None:
    actor = as_user("role@lab", is_admin=True)
    assert actor.token is not None
    scene.lab.people.revoke_token(owner, actor.token.id)
    found = {name: outcome(verb, scene, actor) for name, verb in ALL.items()}
    assert found == dict.fromkeys(ALL, NotIdentified)
