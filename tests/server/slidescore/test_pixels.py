"""What a slide is like, parts of it as OpenSlide reads them, and pictures of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import openslide
import pytest
import simplejpeg

from wsi_lab.model.question import checked_question
from wsi_lab.model.source import Source
from wsi_lab.server.site import site_of
from wsi_lab.service.lab import Lab, LabSettings

NAME = "bigtiff-pyramid-board.tif"


@pytest.fixture(scope="module")
def pyramid(shared_data: Path) -> Path:
    """A real slide of several levels."""
    return shared_data / "slides" / NAME


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, pyramid: Path) -> Iterator[Any]:
    """A lab with that slide behind the door."""
    from .conftest import DoorServer

    settings = LabSettings(
        tmp_path_factory.mktemp("lab") / "home",
        slide_roots=(Source.at(str(pyramid.parent)),),
        workers=1,
    )
    with Lab.open(settings) as lab:
        owner = lab.people.owner()
        study = lab.studies.create(owner, "board")
        slide = lab.slides.add(owner, study.id, pyramid)
        _, token = lab.people.create_token(owner, name="t", capabilities=["all"])
        with DoorServer(site_of(lab), "/", SimpleNamespace(tokens={"site_admin": token})) as door:
            yield SimpleNamespace(door=door, study=study, slide=slide)


def _read(path: Path, x: int, y: int, level: int, width: int, height: int) -> Any:
    with openslide.OpenSlide(str(path)) as slide:
        return np.asarray(slide.read_region((x, y), level, (width, height)).convert("RGB"))


def _raw(door: Any, slide_id: int, **params: Any) -> Any:
    return door.get("GetRawTile", imageId=slide_id, **params)


def test_raw_tile_is_what_openslide_reads(door: Any, world: Any, demo_slide: Path) -> None:
    answer = _raw(
        *(door, world.slide.id),
        studyid=world.study.id,
        x=701,
        y=1203,
        width=301,
        height=203,
        level=0,
        jpegQuality=100,
    )
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert b"JFIF" in answer.content
    seen = simplejpeg.decode_jpeg(answer.content).astype(int)
    expected = _read(demo_slide, 701, 1203, 0, 301, 203)
    assert seen.shape == expected.shape
    assert np.abs(seen - expected).mean() < 1


def test_raw_tile_of_another_level_is_what_openslide_reads(board: Any, pyramid: Path) -> None:
    with openslide.OpenSlide(str(pyramid)) as slide:
        levels = slide.level_downsamples
    assert len(levels) > 1
    for level, downsample in enumerate(levels):
        x, y = (round(downsample) * each for each in (16, 32))
        answer = _raw(
            board.door,
            board.slide.id,
            x=x,
            y=y,
            width=64,
            height=48,
            level=level,
            jpegQuality=100,
        )
        seen = simplejpeg.decode_jpeg(answer.content).astype(int)
        expected = _read(pyramid, x, y, level, 64, 48)
        assert seen.shape == (48, 64, 3)
        assert np.abs(seen - expected).mean() < 1.5, level


def test_quality_of_raw_tiles_is_the_one_asked_for(root_door: Any, world: Any) -> None:
    where = {"x": 1000, "y": 1500, "width": 400, "height": 400, "level": 0}
    sizes = [
        len(_raw(root_door, world.slide.id, **where, jpegQuality=quality).content)
        for quality in (10, 50, 95)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 3
    for wrong in (0, 101, -1):
        assert _raw(root_door, world.slide.id, **where, jpegQuality=wrong).status_code == 400


def test_raw_tiles_come_to_the_sdk(door: Any, world: Any) -> None:
    answer = door.sdk().get_raw_tile(world.study.id, world.slide.id, 0, 10.5, 20, 100, 50, 80)
    assert simplejpeg.decode_jpeg(answer.content).shape == (50, 100, 3)


@pytest.mark.parametrize(
    "wrong",
    [{"level": 9}, {"level": -1}, {"width": 0}, {"width": 100_000, "height": 100_000}, {"x": "a"}],
)
def test_raw_tiles_that_cannot_be_are_refused(
    root_door: Any, world: Any, wrong: dict[str, Any]
) -> None:
    params = {"x": 0, "y": 0, "width": 10, "height": 10, "level": 0, **wrong}
    assert _raw(root_door, world.slide.id, **params).status_code == 400


def test_raw_tile_of_another_study_is_not_there(root_door: Any, world: Any) -> None:
    where = {"x": 0, "y": 0, "width": 10, "height": 10, "level": 0}
    other = world.new_study().id
    assert _raw(root_door, world.slide.id, **where, studyid=other).status_code == 404


def test_metadata_says_what_the_slide_is_like(door: Any, world: Any) -> None:
    answer = door.get("GetImageMetadata", "viewer", imageid=world.slide.id).json()
    assert answer["success"] is True
    said = answer["metadata"]
    assert said == {
        "level0TileWidth": 240,
        "level0TileHeight": 240,
        "osdTileSize": 240,
        "mppX": 0.499,
        "mppY": 0.499,
        "objectivePower": 20,
        "backgroundColor": None,
        "levelCount": 1,
        "zLayerCount": 1,
        "level0Width": 2220,
        "level0Height": 2967,
        "downsamples": [1],
        "levelWidths": [2220],
        "levelHeights": [2967],
        "fileName": world.slide.name,
    }


def test_metadata_lists_every_level(board: Any, pyramid: Path) -> None:
    said = board.door.get("GetImageMetadata", imageid=board.slide.id).json()["metadata"]
    with openslide.OpenSlide(str(pyramid)) as slide:
        assert list(zip(said["levelWidths"], said["levelHeights"], strict=True)) == list(
            slide.level_dimensions
        )
        assert said["downsamples"] == pytest.approx(slide.level_downsamples, rel=1e-3)
    assert said["levelCount"] == len(said["levelWidths"])


def test_metadata_has_the_resolution_that_was_stated(root_door: Any, world: Any) -> None:
    slide = world.new_slide()
    root_door.post(
        "SetSlideResolution", studyId=world.study.id, imageId=slide.id, micronsPerPixel=0.25
    )
    said = root_door.get("GetImageMetadata", imageid=slide.id).json()["metadata"]
    assert (said["mppX"], said["mppY"]) == (0.25, 0.25)


@pytest.mark.parametrize("method", ["GetImageMetadata", "GetRawTile", "GetScreenshot"])
def test_slide_that_is_not_there_is_not_found(root_door: Any, method: str) -> None:
    params = {"x": 0, "y": 0, "width": 10, "height": 10, "level": 0}
    assert root_door.get(method, imageid=999_999, **params).status_code == 404


def test_screenshot_shows_the_whole_slide(door: Any, world: Any) -> None:
    answer = door.get("GetScreenshot", imageID=world.slide.id, level=9, showScalebar="false")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert simplejpeg.decode_jpeg(answer.content).shape == (371, 278, 3)


def test_screenshot_shows_a_part_at_a_deep_zoom_level(
    root_door: Any, world: Any, demo_slide: Path
) -> None:
    answer = root_door.get(
        *("GetScreenshot", "site_admin"),
        imageID=world.slide.id,
        x=400,
        y=800,
        width=320,
        height=240,
        level=11,
    )
    seen = simplejpeg.decode_jpeg(answer.content).astype(int)
    whole = _read(demo_slide, 400, 800, 0, 320, 240).reshape(120, 2, 160, 2, 3).mean(axis=(1, 3))
    assert seen.shape == (120, 160, 3)
    assert np.abs(seen - whole).mean() < 3


def test_screenshot_of_a_level_there_is_not_is_the_largest(root_door: Any, world: Any) -> None:
    answer = root_door.get(
        "GetScreenshot", imageID=world.slide.id, x=0, y=0, width=100, height=100, level=99
    )
    assert simplejpeg.decode_jpeg(answer.content).shape == (100, 100, 3)


def test_screenshot_shows_what_its_author_drew(root_door: Any, world: Any, tmp_path: Path) -> None:
    slide = world.new_slide()
    spec = checked_question("Outline", "AnnoShapes", "#00ff00")
    question = world.lab.questions.add(world.owner, world.study.id, spec)
    shape = '[{"type":"rect","corner":{"x":200,"y":200},"size":{"x":900,"y":900}}]'
    rows = f"\n{slide.id}\t{slide.name}\tmodel@lab\tOutline\t{shape}"
    sent = root_door.post("UploadResults", studyid=world.study.id, results=rows)
    assert sent.json()["success"] is True, sent.text

    def shot(**params: Any) -> Any:
        return root_door.get("GetScreenshot", imageID=slide.id, level=10, **params)

    plain = shot().content
    assert shot(withAnnotationForUser="nobody@lab").content == plain
    drawn = shot(withAnnotationForUser="model@lab").content
    assert drawn != plain
    assert shot(withAnnotationForUser="model@lab", question="Outline").content == drawn
    assert shot(withAnnotationForUser="model@lab", scoreIDs=str(question.id)).content == drawn
    both = shot(withAnnotationForUser="model@lab", question="Outline", scoreIDs=str(question.id))
    assert both.status_code == 400
    assert shot(withAnnotationForUser="model@lab", scoreIDs="1,x").status_code == 400
    file = tmp_path / "shot.jpg"
    root_door.sdk().get_screenshot_whole(slide.id, "model@lab", "Outline", str(file))
    assert simplejpeg.decode_jpeg(file.read_bytes()).shape == (1484, 1110, 3)


def test_screenshot_without_a_level_or_too_large_is_refused(root_door: Any, world: Any) -> None:
    assert root_door.get("GetScreenshot", imageID=world.slide.id).status_code == 400
    outside = {"x": 9000, "y": 9000, "width": 10, "height": 10}
    answer = root_door.get("GetScreenshot", imageID=world.slide.id, level=12, **outside)
    assert answer.status_code == 400


CELLS = {
    "GetImageMetadata": "401 404 200 200 200 200 401 401 404 404",
    "GetTileServer": "401 404 200 200 200 200 401 401 404 404",
    "GetRawTile": "401 404 200 200 200 200 401 401 404 404",
    "GetScreenshot": "401 404 401 401 200 200 401 401 404 404",
}
PEOPLE = (
    *("anonymous", "stranger", "viewer", "editor", "study_admin", "site_admin"),
    *("expired", "revoked", "powerless", "elsewhere"),
)


@pytest.mark.parametrize("method", CELLS)
def test_who_may(root_door: Any, world: Any, method: str) -> None:
    params = {"imageid": world.slide.id, "x": 0, "y": 0, "width": 8, "height": 8, "level": 0}
    found = [str(root_door.get(method, person, **params).status_code) for person in PEOPLE]
    assert " ".join(found) == CELLS[method]


def test_tokens_need_the_capabilities(root_door: Any, world: Any) -> None:
    params = {"imageid": world.slide.id, "x": 0, "y": 0, "width": 8, "height": 8, "level": 0}
    pixels = world.token("boss@lab", capabilities=["pixels"])
    results = world.token("boss@lab", capabilities=["results"])
    both = world.token("boss@lab", capabilities=["results", "pixels"])
    for method in CELLS:
        needs_both = method == "GetScreenshot"
        asked = [
            root_door.get(method, who, **params).status_code for who in (pixels, results, both)
        ]
        assert asked == [401 if needs_both else 200, 401, 200], method
