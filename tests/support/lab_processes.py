"""Servers in processes of their own, with an empty lab and a token of its administrator."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from waiting import wait_until

PLACES = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
SERVE = """
import sys
from pathlib import Path
from wsi_lab.server.app import serve
from wsi_lab.service.lab import Lab, LabSettings
settings = LabSettings(home=Path(sys.argv[1]), workers=1)
with Lab.open(settings) as lab:
    owner = lab.people.owner()
    token = lab.people.create_token(owner, name="life", capabilities=["all"])[1]
sys.exit(serve(settings, port=0, started=lambda url: print(url, token, flush=True)))
"""


@dataclass
class Place:
    """A server, a token of a site administrator there, and what it wrote."""

    base: str
    token: str
    log: Path


@contextlib.contextmanager
def ending(process: subprocess.Popen[Any]) -> Iterator[None]:
    """End a server when all is said."""
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[Place]:
    """Serve a lab at ``/``."""
    log = folder / "log"
    command = [sys.executable, "-c", SERVE, str(folder / "home")]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    with ending(process):
        assert process.stdout is not None
        with process.stdout:
            url, token = process.stdout.readline().split()
            yield Place(url, token, log)


@contextlib.contextmanager
def in_jupyter(folder: Path) -> Iterator[Place]:
    """Serve a lab below a prefix of a Jupyter server."""
    (folder / "jupyter_server_config.py").write_text("")
    log = folder / "log"
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
        # A port that is free now may be somebody else's by the time the server takes it.
        "--ServerApp.port=0",
        *(f"--ServerApp.root_dir={folder}", "--ServerApp.base_url=/a%40b/"),
        "--ServerApp.jpserver_extensions={'wsi_lab': True}",
        *("--ServerApp.log_level=DEBUG", "--IdentityProvider.token=jupyters-own"),
        *(f"--WsiLab.home={folder / 'home'}", "--WsiLab.workers=1"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | dict.fromkeys(PLACES, str(folder)),
            cwd=folder,
        )
    headers = {"Authorization": "token jupyters-own"}

    def base() -> str:
        """Return where the lab is; the server says so in a file, some time after it began."""
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(FileNotFoundError, ValueError):
            told = json.loads((folder / f"jpserver-{process.pid}.json").read_text())
            return f"http://127.0.0.1:{told['port']}/a%40b/wsi-lab/"
        return ""

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return base() != "" and httpx.get(f"{base()}v1/me", headers=headers).status_code == 200
        return False

    with ending(process):
        wait_until(answers, 100)
        made = httpx.post(
            f"{base()}v1/tokens",
            headers=headers,
            json={"name": "life", "capabilities": ["all"]},
            timeout=60,
        )
        yield Place(base(), made.json()["token"], log)
