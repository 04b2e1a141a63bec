"""The order in which a reader gets the cases of a study whose cases are shuffled."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def case_order(seed: int, reader: str, case_ids: Iterable[int]) -> tuple[int, ...]:
    """Return cases in the order that one reader gets them.

    It is the same on every machine and each time it is asked for. Each reader has another one,
    from which those of others cannot be guessed without the seed. A case that is added later
    finds its place among the others, which keep theirs.

    Parameters
    ----------
    seed
        The study's.
    reader
        Their e-mail address, in any case.
    case_ids
        In any order; each is there once in the result.

    Examples
    --------
    >>> case_order(7, "anna@lab", [1, 2, 3, 4, 5])
    (3, 2, 5, 4, 1)
    >>> case_order(7, "ben@lab", [1, 2, 3, 4, 5])
    (5, 2, 3, 1, 4)
    """
    # A digest, and not Python's own generator, whose orders may change with its versions.
    who = f"{seed}\n{reader.strip().casefold()}\n".encode()

    def place(case_id: int) -> tuple[bytes, int]:
        return hashlib.sha256(who + str(case_id).encode()).digest(), case_id

    return tuple(sorted(set(case_ids), key=place))
