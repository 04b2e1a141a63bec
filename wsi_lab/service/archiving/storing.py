"""An archive as rows: made in two transactions, between which loads and files come in."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wsi_lab.errors import Invalid
from wsi_lab.formats.slidescore_config import parse_map
from wsi_lab.model.answer import Core, Place
from wsi_lab.model.layer import Label, NewLabel
from wsi_lab.model.people import Action
from wsi_lab.model.question import checked_question
from wsi_lab.model.study import Study
from wsi_lab.model.study_plan import PlannedMember
from wsi_lab.model.task import Access
from wsi_lab.service.annotating.label_sets import recorded
from wsi_lab.service.archiving import layout
from wsi_lab.service.archiving.contents import CheckedShape
from wsi_lab.service.cases import add_case, store_case
from wsi_lab.service.new_slides import SlideOnDisk, store_new
from wsi_lab.service.scoring.questions import add_question
from wsi_lab.service.scoring.tma_boxes import store_boxes
from wsi_lab.service.scoring.tma_maps import store_map
from wsi_lab.service.setting_up import invite
from wsi_lab.service.studies import changed_study, new_study
from wsi_lab.service.tasks.tasks import put_member
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import annotations as drawings
from wsi_lab.store import answers as answer_rows
from wsi_lab.store import drawing as shapes_of
from wsi_lab.store import layers, questions, studies, tasks
from wsi_lab.store.answers import AnswerRow
from wsi_lab.store.columns import time_text


@dataclass(slots=True)
class Made:
    """What a study's things are called in this lab, by their places in the manifest."""

    study_id: int = 0
    cases: list[int] = field(default_factory=list)
    slides: list[int] = field(default_factory=list)
    questions: list[int] = field(default_factory=list)
    label_sets: list[int] = field(default_factory=list)

    def place(self, answer: layout.ArchivedAnswer) -> Place:
        """Return where an answer belongs."""
        return Place(
            None if answer.slide is None else self.slides[answer.slide],
            None if answer.case is None else self.cases[answer.case],
            None if answer.core is None else Core(*answer.core),
        )

    def key(self, answer: layout.ArchivedAnswer) -> answer_rows.AnswerKey:
        """Return under what an answer is stored."""
        return answer_rows.key_of(
            self.questions[answer.question], self.place(answer), answer.author
        )


class Storing:
    """Stores an archive in one transaction: everything but loads, files and members.

    Nobody is let in yet.
    """

    def __init__(self, transaction: Transaction, manifest: layout.Manifest) -> None:
        self._transaction = transaction
        self._connection = transaction.connection
        self._manifest = manifest
        self._study: Study
        self._maps: list[int] = []
        self._made = Made()

    def run(
        self,
        working_name: str,
        files: Sequence[SlideOnDisk],
        given: Sequence[layout.ArchivedAnswer],
        shapes: Mapping[int, Sequence[CheckedShape]],
    ) -> Made:
        """Store it, and return what things are called here.

        Raises
        ------
        Invalid, Conflict
            Parts of the archive do not fit together.
        """
        transaction, manifest, made = self._transaction, self._manifest, self._made
        transaction.require(Action.STUDY_CREATE)
        study = new_study(transaction, working_name, manifest.description)
        for action in _needed(manifest, given):
            transaction.study(study.id, action)
        changes = {
            "friendly_name": manifest.friendly_name,
            "folder": manifest.folder,
            "settings": dict(manifest.settings),
        }
        self._study = changed_study(transaction, study, changes, published=None)
        made.study_id = study.id
        made.cases = [self._case(each) for each in manifest.cases]
        self._maps = [
            store_map(transaction, study, each.name, each.text, parse_map(each.text)).id
            for each in manifest.tma_maps
        ]
        made.slides = [
            self._slide(one, file) for one, file in zip(manifest.slides, files, strict=True)
        ]
        made.label_sets = [self._label_set(each) for each in manifest.label_sets]
        made.questions = [self._question(each) for each in manifest.questions]
        self._store_answers(given, shapes)
        return made

    def _case(self, one: layout.ArchivedCase) -> int:
        transaction, study = self._transaction, self._study
        made = add_case(transaction, study, one.name or one.public_name, one.public_name)
        if one.description:
            described = dataclasses.replace(made, description=one.description)
            store_case(transaction, study, made, described)
        return made.id

    def _slide(self, one: layout.ArchivedSlide, file: SlideOnDisk) -> int:
        made = store_new(
            self._transaction,
            self._study,
            file,
            name=one.name,
            case_id=None if one.case is None else self._made.cases[one.case],
            block=one.block,
            section=one.section,
            number=one.number,
            stain=one.stain,
            tags=one.tags,
            stated_mpp_x=one.stated_mpp_x,
            stated_mpp_y=one.stated_mpp_y,
            description=one.description,
            rotation=one.rotation,
            tma_map_id=None if one.tma_map is None else self._maps[one.tma_map],
        )
        store_boxes(self._transaction, self._study, made, layout.boxes_of(one))
        return made.id

    def _label_set(self, one: layout.ArchivedLabelSet) -> int:
        connection, study = self._connection, self._study
        made = layers.add_label_set(connection, study.id, one.name, one.description)
        layers.add_labels(connection, made, [_new(each) for each in one.labels])
        return recorded(self._transaction, made.id, "create", None).id

    def _question(self, one: layout.ArchivedQuestion) -> int:
        transaction, connection = self._transaction, self._connection
        spec = checked_question(one.name, one.kind, one.configuration)
        question = add_question(transaction, self._study, spec)
        if one.layer is not None:
            if one.layer.label_set is not None:
                set_id = self._made.label_sets[one.layer.label_set]
                layers.use_label_set(connection, question.id, set_id)
            if one.layer.is_shared:
                layers.set_shared(connection, question.id, is_shared=True)
        if one.task is not None:
            settings = one.task.settings
            tasks.add_task(connection, question.id, settings, transaction.now)
            transaction.record(
                "create", "task", question.id, study_id=self._study.id, after=settings
            )
        if not one.is_asked:
            questions.remove_question(connection, question.id, transaction.now)
        return question.id

    def _store_answers(
        self,
        given: Sequence[layout.ArchivedAnswer],
        shapes: Mapping[int, Sequence[CheckedShape]],
    ) -> None:
        first = answer_rows.next_id(self._connection)
        keys: set[answer_rows.AnswerKey] = set()
        rows: list[AnswerRow] = []
        ids: dict[int, int] = {}
        for number, each in enumerate(given):
            key = self._made.key(each)
            if key in keys or not self._manifest.questions[each.question].is_asked:
                raise Invalid(f"Answer {number + 1} is there twice, or to what is not asked.")
            keys.add(key)
            # A file becomes an answer when it has come.
            if each.file is None:
                ids[number] = first + len(rows)
                rows.append(self._row(each, ids[number]))
        answer_rows.add_answers(self._connection, rows)
        for place, drawn in shapes.items():
            self._draw(drawn, self._labels_of(place), ids)
        if rows:
            self._transaction.record(
                "import",
                "answers",
                self._study.id,
                study_id=self._study.id,
                after={"stored": len(rows)},
            )

    def _draw(
        self, drawn: Sequence[CheckedShape], labels: Mapping[str, int], ids: Mapping[int, int]
    ) -> None:
        by = self._transaction.actor.user.id
        positions: Counter[int] = Counter()
        for shape in drawn:
            if shape.answer not in ids or not set(shape.labels) <= labels.keys():
                raise Invalid("A shape is of no answer, or has a label that there is not.")
            label_ids = ",".join(str(labels[name]) for name in shape.labels)
            pen = drawings.Pen(ids[shape.answer], 1, shape.changed_on, by)
            row = shape.row._replace(label_ids=f"[{label_ids}]")
            drawings.draw(self._connection, pen, [(positions[shape.answer], row)])
            positions[shape.answer] += 1

    def _row(self, each: layout.ArchivedAnswer, answer_id: int) -> AnswerRow:
        place, actor = self._made.place(each), self._transaction.actor
        core = place.core
        return AnswerRow(
            answer_id,
            self._study.id,
            self._made.questions[each.question],
            place.slide_id,
            place.case_id,
            None if core is None else core.row,
            None if core is None else core.column,
            None if core is None else core.sample,
            each.author,
            each.value,
            None,
            time_text(each.answered_on),
            actor.user.id,
            actor.door,
            1,
        )

    def _labels_of(self, place: int) -> dict[str, int]:
        """Return the labels of a layer by name, those included that its set is to lose again."""
        connection = self._connection
        archived = self._manifest.questions[place].layer
        asked = questions.question(connection, self._made.questions[place])
        if archived is None or asked is None:
            return {}
        if archived.label_set is None and not archived.gone:
            return {}
        known = layers.label_set(connection, layers.layer(connection, asked))
        names = {each.name: each.id for each in known.labels}
        gone = [_new(each) for each in archived.gone if each.name not in names]
        added = layers.add_labels(connection, known, gone)
        return names | {each.name: each.id for each in added}


def finish(
    transaction: Transaction,
    manifest: layout.Manifest,
    made: Made,
    name: str,
    given: Sequence[layout.ArchivedAnswer],
) -> Study:
    """Give a study its name, its members and what loads have touched, and let readers in."""
    connection = transaction.connection
    study = transaction.study(made.study_id, Action.STUDY_EDIT)
    members = [PlannedMember(each.email, frozenset(each.rights)) for each in manifest.members]
    invite(transaction, study, members)
    invited = {each.email.casefold() for each in members}
    for place, question in enumerate(manifest.questions):
        for each in () if question.task is None else question.task.members:
            # Whoever left the study since they were named for the task has no part in either.
            if each.email.casefold() in invited:
                access = next(one for one in Access if one.word == each.access)
                put_member(transaction, made.questions[place], each.email, access)
    for set_id, wanted in zip(made.label_sets, manifest.label_sets, strict=True):
        _put_labels(transaction, set_id, wanted)
    _put_times(transaction, manifest, made, given)
    if manifest.published_on is not None:
        transaction.study(study.id, Action.STUDY_PUBLISH)
    after = dataclasses.replace(
        study, name=name, published_on=manifest.published_on, revision=study.revision + 1
    )
    studies.update_study(connection, after)
    if manifest.answered_on is not None:
        answer_rows.note_answered(connection, study.id, manifest.answered_on)
    transaction.record("load", "study", study.id, study_id=study.id, after=after)
    return transaction.study(study.id, Action.STUDY_VIEW)


def _needed(manifest: layout.Manifest, given: Sequence[layout.ArchivedAnswer]) -> list[Action]:
    found = [Action.STUDY_EDIT]
    loads = any(each.layer is not None and each.layer.loads for each in manifest.questions)
    if manifest.slides:
        found.append(Action.SLIDE_ADD)
    if given or loads:
        found.append(Action.ANSWER_IMPORT)
    if manifest.members:
        found.append(Action.STUDY_ADMIN)
    if manifest.published_on is not None:
        found.append(Action.STUDY_PUBLISH)
    return found


def _put_labels(transaction: Transaction, set_id: int, wanted: layout.ArchivedLabelSet) -> None:
    """Take labels away again that a set has of its shapes only."""
    connection = transaction.connection
    found = layers.label_set_by_id(connection, set_id)
    if found is None:
        return
    ids = {each.name: each.id for each in found.labels}
    kept = [
        Label(ids.pop(each.name), each.name, each.colour, each.description)
        for each in wanted.labels
    ]
    if ids:
        layers.put_labels(connection, found, kept, ids.values(), transaction.now)


def _put_times(
    transaction: Transaction,
    manifest: layout.Manifest,
    made: Made,
    given: Sequence[layout.ArchivedAnswer],
) -> None:
    """Let answers be as old as they are that loads and files have touched meanwhile."""
    connection = transaction.connection
    loaded = {
        place
        for place, each in enumerate(manifest.questions)
        if each.layer is not None and each.layer.loads
    }
    touched = [each for each in given if each.file is not None or each.question in loaded]
    if not touched:
        return
    keys = [made.key(each) for each in touched]
    stored = answer_rows.current(connection, made.study_id, keys)
    rows = {each.id: each for each in answer_rows.answers_of_study(connection, made.study_id)}
    changed = []
    for key, each in zip(keys, touched, strict=True):
        known = stored.get(key)
        when = time_text(each.answered_on)
        row = None if known is None else rows.get(known.id)
        if row is not None and row.answered_on != when:
            changed.append(row._replace(answered_on=when, revision=row.revision + 1))
            if each.file is not None:
                by = transaction.actor.user.id
                pen = drawings.Pen(row.id, row.revision + 1, each.answered_on, by)
                # Shapes of a file are as old as their answer, which came with them.
                shapes_of.date_shapes(connection, pen)
    answer_rows.update_answers(connection, changed)


def _new(one: layout.ArchivedLabel) -> NewLabel:
    return NewLabel(one.name, one.colour, one.description)
