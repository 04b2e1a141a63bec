"""Images that are sent in one piece: to whom, into which studies, and what is left of others."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from wsi_lab.errors import Invalid, NotAllowed, NotFound, StorageFull, TooLarge, WsiLabError
from wsi_lab.model.image import AbstractImage
from wsi_lab.model.remark import ThingKind
from wsi_lab.model.upload import LARGEST_UPLOAD
from wsi_lab.service.image_uploads import UploadedImage


@pytest.fixture
def editor(as_user, study):
    return as_user("editor@lab", rights="view edit", study=study)


@pytest.fixture
def home(lab) -> Path:
    return lab.settings.home


@pytest.fixture
def send(lab, demo_slide):
    """Return a function that sends an image in several pieces."""
    slide_bytes = demo_slide.read_bytes()

    def run(actor, name="CMU 1 ü.svs", *, data=slide_bytes, studies=(), **said) -> UploadedImage:
        arriving = lab.images.receive(actor, name, study_ids=studies, length=len(data))
        for start in range(0, len(data), 1 << 20):
            arriving.write([data[start : start + (1 << 20)]])
        return lab.images.register_upload(actor, arriving, study_ids=studies, **said)

    return run


def left(home: Path) -> list[str]:
    """Return the files below the home's folders of slides and uploads."""
    folders = (home / "slides", home / "uploads")
    return sorted(
        path.name for folder in folders for path in folder.rglob("*") if not path.is_dir()
    )


def test_file_becomes_an_image_of_who_sent_it(lab, editor, home, send, demo_slide, entries):
    sent = send(editor)
    image = sent.image
    assert (image.name, image.added_by, image.source) == ("CMU 1 ü.svs", editor.user.id, "")
    assert (image.width, image.height, sent.size) == (2220, 2967, demo_slide.stat().st_size)
    assert (image.slide_ids, sent.instances) == ((), ())
    assert left(home) == ["CMU 1 ü.svs"]
    assert lab.images.abstracts(editor) == [image]
    last = entries()[-1]
    assert (last.verb, last.kind, last.thing_id, last.email) == (
        "create",
        "image",
        image.id,
        "editor@lab",
    )


def test_files_of_one_name_are_images_each(lab, editor, send, home):
    assert send(editor).image.id != send(editor).image.id
    assert left(home) == ["CMU 1 ü.svs"] * 2


def test_image_becomes_slides_of_studies(lab, owner, editor, study, send):
    other = lab.studies.create(owner, "other")
    lab.studies.set_member(owner, other.id, "editor@lab", ["view", "edit"])
    first = send(editor, studies=[study.id, other.id, study.id])
    assert [each.study.id for each in first.instances] == [study.id, other.id]
    assert [each.slide.name for each in first.instances] == ["CMU 1 ü"] * 2
    assert first.image.slide_ids == tuple(each.slide.id for each in first.instances)
    second = send(editor, studies=[study.id])
    assert [each.slide.name for each in second.instances] == ["CMU 1 ü (2)"]
    assert second.instances[0].file_name == "CMU 1 ü.svs"
    slide = first.instances[0].slide
    assert lab.tiles.region(editor, slide.id, (0, 0), (8, 8)).shape == (8, 8, 3)


def test_properties_are_said_of_the_image(lab, editor, send):
    sent = send(editor, properties=[("scanner", "A"), ("run", 3)])
    found = lab.remarks.properties(editor, ThingKind.IMAGE, sent.image.id)
    assert [(each.key, each.value) for each in found] == [("scanner", "A"), ("run", "3")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.svs", b""),
        ("noise.svs", os.urandom(5000)),
        ("text.tif", b"no picture"),
        ("page.html", b"<script>alert(1)</script>"),
        ("cut.svs", None),
    ],
)
def test_what_cannot_be_read_is_refused_and_gone(
    lab, editor, study, home, send, demo_slide, name, data
):
    if data is None:
        data = demo_slide.read_bytes()[:1000]
    with pytest.raises(Invalid):
        send(editor, name, data=data, studies=[study.id])
    assert left(home) == []
    assert lab.images.abstracts(editor) == []
    assert lab.images.instances(editor, study.id) == []


@pytest.mark.parametrize(
    "name", ["", "..", "../up.svs", "a/b.svs", ".hidden", "a\x00b.svs", "a\\b.svs", "n" * 300]
)
def test_hostile_names_are_refused(lab, editor, home, name):
    with pytest.raises(Invalid):
        lab.images.receive(editor, name)
    assert left(home) == []


def test_hostile_properties_are_refused_and_nothing_is_left(lab, editor, send, home):
    for pairs in ([("", "x")], [("k", "v" * 200_000)], [("k", "v")] * 1001):
        with pytest.raises(Invalid):
            send(editor, properties=pairs)
    assert left(home) == []


def test_who_may_send_images(lab, owner, study, as_user, editor, send, home):
    reader = as_user("reader@lab", rights="view score private", study=study)
    stranger = as_user("stranger@lab")
    with pytest.raises(NotAllowed):
        lab.images.receive(reader, "a.svs", study_ids=[study.id])
    for actor in (reader, stranger):
        with pytest.raises(NotAllowed):
            lab.images.receive(actor, "a.svs")
    for study_id in (study.id, 999):
        with pytest.raises(NotFound):
            lab.images.receive(stranger, "a.svs", study_ids=[study_id])
    for limits in (
        {"folders": ["in"]},
        {"capabilities": ["scores", "pixels"]},
        {"modify_studies": [study.name]},
    ):
        limited = as_user("editor@lab", **limits)
        with pytest.raises(NotAllowed):
            lab.images.receive(limited, "a.svs")
    one_study = as_user("editor@lab", read_studies=[study.name], modify_studies=[study.name])
    assert send(one_study, studies=[study.id]).image.slide_ids
    assert send(owner).image.name == "CMU 1 ü.svs"


def test_right_that_was_taken_away_meanwhile_is_gone(lab, owner, study, editor, demo_slide, home):
    arriving = lab.images.receive(editor, "a.svs", study_ids=[study.id])
    arriving.write([demo_slide.read_bytes()])
    lab.studies.set_member(owner, study.id, "editor@lab", ["view"])
    with pytest.raises(NotAllowed):
        lab.images.register_upload(editor, arriving, study_ids=[study.id])
    assert left(home) == []


def test_what_is_not_finished_is_forgotten(lab, editor, home):
    with lab.images.receive(editor, "a.svs") as arriving:
        arriving.write([b"abc", b"def"])
        assert arriving.size == 6
        # Nor is it taken for what a crash has left.
        lab.uploads.expire()
        assert len(left(home)) == 1
    assert left(home) == []
    arriving.close()


def test_what_a_crash_leaves_is_swept_away(lab, settings, clock, editor, owner, home, send):
    kept = send(editor).image.id
    folder = home / "slides" / str(editor.user.id)
    for name, age in (("0123456789abcdef", 3), ("fedcba9876543210", 0), ("of somebody's", 3)):
        place = folder / name
        place.mkdir()
        (place / "left.svs").write_bytes(b"x")
        then = time.time() - age * 86_400
        os.utime(place, (then, then))
    (home / "uploads" / "0123").write_bytes(b"x")
    lab.images._swept.clear()
    lab.images.receive(editor, "a.svs").close()
    lab.uploads.expire()
    names = {path.parent.name for path in folder.rglob("left.svs")}
    assert names == {"fedcba9876543210", "of somebody's"}
    assert list((home / "uploads").iterdir()) == []
    assert lab.images.abstract(owner, kept).name == "CMU 1 ü.svs"
    assert list(folder.rglob("CMU 1 ü.svs"))


def test_there_has_to_be_room(lab, editor, home, monkeypatch):
    with pytest.raises(TooLarge):
        lab.images.receive(editor, "a.svs", length=LARGEST_UPLOAD + 1)
    with pytest.raises(StorageFull):
        lab.images.receive(editor, "a.svs", length=LARGEST_UPLOAD)
    monkeypatch.setattr("wsi_lab.service.uploading.image_files.LARGEST_UPLOAD", 10)
    with lab.images.receive(editor, "a.svs") as arriving:
        arriving.write([b"12345"])
        with pytest.raises(TooLarge):
            arriving.write([b"123456"])
    assert left(home) == []


def test_image_of_somebody_is_for_nobody_else(lab, owner, study, editor, send, as_user, home):
    image: AbstractImage = send(editor).image
    colleague = as_user("colleague@lab", rights="view edit private admin", study=study)
    for look in (
        lambda: lab.images.abstract(colleague, image.id),
        lambda: lab.images.add_instance(colleague, image.id, study.id),
        lambda: lab.images.remove(colleague, image.id),
    ):
        with pytest.raises(NotFound):
            look()
    assert lab.images.abstracts(colleague) == []
    made = lab.images.add_instance(editor, image.id, study.id)
    assert lab.images.abstract(colleague, image.id).slide_ids == (made.slide.id,)
    with pytest.raises(NotAllowed):
        lab.images.remove(colleague, image.id)
    with pytest.raises(Invalid):
        lab.images.remove(editor, image.id)
    lab.images.remove_instance(editor, made.slide.id)
    download = lab.images.download(editor, image.id)
    assert download.name == "CMU 1 ü.svs"
    download.close()
    lab.images.remove(editor, image.id)
    assert left(home) == []
    with pytest.raises(NotFound):
        lab.images.abstract(owner, image.id)


def test_uploads_are_not_files_that_members_make_slides_of(lab, owner, study, editor, send, home):
    send(editor)
    (path,) = (home / "slides").rglob("*.svs")
    inside = path.relative_to(home / "slides").as_posix()
    with pytest.raises(NotAllowed):
        lab.slides.add_uploaded(editor, study.id, inside)
    with pytest.raises(WsiLabError):
        lab.studies.create(owner, str(editor.user.id))
