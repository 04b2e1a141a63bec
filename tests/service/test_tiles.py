from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from wsi_lab.errors import (
    Invalid,
    NotAllowed,
    NotFound,
    NotIdentified,
    OutOfRange,
    SlideChanged,
    SlideMissing,
    TooLarge,
)
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.service import sight
from wsi_lab.service.lab import Lab, LabSettings

FULL = 4  # The map grid of the demo slide has zooms 0-4 of 240-pixel tiles.


@pytest.fixture
def reader(study: Study, as_user: Callable[..., Actor]) -> Actor:
    return as_user("reader@lab", rights="view", study=study)


def size(jpeg: bytes) -> tuple[int, int]:
    height, width, _, _ = simplejpeg.decode_jpeg_header(jpeg)
    return width, height


def test_shown_slide_has_what_a_viewer_needs(lab: Lab, reader: Actor, slide: Slide) -> None:
    shown = lab.tiles.shown(reader, slide.id)
    assert (shown.properties.width, shown.properties.mpp_x) == (2220, 0.499)
    assert (shown.grids["map"].level_count, shown.grids["deepzoom"].level_count) == (5, 13)
    assert shown.grids["map"].tile_size == 240
    assert shown.version
    assert shown.slide.source == ""


def test_stated_mpp_is_shown(lab: Lab, owner: Actor, reader: Actor, slide: Slide) -> None:
    lab.tiles.shown(reader, slide.id)
    lab.slides.change(owner, slide.id, revision=1, mpp_x=0.25, mpp_y=0.25)
    assert lab.tiles.shown(reader, slide.id).properties.mpp == 0.25


def test_tile_is_the_stored_one(lab: Lab, reader: Actor, slide: Slide, slide_file: Path) -> None:
    tile = lab.tiles.tile(reader, slide.id, "map", FULL, 3, 4)
    assert tile.media_type == "image/jpeg"
    assert size(tile.data) == (240, 240)
    # What the file holds is inside, unchanged: everything after the tables.
    scan = tile.data[tile.data.index(b"\xff\xda") :]
    assert scan in slide_file.read_bytes()


def test_tile_that_was_shown_once_comes_at_once(lab: Lab, reader: Actor, slide: Slide) -> None:
    assert lab.tiles.tile_at_once(reader, slide.id, "map", FULL, 0, 0) is None
    waited = lab.tiles.tile(reader, slide.id, "map", FULL, 0, 0)
    assert lab.tiles.tile_at_once(reader, slide.id, "map", FULL, 0, 0) == waited


def test_what_must_be_drawn_first_does_not_come_at_once(
    lab: Lab, reader: Actor, slide: Slide
) -> None:
    lab.tiles.shown(reader, slide.id)
    assert lab.tiles.tile_at_once(reader, slide.id, "map", 0, 0, 0) is None
    drawn = lab.tiles.tile(reader, slide.id, "map", 0, 0, 0)
    assert lab.tiles.tile_at_once(reader, slide.id, "map", 0, 0, 0) == drawn


def test_tile_that_the_grid_has_not_is_out_of_range(lab: Lab, reader: Actor, slide: Slide) -> None:
    for get in (lab.tiles.tile, lab.tiles.tile_at_once):
        for place in ((FULL + 1, 0, 0), (-1, 0, 0), (FULL, 10, 0), (FULL, 0, 13), (0, 0, -1)):
            with pytest.raises(OutOfRange):
                get(reader, slide.id, "map", *place)


def test_deepzoom_edge_tile_is_cropped(lab: Lab, reader: Actor, slide: Slide) -> None:
    padded = lab.tiles.tile(reader, slide.id, "map", FULL, 9, 12)
    cropped = lab.tiles.tile(reader, slide.id, "deepzoom", 12, 9, 12)
    assert (size(padded.data), size(cropped.data)) == ((240, 240), (60, 87))


def test_etags_differ_as_bytes_do(
    lab: Lab, owner: Actor, reader: Actor, slide: Slide, slide_file: Path, demo_slide: Path
) -> None:
    def etag(grid, *place: int) -> str:
        return lab.tiles.tile(reader, slide.id, grid, *place).etag

    tags = {etag("map", FULL, 0, 0), etag("map", FULL, 0, 1), etag("map", FULL, 1, 0)}
    tags |= {etag("map", 0, 0, 0), etag("deepzoom", 0, 0, 0), etag("deepzoom", 12, 0, 0)}
    tags.add(lab.tiles.thumbnail(reader, slide.id, 100, 100).etag)
    tags.add(lab.tiles.thumbnail(reader, slide.id, 100, 101).etag)
    tags.add(lab.tiles.associated(owner, slide.id, "label").etag)
    tags.add(lab.tiles.associated(owner, slide.id, "macro").etag)
    assert len(tags) == 10
    assert all(tag.startswith('"') and tag.endswith('"') and tag.isascii() for tag in tags)
    assert etag("map", FULL, 0, 0) in tags
    replace(slide_file, demo_slide)
    assert etag("map", FULL, 0, 0) not in tags


def replace(slide_file: Path, other: Path) -> None:
    """Put another file in a slide's place, as a careful program would."""
    new = slide_file.with_suffix(".new")
    shutil.copy(other, new)
    os.utime(new, ns=(1, time.time_ns()))
    new.replace(slide_file)


def test_replaced_file_is_shown_as_it_is_now(
    lab: Lab, reader: Actor, slide: Slide, slide_file: Path, shared_data: Path
) -> None:
    before = lab.tiles.shown(reader, slide.id)
    lab.tiles.tile(reader, slide.id, "map", FULL, 0, 0)
    replace(slide_file, shared_data / "slides" / "tcga-cr-7395-01a-01-ts1.svs")
    assert lab.tiles.tile_at_once(reader, slide.id, "map", FULL, 0, 0) is None
    after = lab.tiles.shown(reader, slide.id)
    assert after.version != before.version
    assert after.properties.width != before.properties.width
    assert lab.tiles.tile(reader, slide.id, "map", 0, 0, 0)


def test_file_that_is_gone_is_missing(
    lab: Lab, reader: Actor, slide: Slide, slide_file: Path
) -> None:
    lab.tiles.tile(reader, slide.id, "map", FULL, 0, 0)
    slide_file.unlink()
    with pytest.raises(SlideMissing):
        lab.tiles.tile_at_once(reader, slide.id, "map", FULL, 0, 0)
    with pytest.raises(SlideMissing) as refused:
        lab.tiles.tile(reader, slide.id, "map", FULL, 0, 0)
    assert str(slide_file.parent) not in refused.value.message


def test_link_in_the_place_of_a_file_is_not_followed(
    lab: Lab, reader: Actor, slide: Slide, slide_file: Path, tmp_path: Path, demo_slide: Path
) -> None:
    lab.tiles.tile(reader, slide.id, "map", FULL, 0, 0)
    secret = Path(shutil.copy(demo_slide, tmp_path / "secret.svs"))
    os.utime(secret, ns=(1, 1))
    slide_file.unlink()
    slide_file.symlink_to(secret)
    for _ in range(2):
        assert lab.tiles.tile_at_once(reader, slide.id, "map", FULL, 0, 0) is None
        with pytest.raises(SlideMissing):
            lab.tiles.tile(reader, slide.id, "map", FULL, 0, 0)


def test_link_that_comes_between_looking_and_opening_is_not_followed(
    lab: Lab,
    reader: Actor,
    slide: Slide,
    slide_file: Path,
    tmp_path: Path,
    demo_slide: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = Path(shutil.copy(demo_slide, tmp_path / "secret.svs"))

    def looks_fine_and_is_swapped(_source: str) -> bool:
        slide_file.unlink(missing_ok=True)
        slide_file.symlink_to(secret)
        return True

    monkeypatch.setattr(sight, "unmoved", looks_fine_and_is_swapped)
    for _ in range(2):
        with pytest.raises(SlideMissing):
            lab.tiles.tile(reader, slide.id, "map", FULL, 0, 0)
        assert lab.tiles.tile_at_once(reader, slide.id, "map", FULL, 0, 0) is None


def test_bundle_holds_the_tiles_in_the_order_asked(lab: Lab, reader: Actor, slide: Slide) -> None:
    places = [(3, 4), (0, 0), (9, 12), (3, 4)]
    single = [lab.tiles.tile(reader, slide.id, "map", FULL, *place) for place in places]
    assert lab.tiles.bundle(reader, slide.id, FULL, places) == single
    assert lab.tiles.bundle_at_once(reader, slide.id, FULL, places) == single
    assert lab.tiles.bundle_at_once(reader, slide.id, 0, [(0, 0)]) is None
    assert lab.tiles.bundle_at_once(reader, slide.id, FULL, []) == []


def test_bundle_is_refused_as_a_whole(lab: Lab, reader: Actor, slide: Slide) -> None:
    lab.tiles.shown(reader, slide.id)
    for get in (lab.tiles.bundle, lab.tiles.bundle_at_once):
        with pytest.raises(TooLarge):
            get(reader, slide.id, FULL, [(0, 0)] * 257)
        with pytest.raises(OutOfRange):
            get(reader, slide.id, FULL, [(0, 0), (10, 0)])


def test_region_comes_as_pixels_and_as_files(lab: Lab, reader: Actor, slide: Slide) -> None:
    pixels = lab.tiles.region(reader, slide.id, (100, 200), (30, 20))
    assert (pixels.shape, pixels.dtype) == ((20, 30, 3), np.uint8)

    def file(kind) -> tuple[bytes, str]:
        return lab.tiles.region_image(reader, slide.id, (100, 200), (30, 20), format=kind)

    data, media_type = file("npy")
    assert media_type == "application/octet-stream"
    assert np.array_equal(np.load(io.BytesIO(data), allow_pickle=False), pixels)
    data, media_type = file("png")
    assert media_type == "image/png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data), formats=["PNG"])), pixels)
    data, media_type = file("jpg")
    assert (media_type, size(data)) == ("image/jpeg", (30, 20))
    with pytest.raises(Invalid):
        file("svg")


def test_region_by_mpp_follows_the_stated_scale(
    lab: Lab, owner: Actor, reader: Actor, slide: Slide
) -> None:
    def mean_of_a_region_at(mpp: float) -> np.ndarray:
        return lab.tiles.region(reader, slide.id, (0, 0), (50, 50), mpp=mpp)

    before = mean_of_a_region_at(0.998)
    lab.slides.change(owner, slide.id, revision=1, mpp_x=0.998, mpp_y=0.998)
    assert np.array_equal(mean_of_a_region_at(1.996), before)


def test_thumbnail_fits_the_box(lab: Lab, reader: Actor, slide: Slide) -> None:
    width, height = size(lab.tiles.thumbnail(reader, slide.id, 256, 256).data)
    assert max(width, height) == 256
    assert abs(width / height - 2220 / 2967) < 0.01
    for box in ((0, 10), (10, 5000)):
        with pytest.raises(Invalid):
            lab.tiles.thumbnail(reader, slide.id, *box)


def test_label_is_shown_only_with_the_right(
    lab: Lab, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    reader = as_user("r@lab", rights="view score results edit admin api", study=study)
    private = as_user("p@lab", rights="private", study=study)
    assert lab.tiles.shown(reader, slide.id).properties.associated == ()
    assert "label" in lab.tiles.shown(private, slide.id).properties.associated
    assert "label" in lab.tiles.associated_names(private, slide.id)
    assert size(lab.tiles.associated(private, slide.id, "label").data)[0] > 100
    with pytest.raises(NotAllowed):
        lab.tiles.associated_names(reader, slide.id)
    with pytest.raises(NotAllowed):
        lab.tiles.associated(reader, slide.id, "label")
    for name in ("", "nothing", "../label", "\ud800"):
        with pytest.raises(NotFound):
            lab.tiles.associated(private, slide.id, name)


def test_right_that_is_taken_ends_the_pixels_at_once(
    lab: Lab, owner: Actor, study: Study, reader: Actor, slide: Slide, settings: LabSettings, clock
) -> None:
    lab.tiles.tile(reader, slide.id, "map", FULL, 0, 0)
    assert lab.tiles.tile_at_once(reader, slide.id, "map", FULL, 0, 0)
    with Lab.open(settings, clock=clock) as other:
        other.studies.remove_member(owner, study.id, "reader@lab")
    assert lab.tiles.tile_at_once(reader, slide.id, "map", FULL, 0, 0) is None
    with pytest.raises(NotFound):
        lab.tiles.tile(reader, slide.id, "map", FULL, 0, 0)
    assert lab.tiles.tile(owner, slide.id, "map", FULL, 0, 0)


def test_token_that_is_revoked_or_expires_ends_the_pixels_at_once(
    lab: Lab, owner: Actor, slide: Slide, as_user: Callable[..., Actor], clock
) -> None:
    revoked = as_user("a@lab", is_admin=True)
    expiring = as_user("a@lab", expires_on=clock.time.replace(hour=13))
    for actor in (revoked, expiring):
        lab.tiles.tile(actor, slide.id, "map", FULL, 0, 0)
        assert lab.tiles.tile_at_once(actor, slide.id, "map", FULL, 0, 0)
    assert revoked.token is not None
    lab.people.revoke_token(owner, revoked.token.id)
    clock.pass_(hours=1)
    for actor in (revoked, expiring):
        assert lab.tiles.tile_at_once(actor, slide.id, "map", FULL, 0, 0) is None
        with pytest.raises(NotIdentified):
            lab.tiles.tile(actor, slide.id, "map", FULL, 0, 0)


def test_commit_that_concerns_nobody_leaves_tiles_at_once(
    lab: Lab, owner: Actor, reader: Actor, slide: Slide
) -> None:
    lab.tiles.tile(reader, slide.id, "map", FULL, 0, 0)
    for number in range(3):
        lab.studies.create(owner, f"other {number}")
        assert lab.tiles.tile_at_once(reader, slide.id, "map", FULL, 0, 0)


def test_study_that_is_renamed_out_of_a_tokens_limits_ends_its_pixels(
    lab: Lab, owner: Actor, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    limited = as_user("a@lab", is_admin=True, read_studies=[study.name])
    lab.tiles.tile(limited, slide.id, "map", FULL, 0, 0)
    lab.studies.change(owner, study.id, revision=1, name="renamed")
    assert lab.tiles.tile_at_once(limited, slide.id, "map", FULL, 0, 0) is None
    with pytest.raises(NotFound):
        lab.tiles.tile(limited, slide.id, "map", FULL, 0, 0)


def test_what_is_remembered_does_not_grow_for_ever(
    lab: Lab, owner: Actor, study: Study, slide_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsi_lab.service.sight.MOST_REMEMBERED", 3)
    for number in range(6):
        slide = lab.slides.add(owner, study.id, slide_file, name=str(number))
        lab.tiles.shown(owner, slide.id)
    assert len(lab.tiles._sight._remembered) == 3


def test_file_replaced_between_opening_and_reading_is_opened_anew(
    lab: Lab, reader: Actor, slide: Slide, slide_file: Path, demo_slide: Path, shared_data: Path
) -> None:
    """As often as it has to be: once."""
    from wsi_lab.slides.readers.tiff import TiffReader

    other = shared_data / "slides" / "bigtiff-pyramid-board.tif"
    before = lab.tiles.tile(reader, slide.id, "map", FULL, 3, 4)
    read, swaps = TiffReader.stored_tile, [other, demo_slide]

    def written_to_while_read(*asked, **how):
        image = read(*asked, **how)
        if how.get("wait", True) and swaps:
            slide_file.write_bytes(swaps.pop(0).read_bytes())
        return image

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TiffReader, "stored_tile", written_to_while_read)
        with pytest.raises(SlideChanged):
            lab.tiles.tile(reader, slide.id, "map", FULL, 3, 4)
        swaps[:] = [other]
        after = lab.tiles.tile(reader, slide.id, "map", FULL, 3, 4)
    assert after.etag != before.etag
    assert size(after.data) == (256, 256)
