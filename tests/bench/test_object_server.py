"""The object server in a process of its own, told what to do from here."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.object_faults import Fault
from bench.object_server import (
    Sent,
    cause_trouble,
    end_trouble,
    sent_so_far,
    wait_before_answers,
)


@pytest.fixture
def url(tmp_path: Path, repository: Path) -> Iterator[str]:
    (tmp_path / "a.svs").write_bytes(bytes(1000))
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.object_server", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=repository,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.communicate(timeout=20)


def get(url: str) -> bytes:
    request = urllib.request.Request(f"{url}/slides/a.svs", headers={"Range": "bytes=0-99"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def test_it_counts_waits_and_fails_as_it_is_told(url: str) -> None:
    assert sent_so_far(url) == Sent(0, 0)
    assert get(url) == bytes(100)
    assert sent_so_far(url) == Sent(1, 100)
    wait_before_answers(url, 0.2)
    started = time.monotonic()
    get(url)
    assert time.monotonic() - started >= 0.2
    wait_before_answers(url, 0)
    cause_trouble(url, Fault.STATUS, times=1, status=500)
    with pytest.raises(urllib.error.HTTPError, match="500") as caught:
        get(url)
    caught.value.close()
    assert get(url) == bytes(100)
    cause_trouble(url, Fault.LENGTH)
    assert get(url) == bytes(99)
    end_trouble(url)
    assert get(url) == bytes(100)
    assert sent_so_far(url).requests == 6
