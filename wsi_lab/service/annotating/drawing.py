"""Shapes that are drawn by hand: added, changed and removed one by one."""

from __future__ import annotations

from wsi_lab.service.transaction import Transactions


class Drawing:
    """Shapes drawn by hand, each a part of its author's answer."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
