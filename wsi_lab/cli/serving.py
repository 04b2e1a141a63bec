"""``wsi-lab serve``: the lab, or the slides of a source, over HTTP."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsi_lab.cli.console import Console, lab_command, with_version
from wsi_lab.cli.places import Reached, one_source, reached_stores
from wsi_lab.cli.starting import introduce, samples
from wsi_lab.errors import Invalid
from wsi_lab.model.source import Source, is_address
from wsi_lab.server.streamer.settings import DEFAULT_QUALITY

if TYPE_CHECKING:
    from wsi_lab.server.app import Serving
    from wsi_lab.server.streamer.settings import StreamerSettings
    from wsi_lab.service.lab import LabSettings

LAB_ADDRESS = ("127.0.0.1", 8950)
SOURCE_ADDRESS = ("0.0.0.0", 3000)  # noqa: S104 (WSI Streamer's default, which deployments rely on)
BLOCK_BYTES = (1024, 16 << 20)
INTERRUPTED = 130
"""The exit code of what Ctrl-C has ended."""
ORIGINS_VARIABLE = "WSI_CORS_ORIGINS"
_LOG_WORDS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}


def _streamer_option(*names: str, variable: str, **more: Any) -> Callable[[Any], Any]:
    return click.option(*names, envvar=variable, show_envvar=True, **more)


@click.command()
@one_source
@_streamer_option("--host", variable="WSI_HOST", help="The address to listen at; see above.")
@_streamer_option(
    *("-p", "--port"),
    variable="WSI_PORT",
    type=click.IntRange(0, 65535),
    help="0: any that is free.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Server processes at the same port. Each has caches and decoders of its own.",
)
@click.option(
    "--decoders",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Processes per server that decode what cannot be handed out as it is stored.",
)
@click.option(
    "--slides",
    "slide_roots",
    multiple=True,
    metavar="FOLDER|ADDRESS",
    help="Where members may add slides to studies from; may be given several times.",
)
@click.option(
    "--studies",
    is_flag=True,
    help="Serve the lab of the home beside the SOURCE, whose slides are then for site "
    "administrators (with tokens that may do all), signed addresses and viewer tokens.",
)
@click.option(
    "--public",
    is_flag=True,
    help="With --studies: the slides of the SOURCE are for everybody, as without it.",
)
@reached_stores
@_streamer_option(
    "--auth-enabled",
    variable="WSI_AUTH_ENABLED",
    is_flag=True,
    help="Only signed addresses see slides; needs a secret.",
)
@_streamer_option(
    "--auth-secret",
    variable="WSI_AUTH_SECRET",
    help="What addresses are signed with. Others on this machine can see the option, not the "
    "variable.",
)
@_streamer_option(
    "--cache-slides",
    variable="WSI_CACHE_SLIDES",
    type=int,
    default=100,
    show_default=True,
    help="Slides that are kept open.",
)
@_streamer_option(
    "--cache-tiles",
    variable="WSI_CACHE_TILES",
    type=int,
    default=100 << 20,
    show_default=True,
    help="Memory for tiles, in bytes.",
)
@_streamer_option(
    "--cache-blocks",
    variable="WSI_CACHE_BLOCKS",
    type=int,
    default=100,
    help="Checked and not used: tiles are read by themselves, not in blocks.",
)
@_streamer_option(
    "--block-size",
    variable="WSI_BLOCK_SIZE",
    type=int,
    default=256 << 10,
    help="Checked and not used, likewise.",
)
@_streamer_option(
    "--jpeg-quality",
    variable="WSI_JPEG_QUALITY",
    type=int,
    help=f"1 to 100, of images whose request names none. The default is {DEFAULT_QUALITY}, with "
    "stored tiles as they are.",
)
@_streamer_option(
    "--cache-max-age",
    variable="WSI_CACHE_MAX_AGE",
    type=int,
    default=3600,
    show_default=True,
    help="Seconds for which browsers may keep an image.",
)
@_streamer_option(
    "--cors-origins",
    variable=ORIGINS_VARIABLE,
    help="Origins whose pages may read answers, with commas between them; the default is any, "
    "and with --studies, unless --public, none.",
)
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Log also requests that went well; the default is those that failed (4xx and 5xx).",
)
@click.option(
    "--no-tracing",
    is_flag=True,
    help="Log only the failures of the server itself (5xx).",
)
@with_version
@lab_command
def serve(console: Console, *, named: str | None, reached: Reached, **given: Any) -> int:
    """Serve the lab, or the slides of a SOURCE, until stopped.

    Without SOURCE the lab of the home is served, at port 8950 of this machine alone.
    Letters to members are sent by the server that WSI_LAB_SMTP_HOST names (with _PORT, _USER,
    _PASSWORD, _SENDER, and _TLS: starttls, tls or none); links in them lead to
    WSI_LAB_PUBLIC_URL.

    SOURCE is a folder, or s3://bucket, gs://bucket, az://container or http(s)://host, each
    perhaps with a /prefix, or the bare name of an S3 bucket. Its slides are served by their
    keys to everybody who can reach port 3000 of this machine, as WSI Streamer does it; no
    database is needed. With --studies the lab is served beside it, and the slides of the
    SOURCE are not for everybody any more; see there.
    """
    try:
        return _serve(console, _Options(**given), reached, named)
    except KeyboardInterrupt:
        # Before anything is served; a server takes the signal as its sign to end.
        return INTERRUPTED


def _serve(console: Console, options: _Options, reached: Reached, named: str | None) -> int:
    source = None if named is None else reached.source(named)
    _check(options, source)
    serving = _serving(console, options, reached, source)
    told: dict[str, Any] = {}
    if source is not None:
        told = introduce(console, serving, processes=options.workers, origins=options.origins)

    def started(url: str) -> None:
        if console.as_json:
            click.echo(json.dumps({"url": url, **told}, ensure_ascii=False))
        elif source is None:
            click.echo(f"The lab is at {url}")
        else:
            for line in samples(url, serving, told["first"]):
                click.echo(line)

    from wsi_lab.server import app, processes  # noqa: PLC0415 (only a server needs tornado)

    if options.workers > 1:
        return processes.serve_with_processes(serving, options.workers, started=started)
    return app.run(serving, started=started)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What the command line and the environment say."""

    host: str | None
    port: int | None
    workers: int
    decoders: int
    slide_roots: Sequence[str]
    studies: bool
    public: bool
    auth_enabled: bool
    auth_secret: str | None
    cache_slides: int
    cache_tiles: int
    cache_blocks: int
    block_size: int
    jpeg_quality: int | None
    cache_max_age: int
    cors_origins: str | None
    verbose: bool
    no_tracing: bool

    @property
    def log_level(self) -> int:
        """From where on the log is shown."""
        # What whoever moves here from WSI Streamer has in the environment.
        words = re.findall("|".join(_LOG_WORDS), os.environ.get("RUST_LOG", "").lower())
        if words:
            return min(_LOG_WORDS[word] for word in words)
        if self.no_tracing:
            return logging.WARNING
        return logging.DEBUG if self.verbose else logging.INFO

    @property
    def is_closed(self) -> bool:
        """Whether the slides of the source are for those alone whom the lab knows."""
        return self.studies and not self.public

    @property
    def origins(self) -> tuple[str, ...] | None:
        """Origins that may read answers; `None`: all, as long as everybody may look anyway."""
        text = self.cors_origins
        if text is None:
            # To click, a variable that is empty is none; here it means that nobody may.
            text = os.environ.get(ORIGINS_VARIABLE)
        if text is None:
            return () if self.is_closed else None
        origins = tuple(each.strip() for each in text.split(",") if each.strip())
        return None if "*" in origins else origins


def _check(options: _Options, source: Source | None) -> None:
    if source is None:
        for is_given, name in (
            (options.studies, "--studies"),
            (options.public, "--public"),
            (options.auth_enabled, "--auth-enabled"),
        ):
            if is_given:
                raise click.UsageError(f"{name} is about the slides of a SOURCE; name one.")
    elif options.public and not options.studies:
        raise click.UsageError("--public belongs to --studies; a SOURCE alone is public.")
    elif options.slide_roots and not options.studies:
        raise click.UsageError("--slides is about studies; a SOURCE alone has none.")
    smallest, largest = BLOCK_BYTES
    quality = options.jpeg_quality
    rules = [
        (options.cache_slides > 0, "--cache-slides is at least 1"),
        (options.cache_blocks > 0, "--cache-blocks is at least 1"),
        (options.cache_tiles > 0, "--cache-tiles is at least 1"),
        (
            smallest <= options.block_size <= largest,
            f"--block-size is {smallest} to {largest} bytes",
        ),
        (quality is None or 1 <= quality <= 100, "--jpeg-quality is 1 to 100"),
        (options.cache_max_age >= 0, "--cache-max-age is not negative"),
        (
            not options.auth_enabled or bool(options.auth_secret),
            "--auth-enabled needs a secret: --auth-secret or WSI_AUTH_SECRET",
        ),
    ]
    problems = [problem for holds, problem in rules if not holds]
    if problems:
        raise Invalid(f"These settings cannot be: {'; '.join(problems)}.")


def _serving(
    console: Console, options: _Options, reached: Reached, source: Source | None
) -> Serving:
    from wsi_lab.server.app import Serving  # noqa: PLC0415 (only a server needs tornado)

    host, port = LAB_ADDRESS if source is None else SOURCE_ADDRESS
    return Serving(
        _lab_settings(console, options, reached, source),
        options.host or host,
        port if options.port is None else options.port,
        None if source is None else _streamer_settings(options),
        studies=source is None or options.studies,
        log_level=options.log_level,
    )


def _lab_settings(
    console: Console, options: _Options, reached: Reached, source: Source | None
) -> LabSettings:
    roots = tuple(_root(each, reached) for each in options.slide_roots)
    from wsi_lab.service.settings import letters_from_environment  # noqa: PLC0415 (as above)

    more = letters_from_environment()
    if source is not None:
        more |= {
            "source": source,
            "open_slides": options.cache_slides,
            "tile_cache_bytes": options.cache_tiles,
        }
    return console.settings(workers=options.decoders, slide_roots=roots or None, **more)


def _root(named: str, reached: Reached) -> Source:
    if is_address(named):
        return reached.source(named)
    folder = Path(named)
    if not folder.is_dir():
        raise click.BadParameter(f"there is no folder '{named}'", param_hint="--slides")
    return Source.at(str(folder.resolve()))


def _streamer_settings(options: _Options) -> StreamerSettings:
    from wsi_lab.server.streamer.settings import Access, StreamerSettings  # noqa: PLC0415

    if options.is_closed:
        access = Access.CLOSED
    else:
        access = Access.SIGNED if options.auth_enabled else Access.OPEN
    return StreamerSettings(
        access,
        secret=options.auth_secret if access is not Access.OPEN else None,
        quality=options.jpeg_quality,
        cache_max_age=options.cache_max_age,
        cors_origins=options.origins,
    )
