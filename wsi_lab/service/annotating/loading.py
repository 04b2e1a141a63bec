"""Shapes and grids that come at once."""

from __future__ import annotations

from wsi_lab.service.transaction import Transactions


class Loads:
    """What a model says about a slide: loaded at once, kept as it is."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
