"""Slides of a lab that answers in process with what a viewer asks."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from PIL import Image

from wsi_lab.client import Connection, Slide
from wsi_lab.widgets import SlideViewer

FIELDS: dict[str, Any] = {
    "id": 7,
    "study_id": 1,
    "case_id": None,
    "case": None,
    "name": "CMU-1",
    "block": "",
    "section": "",
    "number": "",
    "stain": "",
    "tags": (),
    "format": "Aperio SVS",
    "width": 2220,
    "height": 2967,
    "objective_power": 20.0,
    "mpp_x": 0.5,
    "mpp_y": 0.5,
    "added_on": datetime(2026, 11, 1, tzinfo=UTC),
    "revision": 1,
}


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path.endswith("/thumbnail"):
        buffer = io.BytesIO()
        Image.new("RGB", (3, 4), "purple").save(buffer, "jpeg")
        return httpx.Response(200, content=buffer.getvalue())
    if request.url.path.endswith("/layers"):
        items = [{"id": 7, "name": "nuclei"}, {"id": 9, "name": "tissue"}]
        return httpx.Response(200, json={"revision": "a", "items": items, "next_cursor": None})
    levels = [
        {"width": 2220, "height": 2967, "tile_width": 240, "tile_height": 240, "downsample": 1.0}
    ]
    facts = {"metadata": {}, "version": "v&1", "grid": {"tile_size": 240, "zooms": 5}}
    return httpx.Response(200, json={**FIELDS, "added_on": "", "levels": levels, **facts})


@pytest.fixture
def new_slide() -> Callable[..., Slide]:
    """Make a slide, of a lab that the browser reaches unless said otherwise."""

    def made(
        *,
        browser_url: str | None = "/a%40b/wsi-lab/",
        answering: Callable[[httpx.Request], httpx.Response] = answer,
        **fields: Any,
    ) -> Slide:
        connection = Connection(
            "http://lab.test/",
            browser_url=browser_url,
            viewer=SlideViewer,
            transport=httpx.MockTransport(answering),
        )
        return Slide(connection=connection, **(FIELDS | fields))

    return made


@pytest.fixture
def viewer(new_slide: Callable[..., Slide]) -> SlideViewer:
    return SlideViewer(new_slide())
