"""Waiting for what happens on a page in a browser, which goes on meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

# Enough for a machine that does much else; who is in time does not wait.
WAIT_SECONDS = 60


def wait_on(
    page: Page, condition: Callable[[], Any], said: list[str], seconds: float = WAIT_SECONDS
) -> None:
    """Return as soon as a condition holds; fail with what the page said if it does not in time."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, said
        page.wait_for_timeout(30)
