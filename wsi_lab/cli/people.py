"""``wsi-lab user`` and ``wsi-lab token``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from wsi_lab.cli.console import Console, lab_command
from wsi_lab.cli.shapes import token_shape, user_shape
from wsi_lab.errors import Invalid, NotFound
from wsi_lab.model.people import ALL_CAPABILITIES, capabilities_of_words

if TYPE_CHECKING:
    from wsi_lab.model.people import Actor
    from wsi_lab.service.lab import Lab


@click.group()
def user() -> None:
    """Add and list the people of the lab."""


@user.command("add")
@click.argument("email")
@click.option("--name", default="", help="What they are called; the default is from the e-mail.")
@click.option("--admin", "is_admin", is_flag=True, help="A site administrator may do everything.")
@lab_command
def add_user(console: Console, *, email: str, name: str, is_admin: bool) -> None:
    """Add the person with that EMAIL."""
    with console.lab() as (lab, owner):
        added = lab.people.add(owner, email, name=name, is_admin=is_admin)
    console.show(user_shape(added), f"Added {added.email} as user {added.id}.")


@user.command("list")
@lab_command
def list_users(console: Console) -> None:
    """List the people of the lab."""
    with console.lab() as (lab, owner):
        users = lab.people.list(owner)
    console.show_list([user_shape(one) for one in users], ["id", "email", "name", "is_admin"])


@click.group()
def token() -> None:
    """Make and end bearer tokens, for programs."""


def _capabilities(_context: click.Context, _option: click.Parameter, text: str) -> list[str]:
    words = [word for word in text.replace(";", ",").split(",") if word.strip()]
    try:
        capabilities_of_words(words)
    except Invalid as error:
        raise click.BadParameter(error.message) from error
    return words


def _names(_context: click.Context, _option: click.Parameter, text: str | None) -> list[str]:
    names = [word.strip() for word in (text or "").split(";") if word.strip()]
    if text is not None and not names:
        # A script's variable that is empty must not make a token without limits.
        raise click.BadParameter("give at least one name or id, or leave the option out")
    return names


def moment_given(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> datetime | None:
    """Return the moment that an option names."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("write it like 2027-01-31 or 2027-01-31T12:00:00Z") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


@token.command("create")
@click.option("--user", "email", help="Whose token; the default is your own.")
@click.option("--name", required=True, help="What it is for.")
@click.option(
    "--can",
    "capabilities",
    required=True,
    callback=_capabilities,
    help="'all', or words with commas between them; '' makes a token that may nothing.",
)
@click.option("--read", callback=_names, help="See only these studies; S;S;…")
@click.option("--modify", callback=_names, help="Change only these studies; S;S;…")
@click.option("--folders", callback=_names, help="Upload only into these; F;F;…")
@click.option(
    "--expires", callback=moment_given, help="When it ends, as ISO 8601; without a zone it is UTC."
)
@lab_command
def create_token(
    console: Console,
    *,
    email: str | None,
    name: str,
    capabilities: list[str],
    read: list[str],
    modify: list[str],
    folders: list[str],
    expires: datetime | None,
) -> None:
    """Make a token and print it, once."""
    with console.lab() as (lab, owner):
        made, text = lab.people.create_token(
            owner,
            name=name,
            email=email,
            capabilities=capabilities,
            read_studies=read,
            modify_studies=modify,
            folders=folders,
            expires_on=expires,
        )
        unknown = _unknown_studies(lab, owner, [*read, *modify])
    if unknown:
        console.remark(f"There is no study {', '.join(map(repr, unknown))} yet.")
    console.remark("Keep this token safe; it is not shown again.")
    console.show({"token": text, "id": made.id, "name": made.name}, text)


@token.command("list")
@lab_command
def list_tokens(console: Console) -> None:
    """List everybody's tokens and keys that are not revoked, without their texts."""
    with console.lab() as (lab, owner):
        tokens = lab.people.list_tokens(owner, everybody=True)
        emails = {user.id: user.email for user in lab.people.list(owner)}
    shapes = [token_shape(one, emails[one.user_id]) for one in tokens]
    if not console.as_json:
        for shape, one in zip(shapes, tokens, strict=True):
            if one.capabilities == ALL_CAPABILITIES:
                shape["capabilities"] = "all"
    console.show_list(shapes, ["id", "email", "name", "capabilities", "purpose", "expires_on"])


@token.command("revoke")
@click.argument("token_id", type=int)
@lab_command
def revoke_token(console: Console, *, token_id: int) -> None:
    """End the token with that TOKEN_ID (see 'token list') at once."""
    with console.lab() as (lab, owner):
        lab.people.revoke_token(owner, token_id)
    console.show({"id": token_id, "revoked": True}, f"Token {token_id} has ended.")


def _unknown_studies(lab: Lab, owner: Actor, names: Iterable[str]) -> list[str]:
    """Return those of the names and ids that no study has; such a token may be meant."""
    unknown = []
    for name in dict.fromkeys(names):
        try:
            lab.studies.by_name(owner, name)
        except NotFound:
            try:
                lab.studies.get(owner, int(name))
            except (NotFound, ValueError):
                unknown.append(name)
    return unknown
