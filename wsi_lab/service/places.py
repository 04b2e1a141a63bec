"""Where slides may lie: folders of this machine, and buckets and web servers elsewhere."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from wsi_lab.errors import Invalid, NotAllowed, SlideMissing
from wsi_lab.model.source import WEB_SCHEMES, Source, is_address


class Places:
    """The folders and the remote sources that slides may come from.

    Parameters
    ----------
    roots
        The folders and sources; `None`: anywhere, for site administrators, and nowhere for
        others.
    declared
        Further sources that a site administrator may take slides from where there are no
        roots. Web servers are never asked without being declared: whoever may name any could
        make this machine ask what only it can reach.
    """

    def __init__(self, roots: Sequence[Source] | None, *, declared: Sequence[Source] = ()) -> None:
        self._is_anywhere = roots is None
        self._sources = [root for root in roots or () if root.is_remote]
        self._folders = [
            os.path.realpath(root.address) for root in roots or () if not root.is_remote
        ]
        self._declared = tuple(declared)

    def resolve(self, path: str | Path, *, is_admin: bool) -> str:
        """Return the real path of a file, without links in it, or the address of an object.

        Parameters
        ----------
        path
            An address such as ``s3://bucket/a.svs``, or a path: absolute, or relative to one
            of the folders.

        Raises
        ------
        Invalid
            It is neither a path nor an address, or relative where there are no folders.
        NotAllowed
            It lies outside the folders and sources, whether there is such a file or not.
        SlideMissing
            There is no such file in the folders. Stores are not asked.
        """
        text = os.fspath(path)
        if not text or "\0" in text or not _is_unicode(text):
            raise Invalid("This is not a path of a file; its name must be valid Unicode.")
        if is_address(text):
            return self._resolve_address(text, is_admin=is_admin)
        if self._is_anywhere:
            real = _anywhere(text, is_admin=is_admin)
        else:
            real = _inside(text, self._folders)
        if not os.path.exists(real):  # noqa: PTH110 (text in, text out)
            raise SlideMissing(f"There is no file '{_last_part(text)}' in that place.")
        return real

    def _resolve_address(self, text: str, *, is_admin: bool) -> str:
        address = _canonical(text)
        if not self._is_anywhere:
            if not any(source.holds(address) for source in self._sources):
                raise _outside(text)
            return address
        if not is_admin:
            raise _nowhere()
        is_declared = any(source.holds(address) for source in self._declared)
        if not is_declared and address.partition("://")[0] in WEB_SCHEMES:
            raise NotAllowed(
                f"'{_last_part(text)}' lies on a web server that nobody has declared; name the "
                "server as a source of the lab, or as a place that slides may be added from."
            )
        return address


def unmoved(source: str) -> bool:
    """Return whether a path that was free of links when a slide was added still is.

    Otherwise somebody may have put a link to a file from elsewhere in its place. Stores know
    no links, so an address never moves.
    """
    return is_address(source) or os.path.realpath(source) == source


def _canonical(text: str) -> str:
    """Return the one address of an object, so that equal ones can be told by their text."""
    start, _, rest = text.partition("://")
    container, slash, key = rest.partition("/")
    place = Source.at(f"{start}://{container}")
    if not slash or not key or key.endswith("/"):
        raise Invalid("This is the address of a place and not of a slide; name the slide, too.")
    if any(part in {".", ".."} for part in key.split("/")):
        # Some stores take such a part as it stands, web servers and libraries do not: an
        # address must not mean one thing here and another one there.
        raise Invalid("The address of a slide has no dots as parts.")
    return place.address_of(key)


def _anywhere(text: str, *, is_admin: bool) -> str:
    if not is_admin:
        raise _nowhere()
    if not os.path.isabs(text):  # noqa: PTH117 (text in, text out)
        raise Invalid(f"'{_last_part(text)}' needs its full path.")
    return os.path.realpath(text)


def _inside(text: str, folders: Sequence[str]) -> str:
    found = [
        real
        for folder in folders
        # For an absolute path, join() gives the path itself.
        if (real := os.path.realpath(os.path.join(folder, text))) != folder  # noqa: PTH118 (text)
        and os.path.commonpath([real, folder]) == folder
    ]
    if not found:
        raise _outside(text)
    return next((real for real in found if os.path.exists(real)), found[0])  # noqa: PTH110 (text)


def _nowhere() -> NotAllowed:
    return NotAllowed(
        "This lab has no folder that members may add slides from; "
        "ask a site administrator to name one, or to add the slides."
    )


def _outside(text: str) -> NotAllowed:
    return NotAllowed(
        f"'{_last_part(text)}' lies outside the folders that slides may be added from."
    )


def _last_part(text: str) -> str:
    return os.path.basename(text.rstrip("/")) or "/"  # noqa: PTH119 (text in, text out)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
