"""How the door of WSI Streamer is set up; fixed while it is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from wsi_lab.errors import Invalid

DEFAULT_QUALITY = 80
DEFAULT_MAX_AGE_SECONDS = 3600
ANY_ORIGIN = "*"


class Access(StrEnum):
    """Who may look at the slides of the source."""

    OPEN = "open"
    """Everybody."""
    SIGNED = "signed"
    """Whoever has a signed address; a slide's page is open and brings its own token."""
    CLOSED = "closed"
    """Besides those, whom the lab or its host knows; a slide's page is for them alone."""


@dataclass(frozen=True, slots=True)
class StreamerSettings:
    r"""How the door is set up.

    Attributes
    ----------
    access
        Who may look.
    secret
        What addresses are signed with. `None` where nobody signs any, or, when the access is
        closed, for a secret that is derived from the lab's own key.
    quality
        1 to 100: of tiles and thumbnails whose request names none. `None` means 80, but hands
        out tiles as they are stored.
    cache_max_age
        Seconds for which browsers may keep an image.
    cors_origins
        Origins whose pages may read the answers; `None` means all.

    Raises
    ------
    Invalid
        Signed access without a secret, or a number out of range.

    Examples
    --------
    >>> StreamerSettings(cors_origins=("https://viewer.example", "no\nheader")).cors_origins
    ('https://viewer.example',)
    """

    access: Access = Access.OPEN
    secret: str | None = field(default=None, repr=False)
    quality: int | None = None
    cache_max_age: int = DEFAULT_MAX_AGE_SECONDS
    cors_origins: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.access is Access.SIGNED and not self.secret:
            raise Invalid("Signed access needs a secret that addresses are signed with.")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise Invalid("The quality of images goes from 1 to 100.")
        if self.cache_max_age < 0:
            raise Invalid("Browsers keep images for 0 seconds or more.")
        if self.cors_origins is not None:
            object.__setattr__(self, "cors_origins", _usable(self.cors_origins))


def _usable(origins: tuple[str, ...]) -> tuple[str, ...] | None:
    if ANY_ORIGIN in origins:
        return None
    return tuple(each for each in origins if each and each.isascii() and each.isprintable())
