"""All that is drawn on a slide in a task, in the words of paper.js, read and replaced as a whole.

A drawing that came as a whole goes out as it came, until somebody changes a shape of it elsewhere;
then only what was changed is told anew. What replaces it is compared with it item by item, so that
shapes keep their ids, their authors and their labels.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from wsi_lab.model.annotation import Annotation
from wsi_lab.model.feature import Feature
from wsi_lab.model.people import Actor
from wsi_lab.model.task import Access, Drawing, EditRecord
from wsi_lab.service.annotating.drawn_changes import (
    Change,
    add_drawn,
    change_all_drawn,
    remove_all_drawn,
)
from wsi_lab.service.annotating.given_shapes import Drawn, drawn_of
from wsi_lab.service.annotating.seeing import Seen
from wsi_lab.service.scoring.answering import study_for
from wsi_lab.service.tasks.access import OpenTask, open_task
from wsi_lab.service.tasks.slides import slide_in_task
from wsi_lab.service.tasks.visible import layer_of, visible_shapes
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import drawings as rows
from wsi_lab.store.drawings import ShapeKey, StoredDrawing

if TYPE_CHECKING:
    from wsi_lab.formats.paper_document import PaperDocument, PaperItem


class _Told(NamedTuple):
    """A drawing as it is told now, and the shapes that its items are.

    Attributes
    ----------
    shapes
        Those that there are, where the drawing was told anew; else it is as it came.
    """

    document: PaperDocument
    text: str
    items: list[list[ShapeKey]]
    stored: StoredDrawing | None
    shapes: list[Annotation]


class _Sheet(NamedTuple):
    """What is drawn on: a slide, on a layer of which the asker sees some or all."""

    transaction: Transaction
    seen: Seen
    slide_id: int

    @property
    def author(self) -> str:
        """Whose drawing it is; empty for everybody's."""
        return self.seen.only or ""

    def stamp(self) -> str:
        """Return what names the answers that there are, and their revisions."""
        found = rows.stamps(
            self.transaction.connection,
            self.seen.question.id,
            slide_id=self.slide_id,
            author=self.seen.only,
        )
        return found.get(self.slide_id, "")

    def stored(self) -> StoredDrawing | None:
        """Return what came as a whole."""
        return rows.drawing(
            self.transaction.connection, self.seen.question.id, self.slide_id, self.author
        )

    def shapes(self) -> list[Annotation]:
        """Return the shapes that there are."""
        return visible_shapes(self.transaction, self.seen, self.slide_id)


class _New(NamedTuple):
    """An item that was not there before, and its shapes."""

    place: int
    drawn: list[Drawn]


class _Came(NamedTuple):
    """A drawing that came as a whole."""

    text: str
    counts: tuple[int, int]
    items: list[list[ShapeKey]]


class TaskDrawings:
    """Drawings on slides of tasks."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def get(self, actor: Actor, task_id: int, slide_id: int) -> Drawing | None:
        """Return what is drawn on a slide; of a task that refers to another, what is drawn there.

        `None` where nobody has drawn anything.
        """

        def read(transaction: Transaction) -> Drawing | None:
            opened, _ = slide_in_task(transaction, task_id, slide_id, Access.READ)
            reference = opened.task.reference_id
            if reference is not None:
                opened = open_task(transaction, reference, Access.READ)
            return _drawing(transaction, opened, slide_id)

        return self._transactions.read(actor, read)

    def put(self, actor: Actor, task_id: int, slide_id: int, text: str) -> None:
        """Replace what is drawn on a slide in a task.

        Needs write access to the task. Shapes of others are changed or removed only by those who
        may bring in the annotations of others.

        Raises
        ------
        Invalid
            It is no list and no object in JSON, or a shape of it cannot be drawn.
        TooLarge
            It is longer than anybody's drawing.
        """
        from wsi_lab.formats.paper_document import PaperDocument  # noqa: PLC0415 (it needs numpy)

        document = PaperDocument(text)
        drawn: dict[bytes, list[Drawn]] = {}

        def shapes_of(item: PaperItem) -> list[Drawn]:
            if item.same not in drawn:
                drawn[item.same] = drawn_of(document.features(item))
            return drawn[item.same]

        def told(transaction: Transaction) -> tuple[_Sheet, _Told]:
            opened, _ = slide_in_task(transaction, task_id, slide_id, Access.WRITE)
            sheet = _Sheet(transaction, layer_of(transaction, opened), slide_id)
            return sheet, _told(sheet)

        def put(transaction: Transaction) -> None:
            sheet, before = told(transaction)
            items = _replace(sheet, before, document, shapes_of)
            _keep(sheet, before.stored, _Came(text, document.counts, items))

        # Long outlines are checked before anybody has to wait for the transaction; most items
        # of a drawing that is saved again are those that were there.
        _, before = self._transactions.read(actor, told)
        there = {item.same for item in before.document.items}
        for item in document.items:
            if item.same not in there:
                shapes_of(item)
        self._transactions.write(actor, put)

    def edit_record(self, actor: Actor, task_id: int, slide_id: int) -> EditRecord | None:
        """Return who drew on a slide in a task and who changed it last; `None` for nobody."""

        def read(transaction: Transaction) -> EditRecord | None:
            opened, _ = slide_in_task(transaction, task_id, slide_id, Access.READ)
            found = _drawing(transaction, opened, slide_id)
            return None if found is None else found.edit

        return self._transactions.read(actor, read)


def _drawing(transaction: Transaction, opened: OpenTask, slide_id: int) -> Drawing | None:
    sheet = _Sheet(transaction, layer_of(transaction, opened), slide_id)
    stored = sheet.stored()
    if stored is not None and stored.stamp == sheet.stamp():
        return Drawing(stored.text, stored.path_count, stored.marker_count, stored.edit)
    told = _told(sheet)
    if stored is None and not told.shapes:
        return None
    return Drawing(told.text, *told.document.counts, _edit(stored, told.shapes))


def _told(sheet: _Sheet) -> _Told:
    """Return the drawing as it is now: what came, with what was changed elsewhere since."""
    from wsi_lab.formats.paper_document import PaperDocument, item_texts  # noqa: PLC0415 (as above)

    stored = sheet.stored()
    if stored is not None and stored.stamp == sheet.stamp():
        return _Told(PaperDocument(stored.text), stored.text, stored.items, stored, [])
    shapes = sheet.shapes()
    by_id = {each.id: each for each in shapes}
    colours = {label.name: label.colour for each in shapes for label in each.labels}
    document = PaperDocument("[]" if stored is None else stored.text)
    texts: list[list[str]] = []
    items: list[list[ShapeKey]] = []
    mentioned: set[int] = set()
    for item, keys in zip(document.items, [] if stored is None else stored.items, strict=True):
        mentioned.update(shape_id for shape_id, _ in keys)
        there = [by_id[shape_id] for shape_id, _ in keys if shape_id in by_id]
        if [_key(each) for each in there] == [tuple(key) for key in keys]:
            own = [(item.text, there)]
        else:
            own = [
                (text, [each]) for each in there for text in item_texts([_feature(each)], colours)
            ]
        texts.append([text for text, _ in own])
        items += [[_key(each) for each in some] for _, some in own]
    more = []
    for each in shapes:
        if each.id not in mentioned:
            told = item_texts([_feature(each)], colours)
            more += told
            items += [[_key(each)] for _ in told]
    text = document.with_items(texts, more)
    return _Told(PaperDocument(text), text, items, stored, shapes)


def _replace(
    sheet: _Sheet,
    told: _Told,
    document: PaperDocument,
    shapes_of: Callable[[PaperItem], list[Drawn]],
) -> list[list[ShapeKey]]:
    """Make the shapes those of a drawing; return which shapes its items are."""
    there: dict[bytes, deque[int]] = defaultdict(deque)
    for place, item in enumerate(told.document.items):
        there[item.same].append(place)
    kept: list[list[int] | None] = []
    for item in document.items:
        same = there.get(item.same)
        kept.append([key[0] for key in told.items[same.popleft()]] if same else None)
    # Several items may be of one shape, such as its parts: it stays while one of them does.
    staying = {shape_id for ids in kept if ids is not None for shape_id in ids}
    left = {
        place: [key for key in told.items[place] if key[0] not in staying]
        for places in there.values()
        for place in places
    }
    new = [
        _New(place, shapes_of(item))
        for place, (item, ids) in enumerate(zip(document.items, kept, strict=True))
        if ids is None
    ]
    ids_of = _changed(sheet.transaction, left, new)
    remove_all_drawn(sheet.transaction, dict(sorted(key for keys in left.values() for key in keys)))
    _add(sheet, [each for each in new if each.place not in ids_of], ids_of)
    ids = [own if own is not None else ids_of.get(place, []) for place, own in enumerate(kept)]
    now = {each.id: _key(each) for each in sheet.shapes()}
    return [[now[each] for each in own if each in now] for own in ids]


def _changed(
    transaction: Transaction, left: dict[int, list[ShapeKey]], new: list[_New]
) -> dict[int, list[int]]:
    """Take new items for what became of those that stood at their places; return their shapes.

    What is taken so is left no more.
    """
    changes: dict[int, Change] = {}
    places: dict[int, int] = {}
    for place, drawn in new:
        before = left.get(place, [])
        if len(before) == len(drawn) == 1 and before[0][0] not in changes:
            shape_id, revision = before[0]
            changes[shape_id] = Change(drawn[0], revision)
            places[place] = shape_id
    for place, keys in left.items():
        left[place] = [key for key in keys if key[0] not in changes]
    changed = change_all_drawn(transaction, changes)
    return {place: [changed[shape_id].id] for place, shape_id in places.items()}


def _add(sheet: _Sheet, new: list[_New], ids_of: dict[int, list[int]]) -> None:
    seen, by = sheet.seen, sheet.transaction.actor.user.email
    study_for(sheet.transaction, seen.study.id, by)
    drawn = [(None, each) for one in new for each in one.drawn]
    added = iter(
        add_drawn(
            sheet.transaction, seen.study, seen.question, sheet.slide_id, author=by, new=drawn
        )
    )
    for one in new:
        ids_of[one.place] = [next(added).id for _ in one.drawn]


def _keep(sheet: _Sheet, before: StoredDrawing | None, came: _Came) -> None:
    transaction, layer_id = sheet.transaction, sheet.seen.question.id
    now, by = transaction.now, transaction.actor.user.id
    edit = EditRecord(
        by if before is None else before.edit.created_by,
        now if before is None else before.edit.created_on,
        by,
        now,
    )
    row = StoredDrawing(came.text, came.items, sheet.stamp(), *came.counts, edit)
    rows.put_drawing(transaction.connection, layer_id, sheet.slide_id, sheet.author, row)
    transaction.record(
        "change" if before else "create",
        "drawing",
        layer_id,
        study_id=sheet.seen.study.id,
        after={"slide": sheet.slide_id, "paths": row.path_count, "markers": row.marker_count},
    )


def _edit(stored: StoredDrawing | None, shapes: list[Annotation]) -> EditRecord:
    changes = [(each.changed_on, each.changed_by) for each in shapes]
    made = min(changes, default=None)
    if stored is not None:
        changes.append((stored.edit.changed_on, stored.edit.changed_by))
        made = (stored.edit.created_on, stored.edit.created_by)
    assert made is not None  # noqa: S101 (there is a drawing or a shape)
    last = max(changes)
    return EditRecord(made[1], made[0], last[1], last[0])


def _feature(annotation: Annotation) -> Feature:
    return Feature(
        annotation.shape.kind,
        annotation.shape.geometry,
        tuple(each.name for each in annotation.labels),
        annotation.properties,
        annotation.source,
    )


def _key(annotation: Annotation) -> ShapeKey:
    return (annotation.id, annotation.revision)
