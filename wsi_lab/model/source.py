"""Where slides come from: a folder, a bucket, or a web server, and the addresses in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from wsi_lab.errors import Invalid

BUCKET_SCHEMES = ("s3", "gs", "az")
"""Amazon S3 and whatever speaks like it, Google Cloud Storage, Azure Blob Storage."""
FILE_ENDINGS = frozenset(
    {
        *(".svs", ".tif", ".tiff", ".ndpi", ".scn", ".bif", ".mrxs", ".vms", ".vmu", ".svslide"),
        *(".dcm", ".czi", ".png", ".jpg", ".jpeg", ".jp2", ".j2k", ".gif", ".bmp", ".webp"),
    }
)
"""Of the files in a folder that become slides without being named anywhere."""

WEB_SCHEMES = ("http", "https")
SHORTEST_BUCKET = 3
"""Characters, of Amazon S3 and its like. Names of more than 63 are old, and may still be read."""

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
# A name, an IPv4 address or a bracketed IPv6 one, and a port. Nobody signs in by an address.
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Source:
    """A place with slides in it, each of which has a key there.

    Attributes
    ----------
    address
        The absolute path of a folder, or ``scheme://container/prefix/`` with a slash at its end.
    endpoint
        Of an S3-compatible store that is not Amazon's.
    region
        Of the bucket; the default is the environment's.
    anonymous
        Ask without credentials.

    Examples
    --------
    >>> source = Source.at("s3://slides/2026")
    >>> source.address, source.container, source.prefix
    ('s3://slides/2026/', 'slides', '2026/')
    >>> source.address_of("a/b.svs")
    's3://slides/2026/a/b.svs'
    >>> source.holds("s3://slides/2026-private/b.svs")
    False
    """

    address: str
    endpoint: str | None = None
    region: str | None = None
    anonymous: bool = False

    @classmethod
    def at(
        cls,
        address: str,
        *,
        endpoint: str | None = None,
        region: str | None = None,
        anonymous: bool = False,
    ) -> Self:
        """Return the source of an address as people write it.

        Raises
        ------
        Invalid
            It is neither an absolute path nor the address of a kind of store that is known.
        """
        found = _ADDRESS.fullmatch(address)
        if found is None:
            if not address.startswith("/") or "\0" in address:
                raise Invalid("A source is a folder, or an address such as s3://bucket/prefix.")
            return cls(address.rstrip("/") or "/")
        scheme, rest = found["scheme"].lower(), found["rest"]
        container, _, prefix = rest.partition("/")
        _check_container(scheme, container)
        if any(each in prefix for each in "?#\\\0"):
            raise Invalid("The address of a source has no '?', '#' or backslash in it.")
        prefix = prefix.rstrip("/")
        if any(part in {"", ".", ".."} for part in prefix.split("/") if prefix):
            raise Invalid("The address of a source has no empty parts and no dots as parts.")
        if scheme in WEB_SCHEMES:
            container = container.lower()
        return cls(
            f"{scheme}://{container}/" + (f"{prefix}/" if prefix else ""),
            endpoint=endpoint,
            region=region,
            anonymous=anonymous,
        )

    @property
    def is_remote(self) -> bool:
        """Whether its bytes come over a network."""
        return is_address(self.address)

    @property
    def scheme(self) -> str:
        """``"s3"``, ``"gs"``, ``"az"``, ``"http"``, ``"https"``, or ``"file"`` for a folder."""
        return self.address.partition("://")[0] if self.is_remote else "file"

    @property
    def container(self) -> str:
        """The bucket, or the host of a web server; ``""`` for a folder."""
        return self.address.partition("://")[2].partition("/")[0] if self.is_remote else ""

    @property
    def prefix(self) -> str:
        """What all keys of the source begin with in its container, ``""`` for all of it."""
        return self.address.partition("://")[2].partition("/")[2] if self.is_remote else ""

    def address_of(self, key: str) -> str:
        """Return the address, or path, of the slide with a key. Nothing is looked up."""
        return self.address + key if self.is_remote else f"{self.address.rstrip('/')}/{key}"

    def holds(self, address: str) -> bool:
        """Return whether an address lies in this (remote) source."""
        return self.is_remote and address.startswith(self.address) and address != self.address


def is_address(text: str) -> bool:
    """Return whether a text is meant as an address of a store and not as a path.

    Examples
    --------
    >>> is_address("s3://slides/a.svs"), is_address("/data/a.svs"), is_address("C:/a.svs")
    (True, False, False)
    """
    return _ADDRESS.fullmatch(text) is not None


def _check_container(scheme: str, container: str) -> None:
    if scheme in BUCKET_SCHEMES:
        if scheme == "s3" and 0 < len(container) < SHORTEST_BUCKET:
            raise Invalid("The name of an S3 bucket has 3 to 63 characters.")
        if _BUCKET.fullmatch(container) is None:
            raise Invalid(f"This address names no bucket; it looks like {scheme}://bucket/prefix.")
    elif scheme in WEB_SCHEMES:
        if _HOST.fullmatch(container) is None:
            raise Invalid(
                f"This address names no host; it looks like {scheme}://host/folder, without a "
                "user or a password."
            )
    else:
        known = ", ".join(f"{each}://" for each in (*BUCKET_SCHEMES, *WEB_SCHEMES))
        raise Invalid(f"Slides are not read from {scheme}:// addresses; known are {known}.")
