"""The demo: a study with a real slide, and a tour of it in JupyterLab.

What it makes is the user's: it is made once, kept over restarts, and never overwritten.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from wsi_lab.errors import Conflict, HomeUnusable, NotFound

STUDY = "demo"
SLIDE = "CMU-1-Small-Region"
TOUR = "tour.ipynb"
_FOLDER = Path(__file__).parent
_GIVEN = ".tour.json"
_STARTS_WITHIN_S = 60.0
_STOPS_WITHIN_S = 10.0


def run(home: Path, *, port: int | None, open_browser: bool) -> int:
    """Prepare the demo in `home`, start JupyterLab on the tour, and return its exit code.

    Returns when JupyterLab ends; Ctrl-C ends it, and then the code is 0.

    Parameters
    ----------
    home
        The lab's folder; made when it is missing.
    port
        Where JupyterLab listens; `None` takes 8888 or the next free one.
    open_browser
        Whether to open the tour in the user's browser.
    """
    prepare(home)
    try:
        with _jupyterlab(home, port=port, open_browser=open_browser) as process:
            url = _url(process)
            if url is not None:
                told = f"The tour is at {url}\nCtrl-C ends it; {home} keeps what you do."
                print(told, flush=True)  # noqa: T201 (the command's answer)
            return process.wait()
    except KeyboardInterrupt:
        return 0


def prepare(home: Path) -> None:
    """Make the demo study, its slide and the tour where they are missing.

    Raises
    ------
    HomeUnusable
        The folder cannot be written.
    """
    try:
        # For its owner alone, as the lab itself would make it.
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        slide = _place(_FOLDER / f"{SLIDE}.svs", home / "slides")
        _place_tour(home / "notebooks")
    except OSError as error:
        raise HomeUnusable(
            "The demo cannot write to its folder. Choose another with --home, or make room."
        ) from error
    _register(home, slide)


def _register(home: Path, path: Path) -> None:
    # The service and what it needs is loaded only here: `wsi-lab --help` stays fast.
    from wsi_lab.service.lab import Lab, LabSettings  # noqa: PLC0415

    with Lab.open(LabSettings(home=home)) as lab:
        owner = lab.people.owner()
        try:
            study = lab.studies.by_name(owner, STUDY)
        except NotFound:
            study = lab.studies.create(owner, STUDY, "A region of a real slide to try things on.")
        if lab.slides.list(owner, study.id, name=SLIDE).items:
            return
        try:
            lab.slides.add(
                owner, study.id, str(path), name=SLIDE, case="CMU-1", case_public="CMU-1",
                stain="H&E", tags=("demo",),
            )  # fmt: skip
        except Conflict:
            # Another `wsi-lab demo` on the same home was a moment earlier.
            return


def _place(file: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    placed = folder / file.name
    if not placed.exists():
        unfinished = folder / f".{file.name}.{os.getpid()}"
        shutil.copyfile(file, unfinished)
        unfinished.replace(placed)
    return placed


def _place_tour(folder: Path) -> None:
    """Put this version's tour into the folder, unless it was put there before.

    What was given is remembered by its hash: a copy that is still as it was given is replaced
    by a newer one; beside a copy that the user changed the newer one gets a name of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tour = _tour()
    digest = _hash(tour)
    note = folder / _GIVEN
    given = _given(note)
    target = folder / TOUR
    if digest == given and target.exists():
        return
    if target.exists() and _hash(target.read_bytes()) not in {given, digest}:
        numbers = range(2, 1000)
        target = next(path for n in numbers if not (path := folder / f"tour-{n}.ipynb").exists())
    target.write_bytes(tour)
    note.write_text(json.dumps({"given": digest}), encoding="utf-8")


def _tour() -> bytes:
    packaged = _FOLDER / "notebooks" / TOUR
    in_checkout = _FOLDER.parents[1] / "notebooks" / TOUR
    return (packaged if packaged.exists() else in_checkout).read_bytes()


def _given(note: Path) -> str | None:
    try:
        return str(json.loads(note.read_text(encoding="utf-8"))["given"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()


@contextmanager
def _jupyterlab(
    home: Path, *, port: int | None, open_browser: bool
) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [
        f"--ServerApp.root_dir={home / 'notebooks'}",
        f"--ServerApp.open_browser={open_browser}",
        f"--LabApp.default_url=/lab/tree/{TOUR}",
        "--Application.log_level=WARN",
    ]
    if port is not None:
        arguments += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")
    # In a session of its own, so that Ctrl-C reaches only this process: Jupyter would ask back.
    process = subprocess.Popen(  # noqa: S603 (our own interpreter, arguments made above)
        [sys.executable, "-m", "jupyterlab", *arguments],
        env=os.environ | {"WSI_LAB_HOME": str(home)},
        start_new_session=True,
    )
    before = signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        yield process
    finally:
        signal.signal(signal.SIGTERM, before)
        _stop(process)


def _as_interrupt(number: int, frame: Any) -> None:
    del number, frame
    raise KeyboardInterrupt


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_STOPS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _url(process: subprocess.Popen[bytes]) -> str | None:
    """Return the tour's address as soon as Jupyter has written down where it listens."""
    from jupyter_core.paths import jupyter_runtime_dir  # noqa: PLC0415 (only when it is started)

    told = Path(jupyter_runtime_dir()) / f"jpserver-{process.pid}.json"
    until = time.monotonic() + _STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        try:
            server = json.loads(told.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            time.sleep(0.1)
            continue
        token = f"?token={server['token']}" if server.get("token") else ""
        return f"{server['url']}lab/tree/{TOUR}{token}"
    return None
