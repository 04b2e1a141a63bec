"""Every address of the door, and who may ask it under which access."""

from __future__ import annotations

from wsi_lab.model.people import Action
from wsi_lab.server.routing import OPEN, Kind, Need, Route
from wsi_lab.server.streamer.door import StreamerDoor
from wsi_lab.server.streamer.handlers import (
    AssetHandler,
    DeepZoomHandler,
    HealthHandler,
    PropertiesHandler,
    SlidesHandler,
    ViewHandler,
)
from wsi_lab.server.streamer.images import ThumbnailHandler, TileHandler
from wsi_lab.server.streamer.settings import Access, StreamerSettings

__all__ = ["Access", "StreamerDoor", "StreamerSettings", "streamer_routes"]

_LOOK = Need(Action.SOURCE_VIEW, Kind.SOURCE)


def streamer_routes(
    settings: StreamerSettings, door: StreamerDoor | None = None
) -> tuple[Route, ...]:
    """Return the addresses of a door with these settings.

    Parameters
    ----------
    door
        Instead of one that `settings` describes.

    Examples
    --------
    >>> routes = streamer_routes(StreamerSettings(Access.CLOSED))
    >>> [route.path for route in routes if route.needs["GET"].action is None]
    ['view/assets/{name}', 'health']
    """
    door = StreamerDoor(settings) if door is None else door
    look = OPEN if settings.access is Access.OPEN else _LOOK
    # Whoever may know a signed address of a page may see it, so that signing it adds nothing.
    page = _LOOK if settings.access is Access.CLOSED else OPEN
    return (
        Route("tiles/{slide_id}/{level}/{x}/{y}", TileHandler, {"GET": look}, door),
        Route("slides", SlidesHandler, {"GET": look}, door),
        Route("slides/{slide_id}", PropertiesHandler, {"GET": look}, door),
        Route("slides/{slide_id}/dzi", DeepZoomHandler, {"GET": look}, door),
        Route("slides/{slide_id}/thumbnail", ThumbnailHandler, {"GET": look}, door),
        Route("view/{slide_id}", ViewHandler, {"GET": page}, door),
        Route("view/assets/{name}", AssetHandler, {"GET": OPEN}, door),
        Route("health", HealthHandler, {"GET": OPEN}, door),
    )
