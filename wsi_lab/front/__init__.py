"""The browser's half: what its scripts share, and how the parts of a script become one.

A browser gets one module per page or widget and fetches nothing further for it. Apart, the
parts stay small, and Node runs and tests them as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeAlias

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


@dataclass(frozen=True)
class Constant:
    """A script for module systems of another kind (UMD, CommonJS), as a constant of a module.

    None of its own names meets those of other parts.

    Parameters
    ----------
    name
        What the other parts call all that it exports.
    script
        The file, which stays as its makers ship it.

    Examples
    --------
    >>> leaflet = Constant("L", front_file("leaflet") / "leaflet.js")
    >>> joined([leaflet]).startswith("const L = ")
    True
    """

    name: str
    script: Traversable

    def read_text(self, encoding: str) -> str:
        """Return it as a part of a module."""
        text = self.script.read_text(encoding=encoding)
        return (
            f"const {self.name} = ((module) => {{\n"
            "const { exports } = module;\n"
            f"{text}\n"
            "return module.exports;\n"
            "})({ exports: {} });\n"
        )


Part: TypeAlias = Traversable | Constant
"""Of a script: a module, or a script as a constant."""


def joined(parts: Sequence[Part]) -> str:
    """Return the parts of a script, in the order of their imports, as one module.

    Examples
    --------
    >>> script = joined([shared("dom")])
    >>> "export" in script, "function element" in script
    (False, True)
    """
    texts = (part.read_text(encoding="utf-8") for part in parts)
    return "\n".join(_SOURCE_MAP.sub("", _EXPORT.sub("", _IMPORT.sub("", text))) for text in texts)
