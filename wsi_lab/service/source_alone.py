"""The slides of a source without a lab: no people, no studies, no database."""

from __future__ import annotations

from pathlib import Path

from wsi_lab.errors import HomeUnusable, Invalid
from wsi_lab.model.source import Source
from wsi_lab.service.engine import EngineRoom
from wsi_lab.service.settings import LabSettings
from wsi_lab.service.sources import SourceSlides
from wsi_lab.store.home import prepare_home, refuse_network_file_system


class SourceAlone(SourceSlides):
    """The slides of a source with an engine of their own, which ends with them."""

    def __init__(self, room: EngineRoom, source: Source) -> None:
        super().__init__(room.engine, source)
        self._room = room

    def close(self) -> None:
        """Let go of the source and of everything that was opened for it."""
        super().close()
        self._room.close()


def open_source(settings: LabSettings, *, remember: bool = True) -> SourceAlone:
    """Return the slides of the settings' source.

    Parameters
    ----------
    remember
        Keep in the home where tiles lie in slides, so that those open faster next time. Where
        the home cannot be used, nothing is kept, and nothing else changes.

    Raises
    ------
    Invalid
        The settings name no source.
    """
    if settings.source is None:
        raise Invalid("These settings name no source.")
    return SourceAlone(
        EngineRoom(settings, _cache(settings) if remember else None), settings.source
    )


def _cache(settings: LabSettings) -> Path | None:
    try:
        cache = prepare_home(settings.home).cache
        refuse_network_file_system(cache, accepted=settings.network_home)
    except HomeUnusable:
        return None
    return cache
