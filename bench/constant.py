"""wsi-lab with fixed bytes in place of tiles: ``python -m bench.constant BODY PROGRAM …``.

Everything a request passes through is the product's own: the program, its routes, handlers,
identities and headers. Only the last step, the service's tiles of a lab or of a source, answers
at once with the bytes of a file, without looking at rights, slides or files. What the product's
tiles cost above this is what reading them costs.
"""

from __future__ import annotations

import runpy
import sys
from functools import wraps
from pathlib import Path

from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.service.sources import SourceImage, SourceSlides
from wsi_lab.service.tiles import TileAnswer, Tiles


class ConstantTiles:
    """Answers every tile with the same one, and everything else as the service does."""

    def __init__(self, tiles: Tiles, body: bytes) -> None:
        self._tiles = tiles
        self._body = body
        self._answer: TileAnswer | None = None

    def __getattr__(self, name: str):
        return getattr(self._tiles, name)

    def tile_at_once(self, *asked) -> TileAnswer:
        # A real answer is asked for once: handlers look into its ETag.
        if self._answer is None:
            real = self._tiles.tile(*asked)
            self._answer = real._replace(data=self._body)
        return self._answer


def give_constant_tiles(body: bytes) -> None:
    """Let every lab that this process opens from now on have constant tiles."""
    open_lab = Lab.open

    @wraps(open_lab)
    def open_with_constant_tiles(settings: LabSettings) -> Lab:
        lab = open_lab(settings)
        lab.tiles = ConstantTiles(lab.tiles, body)
        return lab

    Lab.open = open_with_constant_tiles


def give_constant_tiles_of_sources(body: bytes) -> None:
    """Let every source that this process serves from now on have constant tiles."""
    answers: list[SourceImage] = []

    def tile_at_once(slides: SourceSlides, *asked, **how) -> SourceImage:
        if not answers:
            answers.append(slides.tile(*asked, **how)._replace(data=body))
        return answers[0]

    SourceSlides.tile_at_once = tile_at_once


def main() -> None:
    _, body, module, *arguments = sys.argv
    data = Path(body).read_bytes()
    give_constant_tiles(data)
    give_constant_tiles_of_sources(data)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
