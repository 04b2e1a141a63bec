"""Layers of a study and their labels."""

from __future__ import annotations

from wsi_lab.service.transaction import Transactions


class Layers:
    """Layers: the study's questions that are drawn, with their labels."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
