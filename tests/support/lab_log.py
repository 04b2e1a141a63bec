"""What a lab has logged once it is all there."""

from __future__ import annotations

import logging

import pytest
from waiting import wait_until

CLIENTS = ("http", "urllib3")
"""Beginnings of the loggers of the tests' own clients, which write down what they ask."""


def lab_log(
    caplog: pytest.LogCaptureFixture, last: str, *, count: int = 1, logger: str = ""
) -> list[str]:
    """Return the lines, with tracebacks, as soon as so many of them hold some words.

    A line is written when its answer has gone, the last one after all others.

    Parameters
    ----------
    logger
        How the names of the loggers begin that are looked at.
    """
    formatter = logging.Formatter("%(message)s")

    def lines() -> list[str]:
        return [
            formatter.format(each)
            for each in list(caplog.records)
            if each.name.startswith(logger) and not each.name.startswith(CLIENTS)
        ]

    wait_until(lambda: sum(last in line for line in lines()) >= count)
    return lines()
