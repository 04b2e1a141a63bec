"""Requests of a page that fail until its user asks for another try."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from page_waiting import wait_on
from playwright.sync_api import Page, Route


class Refusals:
    """Answers what a page asks for with a refusal, until it is told to stop.

    A page tries again by itself too, and takes its button away when that goes well. Requests that
    are held leave the button there until it was pressed.
    """

    def __init__(self, page: Page, pattern: str, refuse: Callable[[Route], Any]) -> None:
        self.page, self.pattern = page, pattern
        self._held: list[Route] = []
        self._answer = refuse
        # What it is at the time, which changes.
        page.route(pattern, lambda route: self._answer(route))  # noqa: PLW0108 (as said)

    def hold(self) -> None:
        """Refuse no more, and answer nothing yet."""
        self._answer = self._held.append

    def end(self, said: list[str]) -> None:
        """Let everything go on, once the page has asked."""
        wait_on(self.page, lambda: self._held, said)
        self._answer = Route.continue_
        for route in self._held:
            route.continue_()
        self.page.unroute(self.pattern)
