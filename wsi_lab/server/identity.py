"""Which credentials of a request are the lab's own."""

from __future__ import annotations

from collections.abc import Mapping

TOKEN_PREFIX = "wsi_"  # noqa: S105 (how tokens begin, not a token)
LONGEST_TOKEN = 128


def lab_token(headers: Mapping[str, str]) -> str | None:
    """Return the lab's bearer token of a request, or `None` if it carries none.

    A bearer token of somebody else (Jupyter's own, a hub's) is not ours to judge.

    Examples
    --------
    >>> lab_token({"Authorization": "bearer wsi_abc"})
    'wsi_abc'
    >>> lab_token({"Authorization": "Bearer 0123456789abcdef"}) is None
    True
    """
    header = headers.get("Authorization")
    if header is None:
        return None
    scheme, _, text = header.partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text.startswith(TOKEN_PREFIX):
        return None
    return text[: LONGEST_TOKEN + 1]
