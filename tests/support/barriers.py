"""What axe-core finds that keeps people from using a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

REPOSITORY = Path(__file__).resolve().parents[2]
AXE = """async (within) => {
  const found = await axe.run(within ?? document, { resultTypes: ['violations'] });
  return found.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))]);
}"""


def barriers(page: Page, within: str | None = None) -> list[Any]:
    """Return the rules that are broken, each with the elements that break it.

    Parameters
    ----------
    within
        A selector, where the rest of the page is not ours.
    """
    page.evaluate((REPOSITORY / "node_modules" / "axe-core" / "axe.min.js").read_text())
    return list(page.evaluate(AXE, within))
