"""``wsi-lab sign``: addresses of a tile server that are good for a while."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from wsi_lab.cli.console import Console, lab_command
from wsi_lab.errors import Invalid

if TYPE_CHECKING:
    from wsi_lab.cli.console import Shape

LATEST_EXPIRY = (1 << 64) - 1
OURS = frozenset({"exp", "sig", "vt"})
# What stands in a path as it is sent; everything else is percent-encoded there.
_SENT = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/%"
)


@click.command()
@click.option("-p", "--path", required=True, help="The path to sign, as it will be sent.")
@click.option(
    "-s",
    "--secret",
    required=True,
    envvar="WSI_AUTH_SECRET",
    show_envvar=True,
    help="The server's secret. Others on this machine can see the option, not the variable.",
)
@click.option(
    "-t", "--ttl", type=int, default=3600, show_default=True, help="Good for so many seconds."
)
@click.option("-b", "--base-url", help="The server's address, to stand before the path.")
@click.option(
    "-P",
    "--params",
    multiple=True,
    help="Parameters as key=value with commas between them; may be given several times.",
)
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["url", "json", "signature"]),
    default="url",
    show_default=True,
)
@lab_command
def sign(
    console: Console,
    *,
    path: str,
    secret: str,
    ttl: int,
    base_url: str | None,
    params: Sequence[str],
    form: str,
) -> None:
    """Sign an address of a tile server, so that it is good for a while.

    The server knows the same secret: `wsi-lab serve SOURCE --auth-enabled`.
    """
    from wsi_lab.model.signing import Signer  # noqa: PLC0415 (``--help`` needs none of it)

    _check(path, secret, ttl)
    named = _named(params)
    expiry = int(time.time()) + ttl
    if expiry > LATEST_EXPIRY:
        raise Invalid("The address would be good for longer than a clock can tell.")
    signature = Signer(secret).signature(path, named, expiry)
    if any(character not in _SENT for character in path):
        console.remark("Hint: no client sends such a path as it stands; percent-encode it first.")
    base = (base_url or "").rstrip("/")
    url = f"{base}{path}?{_query(named)}exp={expiry}&sig={signature}"
    shape: Shape = {
        "signature": signature,
        "expiry": expiry,
        "path": path,
        "ttl": ttl,
        "url": url if base else None,
    }
    if console.as_json:
        console.show(shape, "")
    elif form == "json":
        click.echo(json.dumps(shape, indent=2, ensure_ascii=False))
    elif form == "signature":
        click.echo(signature)
    else:
        click.echo(url)
        if not base:
            console.remark("Hint: --base-url puts the server's address before it.")


def _check(path: str, secret: str, ttl: int) -> None:
    problems = []
    if not path.startswith("/"):
        problems.append("the path begins with '/', as in /tiles/slide.svs/0/0/0.jpg")
    if "?" in path or "#" in path:
        problems.append("a query is not part of the path; name its parameters with --params")
    if not secret:
        problems.append("the secret is empty")
    if ttl <= 0:
        problems.append("--ttl is at least 1 second")
    for name, text in (("path", path), ("secret", secret)):
        if not _is_unicode(text):
            problems.append(f"the {name} is no text in Unicode")
    _refuse(problems)


def _named(params: Sequence[str]) -> list[tuple[str, str]]:
    named: list[tuple[str, str]] = []
    problems = []
    for piece in (piece for given in params for piece in given.split(",")):
        name, mark, value = piece.partition("=")
        if not mark or not name:
            problems.append(f"'{piece}' is not of the form key=value")
        elif name in OURS:
            problems.append(f"'{name}' is added by this command")
        elif "&" in piece:
            # It would sign two different queries at once, and no server takes it.
            problems.append(f"'{piece}' has an '&' in it, which cannot be signed")
        elif not _is_unicode(piece):
            problems.append("a parameter is no text in Unicode")
        else:
            named.append((name, value))
    _refuse(problems)
    return named


def _query(named: Sequence[tuple[str, str]]) -> str:
    return "".join(f"{quote(name, safe='')}={quote(value, safe='')}&" for name, value in named)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise Invalid("This cannot be signed.", problems=problems)
