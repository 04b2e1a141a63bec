"""How a lab is run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wsi_lab.errors import Invalid
from wsi_lab.model.source import Source

SMTP_TLS = ("starttls", "tls", "none")


@dataclass(frozen=True, slots=True)
class LabSettings:
    """How a lab is run; fixed while it is open.

    Attributes
    ----------
    home
        The lab's own folder; made when it is missing.
    slide_roots
        Folders and remote sources from which members may add slides. `None`: site
        administrators may add files from anywhere and nobody else may add any.
    source
        A folder, bucket or web server whose slides are served by their keys there, outside all
        studies.
    workers
        Processes that decode what cannot be handed out as it is stored.
    worker_memory_bytes, worker_seconds
        What one of them may use for one request before it is ended.
    tile_cache_bytes
        How much memory drawn tiles may take.
    open_slides
        How many slides are kept open.
    network_home
        Accept a home on a network file system, where SQLite can lose data.
    public_url
        The address that people reach the lab by, for links in letters; empty where nobody said.
    smtp_host, smtp_port, smtp_user, smtp_password
        The server that letters are sent by; without a host there is none, and without a user
        nobody signs in to it.
    smtp_sender
        Who letters come from; the default is ``wsi-lab@`` and the server's name.
    smtp_tls
        ``starttls``: encrypt after a greeting; ``tls``: from the first byte; ``none``: not at
        all.

    Examples
    --------
    >>> settings = LabSettings(Path("home"), source=Source.at("s3://slides/2026"))
    >>> [source.address for source in settings.remote_sources]
    ['s3://slides/2026/']
    """

    home: Path
    slide_roots: tuple[Source, ...] | None = None
    source: Source | None = None
    workers: int = 2
    worker_memory_bytes: int = 1 << 30
    worker_seconds: float = 30.0
    tile_cache_bytes: int = 64 << 20
    open_slides: int = 64
    network_home: bool = False
    public_url: str = ""
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    smtp_sender: str = ""
    smtp_tls: str = "starttls"

    @property
    def remote_sources(self) -> tuple[Source, ...]:
        """All declared sources that are reached over a network."""
        declared = (self.source, *(self.slide_roots or ()))
        return tuple(source for source in declared if source is not None and source.is_remote)


def letters_from_environment() -> dict[str, Any]:
    """Return the settings about letters and links that the environment states.

    They are ``WSI_LAB_PUBLIC_URL`` and ``WSI_LAB_SMTP_HOST``, ``_PORT``, ``_USER``,
    ``_PASSWORD``, ``_SENDER`` and ``_TLS``.

    Raises
    ------
    Invalid
        The port is no port, or the way to encrypt is not one.
    """
    names = ("public_url", *(f"smtp_{word}" for word in _SMTP_WORDS))
    stated: dict[str, Any] = {
        name: value.strip()
        for name in names
        if (value := os.environ.get(f"WSI_LAB_{name.upper()}"))
    }
    return checked_letters(stated)


def checked_letters(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings about letters, the port as a number.

    Raises
    ------
    Invalid
        As for `letters_from_environment`.

    Examples
    --------
    >>> checked_letters({"smtp_host": "mail", "smtp_port": "25", "smtp_tls": "None"})
    {'smtp_host': 'mail', 'smtp_port': 25, 'smtp_tls': 'none'}
    """
    found = dict(stated)
    if "smtp_port" in found:
        text = str(found["smtp_port"])
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16):
            raise Invalid("The port of the mail server (smtp_port) is a number from 1 to 65535.")
        found["smtp_port"] = int(text)
    if "smtp_tls" in found:
        found["smtp_tls"] = str(found["smtp_tls"]).lower()
        if found["smtp_tls"] not in SMTP_TLS:
            raise Invalid(f"smtp_tls is one of: {', '.join(SMTP_TLS)}.")
    return found


_SMTP_WORDS = ("host", "port", "user", "password", "sender", "tls")
