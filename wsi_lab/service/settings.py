"""How a lab is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wsi_lab.model.source import Source


@dataclass(frozen=True, slots=True)
class LabSettings:
    """How a lab is run; fixed while it is open.

    Attributes
    ----------
    home
        The lab's own folder; made when it is missing.
    slide_roots
        Folders and remote sources from which members may add slides. `None`: site
        administrators may add files from anywhere and nobody else may add any.
    source
        A folder, bucket or web server whose slides are served by their keys there, outside all
        studies.
    workers
        Processes that decode what cannot be handed out as it is stored.
    worker_memory_bytes, worker_seconds
        What one of them may use for one request before it is ended.
    tile_cache_bytes
        How much memory drawn tiles may take.
    open_slides
        How many slides are kept open.
    network_home
        Accept a home on a network file system, where SQLite can lose data.

    Examples
    --------
    >>> settings = LabSettings(Path("home"), source=Source.at("s3://slides/2026"))
    >>> [source.address for source in settings.remote_sources]
    ['s3://slides/2026/']
    """

    home: Path
    slide_roots: tuple[Source, ...] | None = None
    source: Source | None = None
    workers: int = 2
    worker_memory_bytes: int = 1 << 30
    worker_seconds: float = 30.0
    tile_cache_bytes: int = 64 << 20
    open_slides: int = 64
    network_home: bool = False

    @property
    def remote_sources(self) -> tuple[Source, ...]:
        """All declared sources that are reached over a network."""
        declared = (self.source, *(self.slide_roots or ()))
        return tuple(source for source in declared if source is not None and source.is_remote)
