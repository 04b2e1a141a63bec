"""Waiting for what happens on a page in a browser, which goes on meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

WAIT_SECONDS = 20


def wait_on(page: Page, condition: Callable[[], Any], said: list[str]) -> None:
    """Return as soon as a condition holds; fail with what the page said if it does not in time."""
    until = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < until, said
        page.wait_for_timeout(30)
