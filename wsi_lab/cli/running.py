"""``wsi-lab demo``."""

from __future__ import annotations

import contextlib
import sys

import click

from wsi_lab.cli.console import Console, lab_command

PORT = click.IntRange(0, 65535)


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
