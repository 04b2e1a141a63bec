"""Studies, cases, slides and questions through the released client and beside it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from wsi_lab.model.people import Right

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_studies_are_listed_published_or_not(door: Any, world: Any) -> None:
    study = world.new_study()
    listed = {each["id"]: each for each in door.sdk().get_studies()}
    assert set(listed[study.id]) == {"id", "name", "friendlyName", "folder", "publishedOn"}
    assert (listed[study.id]["name"], listed[study.id]["publishedOn"]) == (study.name, None)
    assert door.post("Publish", studyId=study.id).json() == {"success": True}
    published = {each["id"]: each["publishedOn"] for each in door.sdk().get_studies()}
    assert ISO.fullmatch(published[study.id])
    assert door.post("Unpublish", studyId=study.id).json() == {"success": True}
    assert world.lab.studies.get(world.owner, study.id).published_on is None


def test_lists_have_no_pages(root_door: Any, world: Any) -> None:
    study = world.new_study()
    for number in range(1003):
        world.lab.cases.create(world.owner, study.id, f"case {number}")
    assert len(root_door.sdk().get_cases(study.id)) == 1003


def test_case_has_the_name_that_the_asker_may_see(door: Any, world: Any) -> None:
    for who, name in {"viewer": "A-17", "editor": "A-17", "study_admin": "Jane Doe"}.items():
        cases = {each["id"]: each["name"] for each in door.sdk(who).get_cases(world.study.id)}
        assert cases[world.case.id] == name
    case, new = world.new_case(), world.name()
    assert door.post("UpdateCaseName", caseId=case.id, newName=new).json() == {"success": True}
    public = door.post("UpdateCaseName", "editor", caseId=case.id, newName="B-3")
    assert public.json() == {"success": True}
    after = world.lab.cases.get(world.owner, case.id)
    assert (after.name, after.public_name) == (new, "B-3")


def test_slide_has_size_name_and_study(door: Any, world: Any) -> None:
    slide = world.new_slide()
    images = {each["id"]: each for each in door.sdk().get_images(world.study.id)}
    assert images[slide.id] == {
        "id": slide.id,
        "name": slide.name,
        "fileSize": world.slide_file.stat().st_size,
        "studyID": world.study.id,
    }
    door.sdk().update_slide_name(slide.id, "renamed ü")
    assert world.lab.slides.get(world.owner, slide.id).name == "renamed ü"
    world.lab.slides.rename(world.owner, slide.id, world.name())


def test_details_tell_the_study_and_the_case(door: Any, world: Any) -> None:
    said = door.get("GetSlideDetails", "viewer", imageid=world.slide.id).json()
    assert (said["success"], said["id"], said["studyID"]) == (True, world.slide.id, world.study.id)
    assert (said["caseID"], said["caseName"]) == (world.case.id, "A-17")


def test_description_keeps_what_is_harmless(door: Any, world: Any) -> None:
    slide = world.new_slide()
    link = '<div><a href="https://a.example/x" target="_blank" class="b">c &amp; d</a><br></div>'
    door.sdk().update_slide_description(world.study.id, slide.id, f"{link}<script>x()</script>")
    kept = door.sdk().get_slide_description(slide.id)
    assert 'href="https://a.example/x"' in kept
    assert "script" not in kept
    world.lab.cases.set_description(world.owner, world.case.id, "<b>x</b>")
    assert door.sdk().get_case_description(world.case.id) == "<b>x</b>"


@pytest.mark.parametrize(("given", "status"), [("0.5", 200), ("0", 400), ("-1", 400), ("1e6", 400)])
def test_resolution_is_stated(door: Any, world: Any, given: str, status: int) -> None:
    slide = world.new_slide()
    same = {"studyId": world.study.id, "imageId": slide.id}
    answer = door.post("SetSlideResolution", micronsPerPixel=given, **same)
    assert answer.status_code == status
    if status == 200:
        assert answer.content == b"{}"
        assert world.lab.slides.get(world.owner, slide.id).mpp_x == 0.5


@pytest.mark.parametrize(
    "method", ["SetSlideDescription", "SetSlideResolution", "DeleteSlide", "IsSlideOutOfFocus"]
)
def test_slide_of_another_study_is_not_there(door: Any, world: Any, method: str) -> None:
    other, slide = world.new_study(), world.new_slide()
    answer = door.post(
        method, studyId=other.id, imageId=slide.id, description="x", micronsPerPixel=1
    )
    assert answer.status_code == 404
    assert world.lab.slides.get(world.owner, slide.id).revision == slide.revision


def test_questions_are_added_changed_and_removed(door: Any, world: Any) -> None:
    study, sdk = world.new_study(), door.sdk()
    poll = sdk.add_question(study.id, "Poll\tClickFriendlyPollOnly\tOne;;Two;;Three")
    shapes = sdk.add_question(study.id, "Tumour;AnnoShapes;#e6194b;1")
    listed = door.get("Questions", studyId=study.id).json()
    assert [(each["id"], each["name"], each["type"], each["typeName"]) for each in listed] == [
        (poll, "Poll", 13, "ClickFriendlyPollOnly"),
        (shapes, "Tumour", 19, "AnnoShapes"),
    ]
    assert [each["valuesAllowed"] for each in listed] == ["One;;Two;;Three", "#e6194b;1"]
    assert sdk.update_question(study.id, shapes, 0, "Tumour 2\tAnnoShapes\t#00ff00") == shapes
    assert sdk.remove_question(study.id, poll) is True
    listed = door.get("Questions", studyId=study.id).json()
    assert [(each["id"], each["name"]) for each in listed] == [(shapes, "Tumour 2")]
    other = world.new_study()
    wrong = door.post("RemoveQuestion", studyId=other.id, scoreId=shapes)
    assert wrong.status_code == 404


def test_map_is_made_of_a_file_and_given_to_a_slide(door: Any, world: Any) -> None:
    study, sdk = world.new_study(), door.sdk()
    folder = world.lab.settings.home / "slides" / study.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cores.map").write_text("A1\tA2\nB1\tB2\n")
    name = sdk.create_tma_map(study.id, "cores.map")
    slide = world.new_slide(study)
    sdk.set_slide_tma_map(study.id, slide.id, name)
    maps = {each.id: each.name for each in world.lab.tma_maps.list(world.owner, study.id)}
    assert maps[world.lab.slides.get(world.owner, slide.id).tma_map_id] == name


def test_study_can_be_made_and_filled_without_files(door: Any, world: Any) -> None:
    made = door.post("CreateStudy", name=world.name()).json()
    assert made["success"] is True
    study = made["id"]
    renamed = world.name()
    assert door.post("UpdateStudy", studyId=study, newName=renamed).json()["success"] is True
    case = door.post("AddCase", studyId=study, name="case 1").json()["id"]
    slide = world.lab.slides.add(world.owner, study, world.slide_file)
    put = door.post("SetImageCase", studyId=study, imageId=slide.id, caseId=case)
    assert put.json() == {"success": True}
    assert world.lab.slides.get(world.owner, slide.id).case_id == case
    assert door.post("RemoveCase", caseId=case).json()["success"] is False
    door.post("SetImageCase", imageId=slide.id)
    assert door.post("RemoveCase", studyId=study, caseId=case).json() == {"success": True}
    added = door.post("AddUser", studyId=study, email="viewer@lab", rights="viewonly,cangetresults")
    assert added.json() == {"success": True}
    members = {each.email: each.rights for each in world.lab.studies.members(world.owner, study)}
    assert members["viewer@lab"] == {Right.VIEW, Right.RESULTS}
    door.post("AddUser", studyId=study, email="viewer@lab")
    members = {each.email: each.rights for each in world.lab.studies.members(world.owner, study)}
    assert members["viewer@lab"] == {Right.VIEW, Right.RESULTS, Right.SCORE}
    gone = door.post("RemoveUser", studyId=study, email="viewer@lab")
    assert gone.json() == {"success": True}
    assert door.post("DeleteStudy", studyId=study).json() == {"success": True}
    assert renamed not in [each["name"] for each in door.sdk().get_studies()]


def test_sessions_are_read_by_the_client(door: Any, world: Any) -> None:
    study = world.new_study()
    slide = world.new_slide(study)
    assert door.sdk().get_sessions(study.id) == []
    session = world.lab.sessions.begin(world.owner, slide.id)
    listed = door.sdk().get_sessions(study.id, imageid=slide.id)
    assert [(each.id, each.image_id, each.study_id) for each in listed] == [
        (session, slide.id, study.id)
    ]
    assert door.sdk().get_sessions(study.id, email="nobody@lab") == []
    assert door.sdk().get_session_events(study.id, session) == []
    assert door.get("SessionEvents", studyId=world.study.id, sessionId=session).status_code == 404
