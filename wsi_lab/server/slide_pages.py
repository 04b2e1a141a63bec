"""What pages that show a slide have in common: OpenSeadragon, and nothing from anywhere else.

Text about the slide reaches a page in two ways only: escaped, between tags, and as JSON in a
block that no browser runs. The address of everything is relative to the page's own, so that it
works under any prefix and behind any proxy.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from hashlib import blake2b
from importlib.resources.abc import Traversable
from string import Template
from typing import TYPE_CHECKING, Any

from wsi_lab.errors import NotFound
from wsi_lab.front import front_file, joined, shared
from wsi_lab.model.slide import SlideProperties

if TYPE_CHECKING:
    from wsi_lab.server.base import Handler

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types default"
)
"""Of a page. It is not a sandbox: that would be an origin of its own, which may neither read
tiles unless every origin may, nor keep them for the next visit."""

ASSETS: Mapping[str, str] = {
    "icon.svg": "image/svg+xml",
    "openseadragon.LICENSE.txt": "text/plain; charset=utf-8",
    "openseadragon.min.js": "text/javascript; charset=utf-8",
    "view.css": "text/css; charset=utf-8",
    "view.mjs": "text/javascript; charset=utf-8",
}
"""What there is at ``assets/…`` beside a page, and its media type."""

FOR_A_YEAR = "public, max-age=31536000, immutable"
HTML = "text/html; charset=utf-8"

# In the order of their imports.
_PARTS = (
    *("dom", "readouts", "pyramid", "fetching", "places", "renewing", "tiles", "drawing"),
    *("moving", "keys", "panels", "troubles", "page"),
)
_THIN_SPACE = "\u202f"
_TURNS_TEXT_ROUND = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NOT_SHOWN = {"Cc", "Cs", "Zl", "Zp"}


class PageFiles:
    """The files that a page needs, at ``assets/…`` beside it.

    Parameters
    ----------
    media_types
        Of each file, by its name.
    make
        Makes them, when the first is asked for.
    """

    def __init__(
        self, media_types: Mapping[str, str], make: Callable[[], Mapping[str, bytes]]
    ) -> None:
        self._media_types = media_types
        self._make = make

    def __getitem__(self, name: str) -> bytes:
        return self._files[name]

    @cached_property
    def version(self) -> str:
        """What changes with any of the files; a page asks for them with ``?v=`` this."""
        digest = blake2b(digest_size=6)
        for name in self._media_types:
            digest.update(self[name])
        return digest.hexdigest()

    def send(self, handler: Handler, name: str) -> None:
        """Answer a request for one of the files.

        Raises
        ------
        NotFound
            There is none of that name.
        """
        media_type = self._media_types.get(name)
        if media_type is None:
            raise NotFound("There is nothing at this address.")
        data = self[name]
        sent_version = handler.request.query_arguments.get("v", [b""])[0]
        is_current = sent_version == self.version.encode()
        handler.set_header("Content-Type", media_type)
        handler.set_header("Cache-Control", FOR_A_YEAR if is_current else "no-cache")
        handler.set_header("Etag", f'"{blake2b(data, digest_size=12).hexdigest()}"')
        if "If-None-Match" in handler.request.headers and handler.check_etag_header():
            handler.set_status(304)
            handler.finish()
        else:
            handler.finish(data)

    @cached_property
    def _files(self) -> Mapping[str, bytes]:
        return self._make()


class Assets(PageFiles):
    """The files that the page of a slide needs.

    Parameters
    ----------
    script
        The page's own parts, after those that all pages share.
    style
        Of the page alone.
    """

    def __init__(self, script: Sequence[Traversable], style: Sequence[Traversable] = ()) -> None:
        def make() -> Mapping[str, bytes]:
            made = {
                "view.css": together((front_file("view.css"), *style)),
                "view.mjs": joined((*map(shared, _PARTS), *script)),
            }
            return {
                name: made[name].encode() if name in made else front_file(name).read_bytes()
                for name in ASSETS
            }

        super().__init__(ASSETS, make)


def together(parts: Sequence[Traversable]) -> str:
    """Return style sheets as one."""
    return "\n".join(part.read_text(encoding="utf-8") for part in parts)


def page_text(
    *,
    name: str,
    version: str,
    summary: Iterable[str],
    facts: Iterable[tuple[str, str]],
    told: Mapping[str, Any],
    details: str = "",
    keys: Iterable[tuple[str, str]] = (),
) -> bytes:
    """Return the page of a slide.

    Parameters
    ----------
    name
        What the slide is called.
    version
        Of its assets.
    summary, facts
        Text about the slide; names and values.
    told
        What the page's script is told.
    details
        What stands below the facts, as HTML.
    keys
        What further keys do.
    """
    shown = html.escape(shown_name(name))
    page = _template().substitute(
        title=shown,
        name=shown,
        version=version,
        summary=html.escape(" · ".join(summary)),
        facts="\n".join(
            f"<dt>{html.escape(what)}</dt><dd>{html.escape(value)}</dd>" for what, value in facts
        ),
        details=details,
        keys="\n".join(
            f"<div><dt><kbd>{html.escape(key)}</kbd></dt><dd>{html.escape(act)}</dd></div>"
            for key, act in keys
        ),
        data=_embedded(told),
    )
    return page.encode()


def shown_name(name: str) -> str:
    r"""Return a name as a person may read it: what is invisible or turns text round is marked.

    Examples
    --------
    >>> shown_name("a/b\u202egvs.exe\n")
    'a/b�gvs.exe�'
    """
    plain = _TURNS_TEXT_ROUND.sub("\ufffd", name)
    return "".join("\ufffd" if unicodedata.category(each) in _NOT_SHOWN else each for each in plain)


def summary_of(properties: SlideProperties) -> Iterator[str]:
    """Yield the few facts by which one knows a slide."""
    count = len(properties.levels)
    yield properties.format
    yield f"{pixels(properties.width, properties.height)} px"
    if properties.mpp is not None:
        yield f"{number(properties.mpp)} µm/px"
    yield f"{count} level{'' if count == 1 else 's'}"


def facts_of(properties: SlideProperties) -> Iterator[tuple[str, str]]:
    """Yield what a slide says about itself, each with its name."""
    yield "Format", properties.format
    yield "Size", f"{pixels(properties.width, properties.height)} pixels"
    if properties.mpp_x is None or properties.mpp_y is None:
        yield "Resolution", "not known"
    else:
        across = properties.width * properties.mpp_x / 1000
        down = properties.height * properties.mpp_y / 1000
        yield "On glass", f"{number(across)} × {number(down)} mm"
        yield "Resolution", f"{number(properties.mpp or 0)} µm per pixel"
    if properties.objective_power is not None:
        yield "Objective", f"{number(properties.objective_power)}×"


def pixels(width: int, height: int) -> str:
    """Return a size in words."""
    return f"{grouped(width)} × {grouped(height)}"


def grouped(whole: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{whole:,}".replace(",", _THIN_SPACE)


def number(value: float) -> str:
    """Return a number as exactly as anybody reads it."""
    return f"{value:.4g}"


@cache
def _template() -> Template:
    return Template(front_file("view.html").read_text(encoding="utf-8"))


def _embedded(told: Mapping[str, Any]) -> str:
    text = json.dumps(told, separators=(",", ":"), allow_nan=False)
    # Within a script element only these could end it or begin something else.
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
