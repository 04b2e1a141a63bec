"""A worker process: opens slides and decodes tiles where a crash harms nobody.

Started by `wsi_lab.slides.process` as ``python -m wsi_lab.slides.worker``. It ends when the
server hangs up, and the system ends it when a request goes on long after the server should have
ended it. Decoders are imported when the first request needs them, after the limits are set.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import os
import socket
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from wsi_lab.errors import Busy, DamagedSlide, UnsupportedSlide, WsiLabError
from wsi_lab.slides import limits
from wsi_lab.slides.frames import (
    AnyAnswer,
    AnyRequest,
    DecodeTile,
    Disconnected,
    Line,
    Opened,
    OpenFile,
    Picture,
    ReadAssociated,
    ReadPatch,
    ReadRegion,
    Ready,
    Refused,
)
from wsi_lab.slides.source import Identity, current_identity

if TYPE_CHECKING:
    from wsi_lab.slides.reader import Pixels
    from wsi_lab.slides.sampling import LevelReader

_CODECS, _READERS = "wsi_lab.slides.codecs", "wsi_lab.slides.opening"
_TIGHT = 0.6
"""From that part of its memory on, a worker closes slides; what a request may use is the rest."""


_Place = tuple[str, bool]
"""A slide's path, and whether OpenSlide has to read it whatever reader would show it best."""


class Shelf:
    """The slides that are open here, the ones used lately.

    Parameters
    ----------
    places
        How many may be open at once.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._slides: OrderedDict[_Place, tuple[Identity, LevelReader]] = OrderedDict()

    def opened(self, path: str, *, by_openslide: bool = False) -> tuple[Identity, LevelReader]:
        """Return the slide as the file is now."""
        identity = current_identity(path)
        place = path, by_openslide
        found = self._slides.get(place)
        if found is not None and found[0] == identity:
            self._slides.move_to_end(place)
            return found
        self._close(place)
        from wsi_lab.slides import opening  # noqa: PLC0415 (after the limits)

        reader = opening.open_by_openslide(path) if by_openslide else opening.open_slide(path)
        if current_identity(path) != identity:
            reader.close()
            raise _changed()
        while len(self._slides) >= self._places:
            self._close(next(iter(self._slides)))
        self._slides[place] = identity, reader
        return identity, reader

    def read(
        self,
        path: str,
        identity: Identity,
        how: Callable[[LevelReader], Pixels],
        *,
        by_openslide: bool = False,
    ) -> Pixels:
        """Return pixels of a slide if it was the file it has to be all the time.

        Raises
        ------
        Busy
            The file was changed or replaced.
        """
        now, reader = self.opened(path, by_openslide=by_openslide)
        if now != identity:
            raise _changed()
        pixels = how(reader)
        # OpenSlide opens files by their names again whenever it reads.
        if current_identity(path) != identity:
            raise _changed()
        return pixels

    def close(self, paths: list[str]) -> None:
        """Close slides; those that are not open are passed over."""
        for path in paths:
            self._close((path, False))
            self._close((path, True))

    def close_all(self) -> None:
        """Close everything."""
        for place in list(self._slides):
            self._close(place)

    def _close(self, place: _Place) -> None:
        found = self._slides.pop(place, None)
        if found is not None:
            with contextlib.suppress(OSError, ValueError):
                found[1].close()


def _changed() -> Busy:
    return Busy("The slide's file is being changed right now; ask again in a moment.")


def respond(request: AnyRequest, body: bytes, shelf: Shelf) -> tuple[AnyAnswer, memoryview | bytes]:
    """Do what is asked; whatever goes wrong becomes an answer."""
    try:
        shelf.close(list(request.forget))
        return _done(request, body, shelf)
    except WsiLabError as error:
        return Refused(code=error.code, message=error.message), b""
    except MemoryError:
        shelf.close_all()
        return _refused(DamagedSlide("Reading this slide would need more memory than is safe."))
    except ImportError:
        return _refused(
            UnsupportedSlide("The library that reads this kind of slide is not installed.")
        )
    except Exception as error:  # noqa: BLE001 (on a hostile file a decoder may raise anything)
        damaged = DamagedSlide("This slide's file is broken in a way that nobody expected.")
        return Refused(
            code=damaged.code, message=damaged.message, surprise=type(error).__name__
        ), b""


def _done(request: AnyRequest, body: bytes, shelf: Shelf) -> tuple[AnyAnswer, memoryview | bytes]:
    match request:
        case OpenFile():
            identity, reader = shelf.opened(request.path, by_openslide=request.by_openslide)
            return Opened(identity=identity, properties=reader.properties), b""
        case ReadRegion():
            region = request.region
            return _picture(
                shelf.read(request.path, request.identity, lambda slide: slide.read_region(region))
            )
        case ReadPatch():
            patch = request.patch
            return _picture(
                shelf.read(
                    request.path,
                    request.identity,
                    lambda slide: slide.read_patch(patch),
                    by_openslide=request.by_openslide,
                )
            )
        case ReadAssociated():
            name = request.name
            return _picture(
                shelf.read(
                    request.path, request.identity, lambda slide: slide.read_associated(name)
                )
            )
        case DecodeTile():
            from wsi_lab.slides.codecs import decode_tile  # noqa: PLC0415 (after the limits)

            pixels = decode_tile(
                body,
                compression=request.compression,
                photometric=request.photometric,
                predictor=request.predictor,
                rows=request.rows,
                columns=request.columns,
                samples=request.samples,
            )
            return _picture(pixels)


def _picture(pixels: Pixels) -> tuple[Picture, memoryview]:
    import numpy as np  # noqa: PLC0415 (loaded by every decoder anyway)

    rows, columns, _ = pixels.shape
    flat = np.ascontiguousarray(pixels).data.cast("B")
    return Picture(rows=rows, columns=columns), flat


def _refused(error: WsiLabError) -> tuple[Refused, bytes]:
    return Refused(code=error.code, message=error.message), b""


def serve(line: Line, shelf: Shelf, *, memory_bytes: int, seconds: float) -> None:
    """Answer requests until the server hangs up."""
    meter = limits.AddressMeter()
    tight = memory_bytes * _TIGHT
    loaded: set[bool] = set()
    while True:
        request, body = line.next_request()
        decodes_tile = isinstance(request, DecodeTile)
        if decodes_tile not in loaded:
            # Loading libraries from a cold disk is not the slide's fault.
            with contextlib.suppress(ImportError):
                importlib.import_module(_CODECS if decodes_tile else _READERS)
            loaded.add(decodes_tile)
            line.answer(Ready())
        limits.end_after(seconds)
        answer, pixels = respond(request, body, shelf)
        if meter.bytes_in_use() - len(pixels) > tight:
            shelf.close_all()
            if meter.bytes_in_use() - len(pixels) > tight:
                answer = answer.retiring()
        line.answer(answer, pixels)
        del pixels
        limits.end_after(0)


def main() -> None:
    """Run a worker with what the server says on the command line."""
    parser = argparse.ArgumentParser(description="Started by the server, not by hand.")
    parser.add_argument("descriptor", type=int)
    parser.add_argument("memory_bytes", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("open_slides", type=int)
    stated = parser.parse_args()
    limits.limit_this_process(stated.memory_bytes)
    logging.disable(logging.CRITICAL)
    line = Line(socket.socket(fileno=stated.descriptor))
    with contextlib.suppress(Disconnected):
        serve(
            line,
            Shelf(stated.open_slides),
            memory_bytes=stated.memory_bytes,
            seconds=stated.seconds,
        )
    # There is nothing to save, and some libraries crash when they are unloaded.
    os._exit(0)


if __name__ == "__main__":
    main()
