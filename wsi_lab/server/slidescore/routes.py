"""Every address of the door, gathered from the modules of its nouns."""

from __future__ import annotations

from collections.abc import Callable

from wsi_lab.server.routing import Route
from wsi_lab.server.slidescore import (
    account,
    configuration,
    downloads,
    page,
    pixels,
    questions,
    qupath,
    results,
    sessions,
    slides,
    studies,
    swagger,
    tiles,
    uploads,
)
from wsi_lab.server.slidescore.annotations import routes as annotation_routes
from wsi_lab.server.slidescore.door import SlideScoreDoor

_MODULES: tuple[Callable[[SlideScoreDoor], tuple[Route, ...]], ...] = (
    studies.routes,
    slides.routes,
    questions.routes,
    results.routes,
    configuration.routes,
    pixels.routes,
    tiles.routes,
    annotation_routes,
    qupath.routes,
    page.routes,
    sessions.routes,
    uploads.routes,
    downloads.routes,
    account.routes,
    swagger.routes,
)


def slidescore_routes(door: SlideScoreDoor | None = None) -> tuple[Route, ...]:
    """Return the addresses of a door.

    Examples
    --------
    >>> [route.path for route in slidescore_routes()][:2]
    ['Api/Studies', 'Api/Cases']
    """
    door = SlideScoreDoor() if door is None else door
    routes = tuple(route for each in _MODULES for route in each(door))
    door.description = swagger.description(routes)
    return routes


SLIDESCORE_ROUTES = slidescore_routes()
