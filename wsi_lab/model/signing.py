"""Signed addresses and viewer tokens of WSI Streamer: who may look without being known.

A signature is an HMAC-SHA256 of ``<path>?<canonical query>``, a viewer token one of
``viewer:<slide>:<expiry>``; both are written in hexadecimal. The rules, and the order in which
a request is refused, are those of that system, so that its clients need no change.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from wsi_lab.errors import Invalid, NotIdentified

VIEWER_TOKEN_SECONDS = 3600
"""For how long a page that shows a slide may fetch its tiles."""

_SIGNATURE, _VIEWER_TOKEN, _EXPIRY = "sig", "vt", "exp"
_NOT_SIGNED = frozenset({_SIGNATURE, _VIEWER_TOKEN, _EXPIRY})
_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2})*")
_WHOLE_NUMBER = re.compile(r"\+?0*([0-9]{1,20})")
_MOST_EXPIRY = (1 << 64) - 1

Params = Sequence[tuple[str, str]]
"""Names and values of a query, decoded, in the order given."""


@dataclass(frozen=True, slots=True)
class _Signed:
    """What a query says of who may ask."""

    params: Params
    signature: str | None
    viewer_token: str | None
    expiry: int | None


class Signer:
    """Makes and checks signatures with a secret.

    Parameters
    ----------
    secret
        Shared by everybody who makes or checks them. Text counts as its UTF-8 bytes.

    Raises
    ------
    Invalid
        The secret is empty.

    Examples
    --------
    >>> signer = Signer("test-secret-key")
    >>> signer.signature("/tiles/slide.svs/0/0/0.jpg", [("quality", "90")], 1735689600)[:16]
    '0a8f76b9d9229f75'
    >>> signer.viewer_token("folder/slide.svs", 1735689600)[:16]
    '6e0bb13dd6f225db'
    """

    __slots__ = ("_key",)

    def __init__(self, secret: str | bytes) -> None:
        self._key = secret.encode() if isinstance(secret, str) else secret
        if not self._key:
            raise Invalid("The secret that addresses are signed with must not be empty.")

    def signature(self, path: str, params: Params, expiry: int) -> str:
        """Return what goes into ``sig`` of an address.

        Parameters
        ----------
        path
            As it will be sent: percent-encoded, from the slash after the server's mount on.
        params
            The other parameters of the query, decoded.
        expiry
            Last second of Unix time in which the address is good; goes into ``exp``.
        """
        return self._digest(_message(path, params, expiry)).hex()

    def viewer_token(self, slide_id: str, expiry: int) -> str:
        """Return what goes into ``vt``: good for all tiles of a slide."""
        return self._digest(_viewer_message(slide_id, expiry)).hex()

    def viewer_query(self, slide_id: str, now: float) -> str:
        """Return the query that a page adds to every address of a tile of one slide."""
        expiry = int(now) + VIEWER_TOKEN_SECONDS
        return f"{_VIEWER_TOKEN}={self.viewer_token(slide_id, expiry)}&{_EXPIRY}={expiry}"

    def check(
        self,
        path: str,
        raw_query: str,
        *,
        now: float,
        slide_id: str | None = None,
        takes_viewer_token: bool = False,
    ) -> None:
        """Return if a request is signed as it should be.

        Parameters
        ----------
        path
            As it was sent, from the slash after the mount on.
        raw_query
            As it was sent, one character per byte.
        now
            Unix time.
        slide_id
            The slide that the path names, decoded.
        takes_viewer_token
            Whether the token of that slide will do, too.

        Raises
        ------
        NotIdentified
            A signature or expiry is missing, expired or wrong; the detail ``reason`` says which.
        Invalid
            One is given twice or cannot be understood; ``reason`` likewise.
        """
        query = _parsed(raw_query)
        if query.expiry is None:
            raise _unknown("missing_expiry", "This address needs a signature, and has no 'exp'.")
        if query.viewer_token is not None and takes_viewer_token and slide_id is not None:
            given, message = query.viewer_token, _viewer_message(slide_id, query.expiry)
        elif query.signature is not None:
            given, message = query.signature, _message(path, query.params, query.expiry)
        else:
            raise _unknown("missing_signature", "This address needs a signature, and has none.")
        if int(now) > query.expiry:
            raise _unknown("signature_expired", "The signature of this address has expired.")
        if _HEXADECIMAL.fullmatch(given) is None:
            raise _malformed("invalid_signature_format", "A signature is written in hexadecimal.")
        is_same = hmac.compare_digest(bytes.fromhex(given), self._digest(message))
        # Values are signed as they are, so that one parameter could pass for two.
        if not is_same or any(_is_ambiguous(name, value) for name, value in query.params):
            raise _unknown("invalid_signature", "The signature does not belong to this address.")

    def _digest(self, message: bytes) -> bytes:
        return hmac.digest(self._key, message, hashlib.sha256)


def derived_secret(key: bytes) -> bytes:
    """Return a secret for signatures that tells nothing about the server's own key."""
    return hmac.digest(key, b"wsi-streamer signatures", hashlib.sha256)


def canonical_query(params: Params, expiry: int) -> str:
    """Return the query as it is signed: sorted by bytes and not encoded.

    Examples
    --------
    >>> canonical_query([("prefix", "a b/"), ("limit", "10"), ("sig", "00")], 1735689600)
    'exp=1735689600&limit=10&prefix=a b/'
    """
    signed = [(name, value) for name, value in params if name not in _NOT_SIGNED]
    signed.append((_EXPIRY, str(expiry)))
    signed.sort(key=_by_bytes)
    return "&".join([f"{name}={value}" for name, value in signed])


def has_credentials(raw_query: str) -> bool:
    """Return whether a query says anything about a signature, be it right or wrong."""
    return any(name in _NOT_SIGNED for name, _ in form_pairs(raw_query))


def form_pairs(raw_query: str) -> list[tuple[str, str]]:
    """Return the names and values of a query as forms are read.

    Parameters
    ----------
    raw_query
        As it was sent, one character per byte.

    Examples
    --------
    >>> form_pairs("a=1%262&&b+c&d=x%FFy")
    [('a', '1&2'), ('b c', ''), ('d', 'x�y')]
    """
    pieces = [piece.partition("=") for piece in raw_query.split("&") if piece]
    return [(_decoded(name), _decoded(value)) for name, _, value in pieces]


def _decoded(text: str) -> str:
    if "%" not in text and "+" not in text and text.isascii():
        return text
    raw = text.replace("+", " ").encode("latin-1", "replace")
    return unquote_to_bytes(raw).decode("utf-8", "replace")


def _parsed(raw_query: str) -> _Signed:
    found: dict[str, str] = {}
    expiry: int | None = None
    params: list[tuple[str, str]] = []
    for name, value in form_pairs(raw_query):
        if name not in _NOT_SIGNED:
            params.append((name, value))
            continue
        is_expiry = name == _EXPIRY
        if name in found:
            problem = "invalid_expiry_format" if is_expiry else "invalid_signature_format"
            raise _malformed(problem, f"This address has more than one '{name}'.")
        found[name] = value
        if is_expiry:
            expiry = _expiry(value)
    return _Signed(params, found.get(_SIGNATURE), found.get(_VIEWER_TOKEN), expiry)


def _expiry(text: str) -> int:
    match = _WHOLE_NUMBER.fullmatch(text)
    expiry = -1 if match is None else int(match[1])
    if not 0 <= expiry <= _MOST_EXPIRY:
        raise _malformed(
            "invalid_expiry_format", "'exp' is a Unix time: a whole number of seconds since 1970."
        )
    return expiry


def _message(path: str, params: Params, expiry: int) -> bytes:
    return f"{path}?{canonical_query(params, expiry)}".encode()


def _viewer_message(slide_id: str, expiry: int) -> bytes:
    return f"viewer:{slide_id}:{expiry}".encode()


def _by_bytes(pair: tuple[str, str]) -> tuple[bytes, bytes]:
    return pair[0].encode(), pair[1].encode()


def _is_ambiguous(name: str, value: str) -> bool:
    return "&" in name or "=" in name or "&" in value


def _unknown(reason: str, message: str) -> NotIdentified:
    return NotIdentified(message, reason=reason)


def _malformed(reason: str, message: str) -> Invalid:
    return Invalid(message, reason=reason)
