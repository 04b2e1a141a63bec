"""What workers read comes through right, in turn, and without leaving anything behind."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import openslide
import psutil
import pytest
from PIL import Image
from stopping import stopped_in_a_request
from waiting import wait_until

from wsi_lab.errors import (
    Busy,
    DamagedSlide,
    Invalid,
    NotFound,
    SlideMissing,
    TooLarge,
    UnsupportedSlide,
)
from wsi_lab.model.slide import Region
from wsi_lab.slides import tiff_planes
from wsi_lab.slides.opening import open_slide
from wsi_lab.slides.pool import WorkerPool
from wsi_lab.slides.process import WorkerProcess
from wsi_lab.slides.readers import openslide as openslide_reader
from wsi_lab.slides.seats import Seats

CORNER = Region(x=0, y=0, width=64, height=48, downsample=1.0)
LARGE = Region(x=0, y=0, width=2220, height=2967, downsample=1.0)


FILES = sorted(
    path.relative_to(folder).as_posix()
    for folder in [Path(__file__).resolve().parents[3] / "shared" / "data"]
    for part in ("slides", "tiff-variants", "corrupt")
    for path in (folder / part).rglob("*")
    if path.is_file()
)

REFUSED = {
    "corrupt/broken.svs": UnsupportedSlide,
    "corrupt/colormap-shl-overflow.tiff": DamagedSlide,
    "corrupt/graydepth-invert-overflow-5a0aad5024cc4ff3.tiff": DamagedSlide,
    "corrupt/graydepth-invert-overflow-9f2f479685f84884.tiff": DamagedSlide,
    "corrupt/notanimage.txt": UnsupportedSlide,
    "corrupt/sample-get-lzw-stuck.tiff": DamagedSlide,
    "corrupt/zero_gi.tif": DamagedSlide,
    "tiff-variants/tiled-cmyk-i8.tif": UnsupportedSlide,
}

NO_REFERENCE = {
    # Shown otherwise by the reference, or not at all; test_any_tiff_reader.py has them.
    "slides/multi-channel.ome.tif",
    "tiff-variants/12bit.cropped.rgb.tiff",
    "tiff-variants/BigTIFFMotorola.tif",
}


def reference(path: Path) -> np.ndarray:
    """Return a file's pixels as another library shows them."""
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except OSError:
        with openslide.OpenSlide(str(path)) as slide:
            return np.asarray(slide.read_region((0, 0), 0, slide.dimensions).convert("RGB"))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
@pytest.mark.parametrize("name", FILES)
def test_every_real_file_is_shown_rightly_or_refused(
    pool: WorkerPool, shared_data: Path, name: str
) -> None:
    if name in REFUSED:
        with pytest.raises(REFUSED[name]) as refusal:
            pool.open(str(shared_data / name)).read_region(CORNER)
        assert str(shared_data) not in str(refusal.value)
        assert "too long" not in str(refusal.value)
    else:
        slide = pool.open(str(shared_data / name))
        size = slide.properties.width, slide.properties.height
        width, height = min(size[0], 3000), min(size[1], 3000)
        region = Region(x=0, y=0, width=width, height=height, downsample=1.0)
        # The pool gives opening five seconds and reading twenty.
        got = slide.read_region(region)
        assert got.shape == (height, width, 3)
        assert got.dtype == np.uint8
        if name not in NO_REFERENCE:
            expected = reference(shared_data / name)
            assert size == expected.shape[1::-1]
            assert np.array_equal(got, expected[:height, :width])


def test_pixels_equal_those_read_in_process(pool: WorkerPool, demo_slide: Path) -> None:
    local, remote = open_slide(str(demo_slide)), pool.open(str(demo_slide))
    for region in (
        CORNER,
        Region(x=-100.5, y=2900, width=300, height=200, downsample=1.0),
        Region(x=10, y=20, width=500, height=700, downsample=3.7),
        Region(x=0, y=0, width=1, height=1, downsample=4000.0),
    ):
        assert np.array_equal(remote.read_region(region), local.read_region(region))
    assert remote.properties == local.properties
    assert np.array_equal(remote.read_associated("macro"), local.read_associated("macro"))
    assert remote.stored_tile(0, 0, 0) is None
    local.close()


def test_tiles_are_decoded_as_in_process(pool: WorkerPool) -> None:
    rows, columns = np.indices((48, 64))
    tile = np.stack((rows * 4, columns * 3, rows + columns), 2).astype(np.uint8)
    data = imagecodecs.jpeg2k_encode(tile, codecformat="j2k", level=0, reversible=True)
    tags = {"photometric": 2, "predictor": 1, "rows": 48, "columns": 64, "samples": 3}
    assert np.array_equal(pool.decode_tile(data, compression=33005, **tags), tile)
    with pytest.raises(DamagedSlide):
        pool.decode_tile(data[:100], compression=33005, **tags)
    with pytest.raises(UnsupportedSlide):
        pool.decode_tile(data, compression=4, **tags)


def test_what_cannot_be_asked_is_refused_before_a_worker_is_bothered(
    new_pool: Callable[..., WorkerPool], pool: WorkerPool, demo_slide: Path
) -> None:
    slide = pool.open(str(demo_slide))
    with pytest.raises(TooLarge):
        slide.read_region(Region(x=0, y=0, width=10_000, height=10_000, downsample=1.0))
    for region in (
        Region(x=0, y=0, width=0, height=5, downsample=1.0),
        Region(x=0, y=0, width=5, height=5, downsample=0.0),
        Region(x=0, y=0, width=5, height=5, downsample=float("nan")),
        Region(x=float("inf"), y=0, width=5, height=5, downsample=1.0),
    ):
        with pytest.raises(Invalid):
            slide.read_region(region)
    with pytest.raises(NotFound):
        slide.read_associated("secret")
    unused = new_pool()
    with pytest.raises(SlideMissing):
        unused.open(str(demo_slide) + ".gone")
    assert unused.pids() == []


def test_twenty_threads_at_once_get_what_they_asked_for(
    pool: WorkerPool, threads: ThreadPoolExecutor, shared_data: Path
) -> None:
    names = ["CMU-1-Small-Region.svs", "tcga-cr-7395-01a-01-ts1.svs", "test_slide.png"]
    local = {name: open_slide(str(shared_data / "slides" / name)) for name in names}
    remote = {name: pool.open(str(shared_data / "slides" / name)) for name in names}

    def ask(number: int) -> bool:
        name = names[number % 3]
        x, y = number * 37 % 900, number * 91 % 600
        region = Region(x=x, y=y, width=50 + number % 40, height=40, downsample=1.0)
        with lock:
            expected = local[name].read_region(region)
        return np.array_equal(remote[name].read_region(region), expected)

    lock = threading.Lock()
    assert all(threads.map(ask, range(200)))
    assert len(pool.pids()) <= 2


def test_more_than_the_queue_holds_is_sent_away(
    new_pool: Callable[..., WorkerPool], threads: ThreadPoolExecutor, demo_slide: Path
) -> None:
    pool = new_pool(workers=1, queue=2)
    slide = pool.open(str(demo_slide))
    pid, asked = stopped_in_a_request(pool, threads, lambda: slide.read_region(CORNER))
    waiting = [threads.submit(slide.read_region, CORNER) for _ in range(2)]
    wait_until(lambda: len(pool._seats._waiting) == 2)
    with pytest.raises(Busy):
        slide.read_region(CORNER)
    os.kill(pid, signal.SIGCONT)
    for answered in (asked, *waiting):
        assert answered.result(60) is not None


def test_those_who_wait_are_served_when_the_worker_before_them_dies(
    new_pool: Callable[..., WorkerPool], threads: ThreadPoolExecutor, demo_slide: Path
) -> None:
    pool = new_pool(workers=1)
    slide = pool.open(str(demo_slide))
    pid, asked = stopped_in_a_request(pool, threads, lambda: slide.read_region(CORNER))
    waiting = [threads.submit(slide.read_region, CORNER) for _ in range(5)]
    wait_until(lambda: len(pool._seats._waiting) == 5)
    os.kill(pid, signal.SIGSEGV)
    os.kill(pid, signal.SIGCONT)
    with pytest.raises(DamagedSlide):
        asked.result(60)
    assert all(answered.result(60).shape == (48, 64, 3) for answered in waiting)
    assert len(pool.pids()) == 1


def test_waiting_ends_in_time(threads: ThreadPoolExecutor) -> None:
    worker = WorkerProcess(memory_bytes=1 << 30, seconds=5, open_slides=1)
    seats = Seats(lambda: worker, workers=1, queue=5, wait_seconds=0.1, idle_seconds=60)

    def wait() -> None:
        with seats.worker():
            pass

    with seats.worker() as mine:
        assert mine is worker
        waiting = [threads.submit(wait) for _ in range(3)]
        assert all(isinstance(sent_away.exception(60), Busy) for sent_away in waiting)
    wait()
    seats.close()
    assert not worker.is_alive()


def open_files(pid: int) -> set[Path]:
    """Return what a process has open."""
    return {Path(file.path) for file in psutil.Process(pid).open_files()}


@pytest.fixture
def plain_tiffs(tmp_path: Path, shared_data: Path) -> list[Path]:
    """Return slides whose reader keeps the file open; OpenSlide opens it for each read."""
    paths = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for path in paths:
        shutil.copy(shared_data / "slides" / "kidney-48-5.tif", path)
    return paths


def test_requests_go_to_the_worker_that_has_the_slide_open(
    new_pool: Callable[..., WorkerPool], threads: ThreadPoolExecutor, plain_tiffs: list[Path]
) -> None:
    pool = new_pool(workers=2)
    first = pool.open(str(plain_tiffs[0]))
    pid, asked = stopped_in_a_request(pool, threads, lambda: first.read_region(CORNER))
    second = pool.open(str(plain_tiffs[1]))
    os.kill(pid, signal.SIGCONT)
    asked.result(60)
    assert len(pool.pids()) == 2
    for _ in range(10):
        for slide in (first, second):
            slide.read_region(CORNER)
    for path in plain_tiffs:
        assert sum(path in open_files(pid) for pid in pool.pids()) == 1


@pytest.mark.parametrize("how", ["close", "collected"])
def test_a_slide_nobody_looks_at_is_closed_with_the_next_request(
    new_pool: Callable[..., WorkerPool], plain_tiffs: list[Path], how: str
) -> None:
    pool = new_pool(workers=1)
    slide, other = (pool.open(str(path)) for path in plain_tiffs)
    (pid,) = pool.pids()
    assert set(plain_tiffs) <= open_files(pid)
    if how == "close":
        slide.close()
    else:
        del slide
        gc.collect()
    other.read_region(CORNER)
    assert open_files(pid) & set(plain_tiffs) == {plain_tiffs[1]}


def test_idle_workers_end_and_start_again(
    new_pool: Callable[..., WorkerPool], demo_slide: Path
) -> None:
    # So long that it is still there when it is looked for.
    pool = new_pool(workers=2, idle_seconds=1.0)
    assert pool.pids() == []
    slide = pool.open(str(demo_slide))
    (pid,) = pool.pids()
    wait_until(lambda: pool.pids() == [])
    wait_until(lambda: not psutil.pid_exists(pid))
    wait_until(lambda: pool._seats._tender is None)
    assert slide.read_region(CORNER).shape == (48, 64, 3)


def test_closing_leaves_no_process_no_thread_and_no_descriptor(
    threads: ThreadPoolExecutor, demo_slide: Path
) -> None:
    this = psutil.Process()
    gc.collect()
    # A browser of other tests may have processes that come and go; they are not children of this.
    # Nor is it new when a worker that others left idle ends, with its connection.
    children = {child.pid for child in this.children()}
    descriptors, running = this.num_fds(), threading.active_count()
    for _ in range(3):
        pool = WorkerPool()
        slides = [pool.open(str(demo_slide)) for _ in range(3)]
        list(threads.map(lambda slide: slide.read_region(CORNER), slides * 5))
        pool.close()
        pool.close()
        for ask in (
            lambda s=slides[0]: s.read_region(CORNER),
            lambda p=pool: p.open(str(demo_slide)),
        ):
            with pytest.raises(Busy):
                ask()
    del slides, pool
    assert {child.pid for child in this.children()} <= children
    assert this.num_fds() <= descriptors
    threads.shutdown()
    wait_until(lambda: threading.active_count() <= running)


def test_closing_cuts_off_what_is_under_way_and_what_waits(
    new_pool: Callable[..., WorkerPool], threads: ThreadPoolExecutor, demo_slide: Path
) -> None:
    pool = new_pool(workers=1)
    slide = pool.open(str(demo_slide))
    pid, asked = stopped_in_a_request(pool, threads, lambda: slide.read_region(CORNER))
    waiting = threads.submit(slide.read_region, CORNER)
    wait_until(lambda: len(pool._seats._waiting) == 1)
    started = time.monotonic()
    pool.close()
    # The one that is under way may take twenty, and closing waits for it for five.
    assert time.monotonic() - started < 4.5
    for cut_off in (asked, waiting):
        assert isinstance(cut_off.exception(60), Busy)
    assert not psutil.pid_exists(pid)


def test_opening_and_closing_leaves_descriptors_and_memory_flat(
    new_pool: Callable[..., WorkerPool], tmp_path: Path, demo_slide: Path, shared_data: Path
) -> None:
    paths = [tmp_path / f"{number}.slide" for number in range(12)]
    for number, path in enumerate(paths):
        shutil.copy(shared_data / "slides" / "kidney-48-5.tif" if number % 2 else demo_slide, path)
    pool = new_pool(workers=1, open_slides=4)

    def round_trip() -> None:
        for path in paths:
            pool.open(str(path)).read_region(CORNER)
        gc.collect()

    round_trip()
    (pid,) = pool.pids()
    both = psutil.Process(), psutil.Process(pid)
    descriptors = [process.num_fds() for process in both]
    memory = [process.memory_info().rss for process in both]
    for _ in range(10):
        round_trip()
    now = [process.num_fds() for process in both]
    # What other tests left in this process may be closed meanwhile.
    assert (now[0] <= descriptors[0], now[1]) == (True, descriptors[1])
    grown = [
        process.memory_info().rss - before for process, before in zip(both, memory, strict=True)
    ]
    assert grown[0] < 4 << 20
    # Decoders keep tiles of the latest slides, up to a limit.
    assert grown[1] < openslide_reader.SHARED_CACHE_BYTES + tiff_planes.SHARED_CACHE_BYTES
