"""What is drawn on slides: overlay tiles, which layers there are, what is at a place."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from wsi_lab.errors import Invalid
from wsi_lab.model.layer import LabelCount, Load, Tier
from wsi_lab.server.annotating import forms as shape_forms
from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import ASK_EACH_TIME, FOR_A_DAY, ImageHandler
from wsi_lab.server.base import SENT
from wsi_lab.server.parsing import whole_id, whole_numbers
from wsi_lab.service.annotating.overlay_style import Choice, Style
from wsi_lab.service.annotating.overlays import OverlayKind, OverlayTile, TilePlace
from wsi_lab.service.annotating.slide_layers import SlideLayer, SlideLayers
from wsi_lab.service.lab import Lab

if TYPE_CHECKING:
    from wsi_lab.model.people import Actor
    from wsi_lab.service.annotating.at_place import Hit, There

_IDS = re.compile(r"(\d{1,18}(,\d{1,18})*)?", re.ASCII)

Ids = Annotated[str, Meta(max_length=20_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
JSON = "application/json"

Telling = Callable[[forms.Json], forms.Json]
"""Turns what there is into what whoever asks is told."""


def unchanged(answer: forms.Json) -> forms.Json:
    """Return an answer as it is."""
    return answer


class ChoiceQuery(Struct, kw_only=True):
    """Which shapes; ids are separated by commas, and 0 stands for having no label."""

    labels: Ids | None = None
    hide: Ids = ""
    author: forms.Email | None = None
    tier: Tier = "all"
    skip: Ids = ""


class VectorQuery(ChoiceQuery, kw_only=True):
    """Which shapes, and the revision that the address was made for."""

    v: forms.Version | None = None


class OverlayQuery(VectorQuery, kw_only=True):
    """How shapes and grids are shown."""

    by: Annotated[str, Meta(min_length=1, max_length=200)] = "label"
    map: Annotated[str, Meta(min_length=1, max_length=40)] = "viridis"
    low: float | None = None
    high: float | None = None
    fill: Share = 0.25
    line: Share = 1.0
    width: Annotated[int, Meta(ge=1, le=8)] = 1
    grids: Ids | Literal["all", "none"] = "all"
    grid_opacity: Share = 0.6


class AtQuery(ChoiceQuery, kw_only=True):
    """A place of a slide, in level-0 pixels."""

    x: forms.Pixel
    y: forms.Pixel
    radius: Annotated[float, Meta(ge=0, le=10_000)] = 0.0
    layer: Ids | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    geometry: bool = True


class OverlayHandler(ImageHandler):
    """A tile of what is drawn on a layer: one of a picture."""

    kind: ClassVar[OverlayKind] = "png"

    def get(self, slide_id: str, layer_id: str, *address: str) -> Awaitable[None]:
        """Return the tile; no waiting where none is needed."""
        z, x, y = whole_numbers(**dict(zip("zxy", address, strict=True)))
        place = TilePlace(whole_id(slide_id, "slide"), whole_id(layer_id, "layer"), z, x, y)
        return self.send_tile_of(place)

    def send_tile_of(self, place: TilePlace) -> Awaitable[None]:
        """Send a tile."""
        style, version = self.asked_style()
        tile = self.lab.overlays.tile_at_once(self.actor, place, style, self.kind)
        if tile is None:
            return self._wait_for_tile(place, style, version)
        return self._send_tile(tile, version)

    def asked_style(self) -> tuple[Style, str | None]:
        """Return how it is to be shown, and the revision that the address was made for."""
        query = self.query(OverlayQuery)
        return _style(query), query.v

    def told_revisions(self, tile: OverlayTile) -> Collection[str]:
        """Return the revisions that an address of a tile as it is now may name."""
        return tile.revisions

    async def _wait_for_tile(self, place: TilePlace, style: Style, version: str | None) -> None:
        tile = await self.draw(self.lab.overlays.tile, self.actor, place, style, self.kind)
        await self._send_tile(tile, version)

    def _send_tile(self, tile: OverlayTile, version: str | None) -> Awaitable[None]:
        headers = self._headers
        headers["Content-Type"] = tile.image.media_type
        headers["Etag"] = tile.image.etag
        headers["Cache-Control"] = (
            FOR_A_DAY if version in self.told_revisions(tile) else ASK_EACH_TIME
        )
        if "If-None-Match" in self.request.headers and self.check_etag_header():
            self.set_status(304)
            self.finish()
            return SENT
        return self.send_body(tile.image.data)


class VectorTileHandler(OverlayHandler):
    """A tile of what is drawn on a layer: the shapes themselves."""

    kind: ClassVar[OverlayKind] = "mvt"

    def asked_style(self) -> tuple[Style, str | None]:
        """Return which shapes are asked for, and the revision the address was made for."""
        query = self.query(VectorQuery)
        return Style(_choice(query)), query.v


class SlideLayersHandler(ImageHandler):
    """The layers of a slide, and what there is of each on it."""

    async def get(self, slide_id: str) -> None:
        """Return them; with an ETag of the bytes, so that asking again costs little."""
        await self.send_layers(whole_id(slide_id, "slide"))

    async def send_layers(self, slide_id: int, told: Telling = unchanged) -> None:
        """Send the layers of a slide.

        Parameters
        ----------
        told
            Returns what whoever asks is told instead.
        """
        self.query(forms.NoQuery)
        body = await self.ask(_layers_text, self.lab, self.actor, slide_id, told)
        self.set_header("Content-Type", JSON)
        self.set_header("Cache-Control", ASK_EACH_TIME)
        self.set_header("Etag", f'"{blake2b(body, digest_size=12).hexdigest()}"')
        if self.check_etag_header():
            self.set_status(304)
            return
        await self.send_body(body)


class AtPlaceHandler(ImageHandler):
    """What is at a place of a slide."""

    async def get(self, slide_id: str) -> None:
        """Return the shapes there, topmost first, and what grids say."""
        await self.send_there(whole_id(slide_id, "slide"))

    async def send_there(self, slide_id: int, told: Telling = unchanged) -> None:
        """Send what is at a place of a slide; see `SlideLayersHandler.send_layers`."""
        query = self.query(AtQuery)
        body = await self.draw(_at_text, self.lab, self.actor, slide_id, query, told)
        self.set_header("Content-Type", JSON)
        await self.send_body(body)


@lru_cache(maxsize=256)
def _ids(text: str, name: str) -> frozenset[int]:
    if _IDS.fullmatch(text) is None:
        problem = f"{name}: expected ids such as 3,5"
        raise Invalid(f"This request has a problem: {problem}.", problems=[problem])
    return frozenset(int(each) for each in text.split(",") if each)


def _choice(query: ChoiceQuery) -> Choice:
    return Choice(
        labels=None if query.labels is None else _ids(query.labels, "labels"),
        hidden=_ids(query.hide, "hide"),
        author=query.author,
        tier=query.tier,
        skipped=_ids(query.skip, "skip"),
    )


def _style(query: OverlayQuery) -> Style:
    every_grid = {"all": None, "none": frozenset[int]()}
    return Style(
        choice=_choice(query),
        by=query.by,
        colour_map=query.map,
        low=query.low,
        high=query.high,
        fill=query.fill,
        line=query.line,
        width=query.width,
        grids=every_grid[query.grids] if query.grids in every_grid else _ids(query.grids, "grids"),
        grid_opacity=query.grid_opacity,
    )


def _layers_text(lab: Lab, actor: Actor, slide_id: int, told: Telling) -> bytes:
    return forms.encode(told(_slide_layers(lab.overlays.layers(actor, slide_id))))


def _slide_layers(found: SlideLayers) -> forms.Json:
    return {"revision": found.revision, **forms.listed(map(_slide_layer, found.layers))}


def _slide_layer(one: SlideLayer) -> forms.Json:
    content, question = one.content, one.content.question
    return {
        "id": question.id,
        "study_id": question.study_id,
        "name": question.name,
        "kind": question.kind.value,
        "colour": question.colour,
        "is_shared": content.is_shared,
        "revision": content.revision,
        "hand_revision": content.revisions["hand"],
        "bulk_revision": content.revisions["bulk"],
        "may_draw": one.may_draw,
        "may_change_others": one.may_change_others,
        "count": one.hand_count + one.bulk_count,
        "hand_count": one.hand_count,
        "bulk_count": one.bulk_count,
        "area": one.area,
        "labels": [_label_count(each) for each in one.labels],
        "without_label": {"count": one.without_label.count, "area": one.without_label.area},
        "authors": [each._asdict() for each in one.authors],
        "properties": [each._asdict() for each in one.properties],
        "loads": [{**_load(each), "count": each.count} for each in one.loads],
        "grids": [_grid(each) for each in one.grids],
    }


def _label_count(one: LabelCount) -> forms.Json:
    said = {} if one.label is None else shape_forms.label(one.label)
    return {**said, "count": one.count, "area": one.area}


def _load(one: Load) -> forms.Json:
    return {
        "id": one.id,
        "name": one.name,
        "author": one.author,
        "box": one.box,
        "loaded_on": one.loaded_on,
        "revision": one.revision,
    }


def _grid(one: Load) -> forms.Json:
    low, high = next(iter(one.ranges.values()), (None, None))
    name = next(iter(one.ranges), one.name)
    return {**_load(one), "name": name, "low": low, "high": high}


def _at_text(lab: Lab, actor: Actor, slide_id: int, query: AtQuery, told: Telling) -> bytes:
    from wsi_lab.service.annotating.at_place import Place  # noqa: PLC0415 (needs geometry)

    layer_ids = None if query.layer is None else sorted(_ids(query.layer, "layer"))
    found = lab.overlays.at(
        actor,
        slide_id,
        Place(query.x, query.y, query.radius),
        _choice(query),
        layer_ids=layer_ids,
        limit=query.limit,
    )
    return forms.encode(told(_there(found, with_geometry=query.geometry)))


def _there(found: There, *, with_geometry: bool) -> forms.Json:
    return {
        "items": [_hit(each, with_geometry=with_geometry) for each in found.hits],
        "values": [each._asdict() for each in found.values],
    }


def _hit(one: Hit, *, with_geometry: bool) -> forms.Json:
    geometry: Mapping[str, Any] | None = None
    if with_geometry and one.geometry is not None:
        from shapely.geometry import mapping  # noqa: PLC0415 (needs geometry)

        geometry = mapping(one.geometry)
    return {
        "id": one.id,
        "layer_id": one.layer_id,
        "layer": one.layer,
        "author": one.author,
        "tier": "hand" if one.load_id is None else "bulk",
        "load_id": one.load_id,
        "revision": one.revision,
        "kind": one.kind.value,
        "labels": [shape_forms.label(each) for each in one.labels],
        "colour": one.colour,
        "properties": dict(one.properties),
        "area": one.area,
        "box": one.box,
        "vertex_count": one.vertex_count,
        "is_own": one.is_own,
        "may_change": one.may_change,
        "geometry": geometry,
    }
