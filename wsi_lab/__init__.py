"""Whole-slide pathology inside JupyterLab.

>>> import wsi_lab
>>> lab = wsi_lab.connect()  # doctest: +SKIP
>>> lab.studies["demo"].slides["CMU-1-Small-Region"].view()  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsi_lab.version import __version__

if TYPE_CHECKING:
    from wsi_lab.connecting import connect as connect

__all__ = ["__version__", "connect"]


def __getattr__(name: str) -> Any:
    # Resolved on first use: importing the package must stay cheap for a server that only
    # looks for its extension point.
    if name == "connect":
        from wsi_lab.connecting import connect  # noqa: PLC0415 (lazy by design)

        return connect
    if name in {"_jupyter_server_extension_points", "_load_jupyter_server_extension"}:
        from wsi_lab import extension  # noqa: PLC0415 (lazy by design)

        return getattr(extension, name)
    raise AttributeError(f"module 'wsi_lab' has no attribute {name!r}")
