"""A real JupyterLab with a real lab in it, and a real Chromium that looks at it."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawing_hand import Drawing, Layer
from PIL import Image
from playwright.sync_api import Browser, Page, Response, sync_playwright

from wsi_lab.client import Lab
from wsi_lab.connecting import connect
from wsi_lab.demo import SLIDE, STUDY, prepare
from wsi_lab.service.lab import Lab as LabOfHome
from wsi_lab.service.lab import LabSettings

TOKEN = "t"
# Escaped and odd on purpose: an address that is put together by hand breaks on it.
BASE_URL = "/a%40b/"
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VIEWPORT = {"width": 1280, "height": 900}
WAIT_MS = 60_000
LAYERS = itertools.count(1)

# What moves does so with frames, of which a machine that does much else draws few.
TILES_ARE_THERE = """async (viewer) => {
  await new Promise(requestAnimationFrame);
  const map = document.querySelectorAll('.wsl-map')[viewer];
  if (!map || !map.querySelector('.wsl-chrome') || map.querySelector('.wsl-busy')) return false;
  const tiles = [...map.querySelectorAll('.leaflet-tile-container img')];
  return tiles.length > 0 && tiles.every((tile) => tile.naturalWidth > 0);
}"""
RUN_IN_KERNEL = """async (code) => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({ code });
  const said = { text: '', error: null };
  future.onIOPub = (message) => {
    if (message.header.msg_type === 'stream') said.text += message.content.text;
    if (message.header.msg_type === 'error') said.error = message.content.evalue;
  };
  await future.done;
  return said;
}"""


@dataclass
class JupyterLab:
    """A running JupyterLab with private folders."""

    folder: Path
    process: subprocess.Popen[bytes]
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{BASE_URL}"

    @property
    def notebooks(self) -> Path:
        return self.folder / "home" / "notebooks"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def wait(self) -> None:
        until = time.monotonic() + 120
        told = self.folder / "runtime" / f"jpserver-{self.process.pid}.json"
        while True:
            try:
                self.port = json.loads(told.read_text())["port"]
                urllib.request.urlopen(f"{self.url}api/status?token={TOKEN}", timeout=5).close()
            except (OSError, ValueError):
                assert self.process.poll() is None, self.log
                assert time.monotonic() < until, self.log
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def start(folder: Path, *, settings: dict[str, Any] | None = None) -> JupyterLab:
    wishes = {
        "@jupyterlab/apputils-extension/notification": {"fetchNews": "false"},
        **(settings or {}),
    }
    for name, values in wishes.items():
        file = folder / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    private = {
        "WSI_LAB_HOME": folder / "home",
        "JUPYTER_CONFIG_DIR": folder / "config",
        "JUPYTER_DATA_DIR": folder / "data",
        "JUPYTER_RUNTIME_DIR": folder / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": folder / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
        "IPYTHONDIR": folder / "ipython",
    }
    arguments = [
        "--no-browser",
        "--allow-root",
        # A port that is free now may be somebody else's by the time the server takes it.
        "--ServerApp.port=0",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.base_url={BASE_URL}",
        f"--ServerApp.root_dir={folder / 'home' / 'notebooks'}",
        "--LabApp.expose_app_in_browser=True",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *arguments],
            env=os.environ | {name: str(path) for name, path in private.items()},
            start_new_session=True,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    lab = JupyterLab(folder, process)
    try:
        lab.wait()
    except BaseException:
        lab.stop()
        raise
    return lab


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if found is None:
        pytest.skip("no Chromium on this machine; `make chromium` installs it")
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def new_jupyter(
    chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., JupyterLab]]:
    """Start a JupyterLab of one's own; it ends with the tests."""
    with contextlib.ExitStack() as stack:

        def started(**options: Any) -> JupyterLab:
            folder = tmp_path_factory.mktemp("jupyter")
            prepare(folder / "home")
            lab = start(folder, **options)
            stack.callback(lab.stop)
            return lab

        yield started


@pytest.fixture(scope="session")
def jupyter(new_jupyter: Callable[..., JupyterLab]) -> JupyterLab:
    return new_jupyter()


@pytest.fixture(scope="session")
def lab(jupyter: JupyterLab) -> Iterator[Lab]:
    """The lab as a script on the same machine sees it, and a second slide of another scale."""
    with LabOfHome.open(LabSettings(home=jupyter.folder / "home")) as home:
        owner = home.people.owner()
        _, token = home.people.create_token(owner, name="tests", capabilities=["all"])
    lab = connect(f"{jupyter.url}wsi-lab/", token)
    slides = jupyter.folder / "home" / "slides"
    lab.studies[STUDY].slides.add(
        str(slides / f"{SLIDE}.svs"), name="finer", mpp_x=0.2495, mpp_y=0.2495
    )
    yield lab
    lab.close()


@dataclass
class Notebook:
    """A notebook that is open in a browser."""

    page: Page
    responses: list[Response] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def run(self, code: str) -> str:
        """Run code in the kernel, beside the cells, and return what it printed."""
        said = self.page.evaluate(RUN_IN_KERNEL, code)
        assert said["error"] is None, said["error"]
        return str(said["text"]).strip()

    def value(self, expression: str) -> Any:
        """Return the value of an expression that JSON can hold."""
        return json.loads(self.run(f"import json; print(json.dumps({expression}))"))

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true in the kernel."""
        until = time.monotonic() + WAIT_MS / 1000
        while not self.value(f"bool({expression})"):
            assert time.monotonic() < until, f"never true: {expression}"
            self.page.wait_for_timeout(100)

    def run_all(self) -> None:
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")

    def map(self, number: int = 0) -> Any:
        return self.page.locator(".wsl-map").nth(number)

    def middle(self, number: int = 0) -> tuple[float, float]:
        self.map(number).scroll_into_view_if_needed()
        box = self.map(number).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def wait_for_tiles(self, number: int = 0) -> None:
        """Wait until a view is at rest and all its tiles are drawn."""
        still, last = 0, None
        until = time.monotonic() + WAIT_MS / 1000
        while still < 3:
            assert time.monotonic() < until, f"tiles never came: {self.errors}"
            there = self.page.evaluate(TILES_ARE_THERE, number)
            now = self.map(number).locator(".wsl-numbers").text_content() if there else None
            still = still + 1 if there and now == last else 0
            last = now
            self.page.wait_for_timeout(100)

    def picture(self, number: int = 0) -> np.ndarray:
        """Return what the map shows inside its border, (rows, columns, 3), nothing laid over it."""
        shown = "document.querySelectorAll('.wsl-chrome')"
        self.page.evaluate(f"() => {shown}.forEach((each) => each.style.visibility = 'hidden')")
        try:
            png = self.map(number).screenshot()
        finally:
            self.page.evaluate(f"() => {shown}.forEach((each) => each.style.visibility = '')")
        pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
        border = round(len(pixels) / self.map(number).bounding_box()["height"])
        return pixels[border:-border, border:-border]

    def tile_requests(self) -> list[str]:
        return [r.url for r in self.responses if "/tiles/" in r.url]


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go; WSI_LAB_SHOTS keeps them somewhere."""
    kept = os.environ.get("WSI_LAB_SHOTS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


Open = Callable[..., Notebook]


@contextlib.contextmanager
def notebooks(browser: Browser, jupyter: JupyterLab) -> Iterator[Open]:
    with contextlib.ExitStack() as stack:

        def opened(
            *cells: str, name: str | None = None, on: JupyterLab = jupyter, **context: Any
        ) -> Notebook:
            if name is None:
                name = f"made-{time.monotonic_ns()}.ipynb"
                (on.notebooks / name).write_text(json.dumps(notebook_of(cells)))
            made = browser.new_context(**{"viewport": VIEWPORT, **context})
            stack.callback(made.close)
            page = made.new_page()
            notebook = Notebook(page)
            # Playwright marks what it is handed, which a list's own method does not let it.
            page.on("response", lambda it: notebook.responses.append(it))  # noqa: PLW0108 (as said)
            page.on("pageerror", lambda error: notebook.errors.append(str(error)))
            page.goto(f"{on.url}lab/workspaces/{time.monotonic_ns()}/tree/{name}?token={TOKEN}")
            wait_for_notebook(page)
            return notebook

        yield opened


@pytest.fixture
def open_notebook(browser: Browser, jupyter: JupyterLab, lab: Lab) -> Iterator[Open]:
    """Open a notebook, one that is there by its name or a new one of the cells given."""
    with notebooks(browser, jupyter) as opened:
        yield opened


def wait_for_notebook(page: Page) -> None:
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.context", timeout=2 * WAIT_MS
    )
    page.evaluate(
        """async () => {
          const { context, sessionContext } = jupyterapp.shell.currentWidget;
          await context.ready;
          await sessionContext.ready;
          jupyterapp.shell.collapseLeft();
        }"""
    )


def notebook_of(cells: tuple[str, ...]) -> dict[str, Any]:
    return {
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for number, source in enumerate(cells)
        ],
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


OPEN_SLIDE = f"""
import wsi_lab
slides = wsi_lab.connect().studies[{STUDY!r}].slides
viewer = slides[{SLIDE!r}].view(height="480px")
viewer
"""


def with_viewer(opened: Open) -> Notebook:
    notebook = opened(OPEN_SLIDE)
    notebook.run_all()
    notebook.page.wait_for_selector(".wsl-chrome", timeout=WAIT_MS)
    notebook.wait_for_tiles()
    notebook.wait_for("viewer.ready")
    return notebook


@pytest.fixture
def new_viewer(open_notebook: Open) -> Notebook:
    """A notebook of one's own that shows the demo slide in `viewer`, all its tiles there."""
    return with_viewer(open_notebook)


@pytest.fixture(scope="session")
def shared_viewer(browser: Browser, jupyter: JupyterLab, lab: Lab) -> Iterator[Notebook]:
    with notebooks(browser, jupyter) as opened:
        yield with_viewer(opened)


@pytest.fixture
def viewer(shared_viewer: Notebook) -> Notebook:
    """The same for tests that only look and move: one notebook, whose view begins anew."""
    shared_viewer.page.mouse.move(1, 1)
    shared_viewer.run("viewer.fit()")
    shared_viewer.wait_for("viewer.bounds[0] < 0 and viewer.bounds[1] < 0")
    shared_viewer.wait_for_tiles()
    shared_viewer.responses.clear()
    return shared_viewer


@pytest.fixture
def layer(lab: Lab) -> Layer:
    """A new layer of the demo study."""
    return Layer(lab, f"drawn {next(LAYERS)}")


@pytest.fixture
def drawing(viewer: Notebook, layer: Layer) -> Iterator[Drawing]:
    """The viewer with its tools out."""
    yield Drawing(viewer, layer).begin()
    viewer.run(f"viewer.hide({layer.name!r})")
