"""What an e-mail address looks like."""

from __future__ import annotations

import re

from wsi_lab.errors import Invalid

LONGEST_EMAIL = 254
# Blanks, and what is invisible or turns the direction of what follows, belong in none; nor do
# signs that mean something in lists of addresses and in configuration files.
_PART = r"[^@\s,;:<>()\[\]\"\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+"
_EMAIL = re.compile(f"{_PART}@{_PART}")


def checked_email(email: str) -> str:
    """Return an e-mail address without blanks around it.

    Only the shape ``somebody@somewhere`` is asked for: the lab sends no mail by itself.

    Raises
    ------
    Invalid
        It has another shape, or more than `LONGEST_EMAIL` characters.

    Examples
    --------
    >>> checked_email(" reader@lab ")
    'reader@lab'
    """
    email = email.strip()
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email):
        raise Invalid("An e-mail address has the form somebody@somewhere, without blanks.")
    return email
