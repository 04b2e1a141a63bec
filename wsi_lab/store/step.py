"""One change of the database's shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wsi_lab.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the database's shape. Once released, a step is never changed.

    Attributes
    ----------
    then
        What SQL cannot do, after the statements and in the same transaction.
    """

    name: str
    statements: tuple[str, ...]
    then: Callable[[Connection], None] | None = None


def kept(table: str, history: str, values: str) -> tuple[str, ...]:
    """Return triggers that write down what a row was before it is changed or removed."""
    return tuple(
        f"CREATE TRIGGER {table}_kept_on_{verb.lower()} BEFORE {verb} ON {table} "  # noqa: S608 (constants)
        f"BEGIN INSERT INTO {history} VALUES ({values}); END"
        for verb in ("UPDATE", "DELETE")
    )
