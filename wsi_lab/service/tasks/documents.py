"""PHAS's own files, for doors that take them."""

from __future__ import annotations

from wsi_lab.formats.phas_files import read_task
from wsi_lab.model.task import TaskSettings


def settings_of(document: bytes) -> TaskSettings:
    """Return what PHAS's JSON says of a task.

    Raises
    ------
    Invalid
        It is no JSON, or says something else; ``problems`` names each.
    """
    return read_task(document)
