"""Pages of lists: cursors that mean nothing to anybody else."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from wsi_lab.errors import Invalid
from wsi_lab.model.study import Page

T = TypeVar("T")

LARGEST_PAGE = 1000
_PREFIX = "after "
_LARGEST_ID = (1 << 63) - 1


def page(
    limit: int,
    cursor: str | None,
    rows: Callable[[int, int], Sequence[T]],
    id_of: Callable[[T], int],
) -> Page[T]:
    """Return one page of a list that is in the order of its ids.

    Parameters
    ----------
    rows
        Called with an id and a number: returns at most so many things with greater ids.

    Raises
    ------
    Invalid
        `limit` is not between 1 and `LARGEST_PAGE`, or the cursor is not one of ours.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(f"limit must be between 1 and {LARGEST_PAGE}.")
    found = rows(_after(cursor), limit + 1)
    more = len(found) > limit
    items = tuple(found[:limit])
    return Page(items, _cursor(id_of(items[-1])) if more else None)


def _cursor(last_id: int) -> str:
    return base64.urlsafe_b64encode(f"{_PREFIX}{last_id}".encode()).decode().rstrip("=")


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        last_id = int(text.removeprefix(_PREFIX))
    except (binascii.Error, ValueError) as error:
        raise _not_ours() from error
    if not text.startswith(_PREFIX) or not 0 <= last_id <= _LARGEST_ID:
        raise _not_ours()
    return last_id


def _not_ours() -> Invalid:
    return Invalid("This cursor is not one that a list has handed out.")
