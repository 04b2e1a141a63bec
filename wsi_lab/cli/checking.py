"""``wsi-lab check``: whether slides of a source can be served, before somebody waits for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from wsi_lab.cli.console import Console, Shape, lab_command, with_version
from wsi_lab.cli.places import Reached, facts_of, first_look, one_source, reached_stores
from wsi_lab.errors import Invalid, NotFound, WsiLabError
from wsi_lab.model.source import WEB_SCHEMES, Source

if TYPE_CHECKING:
    from wsi_lab.service.source_alone import SourceAlone

PAGE = 1000
MEGABYTE = 1_000_000
NOT_NAMED = "Name a SOURCE: a folder, s3://bucket, or --s3-bucket."

Say = Callable[[str], None]


@click.command()
@one_source
@reached_stores
@click.option("--test-slide", "slide", metavar="KEY", help="Open this slide, too.")
@click.option("--list-slides", is_flag=True, help="List the keys of all slides.")
@click.option("-v", "--verbose", is_flag=True, help="Say more about the slide.")
@with_version
@lab_command
def check(
    console: Console,
    *,
    named: str | None,
    reached: Reached,
    slide: str | None,
    list_slides: bool,
    verbose: bool,
) -> int:
    """Look whether the slides of a SOURCE can be served: a folder, a bucket, a web server."""
    from wsi_lab.service.source_alone import open_source  # noqa: PLC0415 (as `lab`)
    from wsi_lab.service.ways import way_to  # noqa: PLC0415 (as `lab`)

    if named is None:
        raise Invalid(NOT_NAMED)
    source = reached.source(named)
    say: Say = (lambda _: None) if console.as_json else lambda line: console.show(None, line)
    way = way_to(source)
    found: Shape = {
        "source": source.address,
        "endpoint": way.endpoint,
        "region": way.region,
        "ok": True,
    }
    for name, value in _facts(source):
        say(f"{name + ':':12}{value}")
    contents = first_look(console, source, most=1)
    is_empty = contents.objects == 0 and contents.is_all
    say(f"{'Store:':12}{'empty' if is_empty else 'answers'}")
    slides = open_source(console.settings(source=source), remember=False)
    try:
        if slide is not None:
            found["slide"] = _look_at(slides, slide, say, verbose=verbose)
        if list_slides:
            found["slides"] = _list(console, slides, say)
    finally:
        slides.close()
    say("All checks passed.")
    if console.as_json:
        console.show(found, "")
    return 0


def _facts(source: Source) -> Iterator[tuple[str, str]]:
    if not source.is_remote:
        yield "Folder", source.address
        return
    yield ("Host" if source.scheme in WEB_SCHEMES else "Bucket"), source.container
    if source.prefix:
        yield "Prefix", source.prefix
    yield from facts_of(source)


def _look_at(slides: SourceAlone, key: str, say: Say, *, verbose: bool) -> Shape:
    try:
        size = slides.size_of(key)
    except NotFound:
        raise NotFound(f"There is no slide '{key}' in this source.") from None
    say(f"{'Slide:':12}found, {key}")
    say(f"{'Size:':12}{size / MEGABYTE:.2f} MB")
    about = slides.describe(key)
    # That it is one is known by now, whatever its store thinks.
    say(f"{'Content:':12}image/tiff")
    say(f"{'Format:':12}{about.format}")
    say(f"{'Pixels:':12}{about.width:,} x {about.height:,}")
    say(f"{'Levels:':12}{len(about.levels)}")
    if verbose:
        for number, level in enumerate(about.levels):
            tile = f"tiles of {level.tile_width} x {level.tile_height}"
            say(f"{'':12}{number}: {level.width:,} x {level.height:,}, {tile}")
        say(f"{'mpp:':12}{about.mpp_x or 'not stated'}")
    return {
        "key": key,
        "bytes": size,
        "format": about.format,
        "width": about.width,
        "height": about.height,
        "levels": len(about.levels),
    }


def _list(console: Console, slides: SourceAlone, say: Say) -> list[str] | None:
    """Return the keys of all slides; that they cannot be listed is no failure."""
    keys: list[str] = []
    say("Slides:")
    cursor: str | None = None
    try:
        while True:
            page = slides.keys(limit=PAGE, cursor=cursor)
            for key in page.keys:
                # A line each, whatever the name.
                say("  " + key.replace("\n", "\\n"))
            keys.extend(page.keys)
            cursor = page.next_cursor
            if cursor is None:
                break
    except WsiLabError as error:
        console.remark(f"The slides cannot be listed: {error.message}")
        return None
    if not keys:
        say("  none: no key ends in .svs, .tif or .tiff")
    say(f"{'Total:':12}{len(keys):,}")
    return keys
