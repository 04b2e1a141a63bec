"""Servers under test: started, waited for, watched and ended by their own process ids."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

START_SECONDS = 60.0


class NotStarted(Exception):
    """A server did not answer; the message ends with the last it said."""


@dataclass(frozen=True)
class Answer:
    body: bytes
    media_type: str
    cookies: dict[str, str]


class ServerProcesses:
    """One server: usually one process, two for iipsrv behind nginx; their children count too."""

    def __init__(
        self, commands: Sequence[Sequence[str]], *, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self._log = log
        self._started: list[subprocess.Popen[bytes]] = []
        with log.open("wb") as output:
            for command in commands:
                self._started.append(
                    subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        env={**os.environ, **(env or {})},
                    )
                )

    def wait_for(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Return the first good answer."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return fetch(url, headers)
            except OSError as error:
                ended = any(process.poll() is not None for process in self._started)
                if ended or time.monotonic() > deadline:
                    raise NotStarted(f"{error}; {self.last_words()}") from error
                time.sleep(0.05)

    def last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    def cpu_seconds(self) -> float:
        """Return user and system time of all processes, ended children included."""
        return sum(sum(process.cpu_times()[:4]) for process in self._alive())

    def rss_mib(self) -> float:
        return sum(process.memory_info().rss for process in self._alive()) / 2**20

    def stop(self) -> None:
        processes = self._alive()
        for process in processes:
            with suppress(psutil.Error):
                process.terminate()
        _, stubborn = psutil.wait_procs(processes, timeout=10)
        for process in stubborn:
            with suppress(psutil.Error):
                process.kill()
        for started in self._started:
            started.wait()

    def _alive(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for started in self._started:
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(started.pid)
                found += [process, *process.children(recursive=True)]
        return found


def fetch(url: str, headers: Mapping[str, str]) -> Answer:
    """Return a good answer of a server; anything else is an `OSError`."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers))) as answer:
        cookies = dict(
            cookie.split(";")[0].split("=", 1)
            for cookie in answer.headers.get_all("Set-Cookie") or ()
        )
        return Answer(answer.read(), answer.headers["Content-Type"], cookies)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
