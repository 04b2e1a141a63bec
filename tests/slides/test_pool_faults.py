"""Whatever a slide does to its decoder, the server and the other slides go on."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import struct
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import simplejpeg
import tifffile
from stopping import stopped_in_a_request

from wsi_lab.errors import (
    Busy,
    DamagedSlide,
    SlideMissing,
)
from wsi_lab.model.slide import Region
from wsi_lab.slides.pool import WorkerPool
from wsi_lab.slides.process import WorkerProcess
from wsi_lab.slides.quarantine import Quarantine

CORNER = Region(x=0, y=0, width=64, height=48, downsample=1.0)
LARGE = Region(x=0, y=0, width=2220, height=2967, downsample=1.0)


def crash(pid: int, fault: signal.Signals = signal.SIGSEGV) -> None:
    """Let a stopped process go on with a fault."""
    os.kill(pid, fault)
    os.kill(pid, signal.SIGCONT)


@pytest.mark.quiet
@pytest.mark.parametrize("fault", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGALRM])
def test_a_worker_that_crashes_in_a_request_costs_that_request_only(
    new_pool: Callable[..., WorkerPool],
    threads: ThreadPoolExecutor,
    demo_slide: Path,
    caplog: pytest.LogCaptureFixture,
    fault: signal.Signals,
) -> None:
    pool = new_pool(workers=1)
    slide = pool.open(str(demo_slide))
    expected = slide.read_region(CORNER)
    pid, asked = stopped_in_a_request(pool, threads, lambda: slide.read_region(LARGE))
    with caplog.at_level(logging.WARNING):
        crash(pid, fault)
        with pytest.raises(DamagedSlide, match="crashed the decoder"):
            asked.result(60)
    assert [record.getMessage() for record in caplog.records] == [
        f"A slide worker was ended by {fault.name}; another one takes its place."
    ]
    started = time.monotonic()
    assert np.array_equal(slide.read_region(CORNER), expected)
    assert time.monotonic() - started < 2
    assert pool.pids() != [pid]


def test_a_slide_is_not_blamed_for_a_worker_that_somebody_killed(
    new_pool: Callable[..., WorkerPool], threads: ThreadPoolExecutor, demo_slide: Path
) -> None:
    pool = new_pool(workers=1, deaths=1)
    slide = pool.open(str(demo_slide))
    expected = slide.read_region(CORNER)
    pid, asked = stopped_in_a_request(pool, threads, lambda: slide.read_region(CORNER))
    os.kill(pid, signal.SIGKILL)
    assert np.array_equal(asked.result(60), expected)
    assert pool._quarantine.is_empty()


def test_whoever_is_killed_again_is_damage(
    new_pool: Callable[..., WorkerPool], demo_slide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = new_pool(workers=1)
    slide = pool.open(str(demo_slide))
    ask, asked = WorkerProcess.ask, []

    def ask_a_dying_worker(worker: WorkerProcess, *request: object, **options: object) -> object:
        asked.append(worker.pid)
        os.kill(worker.pid, signal.SIGSTOP)
        os.kill(worker.pid, signal.SIGKILL)
        worker._ready_for.add(False)
        return ask(worker, *request, **options)

    with monkeypatch.context() as patched:
        patched.setattr(WorkerProcess, "ask", ask_a_dying_worker)
        with pytest.raises(DamagedSlide):
            slide.read_region(CORNER)
    assert len(asked) == len(set(asked)) == 2
    assert slide.read_region(CORNER).shape == (48, 64, 3)


def test_other_slides_do_not_notice_a_crash(
    new_pool: Callable[..., WorkerPool], threads: ThreadPoolExecutor, demo_slide: Path
) -> None:
    pool = new_pool(workers=2, seconds=60)
    slide = pool.open(str(demo_slide))
    expected = slide.read_region(CORNER)
    pid, asked = stopped_in_a_request(pool, threads, lambda: slide.read_region(LARGE))
    for _ in range(20):
        assert np.array_equal(slide.read_region(CORNER), expected)
    assert not asked.done(), "nobody waited for the one that is stopped"
    crash(pid)
    with pytest.raises(DamagedSlide):
        asked.result(60)
    assert np.array_equal(slide.read_region(CORNER), expected)


def test_a_worker_that_died_while_idle_is_not_noticed(
    new_pool: Callable[..., WorkerPool], demo_slide: Path
) -> None:
    pool = new_pool(workers=1)
    slide = pool.open(str(demo_slide))
    expected = slide.read_region(CORNER)
    for _ in range(3):
        (pid,) = pool.pids()
        os.kill(pid, signal.SIGKILL)
        assert np.array_equal(slide.read_region(CORNER), expected)


def test_a_request_over_its_time_is_ended(
    new_pool: Callable[..., WorkerPool],
    threads: ThreadPoolExecutor,
    demo_slide: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = new_pool(workers=1)
    slide = pool.open(str(demo_slide))
    expected = slide.read_region(CORNER)
    # Only the one that is stopped has little time: the others shall be answered.
    with monkeypatch.context() as patched:
        patched.setattr(pool, "_settings", replace(pool._settings, seconds=1.0))
        started = time.monotonic()
        pid, asked = stopped_in_a_request(pool, threads, lambda: slide.read_region(CORNER))
        with pytest.raises(DamagedSlide, match="took too long"):
            asked.result(60)
        # Usually it may take twenty.
        assert time.monotonic() - started < 10
    assert not psutil.pid_exists(pid)
    assert np.array_equal(slide.read_region(CORNER), expected)


def write_one_strip(path: Path, side: int, stored: bytes) -> None:
    """Write a grey TIFF of one deflated strip."""
    entries = [
        (256, side), (257, side), (258, 8), (259, 8), (262, 1),
        (273, 8), (277, 1), (278, side), (279, len(stored)),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    start = 8 + len(stored)
    path.write_bytes(b"II*\0" + struct.pack("<I", start) + stored + directory + bytes(4))


def zeros(count: int) -> bytes:
    """Return that many zeros, deflated, without ever holding them."""
    pack = zlib.compressobj(9)
    chunk = bytes(10_000_000)
    parts = [pack.compress(chunk) for _ in range(count // len(chunk))]
    return b"".join((*parts, pack.flush()))


@pytest.fixture(scope="module")
def nine_hundred_megabytes() -> bytes:
    """Return 900 MB of zeros, deflated to 875 kB."""
    return zeros(30_000 * 30_000)


@pytest.mark.parametrize("claimed_side", [30_000, 1_000], ids=["claimed", "not claimed"])
def test_a_deflate_bomb_is_damage_and_stays_small(
    new_pool: Callable[..., WorkerPool],
    tmp_path: Path,
    nine_hundred_megabytes: bytes,
    claimed_side: int,
) -> None:
    write_one_strip(tmp_path / "bomb.tif", claimed_side, nine_hundred_megabytes)
    pool = new_pool(workers=1)
    with pytest.raises(DamagedSlide) as refusal:
        pool.open(str(tmp_path / "bomb.tif")).read_region(CORNER)
    assert "too long" not in str(refusal.value)
    assert all(psutil.Process(pid).memory_info().rss < 1 << 30 for pid in pool.pids())


def test_a_jpeg_header_of_65500_pixels_is_damage(pool: WorkerPool, tmp_path: Path) -> None:
    bomb = bytearray(simplejpeg.encode_jpeg(np.zeros((256, 256, 3), np.uint8)))
    frame = bomb.index(b"\xff\xc0")
    bomb[frame + 5 : frame + 9] = struct.pack(">HH", 65500, 65500)
    with pytest.raises(DamagedSlide):
        pool.decode_tile(
            bytes(bomb),
            compression=7,
            photometric=6,
            predictor=1,
            rows=256,
            columns=256,
            samples=3,
        )
    (tmp_path / "bomb.jpg").write_bytes(bomb)
    with pytest.raises(DamagedSlide):
        pool.open(str(tmp_path / "bomb.jpg"))


def test_a_request_that_needs_more_than_its_memory_is_damage(
    new_pool: Callable[..., WorkerPool], tmp_path: Path
) -> None:
    # 600 MB of samples for 200 million honest pixels; the worker may have 400 MB in all.
    tifffile.imwrite(
        tmp_path / "wide.tif",
        np.zeros((3, 4000, 4000), np.uint16),
        photometric="minisblack",
        compression="deflate",
        metadata={"axes": "CYX"},
        ome=True,
        rowsperstrip=4000,
    )
    pool = new_pool(workers=1, memory_bytes=300 << 20)
    region = Region(x=0, y=0, width=4000, height=4000, downsample=1.0)
    with pytest.raises(DamagedSlide, match="memory"):
        pool.open(str(tmp_path / "wide.tif")).read_region(region)
    (tmp_path / "small.png").write_bytes(small_png())
    assert pool.open(str(tmp_path / "small.png")).properties.width == 2


def small_png() -> bytes:
    """Return a picture of 2 x 1 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 2, 1, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(7))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (header, data, b"IEND")
    )


@pytest.mark.quiet
def test_a_slide_that_keeps_killing_workers_is_left_alone(
    new_pool: Callable[..., WorkerPool], tmp_path: Path, demo_slide: Path
) -> None:
    deadly, harmless = tmp_path / "deadly.svs", tmp_path / "harmless.svs"
    shutil.copy(demo_slide, deadly)
    shutil.copy(demo_slide, harmless)
    pool = new_pool(workers=1, seconds=0.02, deaths=2)
    slide, other = pool.open(str(deadly)), pool.open(str(harmless))
    for _ in range(2):
        with pytest.raises(DamagedSlide, match="took too long"):
            slide.read_region(LARGE)
    processes = pool.pids()
    for ask in (lambda: slide.read_region(CORNER), lambda: pool.open(str(deadly))):
        started = time.monotonic()
        with pytest.raises(DamagedSlide, match="left alone"):
            ask()
        assert time.monotonic() - started < 0.1
    assert pool.pids() == processes
    assert pool.open(str(harmless)).properties == other.properties
    # Another file in its place is another slide.
    deadly.unlink()
    shutil.copy(demo_slide, deadly)
    assert pool.open(str(deadly)).properties.width == 2220


def test_a_tile_that_keeps_killing_workers_is_left_alone(
    new_pool: Callable[..., WorkerPool],
) -> None:
    pool = new_pool(workers=1, tile_seconds=0.001, deaths=2)
    tags = {"photometric": 2, "predictor": 1, "rows": 4000, "columns": 4000, "samples": 3}
    deadly = bytes(48_000_000)
    for _ in range(2):
        with pytest.raises(DamagedSlide, match="took too long"):
            pool.decode_tile(deadly, compression=1, **tags)
    with pytest.raises(DamagedSlide, match="left alone"):
        pool.decode_tile(deadly, compression=1, **tags)


def test_quarantine_ends_and_grows_and_is_cleared_by_success() -> None:
    now = 0.0
    quarantine = Quarantine(deaths=2, seconds=10, clock=lambda: now)
    quarantine.died("a")
    quarantine.survived("a")
    quarantine.died("a")
    quarantine.check("a")
    quarantine.died("a")
    for refused_for in (10, 20, 40, 80, 160, 160):
        with pytest.raises(DamagedSlide):
            quarantine.check("a")
        now += refused_for - 0.1
        with pytest.raises(DamagedSlide):
            quarantine.check("a")
        now += 0.2
        quarantine.check("a")
        quarantine.check("b")
        quarantine.died("a")
    now += 1000
    quarantine.survived("a")
    assert quarantine.is_empty()


@pytest.mark.parametrize(
    "frame",
    [
        b"\x01\0\0\0" + bytes(8) + b"\xc1",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        # A picture of another size, of no size, and of more bytes than it has pixels.
        b"\x1d\0\0\0\x03\0\0\0\0\0\0\0\x83\xa4type\xa7Picture\xa4rows\x01\xa7columns\x01abc",
        b"\x1d\0\0\0\0\0\0\0\0\0\0\0\x83\xa4type\xa7Picture\xa4rows\x00\xa7columns\x00",
        b"\x1d\0\0\0\x04\0\0\0\0\0\0\0\x83\xa4type\xa7Picture\xa4rows\x30\xa7columns\x40abcd",
    ],
)
def test_a_worker_that_a_slide_took_over_is_not_believed(
    new_pool: Callable[..., WorkerPool],
    demo_slide: Path,
    monkeypatch: pytest.MonkeyPatch,
    frame: bytes,
) -> None:
    pool = new_pool(workers=1)
    slide = pool.open(str(demo_slide))
    (pid,) = pool.pids()
    (process,) = pool._seats._idle

    def speak(request: object, body: bytes = b"") -> None:
        process._line._buffer[: len(frame)] = frame
        process._line._start, process._line._end = 0, len(frame)

    monkeypatch.setattr(process._line, "ask", speak)
    with pytest.raises(DamagedSlide, match="confused"):
        slide.read_region(CORNER)
    assert not psutil.pid_exists(pid)
    assert slide.read_region(CORNER).shape == (48, 64, 3)


def test_a_replaced_file_is_told_apart(
    new_pool: Callable[..., WorkerPool], tmp_path: Path, demo_slide: Path, shared_data: Path
) -> None:
    path = tmp_path / "slide.svs"
    shutil.copy(demo_slide, path)
    pool = new_pool(workers=1)
    slide = pool.open(str(path))
    shutil.copy(shared_data / "slides" / "tcga-cr-7395-01a-01-ts1.svs", tmp_path / "new")
    (tmp_path / "new").replace(path)
    with pytest.raises(Busy):
        slide.read_region(CORNER)
    assert pool.open(str(path)).properties.width == 4443
    path.unlink()
    with pytest.raises(SlideMissing):
        slide.read_region(CORNER)
