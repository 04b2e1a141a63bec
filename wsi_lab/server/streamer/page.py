"""The page of a slide of the source."""

from __future__ import annotations

from importlib.resources import files
from urllib.parse import quote

from wsi_lab.model.slide import Level, SlideProperties
from wsi_lab.server.slide_pages import (
    ASSETS,
    CONTENT_SECURITY_POLICY,
    HTML,
    Assets,
    facts_of,
    grouped,
    number,
    page_text,
    pixels,
    shown_name,
    summary_of,
)

__all__ = [
    "ASSETS",
    "CONTENT_SECURITY_POLICY",
    "HTML",
    "asset",
    "assets",
    "assets_version",
    "shown_name",
    "view_page",
]

assets = Assets((files("wsi_lab.server.streamer") / "front" / "main.mjs",))

_LEVELS = """<table>
<caption>Stored levels</caption>
<thead><tr><th scope="col">Level</th><th scope="col">Pixels</th><th scope="col">Tile</th>\
<th scope="col">Tiles</th><th scope="col">Downsample</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>"""


def asset(name: str) -> bytes:
    """Return a file that the page needs, one of `ASSETS`."""
    return assets[name]


def assets_version() -> str:
    """Return what changes with any of the assets; the page asks for them with ``?v=`` this."""
    return assets.version


def view_page(slide_id: str, properties: SlideProperties, *, token_query: str = "") -> bytes:
    """Return the page that shows a slide, at ``view/{slide_id}``.

    Parameters
    ----------
    slide_id
        Decoded.
    properties
        Of the slide.
    token_query
        What is added to the address of every tile, such as ``vt=…&exp=…``, or nothing.

    Examples
    --------
    >>> level = Level(width=2220, height=2967, tile_width=240, tile_height=240, downsample=1.0)
    >>> page = view_page("</title>.svs", SlideProperties("Aperio SVS", (level,)))
    >>> b"<title>&lt;/title&gt;.svs</title>" in page
    True
    """
    told = {
        "tiles": f"../tiles/{quote(slide_id, safe='')}",
        "token": token_query,
        "mpp": properties.mpp,
        "objective": properties.objective_power,
        "version": properties.version,
        "levels": [
            {
                "width": level.width,
                "height": level.height,
                "tile_width": level.tile_width,
                "tile_height": level.tile_height,
            }
            for level in properties.levels
        ],
    }
    rows = "\n".join(_row(place, level) for place, level in enumerate(properties.levels))
    return page_text(
        name=slide_id,
        version=assets_version(),
        summary=summary_of(properties),
        facts=facts_of(properties),
        told=told,
        details=_LEVELS.format(rows=rows),
    )


def _row(place: int, level: Level) -> str:
    cells = (
        pixels(level.width, level.height),
        f"{level.tile_width} × {level.tile_height}",
        grouped(level.columns * level.rows),
        number(level.downsample),
    )
    return f"<tr><td>{place}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
