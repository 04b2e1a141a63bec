"""Where a lab lives when nobody says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "WSI_LAB_HOME"


def default_home() -> Path:
    """Return the folder that `HOME_VARIABLE` names, else the platform's folder for data."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return Path(named).expanduser()
    from platformdirs import user_data_path  # noqa: PLC0415 (only where nobody chose)

    return user_data_path("wsi-lab", appauthor=False)
