"""What there is on layers and a slide for whoever asks, and how to tell that it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wsi_lab.errors import NotFound
from wsi_lab.model.layer import Label, LabelCount, Layer, Tier
from wsi_lab.model.people import Action
from wsi_lab.model.question import Question
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating.overlay_style import Choice
from wsi_lab.service.annotating.seeing import Seen, seen_layers
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import answers as answer_rows
from wsi_lab.store import drawn_places
from wsi_lab.store import layers as layer_rows
from wsi_lab.store.bulk import loads as load_rows
from wsi_lab.store.bulk.loads import StoredLoad
from wsi_lab.store.drawn_places import AnswerOnSlide

REVISION_BYTES = 8


@dataclass(frozen=True, slots=True)
class Content:
    """What there is on a layer and a slide that the asker may see.

    Attributes
    ----------
    extent
        Width and height of the slide, in level-0 pixels.
    labels
        Of the layer, in the order of the palette.
    answers
        Whose shapes drawn by hand are seen.
    loads
        Of shapes and grids, in the order in which they came.
    revisions
        By tier: words that change when anything of it changes.
    """

    slide_id: int
    extent: tuple[int, int]
    question: Question
    is_shared: bool
    labels: tuple[Label, ...]
    answers: tuple[AnswerOnSlide, ...]
    loads: tuple[StoredLoad, ...]
    revisions: Mapping[Tier, str]

    @property
    def revision(self) -> str:
        """Words that change when anything of it changes."""
        return self.revisions["all"]

    def answers_shown(self, choice: Choice) -> list[AnswerOnSlide]:
        """Return the answers whose shapes drawn by hand are shown."""
        if choice.tier == "bulk":
            return []
        return [each for each in self.answers if _is_by(each.author, choice.author)]

    def loads_shown(self, choice: Choice, kind: str) -> list[StoredLoad]:
        """Return the loads of a kind that are shown."""
        if choice.tier == "hand":
            return []
        return [
            each
            for each in self.loads
            if each.load.kind == kind and _is_by(each.load.author, choice.author)
        ]

    def range_of(self, name: str) -> tuple[float, float] | None:
        """Return the least and the greatest value of a property in the loads."""
        found = [
            each.load.ranges[name]
            for each in self.loads
            if each.load.kind == "shapes" and name in each.load.ranges
        ]
        if not found:
            return None
        return min(low for low, _ in found), max(high for _, high in found)


def contents(
    transaction: Transaction, study: Study, slide: Slide, layer_ids: Iterable[int] | None = None
) -> list[Content]:
    """Return what there is on a slide, layer by layer, all or some of its study's layers.

    Raises
    ------
    NotFound
        One of `layer_ids` is no layer of the study.
    """
    seen = seen_layers(transaction, study, layer_ids)
    ids = [each.question.id for each in seen]
    connection = transaction.connection
    layers = {each.id: each for each in layer_rows.layers(connection, (s.question for s in seen))}
    drawn: dict[int, list[AnswerOnSlide]] = {}
    for answer in drawn_places.answers_on_slide(connection, slide.id, ids):
        drawn.setdefault(answer.question_id, []).append(answer)
    loaded: dict[int, list[StoredLoad]] = {}
    for stored in load_rows.loads(connection, question_ids=ids, slide_id=slide.id):
        loaded.setdefault(stored.load.layer_id, []).append(stored)
    return [
        _content(
            each,
            slide,
            layers[each.question.id],
            drawn.get(each.question.id, []),
            loaded.get(each.question.id, []),
        )
        for each in seen
    ]


def content_of(transaction: Transaction, slide_id: int, layer_id: int) -> Content:
    """Return what there is on one layer and a slide.

    Raises
    ------
    NotFound
        There is no such layer or slide, or the asker may not know that there is.
    """
    study, slide = transaction.slide(slide_id, Action.STUDY_VIEW)
    try:
        return contents(transaction, study, slide, [layer_id])[0]
    except NotFound:
        raise NotFound(f"There is no layer {layer_id} in the study of this slide.") from None


def revision_of(found: Iterable[Content]) -> str:
    """Return words that change when anything on a slide changes."""
    return _hashed([each.revision for each in found])


def _content(
    seen: Seen,
    slide: Slide,
    layer: Layer,
    drawn: Iterable[AnswerOnSlide],
    loaded: Iterable[StoredLoad],
) -> Content:
    stored = tuple(each for each in loaded if seen.shows(each.load.author))
    answers = tuple(each for each in drawn if seen.shows(each.author))
    extent = slide.width, slide.height
    frame = [seen.question.id, seen.question.colour, slide.id, extent, layer.labels]
    by_hand = [(each.id, each.revision) for each in answers]
    in_bulk = [
        (each.load.id, each.load.revision, each.labels, sorted(each.load.ranges.items()))
        for each in stored
    ]
    revisions: dict[Tier, str] = {
        "all": _hashed(
            [
                *frame,
                seen.question.revision,
                seen.question.name,
                layer.is_shared,
                by_hand,
                in_bulk,
            ]
        ),
        "hand": _hashed([*frame, by_hand]),
        "bulk": _hashed([*frame, in_bulk]),
    }
    return Content(
        slide.id,
        extent,
        seen.question,
        layer.is_shared,
        layer.labels,
        answers,
        stored,
        revisions,
    )


def labels_counted(content: Content, counts: Iterable[LabelCount]) -> list[LabelCount]:
    """Return the counts of all labels of a layer in their order, then those of removed ones."""
    found = {each.label.id: each for each in counts if each.label is not None}
    own = [found.pop(each.id, LabelCount(each, 0, 0.0)) for each in content.labels]
    return [*own, *found.values()]


def _is_by(author: str, wanted: str | None) -> bool:
    return wanted is None or answer_rows.folded(author) == answer_rows.folded(wanted)


def _hashed(words: object) -> str:
    return hashlib.blake2b(repr(words).encode(), digest_size=REVISION_BYTES).hexdigest()
