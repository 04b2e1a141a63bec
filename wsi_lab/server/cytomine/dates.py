"""When a request says that it was signed."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

from wsi_lab.errors import NotIdentified

FARTHEST_OFF = timedelta(minutes=5)
"""A signature covers neither the address nor the body, so that it must not be good for long."""

# Clients write the name of the month as their machine's language has it. What cannot be written
# in Latin-1 cannot be sent by them. The longer beginnings come first: "mar" is one of "marras".
_MONTHS = (
    (11, ("marras", "nov")),
    (1, ("jan", "ene", "gen", "tammi", "xan")),
    (2, ("feb", "fev", "helmi")),
    (3, ("mar", "maa", "mrt")),
    (4, ("apr", "avr", "abr", "huhti")),
    (5, ("may", "mai", "mag", "maj", "mei", "touko")),
    (6, ("jun", "juin", "giu", "kesa", "xun")),
    (7, ("jul", "juil", "lug", "heina", "xul")),
    (8, ("aug", "aou", "ago", "ag", "elo")),
    (9, ("sep", "set", "syys")),
    (10, ("oct", "okt", "out", "ott", "loka")),
    (12, ("dec", "dez", "dic", "des", "joulu")),
)
_BEGINNINGS = sorted(
    ((beginning, month) for month, beginnings in _MONTHS for beginning in beginnings),
    key=lambda each: -len(each[0]),
)
_DATE = re.compile(
    r"(?:[^\d]*[\s,])?(?P<day>\d{1,2})\.?[\s-]+(?:de\s+)?(?P<month>[^\W\d]+|\d{1,2})\W+"
    r"(?:de\s+)?(?P<year>\d{4})\s+(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
    r"(?:\s*(?P<zone>[A-Za-z]{1,5}|[+-]\d{2}:?\d{2}))?"
)
_UTC = frozenset({"", "gmt", "utc", "ut", "z"})


def signed_on(text: str) -> datetime:
    """Return the time that a Date header tells.

    Raises
    ------
    NotIdentified
        It cannot be read.

    Examples
    --------
    >>> signed_on("Sun, 22 Nov 2026 13:23:11 +0000").isoformat()
    '2026-11-22T13:23:11+00:00'
    >>> signed_on("mer. 05 août 2026 15:00:00 +0200").isoformat()
    '2026-08-05T15:00:00+02:00'
    """
    found = _DATE.fullmatch(text.strip())
    try:
        if found is None:
            return _in_utc(datetime.fromisoformat(text.strip()))
        year, day = int(found["year"]), int(found["day"])
        hour, minute, second = (int(found[each]) for each in ("hour", "minute", "second"))
        zone, month = _zone(found["zone"] or ""), _month(found["month"])
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except (ValueError, OverflowError) as error:
        raise NotIdentified(
            "The Date header of this request cannot be read; write it as in "
            "'Sun, 22 Nov 2026 13:23:11 +0000', with the names of days and months in English."
        ) from error


def require_now(text: str, now: datetime) -> None:
    """Raise unless a Date header tells a time that is `FARTHEST_OFF` from now at most.

    Raises
    ------
    NotIdentified
        It tells another time, or none.
    """
    off = signed_on(text) - now
    if abs(off) > FARTHEST_OFF:
        raise NotIdentified(
            "This request was signed more than 5 minutes ago, or is from the future; set the "
            "clock of your machine, and sign each request when it is sent."
        )


def _month(word: str) -> int:
    if word.isdigit():
        return int(word)
    plain = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower()
    for beginning, month in _BEGINNINGS:
        if plain.startswith(beginning):
            return month
    raise ValueError(word)


def _zone(text: str) -> timezone:
    if text.lower() in _UTC:
        return UTC
    if text[0] not in "+-":
        raise ValueError(text)
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
