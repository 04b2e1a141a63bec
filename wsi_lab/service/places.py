"""Where slide files may lie."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from wsi_lab.errors import Invalid, NotAllowed, SlideMissing


class Places:
    """The folders slides may come from.

    Parameters
    ----------
    roots
        The folders; `None`: anywhere, for site administrators, and nowhere for others.
    """

    def __init__(self, roots: Sequence[Path] | None) -> None:
        self._roots = None if roots is None else [os.path.realpath(root) for root in roots]

    def resolve(self, path: str | Path, *, is_admin: bool) -> str:
        """Return the real path of a file, without links in it.

        Parameters
        ----------
        path
            Absolute, or relative to one of the folders.

        Raises
        ------
        Invalid
            It is not a path, or relative where there are no folders.
        NotAllowed
            It lies outside the folders, whether there is such a file or not.
        SlideMissing
            There is no such file in the folders.
        """
        text = os.fspath(path)
        if not text or "\0" in text or not _is_unicode(text):
            raise Invalid("This is not a path of a file; its name must be valid Unicode.")
        if self._roots is None:
            real = _anywhere(text, is_admin=is_admin)
        else:
            real = _inside(text, self._roots)
        if not os.path.exists(real):  # noqa: PTH110 (text in, text out)
            raise SlideMissing(f"There is no file '{_last_part(text)}' in that place.")
        return real


def unmoved(source: str) -> bool:
    """Return whether a path that was free of links when a slide was added still is.

    Otherwise somebody may have put a link to a file from elsewhere in its place.
    """
    return os.path.realpath(source) == source


def _anywhere(text: str, *, is_admin: bool) -> str:
    if not is_admin:
        raise NotAllowed(
            "This lab has no folder that members may add slides from; "
            "ask a site administrator to name one, or to add the slides."
        )
    if not os.path.isabs(text):  # noqa: PTH117 (text in, text out)
        raise Invalid(f"'{_last_part(text)}' needs its full path.")
    return os.path.realpath(text)


def _inside(text: str, roots: Sequence[str]) -> str:
    found = [
        real
        for root in roots
        # For an absolute path, join() gives the path itself.
        if (real := os.path.realpath(os.path.join(root, text))) != root  # noqa: PTH118 (text)
        and os.path.commonpath([real, root]) == root
    ]
    if not found:
        raise NotAllowed(
            f"'{_last_part(text)}' lies outside the folders that slides may be added from."
        )
    return next((real for real in found if os.path.exists(real)), found[0])  # noqa: PTH110 (text)


def _last_part(text: str) -> str:
    return os.path.basename(text.rstrip("/")) or "/"  # noqa: PTH119 (text in, text out)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
