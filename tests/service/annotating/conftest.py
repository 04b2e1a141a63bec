"""A layer, and shapes on it: drawn by hand, and loaded."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.model.layer import Load
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, checked_question
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating.overlay_style import Style
from wsi_lab.service.annotating.overlays import TilePlace
from wsi_lab.service.lab import Lab

OPAQUE = Style(fill=1.0)


@pytest.fixture
def drawn_layer(lab: Lab, owner: Actor, study: Study) -> Question:
    return lab.questions.add(owner, study.id, checked_question("nuclei", "AnnoShapes", "#ff0000"))


@pytest.fixture
def draw_boxes(
    lab: Lab, owner: Actor, study: Study, slide: Slide, drawn_layer: Question
) -> Callable[..., None]:
    """Return a function that draws rectangles by hand, as somebody's whole answer."""

    def run(*boxes: tuple[float, float, float, float], by: Actor = owner) -> None:
        shapes = ",".join(
            f'{{"type":"rect","corner":{{"x":{left},"y":{top}}},'
            f'"size":{{"x":{right - left},"y":{bottom - top}}}}}'
            for left, top, right, bottom in boxes
        )
        new = NewAnswer(drawn_layer.name, Place(slide.id), by.user.email, f"[{shapes}]")
        lab.results.submit(by, study.id, new)

    return run


@pytest.fixture
def load_boxes(lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question) -> Callable[..., Load]:
    """Return a function that loads rectangles, with labels by their names."""

    def run(
        *boxes: tuple[float, float, float, float], labels: tuple[str, ...] = (), **rest: Any
    ) -> Load:
        names = tuple(dict.fromkeys(labels))
        places = np.array([names.index(each) for each in labels], np.int32) if labels else None
        columns = ShapeColumns.from_geometries(
            [shapely.box(*box) for box in boxes],
            labels=places,
            label_names=names,
            properties=rest.pop("properties", None),
        )
        return lab.loads.load(owner, drawn_layer.id, slide.id, columns, author="net 1.0", **rest)

    return run


@pytest.fixture
def see(lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question) -> Callable[..., np.ndarray]:
    """Return a function that returns the colours of a tile, of full resolution unless told."""

    def run(
        style: Style = OPAQUE,
        *,
        zoom: int = 4,
        column: int = 0,
        row: int = 0,
        by: Actor = owner,
    ) -> np.ndarray:
        place = TilePlace(slide.id, drawn_layer.id, zoom, column, row)
        data = lab.overlays.tile(by, place, style).image.data
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))

    return run
