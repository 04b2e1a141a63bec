"""A source without a lab: it remembers where it can, and leaves nothing open."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bench.object_server import ObjectServer
from wsi_lab.errors import Invalid
from wsi_lab.model.source import Source
from wsi_lab.service.lab import LabSettings
from wsi_lab.service.source_alone import open_source
from wsi_lab.store import home as homes

TILE = {"quality": 80, "recode": False}


@pytest.fixture
def settings(tmp_path: Path, slide_file: Path) -> LabSettings:
    source = Source.at(str(slide_file.parent))
    return LabSettings(tmp_path / "home", source=source, workers=1)


def opened(settings: LabSettings, **more: bool) -> bytes:
    slides = open_source(settings, **more)
    try:
        assert slides.keys().keys == ("CMU-1.svs",)
        return slides.tile("CMU-1.svs", 0, 0, 0, **TILE).data
    finally:
        slides.close()
        slides.close()


def test_home_gets_no_database(settings: LabSettings) -> None:
    tile = opened(settings)
    assert not (settings.home / "lab.sqlite3").exists()
    assert (settings.home / "cache" / "slide-indexes.sqlite3").exists()
    assert opened(settings) == tile


def test_nothing_is_remembered_where_nothing_should_be(settings: LabSettings) -> None:
    opened(settings, remember=False)
    assert not settings.home.exists()


def test_home_that_cannot_be_used_is_done_without(settings: LabSettings) -> None:
    settings.home.write_text("a file")
    assert opened(settings)
    assert settings.home.read_text() == "a file"


def test_home_on_a_network_is_done_without(
    settings: LabSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several machines would write one file there, of which each keeps a part in memory.
    monkeypatch.setattr(homes, "file_system_type", lambda *_: "nfs4")
    assert opened(settings)
    assert not (settings.home / "cache" / "slide-indexes.sqlite3").exists()


def test_settings_without_a_source_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        open_source(LabSettings(tmp_path))


def test_index_of_a_remote_slide_is_remembered(tmp_path: Path, slide_file: Path) -> None:
    with ObjectServer(slide_file.parent) as objects:
        source = Source.at("s3://slides", endpoint=objects.url, anonymous=True)
        settings = LabSettings(tmp_path / "home", source=source, workers=1)
        counts = []
        for _ in range(2):
            slides = open_source(settings)
            slides.tile("CMU-1.svs", 0, 9, 12, **TILE)
            slides.close()
            counts.append(len(objects.take_log()))
    # The second time only the tile itself is asked for.
    assert counts[1] == 1 < counts[0]


def test_closed_source_leaves_no_threads(tmp_path: Path, slide_file: Path) -> None:
    before = set(threading.enumerate())
    with ObjectServer(slide_file.parent) as objects:
        source = Source.at("s3://slides", endpoint=objects.url, anonymous=True)
        slides = open_source(LabSettings(tmp_path / "home", source=source, workers=1))
        slides.describe("CMU-1.svs")
        slides.close()
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(10)
        assert not thread.is_alive()
