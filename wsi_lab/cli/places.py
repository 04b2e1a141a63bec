"""Naming a place with slides: a folder, a bucket or a web server, and how it is reached."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsi_lab.cli.console import Console, harmless
from wsi_lab.errors import Invalid, WsiLabError
from wsi_lab.model.source import Source, is_address

if TYPE_CHECKING:
    from wsi_lab.service.contents import Contents

    Command = Callable[..., Any]

FIRST_LOOK = 1000
"""Objects that a server looks at before it starts."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Reached:
    """How the stores of one command are reached.

    Attributes
    ----------
    endpoint, region, anonymous
        As in `Source`.
    """

    endpoint: str | None = None
    region: str | None = None
    anonymous: bool = False

    def source(self, named: str) -> Source:
        """Return the source that somebody named: a folder, an address or a bare bucket name.

        Raises
        ------
        Invalid
            It is none of them.
        """
        if not is_address(named):
            folder = Path(named)
            if folder.is_dir():
                return Source.at(str(folder.resolve()))
            if folder.exists():
                raise Invalid("This is a file; name the folder that it lies in.")
            if _BUCKET.fullmatch(named) is None:
                raise Invalid(f"There is no folder '{named}', and no bucket has such a name.")
            taken = (
                f"There is no folder '{named}' here; it is taken for the S3 bucket of that name."
            )
            click.echo(harmless(taken), err=True)
            named = f"s3://{named}"
        return Source.at(
            named, endpoint=self.endpoint, region=self.region, anonymous=self.anonymous
        )

    def container(self, address: str) -> Source:
        """Return the whole bucket, or web server, that an address lies in."""
        start, _, rest = address.partition("://")
        return self.source(f"{start}://{rest.partition('/')[0]}")

    @property
    def named(self) -> tuple[str, ...]:
        """Those of the attributes that somebody has named."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name))

    def as_options(self) -> str:
        """Return the same as somebody would write it on a command line."""
        words = []
        if self.endpoint:
            words.append(f"--s3-endpoint {self.endpoint}")
        if self.region:
            words.append(f"--s3-region {self.region}")
        if self.anonymous:
            words.append("--anonymous")
        return " ".join(words)


def facts_of(source: Source) -> list[tuple[str, str]]:
    """Return how a source is reached, for people: the endpoint and the region in effect.

    Raises
    ------
    Invalid
        They cannot be what they are said to be.
    """
    from wsi_lab.service.ways import way_to  # noqa: PLC0415 (``--help`` needs none of it)

    way = way_to(source)
    facts = []
    if way.endpoint is not None:
        facts.append(("Endpoint", _with_origin(way.endpoint, source.endpoint)))
    if way.region is not None:
        facts.append(("Region", _with_origin(way.region, source.region)))
    elif source.scheme == "s3":
        default = "us-east-1" if source.anonymous else "us-east-1, or that of the AWS profile"
        facts.append(("Region", default))
    return facts


def _with_origin(value: str, named: str | None) -> str:
    return value if named else f"{value} (environment)"


def first_look(console: Console, source: Source, *, most: int = FIRST_LOOK) -> Contents:
    """Return what is in a source, and say so where that is nothing.

    Raises
    ------
    WsiLabError
        It does not answer, or is none; what to look at stands in notes.
    """
    from wsi_lab.service.contents import advice_for, look_into  # noqa: PLC0415 (as above)

    try:
        found = look_into(source, most=most)
    except WsiLabError as error:
        for advice in advice_for(source, error):
            error.add_note(advice)
        raise
    if found.objects == 0 and found.is_all:
        console.remark(_nothing_in(source))
    return found


def _nothing_in(source: Source) -> str:
    if not source.is_remote:
        return "There is nothing in this folder that could be a slide."
    if not source.prefix:
        return "There is nothing in this bucket."
    patterns = " Patterns are not expanded in addresses." if "*" in source.prefix else ""
    return f"Nothing in the bucket has a key that begins with '{source.prefix}'.{patterns}"


def reached_stores(run: Command) -> Command:
    """Give a command the options that say how stores are reached, as `Reached`."""

    @click.option(
        "--s3-endpoint",
        envvar="WSI_S3_ENDPOINT",
        show_envvar=True,
        help="The address of a store that speaks S3 and is not Amazon's; the default is the "
        "environment's.",
    )
    @click.option(
        "--s3-region",
        envvar="WSI_S3_REGION",
        show_envvar=True,
        help="The region of the bucket; the default is the environment's, or us-east-1.",
    )
    @click.option(
        "--anonymous",
        envvar="WSI_S3_ANONYMOUS",
        show_envvar=True,
        is_flag=True,
        help="Ask without credentials, as public buckets want it.",
    )
    @functools.wraps(run)
    def with_stores(
        *args: Any,
        s3_endpoint: str | None,
        s3_region: str | None,
        anonymous: bool,
        **given: Any,
    ) -> Any:
        reached = Reached(_checked_endpoint(s3_endpoint), s3_region or None, anonymous)
        return run(*args, reached=reached, **given)

    return with_stores


def one_source(run: Command) -> Command:
    """Give a command SOURCE and ``--s3-bucket``, as ``named``: text, or `None`."""

    @click.argument("named", metavar="[SOURCE]", required=False)
    @click.option(
        "--s3-bucket",
        envvar="WSI_S3_BUCKET",
        show_envvar=True,
        help="The bucket, where no SOURCE is named.",
    )
    @functools.wraps(run)
    def with_source(*args: Any, named: str | None, s3_bucket: str | None, **given: Any) -> Any:
        bucket = s3_bucket
        if bucket and not is_address(bucket):
            bucket = f"s3://{bucket}"
        return run(*args, named=named or bucket, **given)

    return with_source


def _checked_endpoint(text: str | None) -> str | None:
    if not text:
        return None
    start, mark, rest = text.partition("://")
    if start.lower() not in {"http", "https"} or not mark or not rest.strip("/"):
        raise Invalid("The endpoint of a store looks like http://host:9000.")
    if "@" in rest.partition("/")[0]:
        raise Invalid("The endpoint of a store has no user and no password in it.")
    return text.rstrip("/")
