"""The slide engine behind a lab, made when somebody first looks at a slide."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_lab.service.settings import LabSettings
from wsi_lab.store.indexes import SlideIndexes

if TYPE_CHECKING:
    from wsi_lab.slides.engine import SlideEngine
    from wsi_lab.slides.stores import Stores

INDEX_FILE = "slide-indexes.sqlite3"


class EngineRoom:
    """One slide engine and what it works with: stores, and remembered indexes.

    Parameters
    ----------
    settings
        What the engine may use, and the sources it reaches over a network.
    cache
        The folder for what can be made again; `None` remembers nothing from run to run.
    """

    def __init__(self, settings: LabSettings, cache: Path | None) -> None:
        self._settings = settings
        self._cache = cache
        self._lock = threading.Lock()
        self._engine: SlideEngine | None = None
        self._stores: Stores | None = None
        self._indexes: SlideIndexes | None = None

    def engine(self) -> SlideEngine:
        """Return the engine, made at the first call. May be called from any thread."""
        if self._engine is not None:
            return self._engine
        with self._lock:
            if self._engine is None:
                # numpy and the codecs take a while; whoever lists users needs none of them.
                from wsi_lab.slides.engine import SlideEngine  # noqa: PLC0415
                from wsi_lab.slides.stores import Stores  # noqa: PLC0415

                settings = self._settings
                if self._cache is not None:
                    self._indexes = SlideIndexes(self._cache / INDEX_FILE)
                self._stores = Stores(settings.remote_sources)
                self._engine = SlideEngine(
                    settings,
                    indexes=self._indexes,
                    open_slides=settings.open_slides,
                    stores=self._stores,
                )
            return self._engine

    def close(self) -> None:
        """Let go of everything. Closing twice is closing once."""
        with self._lock:
            engine, self._engine = self._engine, None
            stores, self._stores = self._stores, None
            indexes, self._indexes = self._indexes, None
        for each in (engine, stores, indexes):
            if each is not None:
                each.close()
