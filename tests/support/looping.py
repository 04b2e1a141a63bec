"""Running coroutines in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run_in_loop(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end, in a loop of a thread of its own.

    The main thread may have one that runs all the time: the browser's driver keeps it.
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()
