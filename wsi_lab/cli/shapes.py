"""What things look like as JSON: the same as in ``v1``."""

from __future__ import annotations

from wsi_lab.cli.console import Shape, moment
from wsi_lab.model.people import Token, User
from wsi_lab.model.study import Member, Slide, Study


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
        "capabilities": sorted(token.capabilities),
        "read_studies": sorted(token.read_studies),
        "modify_studies": sorted(token.modify_studies),
        "folders": sorted(token.folders),
        "created_on": moment(token.created_on),
        "expires_on": moment(token.expires_on),
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
