"""Lists of very many shapes: ``python -m bench.shape_lists [--shapes N]`` prints JSON.

Pages of a thousand, one after the other, and by boxes; of shapes drawn by hand and of a load; and
once more where somebody changes a shape before each page. A page is told as Cytomine's clients
get it: with whose shapes they are, and with their well-known texts.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from wsi_lab.formats.classic import shape_with_text
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import Layer, NewLabel
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.shape_list import ListQuery
from wsi_lab.model.source import Source
from wsi_lab.model.study import Slide
from wsi_lab.service.annotating.drawn_answers import answer_to_draw_on, shapes_changed
from wsi_lab.service.annotating.seeing import layer_and_slide
from wsi_lab.service.annotating.upward_wkt import wkt_of
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import annotations as drawings
from wsi_lab.store.annotations import Pen
from wsi_lab.store.columns import json_text

SLIDE = Path(__file__).parents[1] / "wsi_lab" / "demo" / "CMU-1-Small-Region.svs"
PAGE = 1000
CORNERS = 20
SIDE = 10.0


@dataclass(frozen=True)
class Filled:
    """A lab with a slide full of shapes."""

    lab: Lab
    owner: Actor
    slide: Slide
    layer: Layer
    count: int


def outlines(count: int, width: int, height: int) -> np.ndarray:
    """Return round shapes all over a slide."""
    rng = np.random.default_rng(5)
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    middles = rng.uniform((SIDE, SIDE), (width - SIDE, height - SIDE), (count, 2))
    radii = rng.uniform(SIDE / 4, SIDE / 2, count)
    around = np.column_stack((np.cos(turn), np.sin(turn)))
    places = middles[:, None] + radii[:, None, None] * around
    found: np.ndarray = shapely.polygons(np.round(places, 2))
    return found


@contextmanager
def filled(count: int, *, is_loaded: bool) -> Iterator[Filled]:
    """Make a lab with so many shapes, drawn by hand or loaded."""
    with tempfile.TemporaryDirectory() as folder:
        slides = Path(folder, "slides")
        slides.mkdir()
        path = Path(shutil.copy(SLIDE, slides))
        settings = LabSettings(
            Path(folder, "home"), slide_roots=(Source.at(str(slides)),), workers=1
        )
        with Lab.open(settings) as lab:
            owner = lab.people.owner("bench", name="owner")
            study = lab.studies.create(owner, "many")
            slide = lab.slides.add(owner, study.id, path)
            labels = [NewLabel("tumour"), NewLabel("stroma")]
            layer = lab.layers.create(owner, study.id, "cells", labels=labels)
            full = Filled(lab, owner, slide, layer, count)
            (_load if is_loaded else _draw)(full)
            yield full


def _load(full: Filled) -> None:
    geometries = outlines(full.count, full.slide.width, full.slide.height)
    labels = np.arange(full.count, dtype=np.int32) % 3 - 1
    names = [each.name for each in full.layer.labels]
    columns = ShapeColumns.from_geometries(geometries, labels=labels, label_names=names)
    full.lab.loads.load(full.owner, full.layer.id, full.slide.id, columns, author="net 1.0")


def _draw(full: Filled) -> None:
    geometries = outlines(full.count, full.slide.width, full.slide.height)
    labels = [[], *([each.id] for each in full.layer.labels)]
    shapes = [shape_with_text(ShapeKind.POLYGON, each) for each in geometries]
    rows = [
        row._replace(label_ids=json_text(labels[number % 3]))
        for number, row in enumerate(drawings.shape_rows(shapes))
    ]

    def draw(transaction: Transaction) -> None:
        study, question, _ = layer_and_slide(
            transaction, full.layer.id, full.slide.id, Action.STUDY_VIEW
        )
        author = full.owner.user.email
        drawn = answer_to_draw_on(transaction, study, question, full.slide.id, author)
        pen = Pen(drawn.id, drawn.revision, transaction.now, full.owner.user.id)
        drawings.draw(transaction.connection, pen, enumerate(rows))
        shapes_changed(transaction, drawn)

    # No door takes as many as this in a moment.
    full.lab.shapes._transactions.write(full.owner, draw)  # noqa: SLF001 - as said


def told(full: Filled, query: ListQuery, offset: int = 0) -> int:
    """Read a page as a door does; return how many are on it."""
    page = full.lab.shape_lists.page(full.owner, query, offset=offset, limit=PAGE)
    full.lab.shape_lists.owners(full.owner, page.shapes)
    return len(wkt_of(page.shapes, {full.slide.id: full.slide.height}))


def pages(full: Filled) -> list[float]:
    """Return how long pages take, one after the other, in seconds."""
    query = ListQuery(slide_ids=(full.slide.id,))
    return [_timed(lambda at=at: told(full, query, at)) for at in range(0, full.count, PAGE)]


def boxes(full: Filled, count: int, change: Callable[[], object] | None = None) -> list[float]:
    """Return how long the first pages of boxes take, from small ones to half of the slide."""
    rng = random.Random(2)
    width, height = full.slide.width, full.slide.height
    found = []
    for _ in range(count):
        part = rng.choice([0.02, 0.1, 0.3, 0.7])
        left, top = rng.uniform(0, width * (1 - part)), rng.uniform(0, height * (1 - part))
        query = ListQuery(
            slide_ids=(full.slide.id,), box=(left, top, left + width * part, top + height * part)
        )
        if change is not None:
            change()
        found.append(_timed(lambda query=query: told(full, query)))
    return found


def changes(full: Filled, count: int) -> list[float]:
    """Return how long pages take where somebody draws something before each."""
    query = ListQuery(slide_ids=(full.slide.id,))
    rng = random.Random(3)
    found = []
    for _ in range(count):
        drawing(full)
        offset = rng.randrange(0, full.count, PAGE)
        found.append(_timed(lambda offset=offset: told(full, query, offset)))
    return found


def drawing(full: Filled) -> None:
    """Draw a shape, so that nothing that was listed can be remembered."""
    dot = Feature(ShapeKind.POINT, shapely.Point(5, 5))
    full.lab.drawing.add(full.owner, full.slide.id, full.layer.id, [(None, dot)])


def p95(seconds: list[float]) -> float:
    """Return what 95 of a hundred took at most."""
    return float(np.quantile(seconds, 0.95))


def measure(count: int, *, is_loaded: bool, rounds: int = 60) -> dict[str, dict[str, float]]:
    """Return the times of all kinds of pages in milliseconds."""
    with filled(count, is_loaded=is_loaded) as full:
        found = {
            "pages": pages(full),
            "boxes": boxes(full, rounds),
            "pages after a change": changes(full, rounds),
            "boxes after a change": boxes(full, rounds, lambda: drawing(full)),
        }
    return {
        name: {
            "first": round(times[0] * 1000, 1),
            "p50": round(float(np.median(times)) * 1000, 1),
            "p95": round(p95(times) * 1000, 1),
            "worst": round(max(times) * 1000, 1),
        }
        for name, times in found.items()
    }


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.shape_lists", description=__doc__)
    parser.add_argument("--shapes", type=int, default=100_000)
    count = parser.parse_args(arguments).shapes
    found = {
        "shapes": count,
        "page": PAGE,
        "milliseconds, by hand": measure(count, is_loaded=False),
        "milliseconds, loaded": measure(count, is_loaded=True),
    }
    json.dump(found, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
