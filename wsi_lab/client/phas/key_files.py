"""The files in which PHAS hands out API keys."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from wsi_lab.errors import Invalid

KEY_FILE = "PHAS_AUTH_KEY"
LARGEST_KEY_FILE = 1 << 16


class UnusableKey(Invalid, ValueError):
    """There is no file with an API key, or no key in it. Also a `ValueError`."""

    code = "unusable_key"


def read_key(
    path: str | os.PathLike[str] | None, environment: Mapping[str, str] = os.environ
) -> str:
    """Return the key in a file.

    Parameters
    ----------
    path
        Of a JSON file with a text ``api_key``; by default the one that ``PHAS_AUTH_KEY`` in the
        environment names.
    """
    given = environment.get(KEY_FILE) if path is None else path
    if not given:
        raise UnusableKey(
            "There is no API key: give Client the path of a key file, or set PHAS_AUTH_KEY to it."
        )
    file = Path(given).expanduser()
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_KEY_FILE)
    except OSError as error:
        raise UnusableKey(f"There is no key file {file.name!r} that can be read here.") from error
    try:
        key = json.loads(content)["api_key"]
    except (ValueError, LookupError, TypeError, RecursionError):
        key = None
    if not isinstance(key, str) or not key:
        # Without what was found: a part of the key may be in it.
        raise UnusableKey(f'{file.name!r} is no key file. That is JSON: {{"api_key": "…"}}.')
    return key
