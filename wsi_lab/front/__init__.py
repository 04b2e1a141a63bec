"""The browser's half: what its scripts share, and how the parts of a script become one.

A browser gets one module per page or widget and fetches nothing further for it. Apart, the
parts stay small, and Node runs and tests them as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

_IMPORT = re.compile(r"^import \{[^}]*\} from ([\"'])[./\w]+\.m?js\1;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)
# Vendored parts name maps of theirs that nobody is given.
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*\n?", re.MULTILINE)


def shared(name: str) -> Traversable:
    """Return a part that every page and widget may take, such as ``dom`` or ``readouts``."""
    return front_file(f"{name}.mjs")


def front_file(name: str) -> Traversable:
    """Return a file that every page needs, such as ``view.css``."""
    return files("wsi_lab.front") / name


def joined(parts: Sequence[Traversable]) -> str:
    """Return the parts of a script, in the order of their imports, as one module.

    Examples
    --------
    >>> script = joined([shared("dom")])
    >>> "export" in script, "function element" in script
    (False, True)
    """
    texts = (part.read_text(encoding="utf-8") for part in parts)
    return "\n".join(_SOURCE_MAP.sub("", _EXPORT.sub("", _IMPORT.sub("", text))) for text in texts)
