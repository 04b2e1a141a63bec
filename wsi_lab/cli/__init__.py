"""The ``wsi-lab`` command: the lab's verbs for a terminal, and for scripts with ``--json``.

Whoever may read the home folder is its owner; the command asks for no other credentials. It
works on a home while a server runs on it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from wsi_lab.cli.annotations import files
from wsi_lab.cli.checking import check
from wsi_lab.cli.console import harmless, with_version
from wsi_lab.cli.keys import key
from wsi_lab.cli.people import token, user
from wsi_lab.cli.running import demo
from wsi_lab.cli.serving import serve
from wsi_lab.cli.signing import sign
from wsi_lab.cli.studies import member, study
from wsi_lab.cli.tasks import labelset, task
from wsi_lab.cli.upkeep import backup, doctor, restore
from wsi_lab.errors import WsiLabError
from wsi_lab.model.source import is_address

__all__ = ["commands", "main"]


class Commands(click.Group):
    """All commands; what can only be meant for ``serve`` needs not be preceded by it.

    WSI Streamer's command is called so: with the address of a bucket, with options alone, or
    with nothing but variables. A folder is a place with slides, too.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Return the arguments, the name of the command first."""
        first = args[0] if args else ""
        own = {name for option in self.get_params(ctx) for name in option.opts}
        if first.startswith("-"):
            is_meant = first.partition("=")[0] not in own
        elif first:
            is_meant = first not in self.commands and _is_place(first)
        else:
            is_meant = bool(os.environ.get("WSI_S3_BUCKET")) and not args
        return super().parse_args(ctx, ["serve", *args] if is_meant else args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is named first, and what follows."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            name, *others = args
            # Two words are a command that was misspelt.
            if others and not others[0].startswith("-"):
                raise
            hint = f"A bucket of that name is served by: wsi-lab serve {name}"
            raise click.UsageError(f"{error.format_message()} {hint}", ctx) from None


def _is_place(word: str) -> bool:
    return is_address(word) or "/" in word or "." in word or Path(word).is_dir()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@with_version
def commands() -> None:
    """Whole-slide pathology: slides, studies and the people who look at them."""


for command in (
    *(user, token, key, study, member, labelset, task, files),
    *(backup, restore, doctor, serve, sign, check, demo),
):
    commands.add_command(command)


def main() -> int:
    """Run the command line of this process and return its exit code.

    Returns
    -------
    int
        0 when it was done, 1 when it was not, 2 when the command line makes no sense. What went
        wrong stands on standard error, in a sentence.
    """
    try:
        return _code(commands.main(prog_name="wsi-lab", standalone_mode=False))
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _failed("Stopped; what was done before stays.")
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except WsiLabError as error:
        code = _failed(error.message)
        for line in (*getattr(error, "problems", ()), *getattr(error, "__notes__", ())):
            # A line each, whatever the names in them.
            click.echo(harmless("  " + line.replace("\n", "\\n")), err=True)
        return code
    except Exception as error:
        if os.environ.get("WSI_LAB_DEBUG"):
            raise
        return _failed(
            f"Something went wrong that should not ({type(error).__name__}: {error}). "
            "Set WSI_LAB_DEBUG=1 to see where, and please report it."
        )


def _code(result: object) -> int:
    return result if isinstance(result, int) else 0


def _failed(sentence: str) -> int:
    click.echo(harmless(f"Error: {sentence}"), err=True)
    return 1
