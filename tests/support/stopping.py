"""Worker processes that are stopped in the middle of a request."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import psutil
from waiting import wait_until

from wsi_lab.slides.pool import WorkerPool
from wsi_lab.slides.process import WorkerProcess


def stopped_in_a_request(
    pool: WorkerPool, threads: ThreadPoolExecutor, ask: Callable[[], object]
) -> tuple[int, Future[object]]:
    """Return the number of a worker that got a request and does not go on with it."""
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    asked = threads.submit(ask)
    # A worker that dies between being taken and being asked is replaced, and nobody notices.
    wait_until(lambda: any(map(_has_unread_request, list(pool._seats._busy))))
    return pid, asked


def _has_unread_request(worker: WorkerProcess) -> bool:
    count = fcntl.ioctl(worker._line._connection.fileno(), termios.TIOCOUTQ, bytes(4))
    return struct.unpack("i", count)[0] > 0
