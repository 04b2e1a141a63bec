"""A reader before the page of a study, who has nothing but keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from page_waiting import wait_on
from playwright.sync_api import Page
from reading_lab import ReadLab

from wsi_lab.model.study import Study

WAIT_MS = 60_000


@dataclass
class Reader:
    """Presses keys, looks at the page, and knows what the lab has stored."""

    page: Page
    world: ReadLab
    study: Study
    errors: list[str] = field(default_factory=list)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def data(self, name: str) -> str:
        return str(self.page.evaluate(f"() => document.querySelector('.wsr')?.dataset.{name}"))

    def text(self, selector: str) -> str:
        script = "(it) => document.querySelector(it)?.textContent ?? ''"
        return str(self.page.evaluate(script, selector))

    def wait_until(self, condition: Callable[[], Any]) -> None:
        wait_on(self.page, condition, self.errors)

    def wait_for_item(self, number: int) -> None:
        """Wait until an item's picture is complete on the screen."""
        self.page.wait_for_selector(
            f".wsr[data-item='{number}'][data-painted='{number}']", timeout=WAIT_MS
        )

    def wait_saved(self) -> None:
        self.wait_until(lambda: self.data("saving") == "saved")
        assert self.text(".wsr-saving") == "Saved"

    def score(self, grade: str, percent: str, h_score: str) -> None:
        """Answer all that the usual study needs, and go on."""
        self.press(grade, "Enter")
        self.type(percent)
        self.press("Enter")
        for part in h_score.split():
            self.type(part)
            self.press("Enter")
        self.press("0", "Enter")

    def answers(self, question: str) -> list[str]:
        return sorted(self.world.answers(self.study, question).values())
