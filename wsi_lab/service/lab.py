"""One lab: its home folder, its settings, and everything that can be asked of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from wsi_lab.errors import Conflict
from wsi_lab.service.adding import SlideAdder
from wsi_lab.service.cases import Cases
from wsi_lab.service.clock import Clock, system_time
from wsi_lab.service.people import People
from wsi_lab.service.places import Places
from wsi_lab.service.slides import Slides
from wsi_lab.service.studies import Studies
from wsi_lab.service.tiles import Tiles
from wsi_lab.service.transaction import Transactions
from wsi_lab.store.backup import copy_database
from wsi_lab.store.db import Database
from wsi_lab.store.home import Home, prepare_home
from wsi_lab.store.indexes import SlideIndexes
from wsi_lab.store.keys import server_key

if TYPE_CHECKING:
    from wsi_lab.slides.engine import SlideEngine


@dataclass(frozen=True, slots=True)
class LabSettings:
    """How a lab is run; fixed while it is open.

    Attributes
    ----------
    home
        The lab's own folder; made when it is missing.
    slide_roots
        Folders from which members may add slides. `None`: site administrators may add files
        from anywhere and nobody else may add any.
    workers
        Processes that decode what cannot be handed out as it is stored.
    worker_memory_bytes, worker_seconds
        What one of them may use for one request before it is ended.
    tile_cache_bytes
        How much memory drawn tiles may take.
    network_home
        Accept a home on a network file system, where SQLite can lose data.
    """

    home: Path
    slide_roots: tuple[Path, ...] | None = None
    workers: int = 2
    worker_memory_bytes: int = 1 << 30
    worker_seconds: float = 30.0
    tile_cache_bytes: int = 64 << 20
    network_home: bool = False


class Lab:
    """An open lab. Every verb may be called from any thread.

    Attributes
    ----------
    people, studies, cases, slides, tiles
        The verbs, by what they are about.
    """

    def __init__(self, settings: LabSettings, home: Home, database: Database, clock: Clock) -> None:
        self.settings = settings
        self._home = home
        self._database = database
        self._engine: SlideEngine | None = None
        self._indexes: SlideIndexes | None = None
        self._engine_lock = threading.Lock()
        transactions = Transactions(database, clock)
        self.people = People(database, transactions, clock)
        self.studies = Studies(transactions)
        self.cases = Cases(transactions)
        self.tiles = Tiles(database, transactions, clock, self._running_engine)
        adder = SlideAdder(
            transactions,
            Places(settings.slide_roots),
            lambda path: self._running_engine().open(path).properties,
        )
        self.slides = Slides(transactions, self.tiles, adder)

    @classmethod
    def open(cls, settings: LabSettings, *, clock: Callable[[], datetime] = system_time) -> Self:
        """Open the lab of a home folder, making or updating it where needed.

        Parameters
        ----------
        clock
            Tells the time in UTC.

        Raises
        ------
        HomeUnusable
            The folder cannot be written, lies on a network file system, or belongs to a newer
            version.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as home:
        ...     with Lab.open(LabSettings(Path(home))) as lab:
        ...         lab.studies.create(lab.people.owner(), "HTT pilot").id
        1
        """
        home = prepare_home(settings.home)
        database = Database(home.database, network_home=settings.network_home)
        return cls(settings, home, database, Clock(clock))

    @classmethod
    def restore(cls, settings: LabSettings, backup: Path) -> None:
        """Make the lab that a backup remembers, in a home that has none yet.

        Raises
        ------
        Conflict
            The home has a lab already.
        HomeUnusable
            The backup is damaged, not one of a lab, or from a newer version.
        StorageFull
            There is no space for it.
        """
        home = prepare_home(settings.home)
        if home.database.exists():
            raise Conflict(
                "There is a lab in this home already; name an empty one with --home, or move "
                f"its {home.database.name} away first."
            )
        copy_database(backup, home.database)

    def server_key(self) -> bytes:
        """Return the lab's own 32 secret bytes, from which keys for signatures are derived."""
        return server_key(self._database)

    def backup(self, to: Path) -> None:
        """Write a copy of everything the lab remembers; slides and caches are not part of it.

        For whoever runs this process: nobody's rights are asked.

        Raises
        ------
        Conflict
            There is a file of that name.
        StorageFull, HomeUnusable
            The copy cannot be written.
        """
        self._database.backup(to)

    def close(self) -> None:
        """Finish all writes and give everything back. Closing twice is closing once."""
        with self._engine_lock:
            engine, self._engine = self._engine, None
            indexes, self._indexes = self._indexes, None
        if engine is not None:
            engine.close()
        if indexes is not None:
            indexes.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _running_engine(self) -> SlideEngine:
        if self._engine is not None:
            return self._engine
        with self._engine_lock:
            if self._engine is None:
                # numpy and the codecs take a while; whoever lists users needs none of them.
                from wsi_lab.slides.engine import SlideEngine  # noqa: PLC0415

                self._indexes = SlideIndexes(self._home.cache / "slide-indexes.sqlite3")
                self._engine = SlideEngine(self.settings, indexes=self._indexes)
            return self._engine
