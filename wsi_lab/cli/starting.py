"""What a server says about the slides of a source before it serves them, and then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from wsi_lab.cli.console import Console
from wsi_lab.cli.places import facts_of, first_look
from wsi_lab.server.streamer.settings import DEFAULT_QUALITY

if TYPE_CHECKING:
    from wsi_lab.model.source import Source
    from wsi_lab.server.app import Serving
    from wsi_lab.server.streamer.settings import StreamerSettings

_ACCESS = {"open": "off", "signed": "signed addresses", "closed": "the lab's"}


def introduce(
    console: Console, serving: Serving, *, processes: int, origins: tuple[str, ...] | None
) -> dict[str, Any]:
    """Say what will be served, and make sure that it can be reached.

    Parameters
    ----------
    processes
        How many servers there will be.
    origins
        As they were named; those that cannot be any do not count.
    """
    source, streamer = serving.settings.source, serving.streamer
    assert source is not None  # noqa: S101 (whoever calls has seen to that)
    assert streamer is not None  # noqa: S101 (likewise)
    say = console.remark if console.as_json else click.echo
    for name, value in _facts(source, streamer, serving, processes):
        say(f"{name + ':':16}{value}")
    dropped = [each for each in origins or () if each not in (streamer.cors_origins or ())]
    if dropped:
        console.remark(
            f"Not taken, because no origin looks so: {', '.join(map(repr, dropped))}. "
            "One looks like https://viewer.example."
        )
    if streamer.access == "open":
        console.remark(
            "Warning: authentication is off; whoever can reach this server sees every slide."
        )
    found = first_look(console, source)
    say(f"{'Store:':16}{found.in_words()}")
    return {"first": found.first_slide, "slides": found.slides}


def samples(url: str, serving: Serving, slide: str | None) -> Iterator[str]:
    """Yield what there is to try, with the name of a slide that there is."""
    key = quote(slide, safe="") if slide else "{slide}"
    shown = url.replace("//0.0.0.0:", "//localhost:").replace("//[::]:", "//localhost:")
    yield f"Listening at {url}"
    for path in (
        "health",
        "slides",
        f"slides/{key}",
        f"view/{key}",
        f"tiles/{key}/0/0/0.jpg",
    ):
        yield f"  {shown}{path}"
    if serving.streamer is not None:
        yield from _who_may_look(serving.streamer)


def _who_may_look(streamer: StreamerSettings) -> Iterator[str]:
    sign = "a signature: wsi-lab sign --path … --base-url …"
    if streamer.access == "signed":
        yield f"All but health and view need {sign}"
        yield "Whoever can reach view/… of a slide sees that slide."
    elif streamer.access == "closed":
        token = "All but health need the token of a site administrator"  # noqa: S105 (words)
        yield f"{token}, or {sign}" if streamer.secret else f"{token}."


def _facts(
    source: Source, streamer: StreamerSettings, serving: Serving, processes: int
) -> list[tuple[str, object]]:
    settings, origins = serving.settings, streamer.cors_origins
    return [
        ("Source", source.address),
        *facts_of(source),
        ("Authentication", _ACCESS[streamer.access]),
        ("Studies", "yes" if serving.studies else "no"),
        ("Open slides", settings.open_slides),
        ("Tile cache", f"{settings.tile_cache_bytes:,} bytes"),
        ("JPEG quality", streamer.quality or f"as stored, else {DEFAULT_QUALITY}"),
        ("Max age", f"{streamer.cache_max_age} s"),
        ("Origins", "any" if origins is None else ", ".join(origins) or "none"),
        ("Processes", f"{processes}, with {settings.workers} decoders each"),
    ]
