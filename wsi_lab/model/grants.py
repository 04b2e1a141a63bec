"""Grants: signed texts that stand for somebody's leave to see one thing, for a while.

A grant names who got it and what it is about, so that nothing about it has to be stored; what
its owner may is asked anew each time it is used.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

from wsi_lab.errors import NotIdentified

GRANT_ENDED = "grant_ended"
"""Told as the ``reason`` of the error, for doors that have a word of their own for it."""

_FIELDS = struct.Struct(">BQQQQ")
_TAG_BYTES = 16
_COOKIE_BYTES = 24
_LONGEST_TEXT = 200


class Purpose(IntEnum):
    """What a grant is good for. One of another purpose is none."""

    TILES = 1
    """The tiles of a slide; comes in two parts, of which one travels in a cookie."""
    LINK = 2
    """A slide in another program, which keeps the address and nothing else."""
    SLIDE_PAGE = 3
    """The page of a slide."""
    STUDY_PAGE = 4
    """The pages of a study's slides."""
    GUEST_PAGE = 5
    """The page of a slide, for whoever gets it: what was drawn on it is not shown."""
    GUEST_TILES = 6
    """The tiles of a slide for such a page; in two parts, too."""
    PHAS_SESSION = 7
    """What a client of PHAS gets for its key."""
    CYTOMINE_PIXELS = 8
    """Pictures and files for a client of Cytomine that comes without its keys."""


IN_TWO_PARTS = frozenset({Purpose.TILES, Purpose.GUEST_TILES})


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody's leave to see one thing.

    Attributes
    ----------
    thing_id
        Of the slide or study. Of a session, 1 if private names are hidden in it and 0 if not.
    token_id
        The token it was asked for with, which limits it; `None` for somebody who came without.
    expires_on
        In whole seconds.
    """

    purpose: Purpose
    thing_id: int
    user_id: int
    token_id: int | None
    expires_on: datetime


def grant_ended() -> NotIdentified:
    """Return what is raised for grants that are wrong or have ended: they look the same."""
    return NotIdentified(
        "This address is not good, or not any more; ask the lab for a new one.", reason=GRANT_ENDED
    )


class GrantSigner:
    """Writes grants as text, and reads only what it has written.

    Parameters
    ----------
    secret
        The lab's own. The key is derived from it, and tells nothing about it.

    Examples
    --------
    >>> signer = GrantSigner(b"secret")
    >>> until = datetime(2026, 5, 4, tzinfo=UTC)
    >>> grant = Grant(Purpose.TILES, 7, 1, None, until)
    >>> signer.read(Purpose.TILES, *signer.parts(grant)) == grant
    True
    """

    __slots__ = ("_key",)

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"wsi-lab grants", hashlib.sha256)

    def parts(self, grant: Grant) -> tuple[str, str]:
        """Return the part that goes into an address, and the one that goes into a cookie.

        Where there is no cookie the first one alone will do. Both are safe in either place.
        """
        fields = _FIELDS.pack(
            grant.purpose,
            grant.thing_id,
            grant.user_id,
            grant.token_id or 0,
            int(grant.expires_on.timestamp()),
        )
        tag, cookie = self._tags(fields)
        return _text(fields + tag), _text(cookie)

    def read(self, purpose: Purpose, url_part: str, cookie_part: str = "") -> Grant:
        """Return the grant that the parts are, whether it has ended or not.

        Raises
        ------
        NotIdentified
            They are none, or one of another purpose.
        """
        raw = _bytes(url_part)
        if len(raw) != _FIELDS.size + _TAG_BYTES:
            raise grant_ended()
        fields, sent_tag = raw[: _FIELDS.size], raw[_FIELDS.size :]
        tag, cookie = self._tags(fields)
        is_ours = hmac.compare_digest(tag, sent_tag)
        if purpose in IN_TWO_PARTS:
            is_ours &= hmac.compare_digest(cookie, _bytes(cookie_part))
        said, thing_id, user_id, token_id, expires = _FIELDS.unpack(fields)
        if not is_ours or said != purpose:
            raise grant_ended()
        return Grant(
            purpose, thing_id, user_id, token_id or None, datetime.fromtimestamp(expires, UTC)
        )

    def _tags(self, fields: bytes) -> tuple[bytes, bytes]:
        digest = hmac.digest(self._key, fields, hashlib.sha512)
        return digest[:_TAG_BYTES], digest[_TAG_BYTES : _TAG_BYTES + _COOKIE_BYTES]


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Return what a text stands for, or nothing if it is not spelled as `_text` would."""
    if len(text) > _LONGEST_TEXT or not text.isascii():
        return b""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return b""
    return raw if _text(raw) == text else b""
