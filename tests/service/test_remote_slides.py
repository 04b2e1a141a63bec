"""Slides of studies that lie in buckets, and the lab's own source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.object_server import ObjectServer
from wsi_lab.errors import (
    Invalid,
    NotAllowed,
    NotFound,
    SlideMissing,
    SourceUnavailable,
    UnsupportedSlide,
)
from wsi_lab.model.people import Actor
from wsi_lab.model.source import Source
from wsi_lab.model.study import Study
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.service.slides import NewSlide

ADDRESS = "s3://slides/CMU-1.svs"


@pytest.fixture
def objects(slide_file: Path) -> Iterator[ObjectServer]:
    """The folder that slides may come from, as the bucket ``slides``."""
    (slide_file.parent / "note.svs").write_text("no slide")
    with ObjectServer(slide_file.parent) as server:
        yield server


@pytest.fixture
def bucket(objects: ObjectServer) -> Source:
    return Source.at("s3://slides", endpoint=objects.url, anonymous=True)


@pytest.fixture
def settings(settings: LabSettings, bucket: Source, slide_folder: Path) -> LabSettings:
    return replace(settings, slide_roots=(Source.at(str(slide_folder)), bucket))


def test_slide_in_a_bucket_is_like_one_on_disk(
    lab: Lab, owner: Actor, study: Study, slide_file: Path
) -> None:
    near = lab.slides.add(owner, study.id, slide_file, name="near")
    far = lab.slides.add(owner, study.id, "S3://slides/CMU-1.svs", case="Jane")
    assert (far.name, far.source) == ("CMU-1", ADDRESS)
    same = ("format", "width", "height", "objective_power", "file_mpp_x", "file_mpp_y")
    assert [getattr(far, each) for each in same] == [getattr(near, each) for each in same]
    one, other = (lab.tiles.tile(owner, each.id, "map", 3, 2, 2) for each in (near, far))
    assert one.data == other.data
    region = ((100.0, 100.0), (64, 64))
    pixels = [lab.tiles.region(owner, each.id, *region) for each in (near, far)]
    assert (pixels[0] == pixels[1]).all()
    assert lab.tiles.tile_at_once(owner, far.id, "map", 3, 2, 2) is not None


def test_member_sees_pixels_but_no_address(
    lab: Lab, owner: Actor, study: Study, as_user: Callable[..., Actor]
) -> None:
    far = lab.slides.add(owner, study.id, ADDRESS)
    reader = as_user("reader@lab", rights="view", study=study)
    assert lab.slides.get(reader, far.id).source == ""
    assert lab.tiles.tile(reader, far.id, "map", 0, 0, 0).data
    stranger = as_user("stranger@lab")
    with pytest.raises(NotFound):
        lab.tiles.tile(stranger, far.id, "map", 0, 0, 0)


def test_members_add_from_declared_buckets_only(
    lab: Lab, study: Study, as_user: Callable[..., Actor], objects: ObjectServer
) -> None:
    editor = as_user("editor@lab", rights="edit", study=study)
    assert lab.slides.add(editor, study.id, ADDRESS).source == ""
    objects.take_log()
    for address in ("s3://other/CMU-1.svs", f"{objects.url}/slides/CMU-1.svs"):
        with pytest.raises(NotAllowed):
            lab.slides.add(editor, study.id, address)
    assert objects.take_log() == []


def test_many_slides_of_several_places_are_added_together(
    lab: Lab, owner: Actor, study: Study, slide_file: Path
) -> None:
    new = [NewSlide(slide_file, name="a"), NewSlide(ADDRESS, name="b")]
    assert [slide.name for slide in lab.slides.add_many(owner, study.id, new)] == ["a", "b"]
    bad = [NewSlide(ADDRESS, name="c"), NewSlide("s3://slides/x/none.svs"), NewSlide("s3://x/")]
    with pytest.raises(Invalid) as refused:
        lab.slides.add_many(owner, study.id, bad)
    assert refused.value.details["rows"] == [1, 2]
    assert refused.value.problems[0].startswith("none.svs: ")
    assert len(lab.slides.list(owner, study.id).items) == 2


def test_what_is_no_slide_is_said_in_words(
    lab: Lab, owner: Actor, study: Study, objects: ObjectServer
) -> None:
    with pytest.raises(SlideMissing):
        lab.slides.add(owner, study.id, "s3://slides/none.svs")
    with pytest.raises(UnsupportedSlide):
        lab.slides.add(owner, study.id, "s3://slides/note.svs")
    objects.stop()
    with pytest.raises(SourceUnavailable) as failed:
        lab.slides.add(owner, study.id, ADDRESS)
    for secret in ("slides/", objects.url, "CMU-1"):
        assert secret not in failed.value.message


def test_slide_that_is_gone_from_its_bucket_is_missing(
    lab: Lab, owner: Actor, study: Study, slide_file: Path
) -> None:
    far = lab.slides.add(owner, study.id, ADDRESS)
    slide_file.unlink()
    with pytest.raises(SlideMissing):
        lab.tiles.tile(owner, far.id, "map", 4, 9, 9)


def test_slide_is_read_by_a_lab_that_is_opened_later(
    settings: LabSettings, objects: ObjectServer
) -> None:
    with Lab.open(settings) as lab:
        owner = lab.people.owner()
        study = lab.studies.create(owner, "s")
        far = lab.slides.add(owner, study.id, ADDRESS)
        tile = lab.tiles.tile(owner, far.id, "map", 0, 0, 0)
    with Lab.open(settings) as lab:
        assert lab.tiles.tile(lab.people.owner(), far.id, "map", 0, 0, 0) == tile


def test_lab_has_the_source_that_it_was_given(
    settings: LabSettings, bucket: Source, lab: Lab
) -> None:
    assert lab.source is None
    elsewhere = replace(settings, home=settings.home.with_name("h2"), source=bucket)
    with Lab.open(elsewhere) as other:
        assert other.source is not None
        assert other.source.source == bucket
        assert other.source.keys().keys == ("CMU-1.svs", "note.svs")
        assert other.source.describe("CMU-1.svs").width == 2220
        # One engine, and one secret for each home.
        assert other.source_secret() != lab.source_secret()
        assert len(other.source_secret()) == 32
        assert other.source_secret() != other.server_key()
