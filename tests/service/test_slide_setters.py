from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from wsi_lab.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    SlideMissing,
    UnsupportedSlide,
)
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab
from wsi_lab.service.uploading.folders import place_of


@pytest.fixture
def htt(lab: Lab, owner: Actor) -> Study:
    return lab.studies.create(owner, "HTT")


@pytest.fixture
def uploaded(lab: Lab, demo_slide: Path) -> Path:
    """A slide that was uploaded for the study HTT."""
    folder = lab.files.root / "HTT" / "sub"
    folder.mkdir(parents=True)
    return Path(shutil.copy(demo_slide, folder / "a;b.svs"))


# Setters


def test_description_is_cleaned_and_kept(
    lab: Lab, owner: Actor, slide: Slide, entries: Callable[[], list]
) -> None:
    html = '<a href="https://x" data-y="1">see</a><script>bad()</script><div onclick="x">d</div>'
    after = lab.slides.set_description(owner, slide.id, html)
    assert "bad()" not in after.description
    assert "onclick" not in after.description
    assert 'href="https://x"' in after.description
    assert lab.slides.get(owner, slide.id).description == after.description
    assert entries()[-1].verb == "change"
    with pytest.raises(Invalid):
        lab.slides.set_description(owner, slide.id, "x" * 20_001)


@pytest.mark.parametrize("mpp", [0, -1.0, 1e6, float("nan"), float("inf"), 1e-9])
def test_resolution_that_cannot_be_is_refused(
    lab: Lab, owner: Actor, slide: Slide, mpp: float
) -> None:
    with pytest.raises(Invalid, match="greater than 0"):
        lab.slides.set_resolution(owner, slide.id, mpp)


@pytest.mark.parametrize("mpp", [0.2521, 999_999.5, 1e-6])
def test_resolution_is_what_is_shown(lab: Lab, owner: Actor, slide: Slide, mpp: float) -> None:
    after = lab.slides.set_resolution(owner, slide.id, mpp)
    assert (after.mpp_x, after.mpp_y, after.file_mpp_x) == (mpp, mpp, 0.499)
    assert lab.slides.properties(owner, slide.id).mpp_x == mpp


def test_slide_is_turned_and_renamed(
    lab: Lab, owner: Actor, study: Study, slide: Slide, slide_file: Path
) -> None:
    assert lab.slides.set_rotation(owner, slide.id, 270).rotation == 270
    with pytest.raises(Invalid):
        lab.slides.set_rotation(owner, slide.id, 45)
    lab.slides.add(owner, study.id, slide_file, name="taken")
    with pytest.raises(Conflict):
        lab.slides.rename(owner, slide.id, "taken")
    renamed = lab.slides.rename(owner, slide.id, " new ")
    assert (renamed.name, renamed.revision) == ("new", slide.revision + 2)
    assert lab.slides.rename(owner, slide.id, "new") == renamed


def test_setters_are_for_editors(
    lab: Lab, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    reader = as_user("r@lab", rights="view score", study=study)
    editor = as_user("e@lab", rights="edit", study=study)
    for change in (
        lambda who: lab.slides.set_description(who, slide.id, "x"),
        lambda who: lab.slides.set_resolution(who, slide.id, 1.0),
        lambda who: lab.slides.set_rotation(who, slide.id, 90),
        lambda who: lab.slides.rename(who, slide.id, "y"),
        lambda who: lab.cases.set_description(who, slide.case_id, "x"),
        lambda who: lab.cases.rename(who, slide.case_id, "z"),
    ):
        with pytest.raises(NotAllowed, match="'edit'"):
            change(reader)
        with pytest.raises(NotFound):
            change(as_user("stranger@lab"))
        change(editor)


def test_case_is_renamed_as_it_is_seen(
    lab: Lab, owner: Actor, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    case_id = slide.case_id or 0
    editor = as_user("e@lab", rights="edit", study=study)
    lab.cases.rename(editor, case_id, "public")
    seen = lab.cases.get(owner, case_id)
    assert (seen.name, seen.public_name) == ("Müller", "public")
    lab.cases.rename(owner, case_id, "private")
    seen = lab.cases.get(owner, case_id)
    assert (seen.name, seen.public_name) == ("private", "public")


def test_case_is_described(lab: Lab, owner: Actor, slide: Slide) -> None:
    after = lab.cases.set_description(owner, slide.case_id or 0, "<b>x</b><img src=y onerror=z>")
    assert after.description == "<b>x</b>"
    assert lab.cases.get(owner, after.id) == after


# Files of the lab's own


@pytest.mark.parametrize(
    "form", ["HTT/sub/a;b.svs", "images/HTT/sub/a;b.svs", r"images\HTT\sub\a;b.svs"]
)
def test_uploaded_file_becomes_a_slide(
    lab: Lab, owner: Actor, htt: Study, uploaded: Path, form: str
) -> None:
    slide = lab.slides.add_uploaded(owner, htt.id, form)
    assert (slide.name, slide.source, slide.file_size) == (
        "a;b",
        str(uploaded),
        uploaded.stat().st_size,
    )
    assert lab.slides.path_of(owner, slide.id) == "images/HTT/sub/a;b.svs"
    again = lab.slides.add_uploaded(owner, htt.id, form)
    assert again == slide


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("../lab.sqlite3", Invalid),
        ("HTT/../../lab.sqlite3", Invalid),
        ("/etc/passwd", Invalid),
        ("", Invalid),
        ("images/", SlideMissing),
        ("HTT/.hidden", Invalid),
        ("HTT/none.svs", SlideMissing),
        ("HTT/note.txt", UnsupportedSlide),
    ],
)
def test_what_is_no_slide_of_the_lab_is_not_added(
    lab: Lab, owner: Actor, htt: Study, uploaded: Path, path: str, error: type[Exception]
) -> None:
    (lab.files.root / "HTT" / "note.txt").write_text("no slide")
    with pytest.raises(error):
        lab.slides.add_uploaded(owner, htt.id, path)


def test_link_out_of_the_lab_is_no_file(
    lab: Lab, owner: Actor, htt: Study, uploaded: Path, slide_file: Path
) -> None:
    (lab.files.root / "HTT" / "link.svs").symlink_to(slide_file)
    with pytest.raises((Invalid, SlideMissing)):
        lab.slides.add_uploaded(owner, htt.id, "HTT/link.svs")


def test_files_are_for_their_own_study(
    lab: Lab, owner: Actor, study: Study, htt: Study, uploaded: Path, as_user: Callable[..., Actor]
) -> None:
    editor = as_user("e@lab", rights="edit", study=htt)
    assert lab.slides.add_uploaded(editor, htt.id, "HTT/sub/a;b.svs").source == ""
    lab.studies.set_member(owner, study.id, "e@lab", ["edit"])
    with pytest.raises(NotAllowed):
        lab.slides.add_uploaded(as_user("e@lab"), study.id, "HTT/sub/a;b.svs")
    shutil.copytree(lab.files.root / "HTT", lab.files.root / "nobody's")
    with pytest.raises(NotAllowed):
        lab.slides.add_uploaded(as_user("e@lab"), htt.id, "nobody's/sub/a;b.svs")
    lab.slides.add_uploaded(owner, study.id, "nobody's/sub/a;b.svs")


def test_equal_stems_get_their_endings(lab: Lab, owner: Actor, htt: Study, uploaded: Path) -> None:
    for ending, name in ((".svs", "x"), (".tif", "x.tif")):
        shutil.copy(uploaded, lab.files.root / "HTT" / f"x{ending}")
        assert lab.slides.add_uploaded(owner, htt.id, f"HTT/x{ending}").name == name
    shutil.copy(uploaded, lab.files.root / "HTT" / "sub" / "x.tif")
    with pytest.raises(Conflict):
        lab.slides.add_uploaded(owner, htt.id, "HTT/sub/x.tif")


def test_slide_moves_to_another_file(
    lab: Lab, owner: Actor, study: Study, slide: Slide, uploaded: Path, slide_file: Path
) -> None:
    assert lab.slides.path_of(owner, slide.id) == slide.source
    for path in ("HTT/sub/a;b.svs", str(uploaded)):
        lab.slides.move(owner, slide.id, path)
        assert lab.slides.path_of(owner, slide.id) == "images/HTT/sub/a;b.svs"
        lab.slides.move(owner, slide.id, str(slide_file))
        assert lab.slides.path_of(owner, slide.id) == slide.source
    (lab.files.root / "HTT" / "note.txt").write_text("no slide")
    before = lab.slides.get(owner, slide.id)
    for path in ("HTT/none.svs", "HTT/note.txt", "/etc/passwd", "../x.svs"):
        with pytest.raises((Invalid, SlideMissing, UnsupportedSlide, NotAllowed)):
            lab.slides.move(owner, slide.id, path)
    assert lab.slides.get(owner, slide.id) == before


def test_paths_are_for_site_administrators(
    lab: Lab, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    member = as_user("m@lab", rights="edit admin private", study=study)
    with pytest.raises(NotAllowed):
        lab.slides.path_of(member, slide.id)
    with pytest.raises(NotAllowed):
        lab.slides.move(member, slide.id, "HTT/x.svs")


@pytest.mark.parametrize(
    ("path", "start", "place"),
    [
        ("1.svs", "HTT", ("HTT", "1.svs")),
        ("../1.svs", "HTT", ("", "1.svs")),
        ("sub/../1.svs", "HTT", ("HTT", "1.svs")),
        ("images/1.svs", "HTT", ("HTT/images", "1.svs")),
        ("Images/HTT/1.svs", "", ("HTT", "1.svs")),
        ("images", "", ("", "images")),
    ],
)
def test_paths_lead_where_they_say(path: str, start: str, place: tuple[str, str]) -> None:
    assert place_of(path, start=start) == place


# Focus


def test_blurred_slide_is_out_of_focus(
    lab: Lab, owner: Actor, study: Study, slide: Slide, slide_folder: Path
) -> None:
    assert lab.slides.out_of_focus(owner, slide.id) is False
    pixels = lab.tiles.region(owner, slide.id, (0, 0), (slide.width, slide.height))
    blurred = Image.fromarray(np.asarray(pixels)).filter(ImageFilter.GaussianBlur(3))
    blurred.save(slide_folder / "blurred.png")
    added = lab.slides.add(owner, study.id, "blurred.png")
    assert lab.slides.out_of_focus(owner, added.id) is True


def test_real_slides_are_in_focus(
    lab: Lab, owner: Actor, study: Study, slide_folder: Path, shared_data: Path
) -> None:
    for name in (
        "tcga-cr-7395-01a-01-ts1.svs",
        "kidney-48-5.tif",
        "test_slide.png",
        "slidescore-test-image.tiff",
        "dicom-camelyon-lowres-jpeg.dcm",
        "dicom-tiny-sm.dcm",
    ):
        shutil.copy(shared_data / "slides" / name, slide_folder)
        slide = lab.slides.add(owner, study.id, name)
        assert lab.slides.out_of_focus(owner, slide.id) is False, name


def test_large_slide_is_looked_at_where_it_shows_most(
    lab: Lab, owner: Actor, study: Study, slide: Slide, slide_folder: Path
) -> None:
    tissue = lab.tiles.region(owner, slide.id, (0, 0), (2048, 2048))
    for name, radius in (("sharp", 0), ("blurred", 3)):
        canvas = Image.new("RGB", (18_000, 4_000), "white")
        patch = Image.fromarray(np.asarray(tissue)).filter(ImageFilter.GaussianBlur(radius))
        canvas.paste(patch, (15_000, 1_500))
        canvas.save(slide_folder / f"{name}.tif", compression="tiff_lzw")
        added = lab.slides.add(owner, study.id, f"{name}.tif")
        assert lab.slides.out_of_focus(owner, added.id) is (name == "blurred")


def test_focus_is_for_members_and_needs_the_file(
    lab: Lab, owner: Actor, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    without_pixels = as_user("r@lab", rights="view", study=study, capabilities=["upload"])
    assert lab.slides.out_of_focus(without_pixels, slide.id) is False
    with pytest.raises(NotFound):
        lab.slides.out_of_focus(as_user("stranger@lab"), slide.id)
    Path(slide.source).unlink()
    with pytest.raises(SlideMissing):
        lab.slides.out_of_focus(owner, slide.id)
