"""What `v1` takes and gives: requests as forms, the model as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from wsi_lab.errors import Invalid
from wsi_lab.model.people import Right, Token, User
from wsi_lab.model.slide import Level, SlideProperties, TileGrid
from wsi_lab.model.study import Case, Member, Page, Slide, Study

T = TypeVar("T")
Json = dict[str, Any]

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Words = Annotated[str, Meta(max_length=200)]
Prose = Annotated[str, Meta(max_length=20_000)]
Email = Annotated[str, Meta(min_length=1, max_length=254)]
Path = Annotated[str, Meta(min_length=1, max_length=4096)]
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Names = Annotated[list[Name], Meta(max_length=1000)]
Tags = Annotated[list[Name], Meta(max_length=100)]
Mpp = Annotated[float, Meta(gt=0, le=1000)]
Pixel = Annotated[float, Meta(ge=-1e9, le=1e9)]
Side = Annotated[int, Meta(ge=1, le=100_000)]
Cursor = Annotated[str, Meta(min_length=1, max_length=200)]
Version = Annotated[str, Meta(min_length=1, max_length=100)]


class NoQuery(Struct):
    """No parameters at all."""


class PageQuery(Struct):
    """Which part of a list."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: Cursor | None = None


class StudiesQuery(PageQuery):
    """Which studies."""

    name: Words | None = None


class SlidesQuery(PageQuery):
    """Which slides of a study."""

    name: Words | None = None
    case_id: Id | None = None


class TokensQuery(PageQuery):
    """Whose tokens; those of the asker when nothing is said."""

    email: Email | None = None
    everybody: bool = False


class ImageQuery(Struct):
    """The version of a slide that an address was made for."""

    v: Version | None = None


class BundleQuery(ImageQuery, kw_only=True):
    """Tiles as ``column.row``, separated by commas."""

    tiles: Annotated[str, Meta(min_length=3, max_length=6000)]


class ThumbnailQuery(ImageQuery):
    """The box that the thumbnail fits in, in pixels."""

    width: Annotated[int, Meta(ge=1, le=4096)] = 256
    height: Annotated[int, Meta(ge=1, le=4096)] = 256


class RegionQuery(Struct):
    """A rectangle: where in level-0 pixels, how large in pixels of the result."""

    x: Pixel
    y: Pixel
    width: Side
    height: Side
    level: Annotated[int, Meta(ge=0, le=100)] | None = None
    mpp: Mpp | None = None
    format: Literal["png", "jpg", "npy"] = "png"


class NewUser(Struct):
    """Somebody to be known."""

    email: Email
    name: Words = ""
    is_admin: bool = False


class NewToken(Struct):
    """A token to be made."""

    name: Name
    capabilities: Names
    email: Email | None = None
    read_studies: Names = []
    modify_studies: Names = []
    folders: Names = []
    expires_on: Annotated[datetime, Meta(tz=True)] | None = None


class NewStudy(Struct):
    """A study to be made."""

    name: Name
    description: Prose = ""


class StudyChange(Struct):
    """What is to be different about a study."""

    name: Name | UnsetType = UNSET
    description: Prose | UnsetType = UNSET
    published: bool | UnsetType = UNSET
    friendly_name: Words | UnsetType = UNSET
    folder: Words | UnsetType = UNSET
    settings: dict[Name, Words] | UnsetType = UNSET


class MemberRights(Struct):
    """What somebody may do in a study."""

    rights: Annotated[list[Name], Meta(max_length=50)]


class NewCase(Struct):
    """A case to be made."""

    name: Name
    public_name: Words = ""


class CaseChange(Struct):
    """What is to be different about a case."""

    name: Name | UnsetType = UNSET
    public_name: Name | UnsetType = UNSET
    description: Prose | UnsetType = UNSET


class SaidOfSlide(Struct):
    """What is said of a slide that is to be added."""

    name: Name | None = None
    case: Name | None = None
    case_public: Words | None = None
    block: Words = ""
    section: Words = ""
    number: Words = ""
    stain: Words = ""
    tags: Tags = []
    mpp_x: Mpp | None = None
    mpp_y: Mpp | None = None


class NewSlideForm(SaidOfSlide):
    """A file to be added as a slide: one of the server, or one that was uploaded."""

    path: Path | None = None
    uploaded: Path | None = None


class SlideChange(Struct):
    """What is to be different about a slide; `None` takes a value away."""

    name: Name | UnsetType = UNSET
    case_id: Id | UnsetType | None = UNSET
    block: Words | UnsetType = UNSET
    section: Words | UnsetType = UNSET
    number: Words | UnsetType = UNSET
    stain: Words | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    mpp_x: Mpp | UnsetType | None = UNSET
    mpp_y: Mpp | UnsetType | None = UNSET
    description: Prose | UnsetType = UNSET
    rotation: Literal[0, 90, 180, 270] | UnsetType = UNSET


def given(form: Struct) -> Json:
    """Return the fields of a form that the request held.

    Examples
    --------
    >>> given(CaseChange(public_name="A-17"))
    {'public_name': 'A-17'}
    """
    fields = {name: getattr(form, name) for name in form.__struct_fields__}
    return {name: value for name, value in fields.items() if value is not UNSET}


def page(found: Page[T], as_json: Callable[[T], Json]) -> Json:
    """Return a page of a list."""
    return listed((as_json(item) for item in found.items), found.next_cursor)


def cut(found: Sequence[T], query: PageQuery, id_of: Callable[[T], int]) -> Page[T]:
    """Return a page of a list that is there as a whole, in the order of its ids.

    Raises
    ------
    Invalid
        The cursor is none that a page gave.

    Examples
    --------
    >>> first = cut([3, 5, 8], PageQuery(limit=2), int)
    >>> first.items, cut([3, 5, 8], PageQuery(cursor=first.next_cursor), int).items
    ((3, 5), (8,))
    """
    after = id_after(query)
    rest = sorted((item for item in found if id_of(item) > after), key=id_of)
    items = tuple(rest[: query.limit])
    more = len(rest) > len(items)
    return Page(items, str(id_of(items[-1])) if more else None)


def id_after(query: PageQuery) -> int:
    """Return the last id of the page before, as `cut` put it into the cursor; 0 for none."""
    if query.cursor is None:
        return 0
    if not (query.cursor.isascii() and query.cursor.isdigit() and len(query.cursor) < 19):
        raise Invalid("This cursor is none that a page of this list gave.")
    return int(query.cursor)


def listed(items: Iterable[Json], next_cursor: str | None = None) -> Json:
    """Return a list, or a page of one."""
    return {"items": list(items), "next_cursor": next_cursor}


def user(one: User) -> Json:
    """Return a user."""
    return {"id": one.id, "email": one.email, "name": one.name, "is_admin": one.is_admin}


def token(one: Token) -> Json:
    """Return a token without its text, which nobody has any more."""
    return {
        "id": one.id,
        "user_id": one.user_id,
        "name": one.name,
        "purpose": one.purpose.value,
        "capabilities": sorted(one.capabilities),
        "read_studies": sorted(one.read_studies),
        "modify_studies": sorted(one.modify_studies),
        "folders": sorted(one.folders),
        "created_on": one.created_on,
        "expires_on": one.expires_on,
    }


def study(one: Study, *, slide_count: int, rights: Iterable[Right]) -> Json:
    """Return a study as the asker sees it."""
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "created_on": one.created_on,
        "published_on": one.published_on,
        "friendly_name": one.friendly_name,
        "folder": one.folder,
        "settings": dict(one.settings),
        "answered_on": one.answered_on,
        "revision": one.revision,
        "slide_count": slide_count,
        "rights": sorted(rights),
    }


def member(one: Member) -> Json:
    """Return a member."""
    return {"user_id": one.user_id, "email": one.email, "rights": sorted(one.rights)}


def case(one: Case) -> Json:
    """Return a case; its private name is `None` already for those who may not see it."""
    return {
        "id": one.id,
        "study_id": one.study_id,
        "name": one.name,
        "public_name": one.public_name,
        "description": one.description,
        "revision": one.revision,
    }


def slide(one: Slide, *, case_names: Mapping[int, str]) -> Json:
    """Return a slide; its path is empty already for those who may not know it."""
    answer = {
        "id": one.id,
        "study_id": one.study_id,
        "case_id": one.case_id,
        "case": None if one.case_id is None else case_names.get(one.case_id),
        "name": one.name,
        "block": one.block,
        "section": one.section,
        "number": one.number,
        "stain": one.stain,
        "tags": list(one.tags),
        "format": one.format,
        "width": one.width,
        "height": one.height,
        "objective_power": one.objective_power,
        "mpp_x": one.mpp_x,
        "mpp_y": one.mpp_y,
        "description": one.description,
        "rotation": one.rotation,
        "tma_map_id": one.tma_map_id,
        "file_size": one.file_size,
        "added_on": one.added_on,
        "revision": one.revision,
    }
    if one.source:
        answer["source"] = one.source
    return answer


def properties(slide_id: int, one: SlideProperties, version: str, grid: TileGrid) -> Json:
    """Return what a viewer needs to know of a slide."""
    return {
        "slide_id": slide_id,
        "format": one.format,
        "width": one.width,
        "height": one.height,
        "mpp_x": one.mpp_x,
        "mpp_y": one.mpp_y,
        "objective_power": one.objective_power,
        "levels": [_level(number, level) for number, level in enumerate(one.levels)],
        "associated": list(one.associated),
        "metadata": dict(one.metadata),
        "version": version,
        "grid": {"tile_size": grid.tile_size, "zooms": grid.level_count},
    }


def _level(number: int, one: Level) -> Json:
    return {
        "level": number,
        "width": one.width,
        "height": one.height,
        "tile_width": one.tile_width,
        "tile_height": one.tile_height,
        "columns": one.columns,
        "rows": one.rows,
        "downsample": one.downsample,
    }


def encode(value: Any) -> bytes:
    """Return JSON; times are ISO 8601 and end in Z."""
    return msgspec.json.encode(value)
