"""Every method, asked by everybody there is and with every capability: all cells are stated."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from blinding import blinded, told
from letterbox import Mailbox
from who_may import PEOPLE

from wsi_lab.model.people import Capability
from wsi_lab.model.question import checked_question
from wsi_lab.server.slidescore.account import NOT_OFFERED
from wsi_lab.server.slidescore.routes import slidescore_routes

KNOWN = "401 200 200 200 200 200 401 401 401 200"
MEMBERS = "401 404 200 200 200 200 401 401 404 404"
EDITORS = "401 404 401 200 200 200 401 401 404 404"
ADMINS = "401 404 401 401 200 200 401 401 404 404"
BOSS = "401 401 401 401 401 200 401 401 401 401"
BOSS_OF_SLIDE = "401 404 401 401 401 200 401 401 404 404"

MATRIX = {
    "Studies": KNOWN,
    "Cases": MEMBERS,
    "Images": MEMBERS,
    "Questions": MEMBERS,
    "GetSlideDescription": MEMBERS,
    "GetCaseDescription": MEMBERS,
    "GetSlideDetails": MEMBERS,
    "IsSlideOutOfFocus": MEMBERS,
    "Scores": ADMINS,
    "GetStudiesUpdated": KNOWN,
    "GetConfig": EDITORS,
    "GetConfigFiles": EDITORS,
    "Sessions": ADMINS,
    "SessionEvents": ADMINS,
    "GetSlidePath": BOSS_OF_SLIDE,
    "UpdateSlidePath": BOSS_OF_SLIDE,
    "UpdateCaseName": EDITORS,
    "Publish": ADMINS,
    "Unpublish": ADMINS,
    "CreateStudy": BOSS,
    "UpdateStudy": EDITORS,
    "DeleteStudy": ADMINS,
    "AddCase": EDITORS,
    "RemoveCase": EDITORS,
    "AddUser": ADMINS,
    "RemoveUser": ADMINS,
    "SetSlideDescription": EDITORS,
    "SetSlideResolution": EDITORS,
    "UpdateSlideName": EDITORS,
    "AddSlide": EDITORS,
    "DeleteSlide": EDITORS,
    "SetImageCase": EDITORS,
    "AddQuestion": EDITORS,
    "UpdateQuestion": EDITORS,
    "RemoveQuestion": EDITORS,
    "CreateTMAMap": EDITORS,
    "SetSlideTMAMap": EDITORS,
    "UploadResults": EDITORS,
    # Studies go by their names here, and whether there is one of a name is not told.
    "Reimport": "401 401 401 401 200 200 401 401 401 401",
    "SendEmail": EDITORS,
    **dict.fromkeys(NOT_OFFERED, KNOWN),
}

NEEDS = {
    Capability.UPLOAD: (),
    Capability.FOLDERS: (),
    Capability.SCORES: ("UploadResults",),
    Capability.CONFIG: ("GetConfig", "GetConfigFiles", "SendEmail", "AddUser", "RemoveUser"),
    Capability.PIXELS: (),
    Capability.STUDIES: ("CreateStudy",),
    Capability.REIMPORT: ("Reimport",),
    Capability.OWN_RESULTS: (),
    Capability.RESULTS: ("Scores", "Sessions", "SessionEvents"),
    Capability.DOWNLOAD: (),
    Capability.DELETE: ("DeleteSlide", "DeleteStudy"),
    Capability.PATHS: ("GetSlidePath", "UpdateSlidePath"),
}
"""The methods that a token without the capability may not call; all others it may."""

CHANGES = (
    *("UpdateCaseName", "Publish", "Unpublish", "UpdateStudy", "DeleteStudy", "AddCase"),
    *("RemoveCase", "AddUser", "RemoveUser", "SetSlideDescription", "SetSlideResolution"),
    *("UpdateSlideName", "AddSlide", "DeleteSlide", "SetImageCase", "AddQuestion"),
    *("UpdateQuestion", "RemoveQuestion", "CreateTMAMap", "SetSlideTMAMap", "UploadResults"),
    "Reimport",
)
"""What a token that may modify other studies only may not call."""

ELSEWHERE = (
    # Of these the modules of uploads, pixels and pages state their own cells.
    *("GetImageMetadata", "GetTileServer", "GetTokenExpiry", "GetRawTile", "GetScreenshot"),
    *("ExportASAPAnnotations", "UploadASAPAnnotations", "CreateAnno2", "CreateOrphanAnno2"),
    *("ConvertAnnotationToAnno2", "ConvertScoreValueToAnno2", "GetQupathTokensForStudy"),
    *("RequestUpload", "FinishUpload", "RequestUploadAttachment", "DownloadSlide"),
    *("GenerateSlideFileURL", "GiveUpToken"),
)

Ask = Callable[[Any], dict[str, Any]]


def _study(world: Any) -> dict[str, Any]:
    return {"studyId": world.study.id}


def _new_study(world: Any) -> dict[str, Any]:
    return {"studyId": world.new_study().id}


def _slide(world: Any) -> dict[str, Any]:
    return {"imageId": world.slide.id}


def _new_slide(world: Any) -> dict[str, Any]:
    return {"studyId": world.study.id, "imageId": world.new_slide().id}


def _question(world: Any) -> dict[str, Any]:
    spec = {"questionSpec": f"{world.name()}\tFreeText"}
    made = world.lab.questions.add(
        world.owner, world.study.id, checked_question(world.name(), "FreeText")
    )
    return {"studyId": world.study.id, "scoreId": made.id, "order": 0, **spec}


def _uploaded(world: Any) -> str:
    """Put a slide where uploads lie, as one of `world.study`'s own."""
    folder = world.lab.settings.home / "slides" / world.study.name
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{world.name()}.svs"
    file.write_bytes(world.slide_file.read_bytes())
    return f"{world.study.name}/{file.name}"


def _map_file(world: Any) -> str:
    name = f"study.{world.study.name}.map{world.name()}"
    (world.lab.settings.home / "slides" / name).write_text("A\tB\nC\tD\n")
    return name


def _map(world: Any) -> dict[str, Any]:
    made = world.lab.tma_maps.create(world.owner, world.study.id, world.name(), "A\tB\n")
    return {**_new_slide(world), "tmaMapName": made.name}


def _session(world: Any) -> dict[str, Any]:
    session_id = world.lab.sessions.begin(world.owner, world.slide.id)
    return {**_study(world), "sessionId": session_id}


def _import(world: Any) -> dict[str, Any]:
    name = world.name().replace(" ", "-")
    study = world.lab.studies.create(world.owner, name)
    for member in world.lab.studies.members(world.owner, world.study.id):
        world.lab.studies.set_member(world.owner, study.id, member.email, member.rights)
    (world.lab.settings.home / "slides" / f"study.{name}.scores").write_text("Grade\tInteger\n")
    return {"studyName": name}


def _letter(world: Any) -> dict[str, Any]:
    return {**_study(world), "to": "viewer@lab", "subject": "a", "body": "b"}


ASK: dict[str, Ask] = {
    "Studies": lambda _: {},
    "Cases": _study,
    "Images": _study,
    "Questions": _study,
    "GetSlideDescription": _slide,
    "GetCaseDescription": lambda world: {"caseId": world.case.id},
    "GetSlideDetails": _slide,
    "IsSlideOutOfFocus": lambda world: {**_study(world), **_slide(world)},
    "Scores": _study,
    "GetStudiesUpdated": lambda _: {"since": "2026-01-01T00:00:00Z"},
    "GetConfig": _study,
    "GetConfigFiles": _study,
    "Sessions": _study,
    "SessionEvents": _session,
    "GetSlidePath": _slide,
    "UpdateSlidePath": lambda world: {
        "imageId": world.new_slide().id,
        "newPath": _uploaded(world),
    },
    "UpdateCaseName": lambda world: {"caseId": world.new_case().id, "newName": world.name()},
    "Publish": _new_study,
    "Unpublish": _new_study,
    "CreateStudy": lambda world: {"name": world.name()},
    "UpdateStudy": lambda world: {**_new_study(world), "newName": world.name()},
    "DeleteStudy": _new_study,
    "AddCase": lambda world: {**_study(world), "name": world.name()},
    "RemoveCase": lambda world: {"caseId": world.new_case().id},
    "AddUser": lambda world: {**_new_study(world), "email": "stranger@lab", "rights": "canscore"},
    "RemoveUser": lambda world: {**_new_study(world), "email": "viewer@lab"},
    "SetSlideDescription": lambda world: {**_new_slide(world), "description": "x"},
    "SetSlideResolution": lambda world: {**_new_slide(world), "micronsPerPixel": "0.5"},
    "UpdateSlideName": lambda world: {**_new_slide(world), "newName": world.name()},
    "AddSlide": lambda world: {**_study(world), "path": _uploaded(world)},
    "DeleteSlide": _new_slide,
    "SetImageCase": lambda world: {**_new_slide(world), "caseId": world.case.id},
    "AddQuestion": lambda world: {**_study(world), "questionSpec": f"{world.name()};FreeText"},
    "UpdateQuestion": _question,
    "RemoveQuestion": _question,
    "CreateTMAMap": lambda world: {**_study(world), "tmaMapFileName": _map_file(world)},
    "SetSlideTMAMap": _map,
    "UploadResults": lambda world: {**_study(world), "results": "\n"},
    "Reimport": _import,
    "SendEmail": _letter,
    **dict.fromkeys(NOT_OFFERED, lambda _: {}),
}


@pytest.fixture(scope="module", autouse=True)
def letters(world: Any) -> Iterator[None]:
    """Give the lab a mail server, so that whoever may send letters can."""
    with Mailbox() as mailbox, pytest.MonkeyPatch.context() as patch:
        place = {"smtp_host": "127.0.0.1", "smtp_port": mailbox.port, "smtp_tls": "none"}
        settings = dataclasses.replace(world.lab.settings, **place)
        patch.setattr(world.lab.mail, "_settings", settings)
        yield


def test_every_method_has_its_row() -> None:
    names = {
        route.path.removeprefix("Api/")
        for route in slidescore_routes()
        if route.path.startswith("Api/")
    }
    assert names <= set(MATRIX) | set(ELSEWHERE)
    assert set(MATRIX) <= names
    assert set(ASK) == set(MATRIX)


def test_all_but_the_description_and_giving_up_ask_who_it_is() -> None:
    open_to_all = {
        route.path
        for route in slidescore_routes()
        if any(need.action is None for need in route.needs.values())
    }
    assert {path for path in open_to_all if path.startswith(("Api/", "Admin/"))} == {
        "Admin/GiveupToken"
    }


def _said(answer: requests.Response, *, is_text: bool) -> None:
    said = answer.json()
    if is_text:
        assert isinstance(said, str)
    else:
        assert (said["success"], said["log"]) == (False, said["error"])


@pytest.mark.parametrize("method", MATRIX)
def test_answer_is_the_one_stated(root_door: Any, world: Any, method: str) -> None:
    found = []
    for person in PEOPLE:
        answer = root_door.post(method, person, **ASK[method](world))
        found.append(answer.status_code)
        if answer.status_code >= 400:
            _said(answer, is_text=method in {"AddSlide", "Reimport"})
        elif method not in NOT_OFFERED:
            assert answer.text[:1] != '"', answer.text
            assert '"success":false' not in answer.text
    assert " ".join(map(str, found)) == MATRIX[method]


@pytest.mark.parametrize("method", sorted(set(MATRIX) - set(NOT_OFFERED) - {"Studies"}))
def test_what_is_hidden_looks_like_what_is_not_there(
    root_door: Any, world: Any, method: str
) -> None:
    ask = ASK[method](world)
    named = next(
        (each for each in ("scoreId", "sessionId", "imageId", "caseId", "studyId") if each in ask),
        None,
    )
    if named is None or MATRIX[method] in {KNOWN, BOSS}:
        return
    hidden = root_door.post(method, "stranger", **ask)
    unknown = root_door.post(method, "stranger", **{**ask, "studyId": 10**8, named: 10**8})
    assert hidden.status_code == unknown.status_code == 404
    assert type(hidden.json()) is type(unknown.json())


def _allowed(answer: requests.Response) -> bool:
    assert answer.status_code in {200, 401}, answer.text
    return answer.status_code == 200


@pytest.mark.parametrize("capability", Capability)
def test_token_lacks_exactly_what_its_missing_capability_is_for(
    root_door: Any, world: Any, capability: Capability
) -> None:
    rest = [each for each in Capability if each is not capability]
    text = world.token("boss@lab", capabilities=rest)
    for method, ask in ASK.items():
        answer = root_door.post(method, text, **ask(world))
        assert _allowed(answer) is (method not in NEEDS[capability]), (method, answer.text)


@pytest.mark.parametrize("capability", Capability)
def test_capability_alone_allows_what_it_is_for(
    root_door: Any, world: Any, capability: Capability
) -> None:
    text = world.token("boss@lab", capabilities=[capability])
    others = {name for other, names in NEEDS.items() if other is not capability for name in names}
    for method, ask in ASK.items():
        answer = root_door.post(method, text, **ask(world))
        assert _allowed(answer) is (method not in others), (method, answer.text)


def test_own_results_are_those_of_studies_made_with_the_token(root_door: Any, world: Any) -> None:
    text = world.token("boss@lab", capabilities=["own-results", "studies"])
    made = root_door.post("CreateStudy", text, name=world.name()).json()["id"]
    assert root_door.get("Scores", text, studyid=made).status_code == 200
    assert root_door.get("Scores", text, studyid=world.study.id).status_code == 401


@pytest.mark.parametrize("entry", ["id", "name"])
def test_token_that_reads_some_studies_sees_no_other(
    root_door: Any, world: Any, entry: str
) -> None:
    study = world.new_study()
    text = world.token("boss@lab", read_studies=[str(getattr(study, entry))])
    assert [each["id"] for each in root_door.get("Studies", text).json()] == [study.id]
    assert root_door.get("Images", text, studyid=study.id).status_code == 200
    assert root_door.get("Images", text, studyid=world.study.id).status_code == 404


@pytest.mark.parametrize("entry", ["id", "name"])
def test_token_that_modifies_some_studies_modifies_no_other(
    root_door: Any, world: Any, entry: str
) -> None:
    study = world.new_study()
    text = world.token("boss@lab", modify_studies=[str(getattr(study, entry))])
    for method, ask in ASK.items():
        answer = root_door.post(method, text, **ask(world))
        refused = method in CHANGES or method in {"CreateStudy", "UpdateSlidePath"}
        assert _allowed(answer) is not refused, (method, answer.text)
    assert root_door.post("Publish", text, studyId=study.id).status_code == 200


def test_token_can_be_given_up_in_both_places(door: Any, world: Any) -> None:
    for capabilities in (["all"], ["pixels"]):
        text = world.token("viewer@lab", capabilities=capabilities)
        given = door.send("POST", "/Api/GiveUpToken", text)
        assert given.json() == {"success": True}
        assert door.get("Studies", text).status_code == 401
        text = world.token("viewer@lab", capabilities=capabilities)
        given = door.send("POST", "/Admin/GiveupToken", "anonymous", data={"token": text})
        assert given.json() == {"success": True}
        assert door.get("Studies", text).status_code == 401
        again = door.send("POST", "/Admin/GiveupToken", "anonymous", data={"token": text})
        assert again.status_code == 401


def test_rights_that_were_taken_away_end_at_once(root_door: Any, world: Any) -> None:
    study = world.new_study()
    assert root_door.get("Images", "viewer", studyid=study.id).status_code == 200
    world.lab.studies.remove_member(world.owner, study.id, "viewer@lab")
    assert root_door.get("Images", "viewer", studyid=study.id).status_code == 404


@pytest.mark.parametrize("method", MATRIX)
def test_blind_study_is_closed_to_its_readers(root_door: Any, world: Any, method: str) -> None:
    ask = ASK[method](world)
    with blinded(world.lab, world.owner, "blind@lab"):
        answer = root_door.post(method, world.token("blind@lab"), **ask)
    assert answer.status_code >= 400 or MATRIX[method] == KNOWN, answer.text
    assert told(answer, ("Jane Doe", "A-17", world.slide.name, "2+")) == []
