"""Whole studies as one ZIP file each: out of a lab, and into one."""

from __future__ import annotations

import io
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, BinaryIO

from wsi_lab.errors import Conflict, Invalid
from wsi_lab.model.feature import Grid
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import LONGEST_NAME, Study, checked_study_name
from wsi_lab.service.adding import SlideAdder
from wsi_lab.service.annotating.annotations import Annotations
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.loading import Loads
from wsi_lab.service.archiving import layout
from wsi_lab.service.archiving.contents import Contents
from wsi_lab.service.archiving.gathering import Gathered, cannot_be_packed, gather
from wsi_lab.service.archiving.slide_files import SlideFiles
from wsi_lab.service.archiving.storing import Made, Storing, finish
from wsi_lab.service.archiving.writing import ArchiveWriter, Progress
from wsi_lab.service.studies import Studies
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.service.uploading.files import Files
from wsi_lab.store import studies as study_rows

_OPENED, _STORED = 0.4, 0.6
"""How much is done when slides are opened, and when all but loads is stored."""


class StudyArchives:
    """Takes studies out of the lab and brings them in; see `wsi_lab.service.archiving.layout`.

    Parameters
    ----------
    folder
        Of annotation files.
    """

    def __init__(
        self,
        transactions: Transactions,
        *,
        studies: Studies,
        adder: SlideAdder,
        files: Files,
        loads: Loads,
        finder: Finder,
        annotations: Annotations,
        folder: Path,
    ) -> None:
        self._transactions = transactions
        self._studies = studies
        self._adder = adder
        self._files = files
        self._loads = loads
        self._finder = finder
        self._annotations = annotations
        self._folder = folder

    def export(
        self,
        actor: Actor,
        study_id: int,
        file: IO[bytes],
        *,
        with_slides: bool = False,
        progress: Progress = lambda _: None,
    ) -> tuple[str, ...]:
        """Write the archive of a study, and return what is missing in it, a sentence each.

        Needs the rights 'edit' and 'results'; private names are part of it with 'private' only,
        and slide files with the right to download them.

        Raises
        ------
        Invalid
            Slides that were wanted consist of several files or lie in a store; ``problems``
            names each.
        TooLarge
            It would have more than 2 GiB.
        """

        def read(transaction: Transaction) -> Gathered:
            study = transaction.study(study_id, Action.STUDY_CONFIG)
            transaction.study(study_id, Action.RESULTS_VIEW)
            if with_slides:
                transaction.study(study_id, Action.SLIDE_DOWNLOAD)
            return gather(transaction, study, with_slides=with_slides)

        def record(transaction: Transaction) -> None:
            study = transaction.study(study_id, Action.STUDY_CONFIG)
            said = {"with_slides": with_slides}
            transaction.record("export", "study", study.id, study_id=study.id, after=said)

        gathered = self._transactions.read(actor, read)
        if with_slides:
            _require_packable(gathered)
        self._transactions.write(actor, record)
        writer = ArchiveWriter(actor, self._transactions, self._loads, self._finder, self._folder)
        writer.write(gathered, file, progress)
        return gathered.manifest.left_out

    def check_load(self, actor: Actor) -> None:
        """Raise `NotAllowed` unless the asker may make studies."""
        self._transactions.read(actor, lambda t: t.require(Action.STUDY_CREATE))

    def load(
        self,
        actor: Actor,
        file: Path | BinaryIO,
        *,
        name: str | None = None,
        folder: Path | None = None,
        progress: Progress = lambda _: None,
    ) -> Study:
        """Make the study of an archive, or nothing at all. Site administrators only.

        While it comes in it has another name, and nobody is a member of it; whoever kills the
        lab then leaves a study of such a name, and nothing else.

        Parameters
        ----------
        file
            Closed in the end, if it is open.
        name
            Of the study; by default what it was called.
        folder
            Where slide files lie that are not part of it, by their names and in any folder
            below; by default they are looked for where they lay.

        Raises
        ------
        Invalid
            It is no such archive, or something in it is wrong, or slides are missing;
            ``problems`` names each.
        Conflict
            There is a study of that name.
        """
        try:
            self.check_load(actor)
        except BaseException:
            if not isinstance(file, Path):
                file.close()
            raise
        with Contents(file) as contents:
            called = checked_study_name(contents.manifest.name if name is None else name)
            self._transactions.read(actor, lambda t: _require_free(t, called))
            slides = SlideFiles(self._files, self._adder, folder)
            made: Made | None = None
            try:
                given = contents.answers()
                shapes = {
                    place: found
                    for place in range(len(contents.manifest.questions))
                    if (found := contents.shapes(place, given))
                }
                files = slides.find(contents.archive, contents.manifest.slides)
                progress(_OPENED)
                working = f"{called[: LONGEST_NAME - 30]} (loading {secrets.token_hex(4)})"
                made = self._transactions.write(
                    actor,
                    lambda t: Storing(t, contents.manifest).run(working, files, given, shapes),
                )
                progress(_STORED)
                stored = made
                self._bring_in_files(actor, contents, stored, given)
                self._bring_in_loads(actor, contents, stored, progress)
                study = self._transactions.write(
                    actor, lambda t: finish(t, contents.manifest, stored, called, given)
                )
            except BaseException:
                if made is not None:
                    self._take_back(actor, made.study_id)
                slides.take_back()
                raise
        progress(1.0)
        return study

    def _bring_in_files(
        self,
        actor: Actor,
        contents: Contents,
        made: Made,
        given: Sequence[layout.ArchivedAnswer],
    ) -> None:
        for each in given:
            if each.file is None:
                continue
            begun = self._annotations.begin_file(
                actor,
                study_id=made.study_id,
                place=made.place(each),
                question=made.questions[each.question],
                author=each.author,
            )
            with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".incoming") as between:
                contents.archive.copy(each.file, between, layout.LARGEST_ENTRY)
                between.flush()
                self._annotations.finish_file(actor, begun.uuid, Path(between.name))

    def _bring_in_loads(
        self, actor: Actor, contents: Contents, made: Made, progress: Progress
    ) -> None:
        wanted = [
            (made.questions[place], load)
            for place, question in enumerate(contents.manifest.questions)
            if question.layer is not None
            for load in question.layer.loads
        ]
        for number, (layer_id, load) in enumerate(wanted, start=1):
            data = contents.archive.read(load.entry, layout.LARGEST_ENTRY)
            slide_id = made.slides[load.slide]
            if load.kind == "grid":
                grid = _grid(load, data)
                self._loads.load_grid(actor, layer_id, slide_id, grid, author=load.author)
            else:
                from wsi_lab.formats import geoparquet  # noqa: PLC0415 (geometry)

                self._loads.load(
                    actor,
                    layer_id,
                    slide_id,
                    geoparquet.read_columns(data).columns,
                    author=load.author,
                    name=load.name,
                    precision=load.precision,
                )
            progress(_STORED + (1 - _STORED) * number / len(wanted))

    def _take_back(self, actor: Actor, study_id: int) -> None:
        study = self._studies.get(actor, study_id)
        self._studies.remove(actor, study_id, revision=study.revision)


def _require_free(transaction: Transaction, name: str) -> None:
    if study_rows.study_by_name(transaction.connection, name) is not None:
        raise Conflict(f"There already is a study named '{name}'; load it by another name.")


def _require_packable(gathered: Gathered) -> None:
    problems = [
        f"{each.name}: is no single file on this machine"
        for each in gathered.slides
        if cannot_be_packed(each)
    ]
    if problems:
        raise Invalid(
            f"{len(problems)} of {len(gathered.slides)} slides cannot be part of an archive; "
            "export it without slides.",
            problems=problems,
        )


def _grid(load: layout.ArchivedLoad, data: bytes) -> Grid:
    import numpy as np  # noqa: PLC0415 (whoever opens a lab needs none)

    try:
        values = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise Invalid(f"The values of '{load.name}' cannot be read.") from error
    if load.box is None or values.ndim != 2 or values.dtype != np.float32:
        raise Invalid(f"The values of '{load.name}' are no grid.")
    return Grid(load.name, values, load.box)
