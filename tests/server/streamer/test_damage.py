"""Files that are broken in one place, and failures of every kind, in the door's words."""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tifffile

from wsi_lab.errors import (
    Busy,
    CutShort,
    DamagedSlide,
    NotFound,
    SlideChanged,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    TooLarge,
    UnsupportedSlide,
    WsiLabError,
)
from wsi_lab.model.source import Source
from wsi_lab.server.site import Site

TILE, THUMBNAIL = "/tiles/a.tif/0/1/1.jpg", "/slides/a.tif/thumbnail"
OTHERS = ("/slides/a.tif", "/slides/a.tif/dzi", "/view/a.tif")


@pytest.fixture
def broken(tmp_path: Path, shared_data: Path) -> Callable[..., Path]:
    """Return a function that writes a pyramid with other tags in its first directory."""

    def write(tag: str, index: int, value: int) -> Path:
        file = tmp_path / "root" / "a.tif"
        file.parent.mkdir(exist_ok=True)
        data = bytearray((shared_data / "slides" / "bigtiff-pyramid-board.tif").read_bytes())
        with tifffile.TiffFile(shared_data / "slides" / "bigtiff-pyramid-board.tif") as tiff:
            found = tiff.pages[0].tags[tag]
            size = {3: 2, 4: 4, 16: 8}[found.dtype]
            at = found.valueoffset + index * size
            order = tiff.byteorder
        data[at : at + size] = struct.pack(order + {2: "H", 4: "I", 8: "Q"}[size], value)
        file.write_bytes(data)
        return file

    return write


def test_tile_beyond_the_end_spoils_no_other(broken: Any, site_of: Any, serve: Any) -> None:
    file = broken("TileOffsets", 0, 1 << 40)
    with serve(site_of(file.parent)) as server:
        assert server.get("/slides/a.tif").status_code == 200
        for quality in ("", "?quality=10"):
            answer = server.get(f"/tiles/a.tif/0/0/0.jpg{quality}")
            assert (answer.status_code, answer.json()["error"]) == (500, "io_error")
        assert server.get("/tiles/a.tif/0/1/0.jpg").status_code == 200
        assert server.get("/tiles/a.tif/1/0/0.jpg").status_code == 200


def test_tile_that_is_no_jpeg_cannot_be_decoded(broken: Any, site_of: Any, serve: Any) -> None:
    file = broken("TileOffsets", 0, 0)
    with serve(site_of(file.parent)) as server:
        for quality in ("", "?quality=10"):
            answer = server.get(f"/tiles/a.tif/0/0/0.jpg{quality}")
            assert (answer.status_code, answer.json()["error"]) == (500, "decode_error")
        assert server.get("/tiles/a.tif/0/1/0.jpg").status_code == 200


def test_tile_that_was_left_out_is_white(broken: Any, site_of: Any, serve: Any) -> None:
    import simplejpeg

    file = broken("TileByteCounts", 0, 0)
    with serve(site_of(file.parent)) as server:
        answer = server.get("/tiles/a.tif/0/0/0.jpg")
        assert answer.status_code == 200
        pixels = simplejpeg.decode_jpeg(answer.content, "RGB")
        assert pixels.shape == (256, 256, 3)
        assert pixels.min() >= 254


@pytest.mark.parametrize("tag", ["TileWidth", "TileLength"])
def test_tiles_without_a_size_are_unsupported(
    broken: Any, site_of: Any, serve: Any, tag: str
) -> None:
    file = broken(tag, 0, 0)
    with serve(site_of(file.parent)) as server:
        for path in (*OTHERS, TILE, THUMBNAIL):
            answer = server.get(path)
            assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_format")


def test_file_that_was_replaced_is_shown_as_it_is_now(
    tmp_path: Path, site_of: Any, serve: Any, shared_data: Path
) -> None:
    root, new = tmp_path / "root", tmp_path / "new"
    root.mkdir()
    slides = shared_data / "slides"
    board = (slides / "bigtiff-pyramid-board.tif").read_bytes()
    (root / "a.tif").write_bytes(board)
    with serve(site_of(root)) as server:
        first = server.get("/tiles/a.tif/0/1/1.jpg")
        assert server.get("/tiles/a.tif/0/1/1.jpg").headers["X-Tile-Cache-Hit"] == "true"
        new.write_bytes((slides / "slidescore-test-image.tiff").read_bytes())
        new.replace(root / "a.tif")
        second = server.get("/tiles/a.tif/0/1/1.jpg")
        assert second.headers["X-Tile-Cache-Hit"] == "false"
        assert second.content != first.content
        assert second.headers["ETag"] != first.headers["ETag"]
        assert server.get("/slides/a.tif").json()["width"] == 501
        (root / "a.tif").unlink()
        for path in (TILE, THUMBNAIL, *OTHERS):
            answer = server.get(path)
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
            assert "'a.tif'" in answer.json()["message"]


class Failing:
    """Slides of a source that fail as they are told."""

    def __init__(self, error: Exception, *, is_remote: bool = True) -> None:
        self.source = Source.at("s3://bucket" if is_remote else "/folder")
        self._error = error

    def tile_at_once(self, *_: object, **__: object) -> None:
        """Return nothing."""

    tile_soon = tile_at_once

    def tile(self, *_: object, **__: object) -> None:
        """Fail."""
        raise self._error

    tile_or_soon = thumbnail = describe = keys = tile

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("error", "is_remote", "images", "others"),
    [
        (NotFound("It is absent."), True, (404, "not_found"), (404, "not_found")),
        (
            UnsupportedSlide("It is none."),
            True,
            (415, "unsupported_format"),
            (415, "unsupported_format"),
        ),
        (DamagedSlide("It is broken."), True, (500, "decode_error"), (500, "decode_error")),
        (CutShort("It is short."), True, (500, "io_error"), (500, "io_error")),
        (SourceRefused("It says no."), True, (500, "io_error"), (500, "storage_error")),
        (
            SourceUnavailable("It is away."),
            True,
            (502, "connection_error"),
            (502, "connection_error"),
        ),
        (SourceTimeout("It is slow."), True, (504, "connection_error"), (504, "connection_error")),
        (SourceUnavailable("The disk fails."), False, (500, "io_error"), (500, "storage_error")),
        (Busy("Too much."), True, (503, "busy"), (503, "busy")),
        (SlideChanged("It changes."), True, (503, "busy"), (503, "busy")),
        (TooLarge("It is huge."), True, (413, "too_large"), (413, "too_large")),
        (
            ZeroDivisionError("CANARY /secret/path"),
            True,
            (500, "internal_error"),
            (500, "internal_error"),
        ),
        (WsiLabError("It fails."), True, (500, "internal_error"), (500, "internal_error")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_failure_has_its_code(
    serve: Any,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    is_remote: bool,
    images: tuple[int, str],
    others: tuple[int, str],
) -> None:
    caplog.set_level(logging.CRITICAL, logger="wsi_lab.server")
    failing: Any = Failing(error, is_remote=is_remote)
    with serve(Site(None, source=failing)) as server:
        for path in (TILE, THUMBNAIL, *OTHERS, "/slides"):
            answer = server.get(path)
            said = answer.json()
            wanted = images if path in {TILE, THUMBNAIL} else others
            assert (answer.status_code, said["error"]) == wanted
            assert said["status"] == answer.status_code
            assert "CANARY" not in said["message"]
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert ("Retry-After" in answer.headers) == (answer.status_code == 503)
