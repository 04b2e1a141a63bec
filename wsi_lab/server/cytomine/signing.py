"""The keys that a request brings, or shows that it has by its signature."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from wsi_lab.errors import NotIdentified

TOKEN, SECRET = "X-Auth-Token", "X-Auth-Secret"
SCHEME = "CYTOMINE"
LONGEST_KEY = 128

WRONG = "These keys are not valid, or not any more, or the signature was not made with them."


class Credentials(NamedTuple):
    """What a request says of who sends it.

    Attributes
    ----------
    public
        A public key.
    secret
        The private key itself, if it was sent.
    signature
        In base64, if the request is signed.
    """

    public: str
    secret: str | None
    signature: str | None


def credentials_of(headers: Mapping[str, str]) -> Credentials | None:
    """Return the credentials in the headers of a request; `None` if there are none at all.

    Raises
    ------
    NotIdentified
        There are some, but none of this door.

    Examples
    --------
    >>> credentials_of({"Authorization": "CYTOMINE abc:c2lnbmF0dXJl"})
    Credentials(public='abc', secret=None, signature='c2lnbmF0dXJl')
    """
    token, secret = headers.get(TOKEN), headers.get(SECRET)
    if token is not None or secret is not None:
        if not token or not secret:
            raise NotIdentified(f"{TOKEN} and {SECRET} go together: send both keys.")
        return Credentials(token.strip()[:LONGEST_KEY], secret.strip()[:LONGEST_KEY], None)
    header = headers.get("Authorization")
    if header is None:
        return None
    scheme, _, rest = header.strip().partition(" ")
    public, colon, signature = rest.strip().partition(":")
    if scheme.upper() != SCHEME or not colon:
        raise NotIdentified(
            f"This address takes 'Authorization: {SCHEME} <public key>:<signature>', or the keys "
            f"as {TOKEN} and {SECRET}."
        )
    return Credentials(public.strip()[:LONGEST_KEY], None, signature.strip())


def is_equal(one: str, other: str) -> bool:
    """Return whether two secret texts are equal, in a time that tells nothing about them."""
    return hmac.compare_digest(_bytes(one), _bytes(other))


def is_signed(
    private: str, signature: str, method: str, headers: Mapping[str, str], address: str
) -> bool:
    """Return whether a request was signed with a private key.

    Parameters
    ----------
    address
        What was asked for below the host that users write, with a slash before it and exactly
        as it was sent: ``/api/project.json?max=0``. Older clients sign it, too.

    Examples
    --------
    >>> headers = {"Date": "Mon, 01 Jan 2024 00:00:00 +0000"}
    >>> signature = "w9a0lezIifKMedkiws4odSyOMWc="
    >>> is_signed("11111111-2222-3333-4444-555555555555", signature, "GET", headers, "/api/")
    True
    """
    key, sent = private.encode(), _bytes(signature)
    found = [
        hmac.compare_digest(base64.b64encode(hmac.digest(key, text, "sha1")), sent)
        for text in _texts(method, headers, address)
    ]
    return any(found)


def _texts(method: str, headers: Mapping[str, str], address: str) -> Iterator[bytes]:
    date = headers.get("Date", "")
    types = {headers.get("Content-Type", ""), ""}
    for content_type in types:
        lines = [method, headers.get("Content-MD5", ""), content_type, date]
        for text in ("\n".join(lines), "\n".join([*lines, address])):
            yield _bytes(text)
            # A header of letters that are not English is read as Latin-1 here, and may be that
            # or UTF-8 where it was signed.
            yield text.encode("latin-1", "replace")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
