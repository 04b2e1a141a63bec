"""What the answers of stores mean: facts, bytes, and in which way they say no."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from wsi_lab.errors import SlideChanged, SlideMissing, SourceRefused, SourceUnavailable
from wsi_lab.slides.stores.objects import ObjectFacts
from wsi_lab.slides.stores.transport import Answer, TryAgain

_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")
_NO_RANGE = re.compile(r"bytes \*/(\d{1,19})")
_ETAG = re.compile(r"[\x21-\x7e]{1,500}")
_ERROR_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,60})</Code>")
_BUSY = frozenset({408, 429, 502, 503, 504})
_LONGEST_WAIT = 5.0


def range_header(offset: int, size: int) -> str:
    """Return the request header for part of an object.

    Examples
    --------
    >>> range_header(10, 5)
    'bytes=10-14'
    """
    return f"bytes={offset}-{offset + size - 1}"


def conditions(facts: ObjectFacts) -> dict[str, str]:
    """Return the request headers that let a store refuse bytes of any other version."""
    if facts.strong_etag is not None:
        return {"If-Match": facts.strong_etag}
    if facts.modified is not None:
        return {"If-Unmodified-Since": format_datetime(facts.modified, usegmt=True)}
    return {}


def facts_of(answer: Answer) -> ObjectFacts:
    """Return the facts that a good answer tells, whether it holds all, a part or nothing."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise SourceRefused("This slide is stored compressed, so that no part of it can be read.")
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if answer.status == 206:
        size = int(found[3]) if found is not None and found[3] != "*" else None
    else:
        size = answer.length
    if size is None:
        raise SourceRefused("The place where the slides are kept does not say how large they are.")
    return ObjectFacts(size, _etag(answer.headers), _modified(answer.headers))


def known_facts(answer: Answer) -> ObjectFacts:
    """Return the facts that a good answer tells, if another version would have others.

    Raises
    ------
    SourceRefused
        Nobody could ever tell that the object was replaced.
    """
    facts = facts_of(answer)
    if facts.etag is None and facts.modified is None:
        raise _no_versions()
    return facts


def part_of(answer: Answer, offset: int, size: int, facts: ObjectFacts) -> bytes:
    """Return the bytes of an answer if they are exactly those asked for.

    Raises
    ------
    SlideChanged
        They are of another version.
    SourceRefused
        Nobody can tell of which version they are.
    TryAgain
        They are others.
    """
    if answer.status != 206 and size < facts.size:
        raise SourceRefused("The place where the slides are kept does not give parts of them.")
    told = facts_of(answer)
    if not facts.is_of(told):
        raise changed()
    if not conditions(facts) and told.etag is None:
        raise _no_versions()
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    span = (int(found[1]), int(found[2])) if found is not None else (0, told.size - 1)
    if span != (offset, offset + size - 1) or len(answer.body) != size:
        raise TryAgain(
            SourceUnavailable(
                "The place where the slides are kept gives other bytes than it is asked for."
            )
        )
    return answer.body


def require_good(answer: Answer, facts: ObjectFacts | None = None) -> None:
    """Return if an answer holds what was asked for, else raise what it means.

    Parameters
    ----------
    facts
        Of the version that was asked for, if one was.

    Raises
    ------
    SlideMissing, SlideChanged, SourceRefused, TryAgain
    """
    status = answer.status
    if status in (200, 206):
        return
    code = error_code(answer)
    if status == 404 and code not in ("NoSuchBucket", "NoSuchUpload"):
        raise missing()
    if status == 412:
        raise changed()
    if status == 416 and facts is not None:
        found = _NO_RANGE.fullmatch(answer.headers.get("content-range", ""))
        if found is None or int(found[1]) != facts.size:
            raise changed()
    if status in _BUSY or status >= 500:
        # One that is only busy is as good as away; any other answer is one.
        kind = SourceUnavailable if status in _BUSY else SourceRefused
        raise TryAgain(
            kind("The place where the slides are kept has trouble; try again soon."),
            wait=_asked_to_wait(answer.headers),
        )
    raise SourceRefused(refusal(status, code))


def error_code(answer: Answer) -> str:
    """Return the word that S3 and its like have for an error, ``""`` for none."""
    found = _ERROR_CODE.search(answer.body)
    return found[1].decode() if found is not None else ""


def missing() -> SlideMissing:
    """Return the error for a key that nothing has."""
    return SlideMissing(
        "There is no such slide in its store; it was moved or removed, or its name is wrong."
    )


def changed() -> SlideChanged:
    """Return the error for bytes of another version."""
    return SlideChanged("The slide was replaced while it was read; ask again to get the new one.")


def _no_versions() -> SourceRefused:
    return SourceRefused(
        "The server with the slides says neither by an ETag nor by a Last-Modified header which "
        "version of a slide it has, so that a replaced one would go unnoticed; it has to send "
        "one of them."
    )


def refusal(status: int, code: str = "") -> str:
    """Return the sentence for a store that will not."""
    if code == "NoSuchBucket":
        return "There is no such bucket; its name or its region may be wrong."
    if code == "RequestTimeTooSkewed":
        return "The store refuses requests because the clock of this server is wrong."
    if 300 <= status < 400:
        return (
            "The place where the slides are kept wants to be asked elsewhere, which is not done; "
            "its address or its region may be wrong."
        )
    if status in (401, 403):
        return (
            "The place where the slides are kept does not let this server read there; "
            "its credentials are missing, wrong or lack the right."
        )
    return "The place where the slides are kept cannot answer such a request."


def _etag(headers: Mapping[str, str]) -> str | None:
    text = headers.get("etag", "")
    return text if _ETAG.fullmatch(text) is not None else None


def _modified(headers: Mapping[str, str]) -> datetime | None:
    try:
        return parsedate_to_datetime(headers["last-modified"]).astimezone(UTC)
    except (KeyError, ValueError, OverflowError):
        return None


def _asked_to_wait(headers: Mapping[str, str]) -> float:
    text = headers.get("retry-after", "")
    return min(float(text), _LONGEST_WAIT) if text.isascii() and text.isdigit() else 0.0
