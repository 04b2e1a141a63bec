"""Pixels of slides that lie in a bucket, for those who may see them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from bench.object_server import BUCKET, ObjectServer
from wsi_lab.errors import OutOfRange, SlideChanged, SourceUnavailable
from wsi_lab.model.people import Actor
from wsi_lab.model.source import Source
from wsi_lab.model.study import Slide
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.service.tiles import TileAnswer

FULL = 4  # The map grid of the demo slide has zooms 0-4 of 240-pixel tiles.


@pytest.fixture
def objects(tmp_path: Path, demo_slide: Path) -> Iterator[ObjectServer]:
    """A bucket with the demo slide in it."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    shutil.copy(demo_slide, folder / "far.svs")
    with ObjectServer(folder) as server:
        yield server


@pytest.fixture
def far(tmp_path: Path, objects: ObjectServer) -> Iterator[Lab]:
    source = Source.at(f"s3://{BUCKET}", endpoint=objects.url, anonymous=True)
    settings = LabSettings(tmp_path / "far", slide_roots=(source,), workers=1)
    with Lab.open(settings) as lab:
        yield lab


@pytest.fixture
def person(far: Lab) -> Actor:
    return far.people.owner("tests", name="owner")


@pytest.fixture
def far_slide(far: Lab, person: Actor) -> Slide:
    study = far.studies.create(person, "far away")
    return far.slides.add(person, study.id, f"s3://{BUCKET}/far.svs")


def replace(objects: ObjectServer, other: Path) -> None:
    new = objects.folder / "new"
    shutil.copy(other, new)
    new.replace(objects.folder / "far.svs")


def test_tiles_are_those_of_the_file(
    far: Lab, person: Actor, far_slide: Slide, lab: Lab, owner: Actor, slide: Slide
) -> None:
    near = lab.tiles.shown(owner, slide.id)
    shown = far.tiles.shown(person, far_slide.id)
    assert shown.properties.levels == near.properties.levels
    for place in ((FULL, 3, 4), (FULL, 9, 12), (1, 0, 0)):
        tile = far.tiles.tile(person, far_slide.id, "map", *place)
        assert tile.data == lab.tiles.tile(owner, slide.id, "map", *place).data
        assert far.tiles.tile_at_once(person, far_slide.id, "map", *place) == tile
    for kind in ("thumbnail", "associated"):
        asked: tuple[Any, ...] = (99, 99) if kind == "thumbnail" else ("label",)
        theirs = getattr(lab.tiles, kind)(owner, slide.id, *asked).data
        assert getattr(far.tiles, kind)(person, far_slide.id, *asked).data == theirs


@pytest.mark.usefixtures("whole_views")
def test_tiles_that_are_asked_for_together_share_trips(
    far: Lab, person: Actor, far_slide: Slide, objects: ObjectServer
) -> None:
    places = [(FULL, column, row) for column in range(1, 8) for row in range(3, 8)]
    objects.take_log()
    soon = [far.tiles.tile_soon(person, far_slide.id, "map", *place) for place in places]
    assert soon == [None] * 35, "nobody has looked whether this actor may see it"
    opened = [far.tiles.tile_or_soon(person, far_slide.id, "map", *place) for place in places]
    tiles = [tile.result(60) for tile in opened if isinstance(tile, Future)]
    assert len(tiles) == 35
    assert len(objects.take_log()) <= 6
    kept = [far.tiles.tile_at_once(person, far_slide.id, "map", *place) for place in places]
    assert kept == tiles
    again = far.tiles.tile_soon(person, far_slide.id, "map", FULL, 8, 8)
    assert again is not None
    assert again.result(60) == far.tiles.tile(person, far_slide.id, "map", FULL, 8, 8)
    bundle = [(column, row) for _, column, row in places]
    assert far.tiles.bundle(person, far_slide.id, FULL, bundle) == tiles


def test_what_is_drawn_is_drawn_in_a_thread(far: Lab, person: Actor, far_slide: Slide) -> None:
    far.tiles.shown(person, far_slide.id)
    for place in ((0, 0, 0), (FULL, 9, 12)):
        assert far.tiles.tile_soon(person, far_slide.id, "map", *place) is None
        tile = far.tiles.tile_or_soon(person, far_slide.id, "map", *place)
        assert isinstance(tile, TileAnswer)
    with pytest.raises(OutOfRange):
        far.tiles.tile_soon(person, far_slide.id, "map", FULL, 10, 0)


def test_a_local_slide_has_nothing_to_come_soon(lab: Lab, owner: Actor, slide: Slide) -> None:
    lab.tiles.shown(owner, slide.id)
    assert lab.tiles.tile_soon(owner, slide.id, "map", FULL, 1, 1) is None
    tile = lab.tiles.tile_or_soon(owner, slide.id, "map", FULL, 1, 1)
    assert tile == lab.tiles.tile(owner, slide.id, "map", FULL, 1, 1)


def test_a_slide_replaced_in_its_bucket_is_opened_anew_before_anybody_hears_of_it(
    far: Lab, person: Actor, far_slide: Slide, objects: ObjectServer, shared_data: Path
) -> None:
    before = far.tiles.tile(person, far_slide.id, "map", FULL, 5, 8)
    replace(objects, shared_data / "slides" / "bigtiff-pyramid-board.tif")
    soon = far.tiles.tile_soon(person, far_slide.id, "map", FULL, 5, 9)
    assert soon is not None
    with pytest.raises(SlideChanged):
        soon.result(60)
    after = far.tiles.tile(person, far_slide.id, "map", FULL, 5, 9)
    assert after.etag.split("-")[0] != before.etag.split("-")[0]
    assert far.tiles.shown(person, far_slide.id).properties.width == 2560


@pytest.mark.parametrize("verb", ["tile", "bundle", "region", "thumbnail"])
def test_no_verb_tells_that_a_slide_was_replaced(
    far: Lab,
    person: Actor,
    far_slide: Slide,
    objects: ObjectServer,
    shared_data: Path,
    verb: str,
) -> None:
    far.tiles.shown(person, far_slide.id)
    replace(objects, shared_data / "slides" / "bigtiff-pyramid-board.tif")
    asked: dict[str, tuple[Any, ...]] = {
        "tile": ("map", FULL, 5, 8),
        "bundle": (FULL, [(5, 8), (6, 8)]),
        "region": ((1000.0, 2000.0), (64, 64)),
        "thumbnail": (64, 64),
    }
    assert getattr(far.tiles, verb)(person, far_slide.id, *asked[verb]) is not None
    assert far.tiles.shown(person, far_slide.id).properties.width == 2560


def test_a_store_that_is_gone_is_unavailable(
    far: Lab, person: Actor, far_slide: Slide, objects: ObjectServer
) -> None:
    far.tiles.shown(person, far_slide.id)
    objects.stop()
    with pytest.raises(SourceUnavailable) as refused:
        far.tiles.tile(person, far_slide.id, "map", FULL, 5, 8)
    assert "far" not in refused.value.message
    assert str(objects.port) not in refused.value.message
