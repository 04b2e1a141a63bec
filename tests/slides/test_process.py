"""Starting and ending one worker process."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from wsi_lab.errors import Busy
from wsi_lab.model.slide import Region
from wsi_lab.slides import process
from wsi_lab.slides.pool import PoolSettings, WorkerPool
from wsi_lab.slides.process import WorkerProcess


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    """Return a pool of one worker that has not started yet."""
    with WorkerPool(PoolSettings(workers=1)) as pool:
        yield pool


def test_a_process_that_cannot_start_is_busy_and_not_a_traceback(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch, demo_slide: Path
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "Popen", fail)
        for _ in range(3):
            with pytest.raises(Busy):
                pool.open(str(demo_slide))
    assert pool.open(str(demo_slide)).properties.width == 2220


@pytest.mark.parametrize("why", ["cannot load", "never loads"])
def test_a_broken_installation_is_not_blamed_on_the_slide(
    pool: WorkerPool,
    monkeypatch: pytest.MonkeyPatch,
    demo_slide: Path,
    caplog: pytest.LogCaptureFixture,
    why: str,
) -> None:
    with monkeypatch.context() as patched:
        if why == "cannot load":
            patched.setattr(process, "_MODULE", "wsi_lab.slides.no_such_module")
        else:
            patched.setattr(process, "_LOADING_SECONDS", 0.0)
        for _ in range(5):
            with pytest.raises(Busy):
                pool.open(str(demo_slide))
    assert {record.levelno for record in caplog.records} == {logging.ERROR}
    assert pool.open(str(demo_slide)).properties.width == 2220


def test_a_worker_is_killed_without_waiting_for_it_to_agree() -> None:
    worker = WorkerProcess(memory_bytes=1 << 30, seconds=5, open_slides=1)
    os.kill(worker.pid, signal.SIGSTOP)
    started = time.monotonic()
    worker.stop()
    # It would wait for ever.
    assert time.monotonic() - started < 20
    assert not worker.is_alive()


def test_a_line_with_unknown_content_is_not_used_again(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch, demo_slide: Path
) -> None:
    corner = Region(x=0, y=0, width=9, height=5, downsample=1.0)
    slide = pool.open(str(demo_slide))
    expected = slide.read_region(corner)
    (pid,) = pool.pids()

    def no_room(shape: object, dtype: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        # The server runs out of memory between the header and the pixels.
        patched.setattr(process.np, "empty", no_room)
        with pytest.raises(MemoryError):
            slide.read_region(corner)
    assert pool.pids() == []
    assert np.array_equal(slide.read_region(corner), expected)
    assert pool.pids() != [pid]
