"""The page of a slide: OpenSeadragon, what it needs, and nothing from anywhere else.

Text about the slide reaches the page in two ways only: escaped, between tags, and as JSON in a
block that no browser runs. The address of everything is relative to the page's own, so that it
works under any prefix and behind any proxy.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from string import Template
from urllib.parse import quote

from wsi_lab.front import joined, shared
from wsi_lab.model.slide import Level, SlideProperties

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types default"
)
"""Of the page. It is not a sandbox: that would be an origin of its own, which may neither read
tiles unless every origin may, nor keep them for the next visit."""

ASSETS: Mapping[str, str] = {
    "icon.svg": "image/svg+xml",
    "openseadragon.LICENSE.txt": "text/plain; charset=utf-8",
    "openseadragon.min.js": "text/javascript; charset=utf-8",
    "view.css": "text/css; charset=utf-8",
    "view.mjs": "text/javascript; charset=utf-8",
}
"""What there is at ``view/assets/…``, and its media type."""

_FRONT = files("wsi_lab.server.streamer") / "front"
# In the order of their imports.
_SCRIPT = (
    shared("dom"),
    shared("readouts"),
    _FRONT / "pyramid.mjs",
    _FRONT / "fetching.mjs",
    _FRONT / "places.mjs",
    _FRONT / "renewing.mjs",
    _FRONT / "tiles.mjs",
    _FRONT / "drawing.mjs",
    _FRONT / "moving.mjs",
    _FRONT / "keys.mjs",
    _FRONT / "panels.mjs",
    _FRONT / "troubles.mjs",
    _FRONT / "main.mjs",
)
_THIN_SPACE = "\u202f"
_TURNS_TEXT_ROUND = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NOT_SHOWN = {"Cc", "Cs", "Zl", "Zp"}


@cache
def asset(name: str) -> bytes:
    """Return a file that the page needs, one of `ASSETS`."""
    if name not in ASSETS:
        raise KeyError(name)
    if name == "view.mjs":
        return joined(_SCRIPT).encode()
    return (_FRONT / name).read_bytes()


@cache
def assets_version() -> str:
    """Return what changes with any of the assets; the page asks for them with ``?v=`` this."""
    together = blake2b(digest_size=6)
    for name in ASSETS:
        together.update(asset(name))
    return together.hexdigest()


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
    name = html.escape(shown_name(slide_id))
    page = _template().substitute(
        title=name,
        name=name,
        version=assets_version(),
        summary=html.escape(" · ".join(_summary(properties))),
        facts="\n".join(
            f"<dt>{html.escape(what)}</dt><dd>{html.escape(value)}</dd>"
            for what, value in _facts(properties)
        ),
        levels="\n".join(_row(number, level) for number, level in enumerate(properties.levels)),
        data=_data(slide_id, properties, token_query),
    )
    return page.encode()


def shown_name(slide_id: str) -> str:
    r"""Return a name as a person may read it: what is invisible or turns text round is marked.

    Examples
    --------
    >>> shown_name("a/b\u202egvs.exe\n")
    'a/b�gvs.exe�'
    """
    plain = _TURNS_TEXT_ROUND.sub("\ufffd", slide_id)
    return "".join("\ufffd" if unicodedata.category(each) in _NOT_SHOWN else each for each in plain)


@cache
def _template() -> Template:
    return Template((_FRONT / "view.html").read_text(encoding="utf-8"))


def _data(slide_id: str, properties: SlideProperties, token_query: str) -> str:
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
    text = json.dumps(told, separators=(",", ":"))
    # Within a script element only these could end it or begin something else.
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def _summary(properties: SlideProperties) -> Iterator[str]:
    count = len(properties.levels)
    yield properties.format
    yield f"{_pixels(properties.width, properties.height)} px"
    if properties.mpp is not None:
        yield f"{_number(properties.mpp)} µm/px"
    yield f"{count} level{'' if count == 1 else 's'}"


def _facts(properties: SlideProperties) -> Iterator[tuple[str, str]]:
    yield "Format", properties.format
    yield "Size", f"{_pixels(properties.width, properties.height)} pixels"
    if properties.mpp_x is None or properties.mpp_y is None:
        yield "Resolution", "not known"
    else:
        across = properties.width * properties.mpp_x / 1000
        down = properties.height * properties.mpp_y / 1000
        yield "On glass", f"{_number(across)} × {_number(down)} mm"
        yield "Resolution", f"{_number(properties.mpp or 0)} µm per pixel"
    if properties.objective_power is not None:
        yield "Objective", f"{_number(properties.objective_power)}×"


def _row(number: int, level: Level) -> str:
    cells = (
        _pixels(level.width, level.height),
        f"{level.tile_width} × {level.tile_height}",
        _grouped(level.columns * level.rows),
        _number(level.downsample),
    )
    return f"<tr><td>{number}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _pixels(width: int, height: int) -> str:
    return f"{_grouped(width)} × {_grouped(height)}"


def _grouped(whole: int) -> str:
    return f"{whole:,}".replace(",", _THIN_SPACE)


def _number(value: float) -> str:
    return f"{value:.4g}"
