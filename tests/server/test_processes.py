"""Several processes at one port: they start, die, are replaced and end together."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from waiting import wait_until

COUNT = 2


@contextlib.contextmanager
def running(home: Path, port: int = 0) -> Iterator[subprocess.Popen[str]]:
    command = [
        *(sys.executable, "-m", "wsi_lab", "serve", "--home", str(home)),
        *("--port", str(port), "--workers", str(COUNT), "--decoders", "1"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    started = psutil.Process(process.pid)
    try:
        yield process
    finally:
        children = children_of(started)
        process.kill()
        process.communicate()
        for child in psutil.wait_procs(children, timeout=10)[1]:
            child.kill()


def children_of(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = process.stdout.readline().split()
    assert said, process.stderr and process.stderr.read()
    return said[-1]


def listening(process: subprocess.Popen[str], port: int) -> set[int]:
    """Return the numbers of the processes that get connections at a port."""
    found = set()
    for child in children_of(psutil.Process(process.pid)):
        with contextlib.suppress(psutil.Error):
            if any(
                each.status == psutil.CONN_LISTEN and each.laddr.port == port
                for each in child.net_connections()
            ):
                found.add(child.pid)
    return found


def test_all_processes_answer_and_the_parent_does_not(tmp_path: Path) -> None:
    with running(tmp_path / "home") as process:
        url = url_of(process)
        assert httpx.get(f"{url}v1/", timeout=30).status_code == 200
        pids = listening(process, httpx.URL(url).port)
        assert len(pids) == COUNT
        assert psutil.Process(process.pid).net_connections() == []


def test_process_that_dies_is_started_again(tmp_path: Path) -> None:
    with running(tmp_path / "home") as process:
        url = url_of(process)
        port = httpx.URL(url).port
        before = listening(process, port)
        psutil.Process(min(before)).kill()
        wait_until(lambda: min(before) not in listening(process, port))
        # The others go on, and nobody waits for the new one.
        for _ in range(8):
            assert httpx.get(f"{url}v1/", timeout=30).status_code == 200
        wait_until(lambda: len(listening(process, port)) == COUNT, 60)
        assert process.poll() is None
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert "ended by itself (signal 9)" in process.stderr.read()


@pytest.mark.quiet
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_end_soon_after_the_signal(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path / "home") as process:
        url_of(process)
        children = children_of(psutil.Process(process.pid))
        begun = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert time.monotonic() - begun < 5
        assert not psutil.wait_procs(children, timeout=0.1)[1]
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_children_of_a_killed_parent_end(tmp_path: Path) -> None:
    with running(tmp_path / "home") as process:
        url_of(process)
        children = children_of(psutil.Process(process.pid))
        assert len(children) == COUNT
        process.kill()
        assert not psutil.wait_procs(children, timeout=30)[1]


def test_port_in_use_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert refused(tmp_path / "home", taken.getsockname()[1])


def test_port_of_other_processes_of_ours_is_in_use(tmp_path: Path) -> None:
    # They would share it, and every second request would end at the wrong one.
    with running(tmp_path / "home") as process:
        assert refused(tmp_path / "other", httpx.URL(url_of(process)).port)


def refused(home: Path, port: int) -> bool:
    with running(home, port) as process:
        assert process.wait(60) == 1
        assert process.stderr is not None
        said = process.stderr.read()
    assert "Traceback" not in said
    return f"127.0.0.1:{port} cannot be listened at" in said


def test_what_keeps_processes_from_starting_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "lab.sqlite3").write_bytes(b"no database at all" * 1000)
    with running(tmp_path / "home") as process:
        assert process.wait(60) == 1
        assert process.stderr is not None
        said = process.stderr.read()
    assert said.startswith("Error: ")
    assert "database" in said
    assert said.count("\n") == 1
