"""Methods about pixels: what a slide is like, parts of it, pictures of what was drawn on it."""

from __future__ import annotations

from typing import Any, ClassVar

from wsi_lab.errors import Invalid
from wsi_lab.model.people import Action
from wsi_lab.server.routing import Kind, Need, Route
from wsi_lab.server.slidescore.door import SUCCESS, Form, SlideScoreDoor
from wsi_lab.server.slidescore.method import Reading, needs, routes_of
from wsi_lab.server.slidescore.params import Params
from wsi_lab.server.slidescore.slides import slide_of_study
from wsi_lab.service.tiles import Shown

JPEG = "image/jpeg"
MOST_QUESTIONS = 1000

_VIEW = needs(Action.SLIDE_VIEW, Kind.SLIDE)


class ImageMetadata(Reading):
    """What a slide is like: its size, its levels, its scale."""

    name = "GetImageMetadata"
    need: ClassVar[Need] = _VIEW

    async def answer(self, params: Params) -> Any:
        """Return that; the scale is what somebody stated, if anybody did."""
        slide_id = params.required_number("imageId")
        shown = await self.draw(self.lab.tiles.shown, self.actor, slide_id)
        return {**SUCCESS, "metadata": metadata_of(shown)}


class RawTile(Reading):
    """A rectangle of one of the slide's own levels."""

    name = "GetRawTile"
    need: ClassVar[Need] = _VIEW
    form: ClassVar[Form] = Form.STATUS
    media_type = JPEG

    async def answer(self, params: Params) -> bytes:
        """Return it as JPEG: where it begins counts in level 0, how large it is in its level."""
        slide_id, study_id = params.required_number("imageId"), params.number("studyId")
        location = params.required_number("x"), params.required_number("y")
        size = params.required_number("width"), params.required_number("height")
        level, quality = params.number("level") or 0, params.number("jpegQuality")
        if study_id is not None:
            await self.ask(slide_of_study, self.lab, self.actor, slide_id, study_id)
        data, _ = await self.draw(
            self.lab.tiles.region_image,
            self.actor,
            slide_id,
            location,
            size,
            level=level,
            format="jpg",
            quality=quality,
        )
        return data


class Screenshot(Reading):
    """A picture of a slide, with what somebody drew on it."""

    name = "GetScreenshot"
    need: ClassVar[Need] = needs(Action.RESULTS_VIEW, Kind.SLIDE)
    form: ClassVar[Form] = Form.STATUS
    media_type = JPEG

    async def answer(self, params: Params) -> bytes:
        """Return it as JPEG."""
        x, y = params.real("x") or 0.0, params.real("y") or 0.0
        width, height = params.real("width") or 0.0, params.real("height") or 0.0
        # One may have 50 million pixels, several times over while they are drawn on.
        return await self.wait_in(
            self.site.previews,
            self.lab.screenshots.picture,
            self.actor,
            params.required_number("imageId"),
            level=params.required_number("level"),
            box=(x, y, width, height) if any((x, y, width, height)) else None,
            author=params.text("withAnnotationForUser") or None,
            question=params.text("question") or None,
            question_ids=_ids(params.text("scoreIDs")),
            scalebar=params.flag("showScalebar"),
        )


def metadata_of(shown: Shown) -> dict[str, Any]:
    """Return what clients of this door call the metadata of an image."""
    properties, grid = shown.properties, shown.grids["deepzoom"]
    levels = properties.levels
    return {
        "level0TileWidth": levels[0].tile_width,
        "level0TileHeight": levels[0].tile_height,
        "osdTileSize": grid.tile_size,
        "mppX": properties.mpp_x,
        "mppY": properties.mpp_y,
        "objectivePower": properties.objective_power,
        "backgroundColor": None,
        "levelCount": len(levels),
        "zLayerCount": 1,
        "level0Width": properties.width,
        "level0Height": properties.height,
        "downsamples": [level.downsample for level in levels],
        "levelWidths": [level.width for level in levels],
        "levelHeights": [level.height for level in levels],
        "fileName": shown.slide.name,
    }


def _ids(text: str | None) -> list[int] | None:
    """Return the ids in a list with commas, `None` for an empty one."""
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if len(parts) > MOST_QUESTIONS or not all(
        part.isascii() and part.isdigit() and len(part) < 19 for part in parts
    ):
        raise Invalid("'scoreIDs' must be ids of questions, separated by commas.")
    return [int(part) for part in parts] or None


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of methods about pixels."""
    return routes_of(door, ImageMetadata, RawTile, Screenshot)
