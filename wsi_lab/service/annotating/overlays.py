"""What is drawn on a slide, as tiles over the slide's own, and what lies at a place."""

from __future__ import annotations

from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.tiles import Tiles
from wsi_lab.service.transaction import Transactions


class Overlays:
    """Tiles of layers, and what is there under a mouse."""

    def __init__(self, transactions: Transactions, finder: Finder, tiles: Tiles) -> None:
        self._transactions = transactions
        self._finder = finder
        self._tiles = tiles
