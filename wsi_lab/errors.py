"""What can go wrong, in the words of the lab.

::

    WsiLabError
    ├── Invalid               the request breaks a rule; every problem is listed
    │   └── OutOfRange        a level, tile or region that the slide does not have
    ├── NotIdentified         nobody knows who is asking
    ├── NotAllowed            it is known who asks, and they may not
    ├── NotFound              there is no such thing (or the asker may not know that there is)
    ├── Conflict              it was changed since it was read, or the name is taken
    ├── TooLarge              more was asked for or sent than one request may carry
    ├── SlideError
    │   ├── UnsupportedSlide  not a kind of slide that can be read
    │   ├── DamagedSlide      a kind that can be read, but this file is broken or hostile
    │   │   └── CutShort      and what lacks are bytes: it ends before it should
    │   └── SlideMissing      the file it was added from is gone or may not be opened
    ├── Busy                  too much is going on; ask again in a moment
    │   └── SlideChanged      the file was changed while it was read; ask for it anew
    ├── SourceUnavailable     the place where the bytes live does not answer
    │   ├── SourceTimeout     or answers too slowly
    │   └── SourceRefused     or answers that it will not, or cannot
    ├── StorageFull           nothing more can be stored; nothing was
    └── HomeUnusable          the lab's own folder or database cannot be used

Domain code raises these and never speaks of HTTP; ``wsi_lab.server.failures`` holds the one table
that turns a class into a status, and the Python client turns the ``code`` of an answer back
into the class of that code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class WsiLabError(Exception):
    """Anything the lab refuses or fails to do, as a sentence for the person who asked.

    Parameters
    ----------
    message
        One or two sentences that say what is wrong and what would help. They are shown to
        whoever asked, so they never hold a path, an address or a secret of the machine.
    details
        Machine-readable facts that go with the message, for example ``current=3``.

    Examples
    --------
    >>> Conflict("This answer was changed since you read it.", current=3).details
    {'current': 3}
    """

    code: ClassVar[str] = "error"

    request: str | None = None
    """What was asked of a lab when it answered so, for example ``"GET v1/slides/3"``.

    Set by the Python client.
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, Any] = details


class Invalid(WsiLabError):
    """The request breaks a rule. ``problems`` lists every one found, not only the first.

    Examples
    --------
    >>> Invalid("Two fields are wrong.", problems=["name is empty", "mpp is negative"]).problems
    ('name is empty', 'mpp is negative')
    """

    code = "invalid"

    def __init__(self, message: str, *, problems: Sequence[str] = (), **details: Any) -> None:
        super().__init__(message, **details)
        self.problems = tuple(problems)


class OutOfRange(Invalid):
    """A level, tile or region that the slide does not have; the message names the valid range."""

    code = "out_of_range"


class NotIdentified(WsiLabError):
    """Nobody knows who is asking: no credentials, or credentials that are wrong or expired."""

    code = "not_identified"


class NotAllowed(WsiLabError):
    """It is known who asks, and they may not; the message says which right is missing."""

    code = "not_allowed"


class NotFound(WsiLabError):
    """There is no such thing, or the asker may not know that there is. The two look the same."""

    code = "not_found"


class Conflict(WsiLabError):
    """It was changed since it was read, or the name is taken; nothing was changed."""

    code = "conflict"


class TooLarge(WsiLabError):
    """More was asked for or sent than one request may carry; the message names the limit."""

    code = "too_large"


class SlideError(WsiLabError):
    """A slide cannot be shown."""

    code = "slide_error"


class UnsupportedSlide(SlideError):
    """The file is not a kind of slide that can be read."""

    code = "unsupported_slide"


class DamagedSlide(SlideError):
    """The file is of a kind that can be read, but it is broken, or built to do harm."""

    code = "damaged_slide"


class CutShort(DamagedSlide):
    """Bytes that should be there lie beyond the end of the file."""

    code = "cut_short"


class SlideMissing(SlideError):
    """The file that the slide was added from is gone, or may not be opened."""

    code = "slide_missing"


class Busy(WsiLabError):
    """Too much is going on; the same request will do in a moment."""

    code = "busy"


class SlideChanged(Busy):
    """The file was changed while it was read; whoever opens it anew gets the new one."""

    code = "slide_changed"


class SourceUnavailable(WsiLabError):
    """The place where the bytes live does not answer."""

    code = "source_unavailable"


class SourceTimeout(SourceUnavailable):
    """The place where the bytes live answers too slowly."""

    code = "source_timeout"


class SourceRefused(SourceUnavailable):
    """The place where the bytes live answers, but with an error: no right, no such bucket."""

    code = "source_refused"


class StorageFull(WsiLabError):
    """Nothing more can be stored; the change was taken back whole."""

    code = "storage_full"


class HomeUnusable(WsiLabError):
    """The lab's own folder or database cannot be used; the message says how to mend it."""

    code = "home_unusable"


def error_class(code: str) -> type[WsiLabError]:
    """Return the error class of a code, or `WsiLabError` itself for a code nobody knows.

    Examples
    --------
    >>> error_class("conflict").__name__
    'Conflict'
    >>> error_class("from_the_future").__name__
    'WsiLabError'
    """
    found = _by_code(WsiLabError).get(code)
    return found if found is not None else WsiLabError


def _by_code(root: type[WsiLabError]) -> dict[str, type[WsiLabError]]:
    classes = {root.code: root}
    for subclass in root.__subclasses__():
        classes.update(_by_code(subclass))
    return classes
