"""Serves a lab's uploads until it is killed; prints where."""

from __future__ import annotations

import sys
from pathlib import Path

from wsi_lab.server.app import Serving, run
from wsi_lab.service.lab import LabSettings

if __name__ == "__main__":
    run(Serving(LabSettings(Path(sys.argv[1])), port=0))
