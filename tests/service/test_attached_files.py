"""Files that are attached to studies, slides, images and shapes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import shapely

from wsi_lab.errors import Invalid, NotAllowed, NotFound, TooLarge
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.attached import LARGEST_ATTACHED, AttachedFile
from wsi_lab.model.feature import Feature
from wsi_lab.model.people import Actor
from wsi_lab.model.remark import ThingKind
from wsi_lab.service.annotating.shapes import NewShape
from wsi_lab.service.lab import Lab, LabSettings


def attach(
    lab: Lab, actor: Actor, kind: ThingKind, number: int, name: str = "a.txt"
) -> AttachedFile:
    arriving = lab.attached_files.receive(actor, kind, number, name, length=7)
    arriving.write([b"con", b"tent"])
    return lab.attached_files.attach(actor, arriving, kind, number)


def content(lab: Lab, actor: Actor, number: int) -> bytes:
    download = lab.attached_files.open(actor, number)
    try:
        return b"".join(download.pieces)
    finally:
        download.close()


def on_disk(lab: Lab) -> list[Path]:
    return sorted((lab.settings.home / "attached").iterdir())


@pytest.fixture
def things(lab: Lab, owner: Actor, slide_file: Path) -> dict[ThingKind, int]:
    study = lab.studies.create(owner, "a study")
    slide = lab.slides.add(owner, study.id, slide_file)
    point = Feature(ShapeKind.POINT, shapely.Point(1, 2))
    (shape,) = lab.shapes.create(owner, [NewShape(slide.id, point)])
    return {
        ThingKind.STUDY: study.id,
        ThingKind.SLIDE: slide.id,
        ThingKind.IMAGE: lab.images.instance(owner, slide.id).image_id,
        ThingKind.ANNOTATION: shape.id,
    }


@pytest.mark.parametrize("kind", ThingKind)
def test_file_comes_back_as_it_was_sent(
    lab: Lab, owner: Actor, things: dict[ThingKind, int], kind: ThingKind
) -> None:
    made = attach(lab, owner, kind, things[kind], "report ü.txt")
    assert (made.kind, made.thing_id, made.name, made.size) == (
        kind,
        things[kind],
        "report ü.txt",
        7,
    )
    assert made.created_by == owner.user.id
    assert lab.attached_files.get(owner, made.id) == made
    assert lab.attached_files.list(owner, kind, things[kind]) == [made]
    assert content(lab, owner, made.id) == b"content"
    (file,) = on_disk(lab)
    assert "report" not in file.name
    assert lab.attached_files.remove(owner, made.id) == made
    assert lab.attached_files.list(owner, kind, things[kind]) == []
    assert on_disk(lab) == []
    for verb in (lab.attached_files.get, lab.attached_files.open, lab.attached_files.remove):
        with pytest.raises(NotFound, match="no attached file"):
            verb(owner, made.id)


def test_who_may(lab: Lab, owner: Actor, things: dict[ThingKind, int]) -> None:
    kind, number = ThingKind.STUDY, things[ThingKind.STUDY]
    made = attach(lab, owner, kind, number)
    actors = {}
    for name, rights in (("viewer", ["view"]), ("editor", ["view", "edit"]), ("stranger", [])):
        lab.people.add(owner, f"{name}@lab")
        if rights:
            lab.studies.set_member(owner, number, f"{name}@lab", rights)
        _, text = lab.people.create_token(
            owner, name=name, email=f"{name}@lab", capabilities=["all"]
        )
        actors[name] = lab.people.actor_for_token(text, door="tests")
    assert content(lab, actors["viewer"], made.id) == b"content"
    for verb in (
        lambda actor: lab.attached_files.receive(actor, kind, number, "b.txt"),
        lambda actor: lab.attached_files.remove(actor, made.id),
    ):
        with pytest.raises(NotAllowed):
            verb(actors["viewer"])
        with pytest.raises(NotFound):
            verb(actors["stranger"])
    for read in (
        lambda: lab.attached_files.list(actors["stranger"], kind, number),
        lambda: lab.attached_files.get(actors["stranger"], made.id),
        lambda: lab.attached_files.open(actors["stranger"], made.id),
    ):
        with pytest.raises(NotFound):
            read()
    assert lab.attached_files.remove(actors["editor"], made.id)


def test_right_that_ends_while_a_file_is_sent_is_asked_again(
    lab: Lab, owner: Actor, things: dict[ThingKind, int]
) -> None:
    kind, number = ThingKind.STUDY, things[ThingKind.STUDY]
    lab.people.add(owner, "editor@lab")
    lab.studies.set_member(owner, number, "editor@lab", ["view", "edit"])
    _, text = lab.people.create_token(
        owner, name="editor", email="editor@lab", capabilities=["all"]
    )
    editor = lab.people.actor_for_token(text, door="tests")
    arriving = lab.attached_files.receive(editor, kind, number, "a.txt")
    arriving.write([b"a"])
    lab.studies.set_member(owner, number, "editor@lab", ["view"])
    with pytest.raises(NotAllowed):
        lab.attached_files.attach(editor, arriving, kind, number)
    assert on_disk(lab) == []
    assert not list((lab.settings.home / "uploads").iterdir())


def test_files_go_with_their_things(lab: Lab, owner: Actor, things: dict[ThingKind, int]) -> None:
    made = {kind: attach(lab, owner, kind, number).id for kind, number in things.items()}
    lab.shapes.remove(owner, things[ThingKind.ANNOTATION])
    with pytest.raises(NotFound):
        lab.attached_files.get(owner, made[ThingKind.ANNOTATION])
    study = lab.studies.get(owner, things[ThingKind.STUDY])
    lab.studies.remove(owner, study.id, revision=study.revision)
    for kind in (ThingKind.STUDY, ThingKind.SLIDE):
        with pytest.raises(NotFound):
            lab.attached_files.get(owner, made[kind])


def test_what_nothing_knows_is_swept_away_after_a_day(
    lab: Lab, owner: Actor, things: dict[ThingKind, int], settings: LabSettings
) -> None:
    kind, number = ThingKind.STUDY, things[ThingKind.STUDY]
    kept = attach(lab, owner, kind, number)
    folder = settings.home / "attached"
    old, young = folder / "old", folder / "young"
    for each in (old, young):
        each.write_bytes(b"left by a crash")
    yesterday = time.time() - 25 * 3600
    for each in (old, *on_disk(lab)):
        if each != young:
            os.utime(each, (yesterday, yesterday))
    with Lab.open(settings) as again:
        attach(again, again.people.owner("tests", name="owner"), kind, number)
        assert not old.exists()
        assert young.exists()
        assert content(again, again.people.owner("tests", name="owner"), kept.id) == b"content"


def test_what_is_too_large_or_has_no_name_is_refused(
    lab: Lab, owner: Actor, things: dict[ThingKind, int]
) -> None:
    where = ThingKind.STUDY, things[ThingKind.STUDY]
    with pytest.raises(TooLarge, match="bytes"):
        lab.attached_files.receive(owner, *where, "a.txt", length=LARGEST_ATTACHED + 1)
    for name in ("", "../a", ".a", "a/b", "a" * 300):
        with pytest.raises(Invalid, match="name"):
            lab.attached_files.receive(owner, *where, name)
    with pytest.raises(Invalid, match="remark"):
        lab.attached_files.list(owner, "term", 1)
    assert not list((lab.settings.home / "uploads").iterdir())


def test_file_that_somebody_removed_from_the_disk_is_missed(
    lab: Lab, owner: Actor, things: dict[ThingKind, int]
) -> None:
    made = attach(lab, owner, ThingKind.STUDY, things[ThingKind.STUDY])
    on_disk(lab)[0].unlink()
    with pytest.raises(NotFound, match="disk"):
        lab.attached_files.open(owner, made.id)
    lab.attached_files.remove(owner, made.id)
