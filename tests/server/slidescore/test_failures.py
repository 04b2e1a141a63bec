"""Every kind of failure, in every form that a client looks for one in."""

from __future__ import annotations

from typing import Any

import pytest
from slidescore import SlideScoreErrorException

from wsi_lab.errors import (
    Busy,
    Conflict,
    DamagedSlide,
    HomeUnusable,
    Invalid,
    NotAllowed,
    NotFound,
    NotIdentified,
    SlideChanged,
    SlideMissing,
    SourceTimeout,
    SourceUnavailable,
    StorageFull,
    TooLarge,
    UnsupportedSlide,
    WsiLabError,
)

STAY = {
    NotIdentified: 401,
    NotAllowed: 401,
    NotFound: 404,
    Busy: 503,
    SlideChanged: 503,
    HomeUnusable: 503,
    SourceUnavailable: 502,
    SourceTimeout: 504,
    StorageFull: 507,
    WsiLabError: 500,
}
BY_FORM = {
    Invalid: (400, 200, 200),
    TooLarge: (400, 200, 200),
    Conflict: (409, 200, 200),
    DamagedSlide: (400, 200, 200),
    UnsupportedSlide: (400, 200, 200),
    # A slide whose file is gone is not there; a file that is to become one is only named wrongly.
    SlideMissing: (404, 404, 200),
}
TABLE = {kind: (status,) * 3 for kind, status in STAY.items()} | BY_FORM


@pytest.fixture
def failing(root_door: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that has a verb fail, and the answers of a method of each form."""

    def answers(error: BaseException) -> Any:
        def fail(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(world.lab.cases, "list", fail)
        monkeypatch.setattr(world.lab.cases, "rename", fail)
        monkeypatch.setattr(world.lab.slides, "add_uploaded", fail)
        return (
            root_door.post("Cases", studyId=1),
            root_door.post("UpdateCaseName", caseId=1, newName="a"),
            root_door.post("AddSlide", studyId=1, path="a/b.svs"),
        )

    return answers


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.__name__)
def test_failure_has_the_form_of_its_method(failing: Any, kind: type[WsiLabError]) -> None:
    by_status, by_flag, by_text = failing(kind("It will not do."))
    assert tuple(each.status_code for each in (by_status, by_flag, by_text)) == TABLE[kind]
    said = {"success": False, "error": "It will not do.", "log": "It will not do."}
    assert by_status.json() == by_flag.json() == said
    assert by_text.json() == "It will not do."
    for answer in (by_status, by_flag, by_text):
        assert answer.headers["Content-Type"] == "application/json"
        assert ("WWW-Authenticate" in answer.headers) is (answer.status_code == 401)
        assert ("Retry-After" in answer.headers) is issubclass(kind, Busy)


def test_every_problem_has_a_line_in_the_log(failing: Any) -> None:
    problems = ["Line 2: no such slide", "Line 17: no such question"]
    _, by_flag, by_text = failing(Invalid("Nothing was stored.", problems=problems))
    assert by_flag.json()["error"] == "Nothing was stored."
    assert by_flag.json()["log"].split("\n") == ["Nothing was stored.", *problems]
    assert by_text.json().split("\n") == ["Nothing was stored.", *problems]


def test_what_nobody_foresaw_is_told_blandly(failing: Any) -> None:
    for answer in failing(OSError("/home/secret cannot be opened")):
        assert answer.status_code == 500
        assert "secret" not in answer.text


def test_clients_hear_of_it_in_their_own_words(root_door: Any, world: Any) -> None:
    sdk = root_door.sdk()
    with pytest.raises(SlideScoreErrorException, match="needs a name"):
        sdk.update_slide_name(world.new_slide().id, "")
    with pytest.raises(SlideScoreErrorException, match="Failed adding slide"):
        sdk.add_slide(world.study.id, "nowhere/nothing.svs")
    with pytest.raises(SlideScoreErrorException, match="not offer"):
        sdk.generate_login_link("viewer@lab", "2027-01-01")
    with pytest.raises(SlideScoreErrorException, match="not a kind of question"):
        sdk.add_question(world.study.id, "Grade\tNonsense")


@pytest.mark.parametrize(
    ("verb", "method"),
    [
        ("GET", "GetTileServer"),
        ("GET", "GetTokenExpiry"),
        ("GET", "DownloadSlide"),
        ("POST", "DeleteSlide"),
        ("POST", "SetSlideResolution"),
        ("POST", "SendEmail"),
    ],
)
def test_method_whose_success_has_no_flag_fails_by_its_status(
    root_door: Any, verb: str, method: str
) -> None:
    answer = root_door.send(verb, f"/Api/{method}")
    assert answer.status_code == 400
    assert "is missing" in answer.json()["error"]


def test_what_is_named_by_words_fails_in_the_words_of_the_client(
    root_door: Any, world: Any
) -> None:
    sdk, study, slide = root_door.sdk(), world.study.id, world.new_slide().id
    with pytest.raises(SlideScoreErrorException, match=r"no file 'nothing\.svs'"):
        sdk.update_slide_path(slide, "nowhere/nothing.svs")
    with pytest.raises(SlideScoreErrorException, match="no TMA map 'nothing'"):
        sdk.set_slide_tma_map(study, slide, "nothing")
    with pytest.raises(SlideScoreErrorException, match=r"no file 'nothing\.map'"):
        sdk.create_tma_map(study, "nothing.map")
    with pytest.raises(SlideScoreErrorException, match="no question 'nothing'"):
        sdk.create_anno2(study, None, slide, None, None, "nothing", "model@lab")
    question = world.name()
    sdk.add_question(study, f"{question}\tAnnoShapes")
    with pytest.raises(SlideScoreErrorException, match="model@lab has not answered"):
        sdk.convert_annotation_to_anno2(study, None, slide, None, None, question, "model@lab", "{}")
    for method in ("AddUser", "RemoveUser"):
        answer = root_door.post(method, studyId=study, email="nobody@nowhere")
        assert (answer.status_code, answer.json()["success"]) == (200, False)
        assert "nobody@nowhere" in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("UpdateSlidePath", {"newPath": "nowhere/nothing.svs"}),
        ("SetSlideTMAMap", {"tmaMapName": "nothing"}),
        ("CreateAnno2", {"question": "nothing", "email": "model@lab"}),
    ],
)
def test_slide_that_is_not_there_comes_before_what_is_named_by_words(
    root_door: Any, world: Any, method: str, more: dict[str, str]
) -> None:
    answer = root_door.post(method, studyId=world.study.id, imageId=10**8, **more)
    assert answer.status_code == 404
