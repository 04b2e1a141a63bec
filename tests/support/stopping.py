"""Worker processes that are stopped in the middle of a request."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from waiting import wait_until

from wsi_lab.slides.pool import WorkerPool


def stopped_in_a_request(
    pool: WorkerPool, threads: ThreadPoolExecutor, ask: Callable[[], object]
) -> tuple[int, Future[object]]:
    """Return the number of a worker that got a request and does not go on with it."""
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGSTOP)
    asked = threads.submit(ask)
    wait_until(lambda: bool(pool._seats._busy))
    return pid, asked
