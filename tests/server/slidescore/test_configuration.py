"""Studies set up from files and taken out again, and letters."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from letterbox import Mailbox
from slidescore import SlideScoreErrorException


@pytest.fixture
def files(world: Any) -> Path:
    """The lab's folder of files."""
    folder: Path = world.lab.settings.home / "slides"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def lay_out(world: Any, files: Path) -> str:
    """Lay out the files of a study, and return its name."""
    name = world.name().replace(" ", "-")
    (files / name).mkdir()
    (files / name / "CMU 1.svs").write_bytes(world.slide_file.read_bytes())
    (files / f"study.{name}.emails").write_text("\nviewer@lab\neditor@lab;canedit\n")
    (files / f"study.{name}.scores").write_text(
        "Grade\tDropDown\t1;;2\nTumour;AnnoShapes;#00ff00\n"
    )
    (files / f"study.{name}.config").write_text(
        "friendlyname: A study\nfolder: Ours\norgan: skin\n"
    )
    return name


def test_study_is_set_up_and_stays_the_same_when_done_again(
    door: Any, world: Any, files: Path
) -> None:
    name, sdk = lay_out(world, files), door.sdk()
    done = sdk.reimport(name)
    assert isinstance(done["log"], str)
    study = done["id"]
    config = sdk.get_config(study)
    assert (config["name"], config["friendlyName"], config["folder"]) == (name, "A study", "Ours")
    assert [(each["name"], each["valuesAllowed"]) for each in config["scores"]] == [
        ("Grade", "1;;2"),
        ("Tumour", "#00ff00"),
    ]
    assert [each["path"] for each in config["images"]] == [f"images/{name}/CMU 1.svs"]
    assert config["organ"] == "skin"
    rights = {each["email"]: each["rights"] for each in config["users"]}
    assert rights == {"viewer@lab": ["canscore"], "editor@lab": ["canedit"]}
    assert sdk.reimport(name)["id"] == study
    assert sdk.get_config(study) == config


def test_files_make_the_same_study_under_another_name(door: Any, world: Any, files: Path) -> None:
    name, sdk = lay_out(world, files), door.sdk()
    study = sdk.reimport(name)["id"]
    given = sdk.get_config_files(study)
    assert given.pop("success") is True
    assert f"study.{name}.scores" in given
    again = world.name().replace(" ", "-")
    for file, text in given.items():
        (files / file.replace(name, again)).write_text(text)
    copy = sdk.reimport(again)["id"]
    kept = ("friendlyName", "folder", "organ")
    one, two = sdk.get_config(study), sdk.get_config(copy)
    assert [one[key] for key in kept] == [two[key] for key in kept]
    assert [each["name"] for each in one["scores"]] == [each["name"] for each in two["scores"]]


def test_every_wrong_line_is_told_as_text_and_nothing_is_stored(
    door: Any, world: Any, files: Path
) -> None:
    name = lay_out(world, files)
    (files / f"study.{name}.scores").write_text("Grade\tNonsense\nTumour\tRubbish\n")
    answer = door.post("Reimport", studyName=name)
    assert answer.status_code == 200
    assert isinstance(answer.json(), str)
    assert "Nonsense" in answer.json()
    assert "Rubbish" in answer.json()
    assert name not in [each["name"] for each in door.sdk().get_studies()]
    with pytest.raises(SlideScoreErrorException, match="Failed reimporting"):
        door.sdk().reimport(name)


def test_name_without_files_and_study_fails_as_text(door: Any) -> None:
    with pytest.raises(SlideScoreErrorException, match="Failed reimporting"):
        door.sdk().reimport("there-is-no-such-study")


def test_unreadable_images_can_be_left_out(door: Any, world: Any, files: Path) -> None:
    name = lay_out(world, files)
    (files / name / "broken.svs").write_bytes(b"II*\0nothing")
    assert isinstance(door.post("Reimport", studyName=name).json(), str)
    done = door.post("Reimport", studyName=name, ignoreImageErrors="true").json()
    assert done["success"] is True
    assert "broken" in done["log"]


def test_letter_without_a_mail_server_is_refused_in_a_sentence(door: Any, world: Any) -> None:
    answer = door.post("SendEmail", studyId=world.study.id, to="viewer@lab", subject="a", body="b")
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert "no mail server" in answer.json()["error"]
    stranger = door.post(
        "SendEmail", studyId=world.study.id, to="stranger@lab;viewer@lab", subject="a", body="b"
    )
    assert "stranger@lab" in stranger.json()["log"]


def test_letter_leads_scorers_to_the_reading_page_and_others_to_the_slides(
    root_door: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, owner = world.lab, world.owner
    study = world.new_study()
    world.new_slide(study)
    lab.studies.change(
        owner, study.id, revision=study.revision, settings={"hideslidenames": "true"}
    )
    lab.studies.publish(owner, study.id)
    lab.people.add(owner, "scorer@lab")
    lab.studies.set_member(owner, study.id, "scorer@lab", ["view", "score"])
    lab.studies.set_member(owner, study.id, "viewer@lab", ["view", "results"])
    with Mailbox() as mailbox:
        place = {"smtp_host": "127.0.0.1", "smtp_port": mailbox.port, "smtp_tls": "none"}
        settings = dataclasses.replace(lab.settings, public_url=root_door.base + "/", **place)
        monkeypatch.setattr(lab, "settings", settings)
        monkeypatch.setattr(lab.mail, "_settings", settings)
        answer = root_door.post(
            "SendEmail",
            studyId=study.id,
            to="scorer@lab;viewer@lab",
            subject="Begin",
            body="<LINK:Start Scoring>",
        )
    assert answer.json() == {}
    links = {each.recipient: each.letter.get_content().strip() for each in mailbox.delivered}
    found = re.fullmatch(
        rf"{re.escape(root_door.base)}/read/{study.id}#(wsi_\S+)", links["scorer@lab"]
    )
    assert found is not None
    read = root_door.send("GET", f"/v1/studies/{study.id}/reading", found[1])
    assert [each["name"] for each in read.json()["items"]] == ["Slide 1"]
    shown = links["viewer@lab"].removeprefix(root_door.base)
    assert root_door.send("GET", shown, "anonymous").status_code == 200
