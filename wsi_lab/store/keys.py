"""The lab's own secret, from which keys for signatures are derived."""

from __future__ import annotations

import secrets

from wsi_lab.store.connection import Connection
from wsi_lab.store.db import Database

SERVER_KEY_BYTES = 32


def server_key(database: Database) -> bytes:
    """Return the lab's 32 random bytes, made on first use and the same ever after."""
    key = database.read(_server_key)
    return database.write(_make_server_key) if key is None else key


def _server_key(connection: Connection) -> bytes | None:
    row = connection.execute("SELECT value FROM secrets WHERE name = 'server'").fetchone()
    return None if row is None else bytes(row["value"])


def _make_server_key(connection: Connection) -> bytes:
    connection.execute(
        "INSERT INTO secrets (name, value) VALUES ('server', ?) ON CONFLICT DO NOTHING",
        (secrets.token_bytes(SERVER_KEY_BYTES),),
    )
    key = _server_key(connection)
    assert key is not None  # noqa: S101 (it was stored in the line before)
    return key
