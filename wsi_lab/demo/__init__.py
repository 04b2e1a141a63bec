"""The demo: studies with real slides and nuclei, and notebooks about them in JupyterLab.

What it makes is the user's: it is made once, kept over restarts, and never overwritten.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from wsi_lab.demo.placing import TOUR, place_notebooks
from wsi_lab.errors import Conflict, HomeUnusable, NotFound

__all__ = ["NUCLEI_STUDY", "SLIDE", "STUDY", "TOUR", "example", "prepare", "run"]

STUDY = "demo"
SLIDE = "CMU-1-Small-Region"
NUCLEI_STUDY = "nuclei"
_FOLDER = Path(__file__).parent


class _DemoSlide(NamedTuple):
    file: str
    study: str
    case: str
    stain: str


_STUDIES = {
    STUDY: "A region of a real slide to try things on.",
    NUCLEI_STUDY: "What a model found on an ovarian tumour and on a cervical biopsy.",
}
_SLIDES = (
    _DemoSlide(f"{SLIDE}.svs", STUDY, "CMU-1", "H&E"),
    _DemoSlide("nuclei/ovary-nest.jpg", NUCLEI_STUDY, "ovary", "H&E"),
    # There is no picture of the biopsy; a map of its tissue stands in.
    _DemoSlide("nuclei/cervix-biopsy.tif", NUCLEI_STUDY, "cervix", ""),
)
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
    """Make the demo's studies, their slides and the notebooks where they are missing.

    Raises
    ------
    HomeUnusable
        The folder cannot be written.
    """
    try:
        # For its owner alone, as the lab itself would make it.
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        placed = [_place(_FOLDER / each.file, home / "slides") for each in _SLIDES]
        place_notebooks(home / "notebooks")
    except OSError as error:
        raise HomeUnusable(
            "The demo cannot write to its folder. Choose another with --home, or make room."
        ) from error
    _register(home, placed)


def example(name: str) -> Path:
    """Return where a slide or a table of the demo lies.

    Parameters
    ----------
    name
        Of slides: ``CMU-1-Small-Region.svs``, ``ovary-nest.jpg``, ``cervix-biopsy.tif``.

        Of shapes: ``cervix_biopsy_nuclei.parquet`` (19,197 nuclei),
        ``cervix_biopsy_tissue.parquet`` (56 tissue regions) or ``ovary_nest_nuclei.parquet``
        (1,295 nuclei): GeoParquet with ``geometry`` in level-0 pixels and ``class_name``. They
        are from histolytics (BSD 3-Clause, HautaniemiLab).

        Of scores: ``nottingham_grade.csv``, ``nottingham_tubules.csv``,
        ``nottingham_pleomorphism.csv`` and ``nottingham_mitoses.csv`` (100 breast cancers by 9
        pathologists, no header; Cserni et al. 2022, by way of mOm, MIT, Benjamin Olson), and
        ``htt_pilot.parquet`` (7,898 readings of 640 regions by 37 readers: ``slide, region,
        reader, platform, label, density, read_on``; the pilot of the FDA's High-Throughput
        Truthing, CC0, DIDSR).

    Raises
    ------
    NotFound
        There is none of that name.

    Examples
    --------
    >>> example("ovary_nest_nuclei.parquet").name
    'ovary_nest_nuclei.parquet'
    """
    there = {
        path.name: path
        for pattern in ("nuclei/*.parquet", "scores/*.csv", "scores/*.parquet")
        for path in sorted(_FOLDER.glob(pattern))
    }
    there |= {path.name: path for each in _SLIDES if (path := _FOLDER / each.file).exists()}
    if name not in there:
        raise NotFound(f"The demo has no {name}; it has {', '.join(there)}.")
    return there[name]


def _register(home: Path, placed: Sequence[Path]) -> None:
    # The service and what it needs is loaded only here: `wsi-lab --help` stays fast.
    from wsi_lab.service.lab import Lab, LabSettings  # noqa: PLC0415

    with Lab.open(LabSettings(home=home)) as lab:
        owner = lab.people.owner()
        studies = {}
        for name, description in _STUDIES.items():
            try:
                studies[name] = lab.studies.by_name(owner, name)
            except NotFound:
                studies[name] = lab.studies.create(owner, name, description)
        for each, path in zip(_SLIDES, placed, strict=True):
            study = studies[each.study]
            if lab.slides.list(owner, study.id, name=path.stem).items:
                continue
            # Another `wsi-lab demo` on the same home may be a moment earlier.
            with suppress(Conflict):
                lab.slides.add(
                    owner, study.id, str(path), name=path.stem, case=each.case,
                    case_public=each.case, stain=each.stain, tags=("demo",),
                )  # fmt: skip


def _place(file: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    placed = folder / file.name
    if not placed.exists():
        unfinished = folder / f".{file.name}.{os.getpid()}"
        shutil.copyfile(file, unfinished)
        unfinished.replace(placed)
    return placed


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
    """Return the tour's address as soon as somebody who follows it gets an answer."""
    from jupyter_core.paths import jupyter_runtime_dir  # noqa: PLC0415 (only when it is started)

    told = Path(jupyter_runtime_dir()) / f"jpserver-{process.pid}.json"
    until = time.monotonic() + _STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        try:
            server = json.loads(told.read_text(encoding="utf-8"))
            # Jupyter writes its address down a moment before it listens there.
            socket.create_connection((server["hostname"], server["port"]), timeout=1).close()
        except (OSError, ValueError):
            time.sleep(0.1)
            continue
        token = f"?token={server['token']}" if server.get("token") else ""
        return f"{server['url']}lab/tree/{TOUR}{token}"
    return None
