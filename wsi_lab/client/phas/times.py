"""Times as PHAS and labs send them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from wsi_lab.errors import WsiLabError


def iso_text(time: Any) -> str | None:
    """Return a time as ISO 8601 text, from such text or from seconds since 1970.

    Examples
    --------
    >>> iso_text(1_700_000_000.25), iso_text("2026-11-01T10:00:00Z"), iso_text(None)
    ('2023-11-14T22:13:20.250000Z', '2026-11-01T10:00:00Z', None)
    """
    if time is None:
        return None
    try:
        if isinstance(time, str):
            datetime.fromisoformat(time)
            return time
        return datetime.fromtimestamp(time, UTC).isoformat().removesuffix("+00:00") + "Z"
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise WsiLabError("The server's answer holds no time where one was expected.") from error
