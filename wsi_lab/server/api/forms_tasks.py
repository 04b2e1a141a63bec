"""Label sets, tasks and keys as `v1` takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from wsi_lab.model.layer import LabelSet, NewLabel
from wsi_lab.model.people import Token
from wsi_lab.model.task import Access, Task, TaskCounts, TaskMember, TaskMode
from wsi_lab.server.annotating.forms import Colour, label
from wsi_lab.server.api.forms import Email, Json, Name, Prose, Words
from wsi_lab.service.keys import NewKey


class NewLabelForm(Struct, forbid_unknown_fields=True):
    """A label to be made; without a colour it gets the next one of the palette."""

    name: Name
    colour: Colour | None = None
    description: Prose = ""

    def new(self) -> NewLabel:
        """Return it as the service takes it."""
        return NewLabel(self.name, self.colour, self.description)


class NewLabelSet(Struct, forbid_unknown_fields=True):
    """A label set to be made."""

    name: Name
    description: Prose = ""
    labels: Annotated[list[NewLabelForm], Meta(max_length=1000)] = []


class LabelChange(Struct, forbid_unknown_fields=True):
    """What is to be different about a label."""

    name: Name | UnsetType = UNSET
    colour: Colour | UnsetType = UNSET
    description: Prose | UnsetType = UNSET


class TaskAccess(Struct, forbid_unknown_fields=True):
    """What somebody may do in a restricted task."""

    access: Literal["read", "write", "admin"]

    @property
    def level(self) -> Access:
        """The same, as the model has it."""
        return Access[self.access.upper()]


class NewKeyForm(Struct, forbid_unknown_fields=True):
    """A key to be made."""

    purpose: Literal["phas", "cytomine"]
    email: Email | None = None
    name: Words = ""
    expires_on: Annotated[datetime, Meta(tz=True)] | None = None


def label_set(one: LabelSet) -> Json:
    """Return a label set with its labels."""
    return {
        "id": one.id,
        "study_id": one.study_id,
        "name": one.name,
        "description": one.description,
        "labels": [label(each) for each in one.labels],
        "revision": one.revision,
    }


def task(one: Task, counts: TaskCounts | None = None, *, shows_private: bool) -> Json:
    """Return a task.

    Parameters
    ----------
    counts
        How much there is in it; stated in lists.
    shows_private
        Whether the asker may see private names of cases.
    """
    settings, selection = one.settings, one.settings.selection
    answer: Json = {
        "id": one.id,
        "study_id": one.study_id,
        "name": settings.name,
        "mode": settings.mode.value,
        "description": settings.description,
        "is_restricted": settings.is_restricted,
        "is_anonymised": settings.is_anonymised,
        "reference": settings.reference,
        "reference_id": one.reference_id,
        "label_set": settings.label_set,
        "label_set_id": one.label_set_id,
        "selection": {
            "stains": selection.stains,
            **({"cases": selection.cases} if shows_private else {}),
            "tags_any": selection.tags_any,
            "tags_all": selection.tags_all,
            "tags_not": selection.tags_not,
        },
        "slide_size_limit": settings.slide_size_limit,
        "access": one.access.word,
    }
    if settings.mode is TaskMode.DLTRAIN:
        answer["smallest_box"] = settings.smallest_box
        answer["largest_box"] = settings.largest_box
        answer["patch_size"] = settings.patch_size
    if counts is not None:
        answer["counts"] = {
            "cases": counts.cases,
            "blocks": counts.blocks,
            "slides": counts.slides,
        }
    return answer


def task_member(one: TaskMember) -> Json:
    """Return somebody who was let into a restricted task."""
    return {"user_id": one.user_id, "email": one.email, "access": one.access.word}


def key(one: Token) -> Json:
    """Return a key without its text."""
    return {
        "id": one.id,
        "user_id": one.user_id,
        "name": one.name,
        "purpose": one.purpose.value,
        "created_on": one.created_on,
        "expires_on": one.expires_on,
    }


def new_key(one: NewKey) -> Json:
    """Return a key with its text, in the words of its client."""
    if one.private is None:
        return {**key(one.token), "api_key": one.text}
    return {**key(one.token), "public_key": one.text, "private_key": one.private}
