"""``wsi-lab member invite``."""

from __future__ import annotations

from datetime import datetime

import click

from wsi_lab.cli.console import Console, lab_command
from wsi_lab.cli.people import moment_given


@click.command("invite")
@click.argument("study", metavar="STUDY")
@click.argument("email")
@click.option("--name", help="What a new user is called; the default is from the e-mail.")
@click.option(
    "--expires", callback=moment_given, help="When it ends, as ISO 8601; without a zone it is UTC."
)
@lab_command
def invite_reader(
    console: Console, *, study: str, email: str, name: str | None, expires: datetime | None
) -> None:
    """Let the person with that EMAIL read the STUDY, and print the link that they read at.

    The link begins with the lab's address where WSI_LAB_PUBLIC_URL says that; else put the
    address of your lab before it.
    """
    from wsi_lab.service.settings import (  # noqa: PLC0415 (``--help`` needs none of it)
        letters_from_environment,
    )

    public = letters_from_environment().get("public_url", "").rstrip("/")
    with console.lab() as (lab, owner):
        found = lab.studies.by_name(owner, study)
        made = lab.invitations.invite(owner, found.id, email, name=name, expires_on=expires)
    link = f"{public}/{made.address}"
    console.remark("Keep this link safe; it is not shown again, and reads in their name.")
    console.show({"email": made.email, "token": made.token, "link": link}, link)
