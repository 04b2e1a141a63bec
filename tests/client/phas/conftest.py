"""A server with the habits of PHAS, and somebody signed in there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from phas_server import KEY, FakePhas, serving

from wsi_lab.client.phas import Client

INFO = {"id": 5, "project": "HTT pilot", "name": "Draw", "restrict_access": 0, "anonymize": 0}
SLIDE = {
    "specimen": 1,
    "block_name": "A1",
    "specimen_private": "Ada",
    "specimen_public": "Anon 0001",
    "specimen_display": "Ada",
    "section": 3,
    "slide": 2,
    "stain": "NISSL",
}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "phas_ada_api_key.json"
    path.write_text(json.dumps({"api_key": KEY, "made": "2026"}))
    return path


@pytest.fixture
def phas() -> Iterator[FakePhas]:
    """Knows the tasks 5 to 8, one of each mode, and in each of them the slide 7."""
    server = FakePhas("/phas")
    modes = {5: "annot", 6: "dltrain", 7: "sampling", 8: "browse"}
    for number, mode in modes.items():
        info = INFO | {"id": number, "mode": mode}
        server.answer(f"GET /api/task/{number}/info", info)
        server.answer(f"GET /api/task/{number}/slide/7/info", SLIDE)
    with serving(server):
        yield server


@pytest.fixture
def client(phas: FakePhas, key_file: Path) -> Iterator[Client]:
    with Client(phas.url, key_file) as signed_in:
        yield signed_in
