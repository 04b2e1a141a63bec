"""Uploads: who may send what where, and what is left when something goes wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    NotIdentified,
    StorageFull,
    TooLarge,
)
from wsi_lab.model.people import Actor, Right
from wsi_lab.service.lab import Lab
from wsi_lab.service.uploading.files import LEFT_FOR_THE_LAB
from wsi_lab.store import partial as partials


@pytest.fixture
def home(lab: Lab) -> Path:
    return lab.settings.home


@pytest.fixture
def actor_of(lab: Lab, owner: Actor) -> Callable[..., Actor]:
    """Return a function that gives somebody a token and returns them with it."""

    def make(email: str, **limits: Any) -> Actor:
        limits.setdefault("capabilities", ["all"])
        _, text = lab.people.create_token(owner, name="t", email=email, **limits)
        return lab.people.actor_for_token(text, door="tests")

    return make


@pytest.fixture
def boss(lab: Lab, owner: Actor, actor_of) -> Actor:
    lab.people.add(owner, "boss@lab", is_admin=True)
    return actor_of("boss@lab")


@pytest.fixture
def editor(lab: Lab, owner: Actor, actor_of) -> Actor:
    """May edit HTT, and see 'other'."""
    lab.people.add(owner, "editor@lab")
    for name, right in (("HTT", Right.EDIT), ("other", Right.VIEW)):
        study = lab.studies.create(owner, name)
        lab.studies.set_member(owner, study.id, "editor@lab", [right])
    lab.studies.create(owner, "hidden")
    return actor_of("editor@lab")


def send(lab: Lab, actor: Actor, name: str, folder: str, data: bytes) -> str:
    """Send all but finish; return the id."""
    upload = lab.uploads.begin(actor, lab.uploads.request(actor, name, folder), len(data))
    writing = lab.uploads.writer(upload.id)
    with writing.partial as partial:
        partial.append([data])
        partial.sync()
    return upload.id


def test_upload_becomes_a_file(lab: Lab, boss: Actor, home: Path) -> None:
    upload_id = send(lab, boss, "1.svs", "new/sub", b"slide")
    finished = lab.uploads.finish(boss, upload_id)
    assert finished.finished_on is not None
    assert lab.uploads.finish(boss, upload_id) == finished
    assert (home / "slides" / "new" / "sub" / "1.svs").read_bytes() == b"slide"
    assert list((home / "uploads").iterdir()) == []


def test_empty_folder_and_a_study_is_the_folder_of_the_study(
    lab: Lab, editor: Actor, home: Path
) -> None:
    study = lab.studies.by_name(editor, "HTT")
    upload_token = lab.uploads.request(editor, "1.svs", "", study.id)
    upload = lab.uploads.begin(editor, upload_token, 0)
    lab.uploads.finish(editor, upload.id, upload_token)
    assert (home / "slides" / "HTT" / "1.svs").exists()


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("other", "1.svs"),
        ("hidden", "1.svs"),
        ("nowhere", "1.svs"),
        ("", "1.svs"),
        ("", "study.other.scores"),
        ("", "study.hidden.scores"),
        ("", "study.nowhere.scores"),
        ("", "study.HTT.bak"),
    ],
)
def test_members_may_send_into_their_own_studies_only(
    lab: Lab, editor: Actor, boss: Actor, folder: str, name: str
) -> None:
    lab.uploads.request(editor, "1.svs", "HTT/sub")
    lab.uploads.request(editor, "study.HTT.scores")
    with pytest.raises(NotAllowed) as refused:
        lab.uploads.request(editor, name, folder)
    assert refused.value.message.startswith("You may not send this file there")
    lab.uploads.request(boss, name, folder)


def test_name_that_fits_two_studies_needs_the_right_in_both(
    lab: Lab, editor: Actor, owner: Actor, actor_of
) -> None:
    study = lab.studies.create(owner, "other.map.b")
    lab.studies.set_member(owner, study.id, "editor@lab", [Right.EDIT])
    with pytest.raises(NotAllowed):
        lab.uploads.request(actor_of("editor@lab"), "study.other.map.b.scores")


@pytest.mark.parametrize(
    ("limits", "folder", "allowed"),
    [
        ({"capabilities": ["upload", "folders"]}, "new", True),
        ({"capabilities": ["upload"]}, "new", False),
        ({"capabilities": ["upload"]}, "", True),
        ({"capabilities": ["folders"]}, "new", False),
        ({"folders": ["./new/"]}, "new", True),
        ({"folders": ["new"]}, "new/sub", True),
        ({"folders": ["new"]}, "newer", False),
        ({"folders": ["new"]}, "", False),
        ({"modify_studies": ["new"]}, "new", True),
        ({"modify_studies": ["old"]}, "new", False),
        ({"modify_studies": ["old"]}, "", False),
    ],
)
def test_tokens_limit_where_files_go(
    lab: Lab, boss: Actor, actor_of, limits: dict[str, Any], folder: str, allowed: bool
) -> None:
    limited = actor_of("boss@lab", **limits)
    if allowed:
        lab.uploads.request(limited, "1.svs", folder)
    else:
        with pytest.raises(NotAllowed):
            lab.uploads.request(limited, "1.svs", folder)


def test_right_is_asked_for_again_at_the_end(lab: Lab, editor: Actor, owner: Actor) -> None:
    upload_id = send(lab, editor, "1.svs", "HTT", b"slide")
    study = lab.studies.by_name(owner, "HTT")
    lab.studies.remove_member(owner, study.id, "editor@lab")
    with pytest.raises(NotAllowed):
        lab.uploads.finish(editor, upload_id)
    assert lab.files.listing("HTT") == []


def test_incomplete_unknown_and_foreign_uploads_are_not_finished(
    lab: Lab, boss: Actor, actor_of
) -> None:
    upload_token = lab.uploads.request(boss, "1.svs", "new")
    upload = lab.uploads.begin(boss, upload_token, 5)
    with pytest.raises(Conflict, match="not complete"):
        lab.uploads.finish(boss, upload.id, upload_token)
    with pytest.raises(NotFound):
        lab.uploads.finish(boss, "0" * 32, upload_token)
    with pytest.raises(NotFound):
        lab.uploads.finish(boss, upload.id, lab.uploads.request(boss, "2.svs", "new"))
    with pytest.raises(NotFound):
        lab.uploads.finish(actor_of("boss@lab"), upload.id, upload_token)
    assert lab.files.listing("new") == []


def test_upload_begins_anew_where_its_address_was_lost(lab: Lab, boss: Actor) -> None:
    upload_token = lab.uploads.request(boss, "1.svs", "new")
    upload = lab.uploads.begin(boss, upload_token, 5)
    with lab.uploads.writer(upload.id).partial as partial:
        partial.append([b"abc"])
        with pytest.raises(Conflict):
            lab.uploads.begin(boss, upload_token, 5)
    assert lab.uploads.begin(boss, upload_token, 6).id == upload.id
    assert lab.uploads.progress(upload.id).offset == 0


def test_too_large_an_upload_is_refused(lab: Lab, boss: Actor) -> None:
    with pytest.raises(TooLarge):
        lab.uploads.begin(boss, lab.uploads.request(boss, "1.svs", "new"), 1 << 50)


def test_writers_of_several_labs_of_one_home_exclude_each_other(
    lab: Lab, boss: Actor, settings, clock
) -> None:
    upload_token = lab.uploads.request(boss, "1.svs", "new")
    upload = lab.uploads.begin(boss, upload_token, 3)
    with Lab.open(settings, clock=clock) as other:
        with lab.uploads.writer(upload.id).partial:
            with pytest.raises(Conflict):
                other.uploads.writer(upload.id)
            assert other.uploads.progress(upload.id).is_being_sent
        with other.uploads.writer(upload.id).partial as partial:
            partial.append([b"abc"])
        other.uploads.finish(boss, upload.id, upload_token)
    assert lab.files.listing("new") == ["1.svs"]


def test_finish_that_was_killed_after_the_file_was_placed_is_done_again(
    lab: Lab, boss: Actor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = send(lab, boss, "1.svs", "new", b"slide")
    with monkeypatch.context() as broken:
        broken.setattr(lab.uploads._transactions, "write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            lab.uploads.finish(boss, upload_id)
    assert lab.files.listing("new") == ["1.svs"]
    lab.uploads.finish(boss, upload_id)
    assert (home / "slides" / "new" / "1.svs").read_bytes() == b"slide"
    assert [path.name for path in (home / "slides" / "new").iterdir()] == ["1.svs"]


def test_file_that_was_placed_outlives_a_second_beginning_of_its_upload(
    lab: Lab, boss: Actor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_token = lab.uploads.request(boss, "1.svs", "new")
    upload = lab.uploads.begin(boss, upload_token, 5)
    with lab.uploads.writer(upload.id).partial as partial:
        partial.append([b"slide"])
    with monkeypatch.context() as broken:
        broken.setattr(lab.uploads._transactions, "write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            lab.uploads.finish(boss, upload.id)
    lab.uploads.begin(boss, upload_token, 9)
    with lab.uploads.writer(upload.id).partial as partial:
        partial.append([b"other"])
    assert (home / "slides" / "new" / "1.svs").read_bytes() == b"slide"


def test_who_opened_an_upload_before_it_was_finished_does_not_write_to_the_file(
    lab: Lab, boss: Actor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = send(lab, boss, "1.svs", "new", b"slide")
    lock, waiting = partials._lock, [upload_id]

    def lock_late(descriptor: int) -> None:
        if waiting:
            lab.uploads.finish(boss, waiting.pop())
        lock(descriptor)

    monkeypatch.setattr(partials, "_lock", lock_late)
    with pytest.raises(NotFound):
        lab.uploads.writer(upload_id)
    assert (home / "slides" / "new" / "1.svs").read_bytes() == b"slide"


def test_uploads_together_leave_room_for_the_lab(
    lab: Lab, boss: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = lab.uploads.begin(boss, lab.uploads.request(boss, "1.svs", "new"), 5)
    full = (100, 100 - LEFT_FOR_THE_LAB, LEFT_FOR_THE_LAB)
    with monkeypatch.context() as filled:
        filled.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(*full))
        with pytest.raises(StorageFull):
            lab.uploads.writer(upload.id)
    lab.uploads.writer(upload.id).partial.close()


def test_finishing_at_the_same_time_is_finishing_once(
    lab: Lab, boss: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = send(lab, boss, "1.svs", "new", b"slide")
    lock, waiting = partials._lock, [upload_id]

    def lock_late(descriptor: int) -> None:
        if waiting:
            lab.uploads.finish(boss, waiting.pop())
        lock(descriptor)

    monkeypatch.setattr(partials, "_lock", lock_late)
    assert lab.uploads.finish(boss, upload_id).finished_on is not None


def test_attachment_of_somebody_who_may_not_edit_any_more_is_not_kept(
    lab: Lab, editor: Actor, owner: Actor
) -> None:
    study = lab.studies.by_name(editor, "HTT")
    leave = lab.uploads.request_attachment(editor, study.id, "a.pdf")
    sender = lab.people.actor_for_token(leave.api_token, door="tests")
    upload_id = send(lab, sender, leave.file_name, leave.folder, b"pdf")
    lab.studies.set_member(owner, study.id, "editor@lab", [Right.VIEW])
    with pytest.raises(NotAllowed):
        lab.uploads.finish(sender, upload_id)
    with pytest.raises(NotFound):
        lab.attachments.find(leave.attachment.id, leave.attachment.short_id)


def test_lists_of_members_are_sent_by_administrators_of_the_study(
    lab: Lab, editor: Actor, owner: Actor
) -> None:
    study = lab.studies.by_name(editor, "HTT")
    for name in ("study.HTT.emails", "STUDY.HTT.EMAILS"):
        with pytest.raises(NotAllowed, match="'admin'"):
            lab.uploads.request(editor, name)
    lab.studies.set_member(owner, study.id, "editor@lab", [Right.EDIT, Right.ADMIN])
    lab.uploads.request(editor, "study.HTT.emails")


def test_folders_and_files_of_studies_differ_by_more_than_capital_letters(
    lab: Lab, editor: Actor, boss: Actor, owner: Actor
) -> None:
    twin = lab.studies.create(owner, "htt")
    lab.studies.set_member(owner, twin.id, "editor@lab", [Right.EDIT])
    for name, folder in (("1.svs", "HTT"), ("study.HTT.scores", "")):
        lab.uploads.finish(boss, send(lab, boss, name, folder, b"slide"))
    for name, folder in (("1.svs", "htt"), ("2.svs", "htt/sub"), ("study.htt.scores", "")):
        with pytest.raises(Invalid, match="capital letters"):
            lab.uploads.request(editor, name, folder)


def test_nothing_is_left_of_uploads_that_nobody_finished(
    lab: Lab, boss: Actor, owner: Actor, home: Path, clock
) -> None:
    study = lab.studies.create(owner, "HTT")
    send(lab, boss, "1.svs", "new", b"slide")
    lab.uploads.request_attachment(boss, study.id, "a.pdf")
    (home / "uploads" / ("f" * 32)).write_bytes(b"of a crash")
    (home / "attachments" / ("f" * 32)).write_bytes(b"of a crash")
    clock.pass_(hours=25)
    lab.uploads.expire()
    assert list((home / "uploads").iterdir()) == list((home / "attachments").iterdir()) == []
    count = lab._database.read(
        lambda connection: connection.execute(
            "SELECT (SELECT count(*) FROM uploads) + (SELECT count(*) FROM attachments)"
        ).fetchone()[0]
    )
    assert count == 0
    assert [token.name for token in lab.people.list_tokens(owner, everybody=True)] == ["t"]


def test_upload_that_is_being_sent_does_not_expire(lab: Lab, boss: Actor, clock) -> None:
    upload = lab.uploads.begin(boss, lab.uploads.request(boss, "1.svs", "new"), 3)
    clock.pass_(hours=23)
    with lab.uploads.writer(upload.id).partial as partial:
        clock.pass_(hours=23)
        lab.uploads.expire()
        partial.append([b"abc"])
    assert lab.uploads.progress(upload.id).offset == 3


def test_attachment_comes_with_a_token_that_is_good_for_nothing_else(
    lab: Lab, boss: Actor, owner: Actor, home: Path
) -> None:
    study = lab.studies.create(owner, "HTT")
    leave = lab.uploads.request_attachment(boss, study.id, "protocol ä.pdf")
    sender = lab.people.actor_for_token(leave.api_token, door="tests")
    for name, folder in (("1.svs", "HTT"), (leave.file_name, "HTT"), ("a.pdf", leave.folder)):
        with pytest.raises(NotAllowed):
            lab.uploads.request(sender, name, folder)
    with pytest.raises(NotFound):
        lab.studies.get(sender, study.id)
    with pytest.raises(NotAllowed):
        lab.people.list_tokens(sender)
    with pytest.raises(NotFound):
        lab.attachments.find(leave.attachment.id, leave.attachment.short_id)
    lab.uploads.finish(sender, send(lab, sender, leave.file_name, leave.folder, b"pdf"))
    found = lab.attachments.find(leave.attachment.id, leave.attachment.short_id)
    assert found.path.read_bytes() == b"pdf"
    assert found.attachment.name == "protocol ä.pdf"
    with pytest.raises(NotFound):
        lab.attachments.find(leave.attachment.id, "0" * 32)
    with pytest.raises(NotIdentified):
        lab.uploads.request(sender, leave.file_name, leave.folder)


def test_attachments_need_the_right_to_edit_and_a_good_name(
    lab: Lab, editor: Actor, boss: Actor
) -> None:
    other = lab.studies.by_name(editor, "other")
    with pytest.raises(NotAllowed):
        lab.uploads.request_attachment(editor, other.id, "a.pdf")
    with pytest.raises(Invalid):
        lab.uploads.request_attachment(boss, other.id, "../a.pdf")
