"""Files that leave the lab as they are, piece by piece."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote

from tornado.iostream import StreamClosedError

from wsi_lab.server.base import SECONDS_PER_CHUNK, Handler
from wsi_lab.service.uploading.downloads import Download

_NOT_PLAIN = re.compile(r'[^\x20-\x7e]|["\\;%]')


async def send(handler: Handler, download: Download) -> None:
    """Send a file in pieces, each when the one before has gone."""
    handler.set_header("Content-Type", "application/octet-stream")
    handler.set_header("Content-Disposition", disposition(download.name))
    if download.size is not None:
        handler.set_header("Content-Length", str(download.size))
    try:
        if handler.request.method != "HEAD":
            while piece := await handler.wait_in(
                handler.site.transfers, next, download.pieces, b""
            ):
                handler.write(piece)
                await asyncio.wait_for(handler.flush(), SECONDS_PER_CHUNK)
        handler.finish()
    except (StreamClosedError, TimeoutError):
        stream = getattr(handler.request.connection, "stream", None)
        if stream is not None:
            stream.close()
    finally:
        download.close()


def disposition(name: str) -> str:
    r"""Return how a file is said to be one to be saved.

    Some clients understand only the plain name, and that only when it comes first; and they
    take a semicolon in it for its end.

    Examples
    --------
    >>> disposition("1.svs")
    'attachment; filename="1.svs"'
    >>> disposition("ä;b.svs")
    'attachment; filename="__b.svs"; filename*=UTF-8\'\'%C3%A4%3Bb.svs'
    """
    plain = _NOT_PLAIN.sub("_", name)
    said = f'attachment; filename="{plain}"'
    return said if plain == name else f"{said}; filename*=UTF-8''{quote(name, safe='')}"
