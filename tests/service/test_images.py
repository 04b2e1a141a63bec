"""Images apart from their slides: who sees which, and what becomes of them in studies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import shapely

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound, SlideMissing
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.image import ImageCounts


@pytest.fixture
def image(lab, owner, slide):
    """The image that the slide was made of."""
    return lab.images.abstract(owner, lab.images.instance(owner, slide.id).image_id)


@pytest.fixture
def other_study(lab, owner):
    return lab.studies.create(owner, "other")


@pytest.fixture
def reader(as_user, study):
    return as_user("reader@lab", rights="view score", study=study)


@pytest.fixture
def stranger(as_user):
    return as_user("stranger@lab")


def draw(lab, actor, slide, layer, count: int = 1) -> None:
    shapes = [Feature(ShapeKind.POLYGON, shapely.box(n, n, n + 5, n + 5)) for n in range(count)]
    lab.drawing.add(actor, slide.id, layer.id, [(None, each) for each in shapes])


def test_image_says_what_the_file_says(lab, owner, slide, image, slide_file):
    assert (image.name, image.source) == ("CMU-1.svs", str(slide_file))
    assert (image.width, image.height, image.objective_power) == (2220, 2967, 20.0)
    assert (image.mpp_x, image.mpp_y) == (slide.file_mpp_x, slide.file_mpp_y)
    assert (image.format, image.file_size) == (slide.format, slide_file.stat().st_size)
    assert (image.added_by, image.slide_ids) == (None, (slide.id,))
    assert lab.images.abstracts(owner) == [image]


def test_instance_is_a_slide_with_its_image(lab, owner, study, slide, image):
    found = lab.images.instance(owner, slide.id)
    assert (found.slide, found.study, found.image_id) == (slide, study, image.id)
    assert (found.file_name, found.added_by) == ("CMU-1.svs", owner.user.id)
    assert lab.images.instances(owner, study.id) == [found]
    assert lab.images.file_names(owner, study.id) == {slide.id: "CMU-1.svs"}


def test_name_of_the_file_is_told_only_with_the_right_private(
    lab, owner, study, slide, image, reader, as_user
):
    lab.slides.rename(owner, slide.id, "Blinded 7")
    for told in (
        lab.images.instance(reader, slide.id).file_name,
        lab.images.abstract(reader, image.id).name,
    ):
        assert told == "Blinded 7.svs"
    found = lab.images.abstract(reader, image.id)
    assert found.source == ""
    assert lab.images.instance(reader, slide.id).slide.source == ""
    assert lab.images.file_names(reader, study.id) == {slide.id: "Blinded 7.svs"}
    knowing = as_user("knowing@lab", rights="view private", study=study)
    assert lab.images.abstract(knowing, image.id).name == "CMU-1.svs"
    assert lab.images.instances(knowing, study.id)[0].file_name == "CMU-1.svs"
    assert lab.images.abstract(knowing, image.id).source == ""


def test_strangers_see_nothing(lab, owner, study, slide, image, stranger):
    for look in (
        lambda: lab.images.abstract(stranger, image.id),
        lambda: lab.images.instance(stranger, slide.id),
        lambda: lab.images.instances(stranger, study.id),
        lambda: lab.images.file_names(stranger, study.id),
        lambda: lab.images.thumbnail(stranger, image.id, 10, 10),
        lambda: lab.images.download(stranger, image.id),
        lambda: lab.images.change_instance(stranger, slide.id, name="mine"),
        lambda: lab.images.remove_instance(stranger, slide.id),
        lambda: lab.images.remove(stranger, image.id),
    ):
        with pytest.raises(NotFound):
            look()
    assert lab.images.abstracts(stranger) == []
    assert lab.images.counts(stranger, [study.id]) == {}


@pytest.mark.parametrize("number", [0, -1, 999, 1 << 70])
def test_what_there_is_not_is_not_found(lab, owner, study, number):
    for look in (
        lambda: lab.images.abstract(owner, number),
        lambda: lab.images.instance(owner, number),
        lambda: lab.images.instances(owner, number),
        lambda: lab.images.add_instance(owner, number, study.id),
    ):
        with pytest.raises(NotFound):
            look()


def test_image_becomes_a_slide_of_another_study(
    lab, owner, study, slide, image, other_study, entries
):
    made = lab.images.add_instance(owner, image.id, other_study.id)
    assert (made.slide.name, made.slide.source) == ("CMU-1", slide.source)
    assert (made.study.id, made.image_id) == (other_study.id, image.id)
    assert lab.images.abstract(owner, image.id).slide_ids == (slide.id, made.slide.id)
    assert len(lab.images.abstracts(owner)) == 1
    with pytest.raises(Conflict):
        lab.images.add_instance(owner, image.id, other_study.id)
    last = entries()[-1]
    assert (last.verb, last.kind, last.thing_id) == ("create", "slide", made.slide.id)


def test_slide_gets_a_name_that_is_free(lab, owner, slide, image, other_study, slide_folder):
    second = Path(shutil.copy(slide.source, slide_folder / "second.svs"))
    lab.slides.add(owner, other_study.id, second, name="CMU-1")
    assert lab.images.add_instance(owner, image.id, other_study.id).slide.name == "CMU-1 (2)"


def test_image_is_used_elsewhere_by_who_may_see_all_of_it(
    lab, owner, study, slide, image, other_study, as_user
):
    as_user("blind@lab", rights="view edit", study=study)
    blind = as_user("blind@lab", rights="view edit private", study=other_study)
    # In their own study they would see the label, and the file.
    with pytest.raises(NotAllowed, match="private"):
        lab.images.add_instance(blind, image.id, other_study.id)
    as_user("seeing@lab", rights="view private", study=study)
    seeing = as_user("seeing@lab", rights="view edit", study=other_study)
    assert lab.images.add_instance(seeing, image.id, other_study.id).study.id == other_study.id


def test_making_a_slide_needs_the_right_edit(lab, slide, image, other_study, study, as_user):
    as_user("some@lab", rights="view edit private", study=study)
    some = as_user("some@lab", rights="view", study=other_study)
    with pytest.raises(NotAllowed):
        lab.images.add_instance(some, image.id, other_study.id)


def test_file_that_is_gone_becomes_no_slide(lab, owner, slide, image, other_study, slide_file):
    elsewhere = slide_file.rename(slide_file.with_name("moved.svs"))
    with pytest.raises(SlideMissing):
        lab.images.add_instance(owner, image.id, other_study.id)
    # Nor does one that somebody has put a link in the place of.
    slide_file.symlink_to(elsewhere)
    with pytest.raises(SlideMissing):
        lab.images.add_instance(owner, image.id, other_study.id)
    assert lab.images.instances(owner, other_study.id) == []


def test_instance_is_changed(lab, owner, slide, entries):
    after = lab.images.change_instance(
        owner, slide.id, name="new", magnification=40, mpp_x=0.25, mpp_y=0.3
    ).slide
    assert (after.name, after.objective_power) == ("new", 40.0)
    assert (after.stated_mpp_x, after.stated_mpp_y) == (0.25, 0.3)
    assert after.file_mpp_x == slide.file_mpp_x
    assert (entries()[-1].verb, entries()[-1].kind) == ("change", "slide")


def test_what_is_said_again_as_it_is_changes_nothing(lab, owner, slide):
    after = lab.images.change_instance(
        owner, slide.id, name=slide.name, magnification=20, mpp_x=slide.mpp_x, mpp_y=slide.mpp_y
    ).slide
    assert after == slide
    assert lab.images.change_instance(owner, slide.id).slide == slide


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"name": "n" * 201},
        {"magnification": 0},
        {"magnification": -5},
        {"magnification": float("nan")},
        {"magnification": 1e9},
        {"mpp_x": 0},
        {"mpp_y": float("inf")},
        {"mpp_x": 1000.0},
    ],
)
def test_hostile_changes_are_refused(lab, owner, slide, given):
    with pytest.raises(Invalid):
        lab.images.change_instance(owner, slide.id, **given)
    assert lab.slides.get(owner, slide.id) == slide


def test_changing_and_removing_need_the_right_edit(lab, owner, study, slide, reader, as_user):
    for change in (
        lambda: lab.images.change_instance(reader, slide.id, name="mine"),
        lambda: lab.images.remove_instance(reader, slide.id),
    ):
        with pytest.raises(NotAllowed):
            change()
    editor = as_user("editor@lab", rights="view edit", study=study)
    assert lab.images.change_instance(editor, slide.id, name="mine").slide.name == "mine"


def test_image_outlives_its_slides(lab, owner, study, slide, image, reader, slide_file, entries):
    lab.images.remove_instance(owner, slide.id)
    assert lab.images.instances(owner, study.id) == []
    assert (entries()[-1].verb, entries()[-1].kind) == ("remove", "slide")
    found = lab.images.abstract(owner, image.id)
    assert (found.slide_ids, found.width) == ((), 2220)
    with pytest.raises(NotFound):
        lab.images.abstract(reader, image.id)
    assert lab.images.add_instance(owner, image.id, study.id).slide.id != slide.id
    with pytest.raises(Invalid):
        lab.images.remove(owner, image.id)
    (again,) = lab.images.instances(owner, study.id)
    lab.images.remove_instance(owner, again.slide.id)
    lab.images.remove(owner, image.id)
    assert lab.images.abstracts(owner) == []
    # The file was not sent to the lab, so it is not the lab's to remove.
    assert slide_file.exists()


def test_shapes_are_counted_that_the_asker_may_see(lab, owner, study, slide, reader, as_user):
    shared = lab.layers.create(owner, study.id, "shared", is_shared=True)
    own = lab.layers.create(owner, study.id, "each their own")
    draw(lab, owner, slide, shared, 3)
    draw(lab, owner, slide, own, 2)
    draw(lab, reader, slide, own, 1)
    counted = {
        actor.user.email: lab.images.instance(actor, slide.id).annotation_count
        for actor in (owner, reader)
    }
    assert counted == {owner.user.email: 6, "reader@lab": 4}
    assert lab.images.counts(reader, [study.id, 999]) == {study.id: ImageCounts(1, 4)}
    lab.layers.remove(owner, shared.id, revision=lab.layers.get(owner, shared.id).revision)
    assert lab.images.instance(reader, slide.id).annotation_count == 1


def test_images_of_a_limited_token_are_those_of_its_studies(
    lab, owner, study, slide, image, other_study, as_user
):
    boss = as_user("boss@lab", is_admin=True, read_studies=[other_study.name])
    assert lab.images.abstracts(boss) == []
    with pytest.raises(NotFound):
        lab.images.abstract(boss, image.id)
    lab.images.add_instance(owner, image.id, other_study.id)
    (found,) = lab.images.abstracts(boss)
    assert len(found.slide_ids) == 1


def test_thumbnail_and_file_of_an_image(lab, owner, study, slide, image, reader, as_user):
    picture = lab.images.thumbnail(reader, image.id, 64, 64)
    assert picture == lab.tiles.thumbnail(reader, slide.id, 64, 64)
    with pytest.raises(NotAllowed):
        lab.images.download(reader, image.id)
    knowing = as_user("knowing@lab", rights="view private", study=study)
    download = lab.images.download(knowing, image.id)
    try:
        assert (download.name, download.size) == ("CMU-1.svs", image.file_size)
    finally:
        download.close()
    lab.images.remove_instance(owner, slide.id)
    assert lab.images.thumbnail(owner, image.id, 64, 64).data == picture.data
    with pytest.raises(Invalid):
        lab.images.thumbnail(owner, image.id, 0, 64)
    download = lab.images.download(owner, image.id)
    try:
        assert sum(len(piece) for piece in download.pieces) == image.file_size
    finally:
        download.close()
