"""The page that readers score a study on. It is the same for everybody and tells nothing.

What there is to read, and for whom, its script asks the lab itself; who asks is in the fragment
of the address, which is not sent to any server, or known to the host.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import cache
from string import Template

from wsi_lab.front import front_file, joined
from wsi_lab.front.reading_scripts import READING_PAGE_PARTS, READING_PAGE_SHEETS
from wsi_lab.server.base import Handler
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.routing import OPEN, Route
from wsi_lab.server.slide_pages import HTML, PageFiles, together

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types default"
)
"""As of the page of a slide; pictures are asked for by the script, which says who asks."""

_MEDIA_TYPES = {
    "icon.svg": "image/svg+xml",
    "leaflet.LICENSE.txt": "text/plain; charset=utf-8",
    "reading.css": "text/css; charset=utf-8",
    "reading.mjs": "text/javascript; charset=utf-8",
}


def _files() -> Mapping[str, bytes]:
    return {
        "icon.svg": front_file("icon.svg").read_bytes(),
        "leaflet.LICENSE.txt": (front_file("leaflet") / "LICENSE.txt").read_bytes(),
        "reading.css": together(READING_PAGE_SHEETS).encode(),
        "reading.mjs": joined(READING_PAGE_PARTS).encode(),
    }


assets = PageFiles(_MEDIA_TYPES, _files)


class ReadingPageHandler(Handler):
    """The page, at ``read/{study_id}``."""

    def get(self, study_id: str) -> Awaitable[None]:
        """Return it, whether there is such a study or not."""
        whole_id(study_id, "study")
        self.set_header("Content-Type", HTML)
        self.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return self.send_body(_page())


class ReadingAssetHandler(Handler):
    """A script or style that the page needs."""

    def get(self, name: str) -> None:
        """Return it."""
        assets.send(self, name)


@cache
def _page() -> bytes:
    text = (front_file("reading") / "read.html").read_text(encoding="utf-8")
    return Template(text).substitute(version=assets.version).encode()


READING_PAGE_ROUTES: tuple[Route, ...] = (
    Route("read/assets/{name}", ReadingAssetHandler, {"GET": OPEN}),
    Route("read/{study_id}", ReadingPageHandler, {"GET": OPEN}),
)
