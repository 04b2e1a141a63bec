"""Lists of very many shapes are quick, and the script that says how quick runs."""

from __future__ import annotations

import json

import pytest

from bench import shape_lists
from bench.shape_lists import boxes, changes, drawing, filled, p95, pages

GOAL = 0.2
"""Seconds that a page of a thousand of a hundred thousand shapes takes at most, 95 of 100 times."""


@pytest.mark.parametrize("is_loaded", [False, True], ids=["by hand", "loaded"])
@pytest.mark.quiet
def test_pages_of_a_hundred_thousand_shapes_are_quick(is_loaded: bool) -> None:
    with filled(100_000, is_loaded=is_loaded) as full:
        assert p95(pages(full)) < GOAL
        assert p95(boxes(full, 40)) < GOAL
        assert p95(changes(full, 20)) < GOAL
        assert p95(boxes(full, 20, lambda: drawing(full))) < GOAL


def test_script_prints_times(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shape_lists, "PAGE", 50)
    shape_lists.main(["--shapes", "300"])
    printed = json.loads(capsys.readouterr().out)
    assert (printed["shapes"], printed["page"]) == (300, 50)
    for tier in ("by hand", "loaded"):
        times = printed[f"milliseconds, {tier}"]
        assert set(times) == {
            "pages",
            "boxes",
            "pages after a change",
            "boxes after a change",
        }
        assert all(0 < each["p50"] <= each["p95"] <= each["worst"] for each in times.values())
