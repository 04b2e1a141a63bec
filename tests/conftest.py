"""What all tests share: the real data, and one clean home each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from wsi_lab.demo import prepare
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.slides.fetching import Fetcher

# How long an example takes says how much else the machine does.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real slides, annotations and scores, which lie beside the checkout."""
    folder = (REPOSITORY.parent / "shared" / "data").resolve()
    if not folder.is_dir():
        pytest.skip("../shared/data is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def demo_slide() -> Path:
    """An Aperio slide: 2220 x 2967 pixels in one level, 240-pixel JPEG tiles coded as RGB."""
    return REPOSITORY / "wsi_lab" / "demo" / "CMU-1-Small-Region.svs"


@pytest.fixture
def whole_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have fetchers that are made from now on wait longer for the rest of a view.

    Whoever asks for its tiles may be held up in between, which shall not look like its end.
    """
    for name, seconds in (("idle_seconds", 0.3), ("longest_wait_seconds", 10.0)):
        monkeypatch.setitem(Fetcher.__init__.__kwdefaults__, name, seconds)


SERVE = """
import sys
from pathlib import Path
from wsi_lab.server.app import serve
from wsi_lab.service.lab import LabSettings
told = lambda url: print(url, flush=True)
sys.exit(serve(LabSettings(home=Path(sys.argv[1])), port=0, started=told))
"""


@dataclass(frozen=True)
class Served:
    """A lab in another process, over real HTTP, and what its owner needs to be known there."""

    url: str
    token: str
    home: Path


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo's lab, served until all tests are done."""
    home = tmp_path_factory.mktemp("served") / "home"
    prepare(home)
    with Lab.open(LabSettings(home=home)) as lab:
        _, token = lab.people.create_token(lab.people.owner(), name="tests", capabilities=["all"])
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(home)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield Served(process.stdout.readline().strip(), token, home)
    finally:
        process.terminate()
        process.communicate(timeout=60)
