"""``wsi-lab key``."""

from __future__ import annotations

import json
from datetime import datetime

import click

from wsi_lab.cli.console import Console, lab_command
from wsi_lab.cli.people import moment_given
from wsi_lab.cli.shapes import key_shape


@click.group()
def key() -> None:
    """Make and end keys, for clients of PHAS and Cytomine."""


@key.command("create")
@click.option("--user", "email", help="Whose key; the default is your own.")
@click.option(
    "--for", "purpose", required=True, type=click.Choice(["phas", "cytomine"]), help="Which client."
)
@click.option("--name", default="", help="What it is for.")
@click.option(
    "--expires",
    callback=moment_given,
    help="When it ends, as ISO 8601; without a zone it is UTC. The default is a year for PHAS, "
    "and never for Cytomine.",
)
@lab_command
def create_key(
    console: Console, *, email: str | None, purpose: str, name: str, expires: datetime | None
) -> None:
    """Make a key and print it, as JSON in any case.

    What is printed for PHAS is what its client takes as the file of its key. A user has one pair
    of keys for Cytomine, as there: a new pair ends the one before.
    """
    with console.lab() as (lab, owner):
        made = lab.keys.create(owner, purpose, email=email, expires_on=expires, name=name)
    if made.private is None:
        texts = {"api_key": made.text}
        console.remark("Keep this key safe; it is not shown again.")
    else:
        texts = {"public_key": made.text, "private_key": made.private}
        console.remark("Keep the private key safe.")
    console.show(
        {**texts, "id": made.token.id, "name": made.token.name}, json.dumps(texts, indent=2)
    )


@key.command("list")
@lab_command
def list_keys(console: Console) -> None:
    """List everybody's keys that are not revoked, without their texts."""
    with console.lab() as (lab, owner):
        keys = lab.keys.list(owner, everybody=True)
        emails = {user.id: user.email for user in lab.people.list(owner)}
    shapes = [key_shape(one, emails[one.user_id]) for one in keys]
    console.show_list(shapes, ["id", "email", "name", "purpose", "expires_on"])


@key.command("revoke")
@click.argument("key_id", type=int)
@lab_command
def revoke_key(console: Console, *, key_id: int) -> None:
    """End the key with that KEY_ID (see 'key list') at once."""
    with console.lab() as (lab, owner):
        lab.keys.revoke(owner, key_id)
    console.show({"id": key_id, "revoked": True}, f"Key {key_id} has ended.")
