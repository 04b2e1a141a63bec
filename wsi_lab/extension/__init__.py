"""The lab inside Jupyter Server: `jupyter server extension list` shows it as ``wsi_lab``."""

from __future__ import annotations

from typing import Any

from wsi_lab.extension.app import WsiLab

__all__ = ["WsiLab"]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "wsi_lab.extension", "app": WsiLab}]


_load_jupyter_server_extension = WsiLab._load_jupyter_server_extension  # noqa: SLF001 (the name Jupyter looks for)
