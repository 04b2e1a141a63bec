"""Viewers that move together."""

from __future__ import annotations

import uuid

from wsi_lab.errors import Invalid
from wsi_lab.widgets.viewer import SlideViewer


class ViewerLink:
    """Several viewers that move together until `unlink`."""

    def __init__(self, viewers: tuple[SlideViewer, ...]) -> None:
        self.viewers = viewers
        self._name = uuid.uuid4().hex
        for viewer in viewers:
            viewer._companion.group = self._name  # noqa: SLF001 (two halves of one widget)

    def __repr__(self) -> str:
        names = ", ".join(repr(viewer.slide.name) for viewer in self.viewers)
        return f"<ViewerLink of {names}>"

    def unlink(self) -> None:
        """Let each go its own way again."""
        for viewer in self.viewers:
            companion = viewer._companion  # noqa: SLF001 (two halves of one widget)
            if companion.group == self._name:
                companion.group = ""


def link(*viewers: SlideViewer) -> ViewerLink:
    """Make viewers move together, as far in micrometres as the one that is moved.

    They take the magnification of the one that is shown first and keep the distance between
    their middles. Holding Alt while moving moves one alone, to line it up. Where the scale of
    one of the slides is not known, all move as far in level-0 pixels. The browser does it by
    itself; the kernel may be busy. A viewer is in one link at a time.

    Examples
    --------
    >>> both = link(first.view(), second.view())  # doctest: +SKIP
    >>> both.unlink()  # doctest: +SKIP

    Raises
    ------
    Invalid
        There are fewer than two, or one is given twice.
    """
    if len(viewers) < 2 or len({id(viewer) for viewer in viewers}) < len(viewers):
        raise Invalid("Two or more different viewers can be linked.")
    return ViewerLink(viewers)
