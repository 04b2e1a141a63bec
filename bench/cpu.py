"""Processor time of this process and all it started."""

from __future__ import annotations

import time
from contextlib import suppress

import psutil


def cpu_seconds() -> float:
    """Return user and system time so far, of worker processes too."""
    spent = time.process_time()
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            spent += sum(child.cpu_times()[:2])
    return spent
