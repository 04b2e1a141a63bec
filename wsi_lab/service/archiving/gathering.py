"""What an archive says of a study, read in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wsi_lab.model.annotation import Annotation
from wsi_lab.model.answer import ResultRow
from wsi_lab.model.layer import Label
from wsi_lab.model.people import Action
from wsi_lab.model.question import Question, QuestionKind
from wsi_lab.model.source import is_address
from wsi_lab.model.study import Case, Slide, Study
from wsi_lab.service.annotating.drawn_answers import FILE_WORD
from wsi_lab.service.archiving import layout
from wsi_lab.service.scoring.importing_results import case_names
from wsi_lab.service.scoring.tma_boxes import map_of
from wsi_lab.service.seen import ALL, case_as_seen
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import (
    annotation_files,
    answers,
    layers,
    people,
    slides,
    studies,
    tasks,
    tma_boxes,
    tma_maps,
)
from wsi_lab.store import annotations as drawings
from wsi_lab.store import questions as question_rows
from wsi_lab.store.answer_selection import Selection
from wsi_lab.store.answers import AnswerRow
from wsi_lab.store.columns import time_of
from wsi_lab.version import __version__

_SEVERAL_FILES = frozenset({".mrxs", ".vms", ".vmu", ".dcm"})


@dataclass(frozen=True, slots=True)
class Gathered:
    """A study as it was at one moment.

    Attributes
    ----------
    questions
        As they are in the manifest; the lab's own.
    answers
        As they are in their file, from which shapes name them.
    shapes
        Drawn by hand, by the places of their questions, with the places of their answers.
    rows
        The answers as a table has them.
    answer_files
        UUIDs of annotation files, by the places of their answers.
    """

    study: Study
    manifest: layout.Manifest
    slides: Sequence[Slide]
    questions: Sequence[Question]
    answers: Sequence[layout.ArchivedAnswer]
    shapes: Mapping[int, Sequence[tuple[int, Annotation]]]
    rows: Sequence[ResultRow]
    answer_files: Mapping[int, str]


def gather(transaction: Transaction, study: Study, *, with_slides: bool) -> Gathered:
    """Return all that is to be written of a study but its loads; the right has been checked."""
    connection = transaction.connection
    left_out: list[str] = []
    found_cases = [
        case_as_seen(transaction, study, each)
        for each in studies.cases(connection, study.id, after=0, limit=ALL)
    ]
    found_slides = slides.all_slides(connection, study.id)
    maps = tma_maps.maps(connection, study.id)
    sets = layers.label_sets(connection, study.id)
    asked = _Asked(transaction, study, left_out)
    places = _Places(found_slides, found_cases, asked.questions)
    rows = [
        each
        for each in answers.answers_of_study(connection, study.id)
        if each.question_id in places.questions
    ]
    archived = [places.answer(each) for each in rows]
    files: dict[int, str] = {}
    come = annotation_files.files_with_content(connection, study.id)
    for place, row in enumerate(rows):
        if row.file_uuid is None or not row.value.startswith(FILE_WORD):
            continue
        archived[place].value = ""
        # Others are made of loads and shapes each time somebody fetches them.
        if row.file_uuid in come:
            archived[place].file, files[place] = f"answers/{place}.zip", row.file_uuid
    shapes = _shapes(transaction, study, places, rows, files)
    manifest = layout.Manifest(
        layout.SCHEMA,
        __version__,
        transaction.now,
        study.name,
        study.description,
        study.friendly_name,
        study.folder,
        dict(study.settings),
        study.published_on,
        study.answered_on,
        cases=tuple(
            layout.ArchivedCase(each.public_name, each.name, each.description)
            for each in found_cases
        ),
        slides=_slides(transaction, study, found_slides, places, [each.id for each in maps]),
        questions=asked.archived({each.id: place for place, each in enumerate(sets)}, shapes),
        label_sets=tuple(
            layout.ArchivedLabelSet(each.name, each.description, _labels(each.labels))
            for each in sets
        ),
        tma_maps=tuple(layout.ArchivedMap(each.name, each.text) for each in maps),
        members=tuple(
            layout.ArchivedMember(each.email, tuple(sorted(each.rights)))
            for each in people.members(connection, study.id)
        ),
        left_out=tuple(left_out),
    )
    if with_slides:
        for place, (slide, one) in enumerate(zip(found_slides, manifest.slides, strict=True)):
            one.entry = f"slides/{place}/{PurePosixPath(slide.source).name}"
    selection = Selection(study_id=study.id, questions=places.questions.keys())
    table = answers.result_rows(connection, selection, case_names(transaction, study))
    return Gathered(study, manifest, found_slides, asked.questions, archived, shapes, table, files)


def cannot_be_packed(slide: Slide) -> bool:
    """Return whether the file of a slide is not one that can be put into an archive."""
    path = Path(slide.source)
    return is_address(slide.source) or path.suffix.lower() in _SEVERAL_FILES or not path.is_file()


class _Places:
    """Where things are in the lists of the manifest, by their ids."""

    def __init__(
        self, slides: Iterable[Slide], cases: Iterable[Case], questions: Iterable[Question]
    ) -> None:
        self.slides = {each.id: place for place, each in enumerate(slides)}
        self.cases = {each.id: place for place, each in enumerate(cases)}
        self.questions = {each.id: place for place, each in enumerate(questions)}

    def answer(self, row: AnswerRow) -> layout.ArchivedAnswer:
        core = None
        if row.core_row is not None and row.core_column is not None:
            core = (row.core_row, row.core_column, row.core_sample or "")
        return layout.ArchivedAnswer(
            self.questions[row.question_id],
            row.author,
            time_of(row.answered_on),
            row.value,
            None if row.slide_id is None else self.slides[row.slide_id],
            None if row.case_id is None else self.cases[row.case_id],
            core,
        )


class _Asked:
    """The questions of a study, with the tasks for looking only behind them."""

    def __init__(self, transaction: Transaction, study: Study, left_out: list[str]) -> None:
        connection = transaction.connection
        self._connection = connection
        every = question_rows.questions(connection, study.id)
        closed = transaction.closed_questions(study)
        self._tasks = {each.id: each.settings for each in tasks.tasks(connection, study.id)}
        self._own = tasks.made_tasks(connection, study.id)
        sees_names = transaction.may(Action.CASE_PRIVATE, study)
        hidden = {
            each
            for each in self._own
            if not sees_names and self._tasks[each].selection.cases is not None
        }
        for each in sorted(closed | hidden):
            name = self._tasks[each].name
            left_out.append(f"The task '{name}', which you may not see all of.")
        asked = [each for each in every if each.id not in closed | hidden]
        self._asked = {each.id for each in asked}
        known = {each.id for each in every}
        looking = [
            Question(each, study.id, 0, self._tasks[each].name, QuestionKind.ANNO_SHAPES, "", 1)
            for each in sorted(self._own - known - closed - hidden)
        ]
        self.questions = [*asked, *looking]

    def archived(
        self,
        set_places: Mapping[int, int],
        shapes: Mapping[int, Sequence[tuple[int, Annotation]]],
    ) -> tuple[layout.ArchivedQuestion, ...]:
        drawn = [each for each in self.questions if each.kind.is_drawn]
        known = {each.id: each for each in layers.layers(self._connection, drawn)}
        found = []
        for place, each in enumerate(self.questions):
            one = layout.ArchivedQuestion(
                each.name, each.kind, each.configuration, each.id in self._asked
            )
            if each.id in known:
                layer = known[each.id]
                names = {label.name for label in layer.labels}
                gone = {
                    label.name: label
                    for _, shape in shapes.get(place, ())
                    for label in shape.labels
                    if label.name not in names
                }
                one.layer = layout.ArchivedLayer(
                    layer.is_shared,
                    None if layer.label_set_id is None else set_places.get(layer.label_set_id),
                    _labels(gone.values()),
                )
            if each.id in self._own:
                members = tuple(
                    layout.ArchivedAccess(member.email, member.access.word)
                    for member in tasks.task_members(self._connection, each.id)
                )
                one.task = layout.ArchivedTask(self._tasks[each.id], members)
            found.append(one)
        return tuple(found)


def _shapes(
    transaction: Transaction,
    study: Study,
    places: _Places,
    rows: Sequence[AnswerRow],
    files: Mapping[int, str],
) -> dict[int, list[tuple[int, Annotation]]]:
    answer_places = {row.id: place for place, row in enumerate(rows) if place not in files}
    found: dict[int, list[tuple[int, Annotation]]] = defaultdict(list)
    for each in drawings.annotations_of_study(transaction.connection, study.id):
        place = answer_places.get(each.answer_id)
        if place is not None:
            found[places.questions[each.question_id]].append((place, each))
    return dict(found)


def _slides(
    transaction: Transaction,
    study: Study,
    found: Sequence[Slide],
    places: _Places,
    map_ids: Sequence[int],
) -> tuple[layout.ArchivedSlide, ...]:
    # What a file is called may tell whose specimen it shows.
    sees_names = transaction.may(Action.SLIDE_PRIVATE, study)
    sees_paths = transaction.may(Action.SLIDE_PATH, study)
    return tuple(
        layout.ArchivedSlide(
            each.name,
            each.format,
            each.width,
            each.height,
            PurePosixPath(each.source).name if sees_names else None,
            each.source if sees_paths else None,
            None,
            None if each.case_id is None else places.cases[each.case_id],
            each.block,
            each.section,
            each.number,
            each.stain,
            each.tags,
            each.stated_mpp_x,
            each.stated_mpp_y,
            each.description,
            each.rotation,
            None if each.tma_map_id is None else map_ids.index(each.tma_map_id),
            _cores(transaction, each),
        )
        for each in found
    )


def _cores(transaction: Transaction, slide: Slide) -> tuple[layout.ArchivedBox, ...]:
    tma_map = map_of(transaction, slide)
    if tma_map is None:
        return ()
    return tuple(
        layout.ArchivedBox(each.row, each.column, each.box, each.is_found)
        for each in tma_boxes.boxes(transaction.connection, slide.id).values()
        # Of an earlier map there may be more.
        if each.row < tma_map.row_count and each.column < tma_map.column_count
    )


def _labels(found: Iterable[Label]) -> tuple[layout.ArchivedLabel, ...]:
    return tuple(layout.ArchivedLabel(each.name, each.colour, each.description) for each in found)
