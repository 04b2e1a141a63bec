"""The peers as servers: ``python -m bench.peers NAME --port PORT --file SLIDE``.

Each is what its own project offers or shows for this purpose, on one process, at JPEG quality
80 and with the slide's own tile size where that can be chosen.
"""

from __future__ import annotations

import argparse
import asyncio
import io
from functools import partial
from pathlib import Path

import tornado.httpserver
import tornado.netutil
import tornado.web

TILE = 256
QUALITY = 80


async def large_image(port: int, slide: Path) -> None:
    """Serve what `large_image` starts when a tile source is shown in JupyterLab."""
    import large_image as library
    from large_image.tilesource import jupyter

    # It listens on every interface of the machine; a benchmark has no business there.
    tornado.netutil.bind_sockets = partial(_bind_here, tornado.netutil.bind_sockets)
    source = library.open(str(slide))
    jupyter.launch_tile_server(source, port)
    await asyncio.Event().wait()


async def openslide(port: int, slide: Path) -> None:
    """Serve OpenSlide's own DeepZoom generator from a tornado handler."""
    from openslide import OpenSlide
    from openslide.deepzoom import DeepZoomGenerator

    generator = DeepZoomGenerator(OpenSlide(str(slide)), TILE, 0)

    class Handler(tornado.web.RequestHandler):
        def get(self, zoom: str, column: str, row: str) -> None:
            buffer = io.BytesIO()
            tile = generator.get_tile(int(zoom), (int(column), int(row)))
            tile.save(buffer, "jpeg", quality=QUALITY)
            self.set_header("Content-Type", "image/jpeg")
            self.finish(buffer.getvalue())

    await _listen(port, Handler)


async def memory(port: int, file: Path) -> None:
    """Serve one tile from memory, whatever is asked: what tornado itself costs."""

    class Handler(tornado.web.RequestHandler):
        body = file.read_bytes()

        def compute_etag(self) -> None:
            return None

        def get(self, *_place: str) -> None:
            self.set_header("Content-Type", "image/jpeg")
            self.finish(self.body)

    await _listen(port, Handler)


async def _listen(port: int, handler: type[tornado.web.RequestHandler]) -> None:
    application = tornado.web.Application([(r"/(\d+)/(\d+)/(\d+)", handler)])
    tornado.httpserver.HTTPServer(application).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


def _bind_here(bind, port: int, _address: str = ""):
    return bind(port, "127.0.0.1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=("large_image", "openslide", "memory"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    chosen = parser.parse_args()
    asyncio.run(globals()[chosen.name](chosen.port, chosen.file))


if __name__ == "__main__":
    main()
