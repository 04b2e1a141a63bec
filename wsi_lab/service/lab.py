"""One lab: its home folder, its settings, and everything that can be asked of it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from wsi_lab.errors import Conflict
from wsi_lab.service.adding import SlideAdder
from wsi_lab.service.annotating.annotations import Annotations
from wsi_lab.service.annotating.drawing import Drawing
from wsi_lab.service.annotating.exchange import Exchange
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.label_sets import LabelSets
from wsi_lab.service.annotating.layers import Layers
from wsi_lab.service.annotating.loading import Loads
from wsi_lab.service.annotating.ontologies import Ontologies
from wsi_lab.service.annotating.overlays import Overlays
from wsi_lab.service.annotating.shape_lists import ShapeLists
from wsi_lab.service.annotating.shape_pictures import ShapePictures
from wsi_lab.service.annotating.shapes import Shapes
from wsi_lab.service.archiving.archives import StudyArchives
from wsi_lab.service.attached_files import AttachedFiles
from wsi_lab.service.cases import Cases
from wsi_lab.service.clock import Clock, system_time
from wsi_lab.service.colleagues import Colleagues
from wsi_lab.service.configuring.configuration import Configuration
from wsi_lab.service.engine import EngineRoom
from wsi_lab.service.grants import Grants
from wsi_lab.service.hidden import Hidden
from wsi_lab.service.images import Images
from wsi_lab.service.jobs import Jobs
from wsi_lab.service.keys import Keys
from wsi_lab.service.mail import Mail
from wsi_lab.service.page import Pages
from wsi_lab.service.people import People
from wsi_lab.service.places import Places
from wsi_lab.service.reading.invitations import Invitations
from wsi_lab.service.reading.readings import Readings
from wsi_lab.service.reading.reports import Reports
from wsi_lab.service.remarks import Remarks
from wsi_lab.service.scoring.questions import Questions
from wsi_lab.service.scoring.results import Results
from wsi_lab.service.scoring.score_tables import ScoreTables
from wsi_lab.service.scoring.tma_maps import TmaMaps
from wsi_lab.service.screenshots import Screenshots
from wsi_lab.service.setting_up import StudySetup
from wsi_lab.service.settings import LabSettings
from wsi_lab.service.slides import Slides
from wsi_lab.service.sources import SourceSlides
from wsi_lab.service.studies import Studies
from wsi_lab.service.tasks.drawings import TaskDrawings
from wsi_lab.service.tasks.pictures import TaskPictures
from wsi_lab.service.tasks.regions import Regions
from wsi_lab.service.tasks.samples import Samples
from wsi_lab.service.tasks.slides import TaskSlides
from wsi_lab.service.tasks.tasks import Tasks
from wsi_lab.service.tiles import Tiles
from wsi_lab.service.transaction import Transactions
from wsi_lab.service.uploading.attachments import Attachments
from wsi_lab.service.uploading.downloads import Downloads
from wsi_lab.service.uploading.files import Files
from wsi_lab.service.uploading.image_files import ImageFiles
from wsi_lab.service.uploading.uploads import Uploads
from wsi_lab.service.viewing import Sessions
from wsi_lab.store.backup import copy_database
from wsi_lab.store.db import Database
from wsi_lab.store.home import Home, prepare_home
from wsi_lab.store.keys import server_key

__all__ = ["Lab", "LabSettings"]


class Lab:
    """An open lab. Every verb may be called from any thread.

    Attributes
    ----------
    people, studies, cases, slides, tiles, questions, results, annotations, tma_maps
        The verbs, by what they are about.
    score_tables
        Results as whole tables.
    readings, reports, invitations
        Readers: what they go through item by item, how far they are, and how they are asked in.
    layers, drawing, loads, finder, overlays, exchange, jobs
        Layers of annotations: made, drawn on, loaded, searched, shown, brought in and taken out.
    shapes, shape_lists, shape_pictures
        Annotations of whichever layer: one by one, listed, and pictures of them.
    label_sets, tasks, task_slides, task_drawings, samples, regions, task_pictures
        What PHAS sets work up with: labels, tasks, and what is done in them.
    ontologies, images, remarks, attached_files
        What Cytomine knows besides: the terms of a study, files apart from their slides, and
        properties, tags, descriptions and files of things.
    setup, configuration, archives, screenshots, pages, sessions, mail
        What is done with whole studies, and with what is seen of a slide.
    files, uploads, attachments, downloads, grants, keys
        The lab's own files, how they come in and go out, leave to see tiles, and keys of other
        systems' clients.
    colleagues, hidden
        People who have a study in common, and what is told apart from what is not there.
    source
        The verbs about the slides of the declared source; `None` without one.
    """

    def __init__(self, settings: LabSettings, home: Home, database: Database, clock: Clock) -> None:
        self.settings = settings
        self._database = database
        self._engine_room = EngineRoom(settings, home.cache)
        transactions = Transactions(database, clock)
        self.people = People(database, transactions, clock)
        self.files = Files(home.slides)
        self.studies = Studies(transactions, home, self.files)
        self.colleagues, self.hidden = Colleagues(transactions), Hidden(transactions)
        self.cases = Cases(transactions)
        self.tiles = Tiles(database, transactions, clock, self._engine_room.engine)
        adder = SlideAdder(
            transactions,
            Places(settings.slide_roots, declared=settings.remote_sources),
            lambda path: self._engine_room.engine().open(path).properties,
        )
        self.slides = Slides(transactions, self.tiles, adder, self.files, self._engine_room.engine)
        self.setup = StudySetup(transactions, adder)
        self.questions = Questions(transactions)
        self.results, self.score_tables = Results(transactions), ScoreTables(transactions)
        self.readings = Readings(database, transactions, self.tiles, self.server_key)
        self.reports, self.invitations = Reports(transactions), Invitations(transactions)
        self.annotations = Annotations(transactions, home.annotations)
        self.jobs = Jobs(clock)
        self.layers, self.drawing = Layers(transactions), Drawing(transactions)
        self.finder = Finder(transactions)
        self.label_sets, self.ontologies = LabelSets(transactions), Ontologies(transactions)
        self.tasks = Tasks(transactions)
        self.task_slides = TaskSlides(transactions)
        self.task_drawings = TaskDrawings(transactions)
        self.samples = Samples(transactions, self.finder, self.tasks)
        self.regions = Regions(transactions, self.finder)
        self.task_pictures = TaskPictures(
            self.tiles,
            self.tasks,
            self.task_slides,
            self.task_drawings,
            self.samples,
            self.regions,
        )
        self.loads = Loads(transactions)
        self.overlays = Overlays(database, transactions, self.finder, self.tiles)
        self.shapes = Shapes(transactions, self.finder)
        self.shape_lists = ShapeLists(database, transactions, self.finder)
        self.shape_pictures = ShapePictures(transactions, self.tiles, self.finder, self.shape_lists)
        self.exchange = Exchange(
            transactions,
            layers=self.layers,
            drawing=self.drawing,
            loads=self.loads,
            finder=self.finder,
            jobs=self.jobs,
            folder=home.annotations,
        )
        self.uploads = Uploads(
            database, transactions, clock, self.files, self.annotations, home=home
        )
        self.attachments = Attachments(database, home.attachments)
        self.downloads = Downloads(transactions)
        self.images = Images(
            transactions,
            adder,
            ImageFiles(self.files, home),
            tiles=self.tiles,
            downloads=self.downloads,
            engine=self._engine_room.engine,
        )
        self.remarks = Remarks(transactions)
        self.attached_files = AttachedFiles(
            transactions, ImageFiles(self.files, home), home.attached
        )
        self.tma_maps = TmaMaps(transactions, self.files, self.tiles)
        self.configuration = Configuration(transactions, self.files, adder)
        self.archives = StudyArchives(
            transactions,
            studies=self.studies,
            adder=adder,
            files=self.files,
            loads=self.loads,
            finder=self.finder,
            annotations=self.annotations,
            folder=home.annotations,
        )
        self.screenshots = Screenshots(transactions, self.tiles, self.annotations, self.overlays)
        self.sessions = Sessions(transactions)
        self.pages = Pages(transactions, self.tiles, self.annotations, self.finder)
        self.keys = Keys(transactions, self.people, self.server_key)
        self.grants = Grants(transactions, self.people, clock, self.server_key)
        self.mail = Mail(transactions, settings)
        self.source = (
            None
            if settings.source is None
            else SourceSlides(self._engine_room.engine, settings.source)
        )

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

    def source_secret(self) -> bytes:
        """Return what addresses in the declared source are signed with where nobody chose it."""
        return hmac.digest(self.server_key(), b"wsi-lab source", "sha256")

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
        if self.source is not None:
            self.source.close()
        self.jobs.close()
        self._engine_room.close()
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
