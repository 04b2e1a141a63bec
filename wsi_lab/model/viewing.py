"""Sessions: who looked at which slide, where on it and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class SessionEvent(NamedTuple):
    """What somebody saw from one moment on.

    Attributes
    ----------
    at_ms
        Milliseconds since the session began.
    x, y, width, height
        What was in view, in level-0 pixels; may reach beyond the slide.
    cursor_x, cursor_y
        Where the pointer was, in level-0 pixels.
    """

    at_ms: int
    x: int
    y: int
    width: int
    height: int
    cursor_x: int
    cursor_y: int


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody's look at a slide.

    Attributes
    ----------
    length_ms
        From its beginning to its last event.
    """

    id: int
    study_id: int
    slide_id: int
    user_id: int
    email: str
    created_on: datetime
    length_ms: int
