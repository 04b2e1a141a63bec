"""A server that is killed in the middle of an upload loses nothing and leaves nothing behind."""

from __future__ import annotations

import base64
import random
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from wsi_lab.service.lab import Lab, LabSettings

KILLS = 6
SIZE = 24_000_000
HEADERS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


def send(url: str, path: str, data: bytes, told: int) -> int:
    """Go on with an upload as far as the server lives, and return the offset it has told."""
    with httpx.Client(base_url=url, timeout=60) as client:
        try:
            while told < len(data):
                headers = {**HEADERS, "Upload-Offset": str(told)}
                answer = client.patch(path, headers=headers, content=data[told : told + 1_000_000])
                assert answer.status_code == 204, answer.text
                told = int(answer.headers["Upload-Offset"])
        except httpx.TransportError:
            pass
    return told


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.mark.timeout(600)
def test_killed_server_goes_on_where_it_was(home: Path, start: Callable, integrity) -> None:
    chance = random.Random(20261125)
    data = chance.randbytes(SIZE)
    with Lab.open(LabSettings(home)) as lab:
        _, api_token = lab.people.create_token(
            lab.people.owner(), name="sender", capabilities=["all"]
        )
        actor = lab.people.actor_for_token(api_token, door="tests")
        upload_token = lab.uploads.request(actor, "1.svs", "sent")
    metadata = ",".join(
        f"{name} {base64.b64encode(text.encode()).decode()}"
        for name, text in (("uploadtoken", upload_token), ("apitoken", api_token))
    )
    path, told = "", 0
    for kill in range(KILLS + 1):
        with start("send_until_killed.py", home) as program:
            url = program.stdout.readline().strip()
            if not path:
                begin = {**HEADERS, "Upload-Length": str(SIZE), "Upload-Metadata": metadata}
                path = httpx.post(f"{url}files/", headers=begin, timeout=60).headers["Location"]
            told_now = httpx.head(url.rstrip("/") + path, headers=HEADERS, timeout=60)
            offset = int(told_now.headers["Upload-Offset"])
            assert offset >= told, "what was acknowledged is there"
            if kill < KILLS:
                killer = threading.Timer(chance.uniform(0.01, 0.06), program.kill)
                killer.start()
            told = send(url.rstrip("/"), path, data, offset)
            program.kill()
        partial = home / "uploads" / path[-32:]
        assert partial.read_bytes() == data[: partial.stat().st_size]
    assert told == SIZE
    with Lab.open(LabSettings(home)) as lab:
        actor = lab.people.actor_for_token(api_token, door="tests")
        lab.uploads.finish(actor, path[-32:], upload_token)
        assert (home / "slides" / "sent" / "1.svs").read_bytes() == data
    assert list((home / "uploads").iterdir()) == []
    assert integrity(home / "lab.sqlite3") == "ok"
