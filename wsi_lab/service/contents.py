"""A first look into a source: does it answer, and are there slides in it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from wsi_lab.errors import Invalid, NotFound, SourceRefused, SourceUnavailable, WsiLabError
from wsi_lab.model.source import WEB_SCHEMES, Source
from wsi_lab.service.source_keys import LONGEST_LOOK_SECONDS, SLIDE_ENDINGS, Place, place_of

MOST_OBJECTS = 1000
_PROBE = "is-there-a-server.svs"
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile in AWS_PROFILE, or a role",
    "az": "the account in AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY, "
    "AZURE_STORAGE_SAS_TOKEN, or AZURE_USE_AZURE_CLI=true after 'az login'",
    "gs": "a file in GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT, its content in "
    "GOOGLE_SERVICE_ACCOUNT_KEY, or 'gcloud auth application-default login'",
}


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
        'answers; 2 keys that end like slides among 3 objects'
        >>> Contents(None, 0, None, is_all=False).in_words()
        'answers; it cannot be listed, but slides are opened by their keys'
        """
        if self.objects is None:
            return "answers; it cannot be listed, but slides are opened by their keys"
        first = "" if self.is_all else "the first "
        slides = f"{self.slides:,} keys that end like slides"
        if self.slides == 1:
            slides = "1 key that ends like a slide"
        objects = "1 object" if self.objects == 1 else f"{self.objects:,} objects"
        return f"answers; {slides} among {first}{objects}"


def look_into(source: Source, *, most: int = MOST_OBJECTS) -> Contents:
    """Return what a source answers when it is asked for the first time.

    Raises
    ------
    SourceUnavailable
        It does not answer, or refuses to; see `advice_for`.
    Invalid
        What is known about its store does not do; likewise.
    NotFound
        It is a slide and no place with slides.
    """
    place = place_of(source)
    try:
        if source.scheme in WEB_SCHEMES:
            # Any answer will do.
            with contextlib.suppress(NotFound):
                place.size_of(_PROBE)
            if source.prefix.rstrip("/").lower().endswith(SLIDE_ENDINGS):
                _refuse_slide(source)
            return Contents(None, 0, None, is_all=False)
        keys, is_all = _first_keys(place, most)
    finally:
        place.close()
    if is_all and not keys and source.prefix:
        _refuse_slide(source)
    slides = [key for key in keys if key.lower().endswith(SLIDE_ENDINGS)]
    return Contents(len(keys), len(slides), next(iter(slides), None), is_all=is_all)


def _first_keys(place: Place, most: int) -> tuple[list[str], bool]:
    """Return at most so many keys, as far as they come in time, and whether that is all."""
    until = time.monotonic() + LONGEST_LOOK_SECONDS
    found: list[str] = []
    for key in place.keys("", ""):
        if key is not None:
            if len(found) == most:
                return found, False
            found.append(key)
        if time.monotonic() > until:
            return found, False
    return found, True


def advice_for(source: Source, error: WsiLabError) -> tuple[str, ...]:
    """Return what to look at when a source does not answer as it should."""
    if not source.is_remote:
        return ("May this user read the folder?",)
    if isinstance(error, SourceRefused):
        return tuple(_about_refusal(source, error))
    if isinstance(error, SourceUnavailable):
        advice = ["Can this machine reach the store?"]
        if source.scheme == "s3":
            advice.append("Is the endpoint right? (--s3-endpoint)")
        elif source.scheme in _CREDENTIALS:
            # Without others, their libraries ask a service that only the clouds' machines have.
            advice.append(_about_credentials(source))
        return tuple(advice)
    if isinstance(error, Invalid) and source.scheme in {"az", "gs"}:
        return (_about_credentials(source),)
    return ()


def _about_refusal(source: Source, error: SourceRefused) -> Iterator[str]:
    if source.scheme in WEB_SCHEMES:
        yield "Is the address right, and may everybody read there?"
        return
    # Without credentials the store has not been asked.
    if error.details.get("about") != "credentials":
        yield "Are the name of the bucket and its prefix right?"
        if source.scheme == "s3":
            yield "Is the region right? (--s3-region)"
    yield _about_credentials(source)


def _about_credentials(source: Source) -> str:
    if source.anonymous:
        return "Is the bucket public? (without --anonymous, credentials are sent)"
    known = _CREDENTIALS[source.scheme]
    return f"Are there credentials, and right ones? ({known}; --anonymous for public buckets)"


def _refuse_slide(source: Source) -> None:
    """Raise if what is named as a place is a single object: nothing lies below that."""
    above, _, name = source.address.rstrip("/").rpartition("/")
    place = place_of(replace(source, address=f"{above}/"))
    try:
        place.size_of(name)
    except WsiLabError:
        return
    finally:
        place.close()
    raise NotFound("This is a slide; name the place that it lies in.")
