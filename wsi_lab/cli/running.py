"""``wsi-lab serve`` and ``wsi-lab demo``."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from wsi_lab.cli.console import Console, lab_command

DEFAULT_PORT = 8950
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True)
PORT = click.IntRange(0, 65535)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=PORT, default=DEFAULT_PORT, show_default=True, help="0: any.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True)
@click.option(
    "--slides",
    "slide_roots",
    type=FOLDER,
    multiple=True,
    help="A folder that members may add slides from; may be given several times.",
)
@lab_command
def serve(
    console: Console, *, host: str, port: int, workers: int, slide_roots: Sequence[Path]
) -> int:
    """Serve the lab until stopped."""
    from wsi_lab.server import app  # noqa: PLC0415 (only a server needs tornado)

    settings = console.settings(workers=workers, slide_roots=tuple(slide_roots) or None)

    def started(url: str) -> None:
        text = json.dumps({"url": url}) if console.as_json else f"The lab is at {url}"
        click.echo(text)
        sys.stdout.flush()

    return app.serve(settings, host, port, started=started)


@click.command()
@click.option("--port", type=PORT, help="The default is any that is free.")
@click.option("--browser/--no-browser", "open_browser", default=True, help="Open a browser.")
@lab_command
def demo(console: Console, *, port: int | None, open_browser: bool) -> int:
    """Load the demo study and open JupyterLab on the tour."""
    import wsi_lab.demo  # noqa: PLC0415 (only the demo needs JupyterLab)

    if not console.as_json:
        return wsi_lab.demo.run(console.home, port=port, open_browser=open_browser)
    with contextlib.redirect_stdout(sys.stderr):
        code = wsi_lab.demo.run(console.home, port=port, open_browser=open_browser)
    console.show({"home": str(console.home), "exit_code": code}, "")
    return code
