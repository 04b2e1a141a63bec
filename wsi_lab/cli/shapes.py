"""What things look like as JSON: the same as in ``v1``."""

from __future__ import annotations

from wsi_lab.cli.console import Shape, moment
from wsi_lab.model.layer import LabelSet
from wsi_lab.model.people import Token, User
from wsi_lab.model.study import Case, Member, Slide, Study
from wsi_lab.model.task import Task, TaskCounts, TaskMember


def user_shape(user: User) -> Shape:
    """Return a user."""
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "is_admin": user.is_admin,
        "created_on": moment(user.created_on),
    }


def token_shape(token: Token, email: str) -> Shape:
    """Return a token, without its text."""
    return {
        "id": token.id,
        "name": token.name,
        "user_id": token.user_id,
        "email": email,
        "purpose": token.purpose.value,
        "capabilities": sorted(token.capabilities),
        "read_studies": sorted(token.read_studies),
        "modify_studies": sorted(token.modify_studies),
        "folders": sorted(token.folders),
        "created_on": moment(token.created_on),
        "expires_on": moment(token.expires_on),
    }


def key_shape(token: Token, email: str) -> Shape:
    """Return a key, without its text."""
    return {
        "id": token.id,
        "name": token.name,
        "user_id": token.user_id,
        "email": email,
        "purpose": token.purpose.value,
        "created_on": moment(token.created_on),
        "expires_on": moment(token.expires_on),
    }


def label_set_shape(label_set: LabelSet) -> Shape:
    """Return a label set with its labels."""
    return {
        "id": label_set.id,
        "study_id": label_set.study_id,
        "name": label_set.name,
        "description": label_set.description,
        "labels": [
            {
                "id": each.id,
                "name": each.name,
                "colour": each.colour,
                "description": each.description,
            }
            for each in label_set.labels
        ],
        "revision": label_set.revision,
    }


def task_shape(task: Task, counts: TaskCounts | None = None) -> Shape:
    """Return a task, with how many slides, blocks and cases it holds where that is known."""
    settings = task.settings
    shape = {
        "id": task.id,
        "study_id": task.study_id,
        "name": settings.name,
        "mode": settings.mode.value,
        "description": settings.description,
        "is_restricted": settings.is_restricted,
        "label_set": settings.label_set,
        "label_set_id": task.label_set_id,
        "reference": settings.reference,
        "reference_id": task.reference_id,
        "access": task.access.word,
    }
    if counts is not None:
        shape |= {"cases": counts.cases, "blocks": counts.blocks, "slides": counts.slides}
    return shape


def task_member_shape(member: TaskMember) -> Shape:
    """Return a member of a task; its id is the user's."""
    return {
        "id": member.user_id,
        "name": member.email,
        "task_id": member.task_id,
        "email": member.email,
        "access": member.access.word,
    }


def study_shape(study: Study, slide_count: int) -> Shape:
    """Return a study."""
    return {
        "id": study.id,
        "name": study.name,
        "description": study.description,
        "created_on": moment(study.created_on),
        "published_on": moment(study.published_on),
        "revision": study.revision,
        "slide_count": slide_count,
    }


def member_shape(member: Member) -> Shape:
    """Return a member; its id is the user's."""
    return {
        "id": member.user_id,
        "name": member.email,
        "study_id": member.study_id,
        "email": member.email,
        "rights": sorted(member.rights),
    }


def case_shape(case: Case) -> Shape:
    """Return a case."""
    return {
        "id": case.id,
        "study_id": case.study_id,
        "name": case.name,
        "public_name": case.public_name,
        "revision": case.revision,
    }


def slide_shape(slide: Slide, case: str | None) -> Shape:
    """Return a slide with the public name of its case."""
    return {
        "id": slide.id,
        "study_id": slide.study_id,
        "case_id": slide.case_id,
        "case": case,
        "name": slide.name,
        "block": slide.block,
        "section": slide.section,
        "number": slide.number,
        "stain": slide.stain,
        "tags": list(slide.tags),
        "format": slide.format,
        "width": slide.width,
        "height": slide.height,
        "objective_power": slide.objective_power,
        "mpp_x": slide.mpp_x,
        "mpp_y": slide.mpp_y,
        "added_on": moment(slide.added_on),
        "revision": slide.revision,
        "source": slide.source,
    }
