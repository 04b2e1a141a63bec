"""Real Jupyter servers in processes of their own, below a base URL with an escaped character."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

BASE_URL = "/a%40b/"
OTHERS = ("jupyterlab", "jupyter_lsp", "jupyter_server_terminals", "notebook_shim")
EXTENSIONS = {"wsi_lab": True} | dict.fromkeys(OTHERS, False)
TOKEN = "jupyter-CANARY-0123456789abcdef"


class Jupyter:
    """A Jupyter server with the lab in it.

    Attributes
    ----------
    url, lab_url
        With a slash at the end.
    """

    token = TOKEN
    base_url = BASE_URL

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.log_file = folder / "log"
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{BASE_URL}"

    @property
    def lab_url(self) -> str:
        return f"{self.url}wsi-lab/"

    @property
    def log(self) -> str:
        """Everything the server wrote so far."""
        return self.log_file.read_text()

    def wait(self) -> None:
        """Return when the server answers and the lab has been opened, or could not be."""
        deadline = time.monotonic() + 100
        told = self.folder / f"jpserver-{self.process.pid}.json"
        headers = {"Authorization": f"token {TOKEN}"}
        while True:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            with contextlib.suppress(httpx.TransportError, FileNotFoundError, ValueError):
                self.port = json.loads(told.read_text())["port"]
                if httpx.get(f"{self.lab_url}v1/me", headers=headers).status_code in {200, 503}:
                    return
            time.sleep(0.05)

    def client(self, **headers: str) -> httpx.Client:
        """Return a client without credentials but those given, for addresses of the lab."""
        return httpx.Client(base_url=self.lab_url, headers=headers, timeout=60)

    def owner(self) -> httpx.Client:
        """Return a client with the token of Jupyter."""
        return self.client(Authorization=f"token {TOKEN}")

    @contextlib.contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """Lend a client that has signed in as a browser does: by cookies."""
        with self.client() as client:
            client.get(f"{self.url}login")
            answer = client.post(
                f"{self.url}login",
                data={"password": TOKEN, "_xsrf": client.cookies["_xsrf"]},
            )
            assert answer.status_code == 302, answer.text
            yield client


Start = Callable[..., AbstractContextManager[Jupyter]]


@contextlib.contextmanager
def running(folder: Path, *options: str, config: str = "", home: Path) -> Iterator[Jupyter]:
    folder.mkdir()
    (folder / "jupyter_server_config.py").write_text(config)
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    environment = os.environ | dict.fromkeys(places, str(folder))
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
        # A port that is free now may be somebody else's by the time the server takes it.
        "--ServerApp.port=0",
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.base_url={BASE_URL}",
        f"--ServerApp.jpserver_extensions={EXTENSIONS}",
        f"--IdentityProvider.token={TOKEN}",
        f"--WsiLab.home={home}",
        "--WsiLab.workers=1",
        *options,
    ]
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=folder
        )
    server = Jupyter(process, folder)
    try:
        server.wait()
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Return a function that starts a server: ``with start(...) as jupyter:``."""

    def with_folder(
        *options: str, config: str = "", home: Path | None = None
    ) -> AbstractContextManager[Jupyter]:
        folder = tmp_path_factory.mktemp("jupyter")
        return running(folder / "files", *options, config=config, home=home or folder / "home")

    return with_folder


@pytest.fixture(scope="session")
def jupyter(start: Start, demo_slide: Path) -> Iterator[Jupyter]:
    """A server that several tests share, with a study and a slide."""
    options = ("--WsiLab.owner=ada", "--ServerApp.log_level=DEBUG")
    with start(*options) as server:
        with server.owner() as client:
            study = client.post("v1/studies", json={"name": "HTT pilot"}).json()["id"]
            body = {"path": str(demo_slide)}
            assert client.post(f"v1/studies/{study}/slides", json=body).json()["id"] == 1
        yield server
