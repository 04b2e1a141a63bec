"""What can be remarked on, and who may read and write remarks on it."""

from __future__ import annotations

from typing import NamedTuple

from wsi_lab.errors import Invalid, NotAllowed
from wsi_lab.model.people import Action
from wsi_lab.model.remark import ThingKind
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating.shape_properties import ShapeSaid, shape_said, shape_to_say
from wsi_lab.service.seen_images import seen_image
from wsi_lab.service.transaction import Transaction


class Thing(NamedTuple):
    """A thing that is remarked on, which the asker may see.

    Attributes
    ----------
    id
        By which its remarks are found.
    study
        `None` for an image, which may be of several studies or of none.
    slide, shape
        What it is, if it is one.
    """

    kind: ThingKind
    id: int
    study: Study | None
    slide: Slide | None = None
    shape: ShapeSaid | None = None

    @property
    def study_id(self) -> int | None:
        """Of its study, if it is of one."""
        return None if self.study is None else self.study.id


def thing_to_see(transaction: Transaction, kind: ThingKind | str, thing_id: int) -> Thing:
    """Return a thing that the asker may see.

    Raises
    ------
    NotFound
        There is none, or they may not know that there is.
    """
    return _thing(transaction, _checked(kind), thing_id, Action.STUDY_VIEW)


def thing_to_change(transaction: Transaction, kind: ThingKind | str, thing_id: int) -> Thing:
    """Return a thing that the asker may remark on.

    A study and its slides: who may edit that; a shape: who may change it; an image: whoever
    uploaded it, or, where nobody did, who may edit a study that has it.

    Raises
    ------
    NotFound
        There is none, or they may not know that there is.
    NotAllowed
        They may see it only.
    """
    return _thing(transaction, _checked(kind), thing_id, Action.STUDY_EDIT)


def _thing(transaction: Transaction, kind: ThingKind, thing_id: int, action: Action) -> Thing:
    if kind is ThingKind.STUDY:
        return Thing(kind, thing_id, transaction.study(thing_id, action))
    if kind is ThingKind.SLIDE:
        study, slide = transaction.slide(thing_id, action)
        return Thing(kind, thing_id, study, slide=slide)
    if kind is ThingKind.ANNOTATION:
        find = shape_said if action is Action.STUDY_VIEW else shape_to_say
        shape = find(transaction, thing_id)
        return Thing(kind, shape.id, shape.study, shape=shape)
    seen = seen_image(transaction, thing_id)
    if action is not Action.STUDY_VIEW and not seen.is_theirs:
        may_edit = any(transaction.may(action, study) for study, _ in seen.slides)
        if seen.image.added_by is not None or not may_edit:
            raise NotAllowed(
                "To say something of this image you must have uploaded it, or, where nobody has, "
                "hold the right 'edit' in a study that has it."
            )
    return Thing(kind, thing_id, None)


def _checked(kind: ThingKind | str) -> ThingKind:
    try:
        return ThingKind(kind)
    except ValueError:
        raise Invalid(f"One can remark on: {', '.join(ThingKind)}.") from None
