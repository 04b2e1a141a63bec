"""A first look into a source: does it answer, and are there slides in it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from itertools import islice

from wsi_lab.errors import NotFound, SourceRefused, SourceUnavailable, WsiLabError
from wsi_lab.model.source import WEB_SCHEMES, Source
from wsi_lab.service.source_keys import SLIDE_ENDINGS, place_of

MOST_OBJECTS = 1000
_PROBE = "is-there-a-server.svs"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a first look has shown.

    Attributes
    ----------
    objects
        How many were looked at; `None` where they cannot be listed.
    slides
        How many of them are named like slides.
    first_slide
        The key of one of them.
    is_all
        Whether there are no further objects.
    """

    objects: int | None
    slides: int
    first_slide: str | None
    is_all: bool

    def in_words(self) -> str:
        """Return the same as part of a sentence.

        Examples
        --------
        >>> Contents(3, 2, "a.svs", is_all=True).in_words()
        'answers; 2 slides among 3 objects'
        >>> Contents(None, 0, None, is_all=False).in_words()
        'answers; it cannot be listed, but slides are opened by their keys'
        """
        if self.objects is None:
            return "answers; it cannot be listed, but slides are opened by their keys"
        first = "" if self.is_all else "the first "
        slides = "1 slide" if self.slides == 1 else f"{self.slides:,} slides"
        objects = "1 object" if self.objects == 1 else f"{self.objects:,} objects"
        return f"answers; {slides} among {first}{objects}"


def look_into(source: Source, *, most: int = MOST_OBJECTS) -> Contents:
    """Return what a source answers when it is asked for the first time.

    Raises
    ------
    SourceUnavailable
        It does not answer, or refuses to; see `advice_for`.
    """
    place = place_of(source)
    try:
        if source.scheme in WEB_SCHEMES:
            # Any answer will do.
            with contextlib.suppress(NotFound):
                place.size_of(_PROBE)
            return Contents(None, 0, None, is_all=False)
        keys = list(islice(place.keys("", ""), most + 1))
    finally:
        place.close()
    seen = keys[:most]
    slides = [key for key in seen if key.lower().endswith(SLIDE_ENDINGS)]
    return Contents(len(seen), len(slides), next(iter(slides), None), is_all=len(keys) <= most)


def advice_for(source: Source, error: WsiLabError) -> tuple[str, ...]:
    """Return what to look at when a source does not answer as it should."""
    if not source.is_remote:
        return ("May this user read the folder?",)
    if isinstance(error, SourceRefused):
        advice = ["Are the name of the bucket and its prefix right?"]
        if source.scheme == "s3":
            advice.append("Is the region right? (--s3-region)")
            if source.anonymous:
                advice.append("Is the bucket public? (without --anonymous, credentials are sent)")
            else:
                advice.append(
                    "Are the credentials right? (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a "
                    "role; --anonymous for public buckets)"
                )
        return tuple(advice)
    if isinstance(error, SourceUnavailable):
        endpoint = "Is the endpoint right? (--s3-endpoint)" if source.scheme == "s3" else ""
        return tuple(filter(None, ("Can this machine reach the store?", endpoint)))
    return ()
