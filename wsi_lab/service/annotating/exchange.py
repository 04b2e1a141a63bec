"""Annotations from files of any format, and into them."""

from __future__ import annotations

from pathlib import Path

from wsi_lab.service.annotating.drawing import Drawing
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.layers import Layers
from wsi_lab.service.annotating.loading import Loads
from wsi_lab.service.jobs import Jobs
from wsi_lab.service.transaction import Transactions


class Exchange:
    """Brings annotations in from files and takes them out."""

    def __init__(
        self,
        transactions: Transactions,
        *,
        layers: Layers,
        drawing: Drawing,
        loads: Loads,
        finder: Finder,
        jobs: Jobs,
        folder: Path,
    ) -> None:
        self._transactions = transactions
        self._layers = layers
        self._drawing = drawing
        self._loads = loads
        self._finder = finder
        self._jobs = jobs
        self._folder = folder
