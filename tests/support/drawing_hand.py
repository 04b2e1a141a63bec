"""Drawing in a viewer as a user does it, and the layer as a script sees it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from wsi_lab.client import Lab
from wsi_lab.demo import SLIDE, STUDY

LABELS = [("tumour", "#d55e00"), ("stroma", "#0072b2"), ("necrosis", "#009e73")]


class Layer:
    """A layer of the demo study, as a script sees it."""

    def __init__(self, lab: Lab, name: str) -> None:
        slide = lab.studies[STUDY].slides[SLIDE]
        self.connection, self.slide_id, self.name = slide.connection, slide.id, name
        labels = [{"name": name, "colour": colour} for name, colour in LABELS]
        path = f"v1/studies/{slide.study_id}/layers"
        self.id = self.connection.post(path, {"name": name, "labels": labels})["id"]

    def shapes(self) -> list[dict[str, Any]]:
        path = f"v1/layers/{self.id}/shapes"
        return self.connection.get(path, slide_id=self.slide_id)["items"]

    def add(self, *geometries: dict[str, Any], kind: str = "polygon") -> list[dict[str, Any]]:
        shapes = [{"kind": kind, "geometry": each} for each in geometries]
        path = f"v1/layers/{self.id}/shapes?slide_id={self.slide_id}"
        return self.connection.post(path, {"shapes": shapes})["items"]


class Drawing:
    """A viewer with its tools out, what lies around (900, 750) in view."""

    def __init__(self, notebook: Any, layer: Layer) -> None:
        self.notebook, self.page, self.layer = notebook, notebook.page, layer
        # Of a view whose kernel can no longer be asked.
        self.bounds: list[float] | None = None

    def begin(self, *, downsample: float = 1) -> Drawing:
        self.notebook.run(f"viewer.goto(900, 750, downsample={downsample})")
        self.notebook.wait_for(f"abs(viewer.downsample - {downsample}) < 1e-9")
        self.notebook.run(f"viewer.draw({self.layer.name!r})")
        self.page.wait_for_selector(".wsl-toolbar")
        self.wait_for_state("saved")
        self.notebook.wait_for_tiles()
        self.page.mouse.move(*self.notebook.middle())
        self.page.evaluate("() => document.querySelector('.wsl-map').focus()")
        return self

    def begin_again(self) -> None:
        """Draw with what others stored since."""
        self.notebook.run(f"viewer.hide({self.layer.name!r})")
        self.page.wait_for_selector(".wsl-toolbar", state="detached")
        self.begin()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where on the screen a level-0 pixel is."""
        x0, y0, x1, _ = self.bounds or self.notebook.value("viewer.bounds")
        box = self.notebook.map().bounding_box()
        scale = (box["width"] - 2) / (x1 - x0)
        return box["x"] + 1 + (x - x0) * scale, box["y"] + 1 + (y - y0) * scale

    def click(self, x: float, y: float, **options: Any) -> None:
        self.page.mouse.click(*self.at(x, y), **options)

    def drag(self, *places: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.at(*place), steps=6)
        self.page.mouse.up()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def wait_for_state(self, kind: str) -> None:
        self.page.wait_for_selector(f".wsl-state[data-kind='{kind}']")

    def stored(self, ready: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Return the layer's shapes once they are as expected, which they become by themselves."""
        until = time.monotonic() + 60
        while not ready(shapes := self.layer.shapes()):
            assert time.monotonic() < until, json.dumps(shapes)[:2000]
            self.page.wait_for_timeout(100)
        return shapes

    def only(self) -> dict[str, Any]:
        (shape,) = self.stored(lambda shapes: len(shapes) == 1)
        return shape

    def shot(self, shots: Any, name: str) -> None:
        self.notebook.map().screenshot(path=shots / f"{name}.png")


def box_of(shape: dict[str, Any]) -> tuple[float, ...]:
    def places(values: Any) -> Any:
        if isinstance(values[0], (int, float)):
            yield values
        else:
            for each in values:
                yield from places(each)

    xs, ys = zip(*places(shape["geometry"]["coordinates"]), strict=True)
    return min(xs), min(ys), max(xs), max(ys)
