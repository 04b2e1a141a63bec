"""The client against the lab itself, in another process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from wsi_lab.client import UnknownKey
from wsi_lab.connecting import connect
from wsi_lab.demo import SLIDE, STUDY
from wsi_lab.errors import (
    Conflict,
    Invalid,
    NotFound,
    NotIdentified,
    OutOfRange,
    SlideMissing,
    TooLarge,
    UnsupportedSlide,
)


@pytest.fixture
def study(real_lab):
    return real_lab.studies[STUDY]


@pytest.fixture
def slide(study):
    return study.slides[SLIDE]


@pytest.fixture
def new_study(real_lab, request):
    made = real_lab.studies.create(f"made for {request.node.name}")
    yield made
    real_lab.studies[made.id].remove()


def test_demo_is_there_with_all_its_facts(real_lab, slide):
    assert (slide.width, slide.height, slide.mpp, slide.objective_power) == (2220, 2967, 0.499, 20)
    assert slide.case == "CMU-1"
    assert (slide.grid.tile_size, slide.grid.level_count) == (240, 5)
    assert slide.levels[0].tile_width == 240
    assert "label" in slide.properties.associated
    assert real_lab.me.is_admin


def test_frames_hold_what_the_lab_holds(real_lab, study):
    studies, slides = real_lab.studies.to_frame(), study.slides.to_frame()
    assert studies.loc[study.id, "slide_count"] == len(slides)
    assert slides["name"].tolist() == list(study.slides)
    assert slides["added_on"].iloc[0] <= datetime.now(UTC)


def test_region_is_what_another_library_reads(slide, demo_slide):
    openslide = pytest.importorskip("openslide")
    with openslide.OpenSlide(demo_slide) as reference:
        expected = np.asarray(reference.read_region((900, 1600), 0, (300, 200)).convert("RGB"))
    pixels = slide.region((900, 1600), (300, 200))
    assert pixels.shape == (200, 300, 3)
    assert np.abs(pixels.astype(int) - expected).max() <= 2


def test_region_by_mpp_covers_as_much_of_the_slide(slide):
    fine = slide.region((800, 1500), (400, 400))
    coarse = slide.region((800, 1500), (100, 100), mpp=4 * slide.mpp)
    means = fine.reshape(100, 4, 100, 4, 3).mean(axis=(1, 3))
    assert np.abs(means - coarse).mean() < 4


def test_region_beyond_the_slide_is_white(slide):
    assert (slide.region((-500, -500), (100, 100)) == 255).all()


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"level": 7}, OutOfRange),
        ({"level": 0, "mpp": 1.0}, Invalid),
        ({"mpp": -1.0}, Invalid),
    ],
)
def test_region_that_cannot_be_is_refused(slide, asked, kind):
    with pytest.raises(kind):
        slide.region((0, 0), (10, 10), **asked)


def test_region_too_large_for_one_request_is_refused(slide):
    with pytest.raises(TooLarge):
        slide.region((0, 0), (50_000, 50_000))


def test_thumbnail_and_label_are_pictures(slide):
    thumbnail = slide.thumbnail((300, 300))
    assert isinstance(thumbnail, Image.Image)
    assert max(thumbnail.size) == 300
    assert slide.associated("label").size == (387, 463)
    assert slide._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(NotFound):
        slide.associated("nothing of that kind")


def test_slides_come_and_go(new_study, demo_server):
    path = str(demo_server.home / "slides" / f"{SLIDE}.svs")
    added = new_study.slides.add(
        path, name="one", case="private", case_public="public", stain="HER2", tags=("b", "a")
    )
    assert new_study.slides["one"] == added
    assert new_study.cases["public"].private_name == "private"
    changed = added.change(stain="Ki-67", mpp_x=0.25, mpp_y=0.25)
    assert (changed.stain, changed.mpp) == ("Ki-67", 0.25)
    with pytest.raises(Conflict) as caught:
        added.change(stain="again, from the old one")
    assert caught.value.request == f"PATCH v1/slides/{added.id}"
    with pytest.raises(Conflict):
        new_study.slides.add(path, name="one")
    changed.remove()
    assert len(new_study.slides) == 0


def test_file_that_is_no_slide_is_refused_by_name(new_study, tmp_path):
    with pytest.raises(SlideMissing):
        new_study.slides.add("/no/such/slide.svs")
    text = tmp_path / "notes.svs"
    text.write_text("not a slide")
    with pytest.raises(UnsupportedSlide):
        new_study.slides.add(str(text))


def test_study_is_changed_published_and_given_to_members(real_lab, new_study):
    changed = new_study.change(description="Three readers.", published=True)
    assert changed.published_on is not None
    real_lab.users.add("reader@example.org", name="Reader")
    member = changed.set_member("reader@example.org", ["view", "score"])
    assert member.rights == {"view", "score"}
    assert "reader@example.org" in {each.email for each in changed.members}
    changed.remove_member("reader@example.org")
    assert "reader@example.org" not in {each.email for each in changed.members}


def test_names_of_every_alphabet_are_found_again(real_lab):
    for name in ("Ki-67 / α & β?", "a+b=c #1 %41", "größe 'x' \"y\"", "診断"):
        made = real_lab.studies.create(name)
        assert real_lab.studies[name] == made
        made.remove()


def test_token_works_until_it_is_revoked(real_lab):
    made = real_lab.tokens.create("short", expires_on=datetime.now(UTC) + timedelta(days=1))
    other = connect(real_lab.url, made.token, environment={})
    assert STUDY in other.studies
    real_lab.tokens.revoke(made)
    with pytest.raises(NotIdentified):
        other.studies[STUDY]
    other.close()


def test_lab_does_not_answer_without_a_token(real_lab):
    with pytest.raises(NotIdentified, match="token"):
        connect(real_lab.url, environment={})


def test_close_name_is_suggested(real_lab):
    with pytest.raises(UnknownKey, match=f"did you mean '{STUDY}'"):
        real_lab.studies["Demmo"]
    assert "n" * 300 not in real_lab.studies


def test_answers_come_and_go_as_tables(new_study, demo_server):
    new_study.questions.add("Grade", "DropDown", "1;2;3")
    path = str(demo_server.home / "slides" / f"{SLIDE}.svs")
    slide = new_study.slides.add(path, name="one", case="private", case_public="public")
    first = new_study.submit("Grade", 2, slide=slide)
    second = new_study.submit("Grade", 3, slide=slide, revision=first.revision)
    with pytest.raises(Conflict) as caught:
        new_study.submit("Grade", 1, slide=slide, revision=first.revision)
    assert caught.value.details["current"] == second.revision == 2
    assert [each.answer for each in second.history()] == ["2", "3"]
    scores = new_study.scores()
    assert scores[["slide", "question", "kind", "answer"]].values.tolist() == [
        ["one", "Grade", "DropDown", "3"]
    ]
    assert new_study.import_results(scores).unchanged == 1
    others = scores.assign(reader="model-7@lab", answer="1")
    assert new_study.import_results(others).stored == 1
    assert new_study.scores(reader="model-7@lab")["answer"].tolist() == ["1"]
    with pytest.raises(Invalid) as caught:
        new_study.import_results(others.assign(question="What?"))
    assert len(caught.value.problems) == 1


def test_slide_is_sent_and_looked_at(real_lab, demo_slide):
    study = real_lab.studies.create("sent-by-the-client")
    try:
        slide = study.upload(demo_slide, name="sent.svs")
        assert (slide.name, slide.width) == ("sent", 2220)
        assert slide.region((0, 0), (4, 4)).shape == (4, 4, 3)
    finally:
        real_lab.studies[study.id].remove()
