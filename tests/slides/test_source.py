"""Bytes of local files: exact, at once or not at all, and never of another file."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from wsi_lab.errors import DamagedSlide, SlideMissing, UnsupportedSlide, WsiLabError
from wsi_lab.slides.source import SlideFile, current_identity


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "ü slide.bin"
    file.write_bytes(bytes(range(256)) * 1024)
    return str(file)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_read_gives_exactly_the_bytes_asked_for(path: str) -> None:
    with SlideFile(path) as source:
        assert source.read(250, 10) == bytes([250, 251, 252, 253, 254, 255, 0, 1, 2, 3])


@pytest.mark.parametrize(("offset", "size"), [(256 * 1024 - 1, 2), (1 << 40, 1), (-1, 4)])
def test_reading_past_the_end_is_damage_and_never_a_short_answer(
    path: str, offset: int, size: int
) -> None:
    with SlideFile(path) as source, pytest.raises(DamagedSlide, match="copied completely"):
        source.read(offset, size)


def test_a_file_cut_after_opening_gives_no_short_answer(path: str) -> None:
    with SlideFile(path) as source:
        os.truncate(path, 1000)
        with pytest.raises(DamagedSlide):
            source.read(990, 20)


def test_bytes_in_the_page_cache_come_at_once(path: str) -> None:
    with SlideFile(path) as source:
        expected = source.read(5000, 300)
        # Some file systems never say so; then the answer must be None, not other bytes.
        assert source.read_at_once(5000, 300) in (expected, None)


def test_what_would_have_to_be_waited_for_is_none(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def would_block(*_: object) -> int:
        raise BlockingIOError

    with SlideFile(path) as source:
        monkeypatch.setattr(os, "preadv", would_block)
        assert source.read_at_once(0, 10) is None


def test_a_partly_cached_range_is_none(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "preadv", lambda *_: 5)
    with SlideFile(path) as source:
        assert source.read_at_once(0, 10) is None


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    for name in ("absent.svs", "nul\0.svs", "absent/absent.svs", "x" * 5000):
        with pytest.raises(SlideMissing):
            SlideFile(str(tmp_path / name))


def test_a_message_never_holds_the_path(tmp_path: Path) -> None:
    with pytest.raises(WsiLabError) as caught:
        SlideFile(str(tmp_path / "Mrs Doe.svs"))
    assert "Doe" not in caught.value.message


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_only_regular_files_are_opened_and_nothing_waits(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = Path("/dev/zero")
    started = time.monotonic()
    with pytest.raises(UnsupportedSlide):
        SlideFile(str(path))
    assert time.monotonic() - started < 5


def test_version_is_that_of_the_path_until_the_file_is_written_to(path: str) -> None:
    with SlideFile(path) as source:
        assert source.identity == current_identity(path)
        assert source.unchanged()
        os.utime(path, ns=(1, 1))
        assert source.identity != current_identity(path)
        assert not source.unchanged()


def test_version_changes_when_another_file_takes_the_place(path: str) -> None:
    with SlideFile(path) as source:
        found = Path(path).stat()
        other = Path(path + ".new")
        other.write_bytes(Path(path).read_bytes())
        os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
        other.replace(path)
        assert source.identity != current_identity(path)
        assert source.unchanged(), "the open file is still the one it was"


def test_a_read_under_way_survives_closing_and_reads_no_other_file(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(b"x" * 1000)
    source = SlideFile(path)
    pread = os.pread
    opened = []

    def close_first(descriptor: int, size: int, offset: int) -> bytes:
        source.close()
        # Gets the number of the closed descriptor, if that was closed.
        opened.append(SlideFile(str(other)))
        return pread(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", close_first)
    assert source.read(0, 4) == b"\x00\x01\x02\x03"


def test_a_closed_file_cannot_be_read(path: str) -> None:
    source = SlideFile(path)
    source.close()
    source.close()
    with pytest.raises(ValueError, match="closed"):
        source.read(0, 1)


def test_descriptors_stay_flat_over_500_opens(path: str) -> None:
    before = open_descriptors()
    for _ in range(500):
        SlideFile(path).read(0, 1)
    for _ in range(500):
        SlideFile(path).close()
    # What others left may be closed meanwhile.
    assert open_descriptors() <= before


def test_children_do_not_inherit_the_descriptor(path: str) -> None:
    with SlideFile(path) as source:
        assert source._descriptor is not None
        assert not os.get_inheritable(source._descriptor.number)
