"""Shapes by where they lie and what is said of them, drawn by hand or loaded."""

from __future__ import annotations

from wsi_lab.service.transaction import Transactions


class Finder:
    """Finds shapes."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
