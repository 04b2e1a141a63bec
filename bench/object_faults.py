"""The ways in which answers of object servers go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """How an answer goes wrong."""

    DIE = "die"
    """The connection is closed without an answer."""
    STATUS = "status"
    """It is an error; `Trouble.status` says which."""
    STALL = "stall"
    """Nothing comes any more after some bytes; the connection stays open."""
    MUTE = "mute"
    """Nothing comes, not even a head; the connection stays open."""
    SLOW = "slow"
    """One byte a second, from the first of the head on."""
    SHORT = "short"
    """Half of the body, and then the end of the connection."""
    LENGTH = "length"
    """A complete answer with a byte less than was asked for."""
    SHIFTED = "shifted"
    """A complete answer with other bytes than were asked for, and honest about it."""
    WHOLE = "whole"
    """All of the object, whatever part was asked for."""
    OTHER_ETAG = "other etag"
    """The object is another one by now, and conditions are heeded."""
    DEAF = "deaf"
    """The object is another one by now, and conditions are not heeded."""
    REDIRECT = "redirect"
    """A redirection to `Trouble.location`."""


@dataclass
class Trouble:
    """A fault, and how often it happens.

    Attributes
    ----------
    times
        How many answers go wrong; `None`: all.
    status, code
        Of an error, and what S3 calls it.
    after
        Bytes of the body that still come before a stall.
    method
        Only for this one.
    keys
        Only for these objects, if there are any.
    headers
        More headers of an error.
    """

    fault: Fault
    times: int | None = None
    status: int = 503
    code: str = "SlowDown"
    after: int = 0
    location: str = ""
    method: str | None = None
    keys: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
