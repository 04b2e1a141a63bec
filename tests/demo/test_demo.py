from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import geopandas
import pandas as pd
import pytest

from wsi_lab.demo import NUCLEI_STUDY, SLIDE, STUDY, TOUR, example, prepare
from wsi_lab.errors import HomeUnusable, NotFound
from wsi_lab.service.lab import Lab, LabSettings

RUN = """
import signal, sys
from pathlib import Path
from wsi_lab.demo import run
# Tests that were started in the background inherit that Ctrl-C is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(run(Path(sys.argv[1]), port=int(sys.argv[2]), open_browser=False))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def tour_of(home: Path) -> Path:
    return home / "notebooks" / TOUR


def test_studies_slides_and_notebooks_are_made_once(home):
    prepare(home)
    prepare(home)
    with Lab.open(LabSettings(home=home)) as lab:
        owner = lab.people.owner()
        study = lab.studies.by_name(owner, STUDY)
        (slide,) = lab.slides.list(owner, study.id).items
        nuclei = lab.slides.list(owner, lab.studies.by_name(owner, NUCLEI_STUDY).id).items
    assert slide.name == SLIDE
    assert Path(slide.source) == (home / "slides" / f"{SLIDE}.svs").resolve()
    assert sorted(each.name for each in nuclei) == ["cervix-biopsy", "ovary-nest"]
    stems = ("agreement", "annotations", "readers", "tour")
    notebooks = [*(f".{stem}.json" for stem in stems), *(f"{stem}.ipynb" for stem in stems)]
    assert sorted(path.name for path in (home / "notebooks").iterdir()) == notebooks
    files = ["CMU-1-Small-Region.svs", "cervix-biopsy.tif", "ovary-nest.jpg"]
    assert sorted(path.name for path in (home / "slides").iterdir()) == files


@pytest.mark.parametrize(
    "table", ["cervix_biopsy_nuclei", "cervix_biopsy_tissue", "ovary_nest_nuclei"]
)
def test_tables_of_the_demo_lie_on_their_slides(table):
    shapes = geopandas.read_parquet(example(f"{table}.parquet"))
    width, height = (1500, 1500) if table.startswith("ovary") else (7424, 11264)
    left, top, right, bottom = shapes.total_bounds
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("tubules", "tubulus"),
        ("pleomorphism", "pleomorphism"),
        ("mitoses", "mitosis"),
        ("grade", "nottingham"),
    ],
)
def test_scores_of_the_demo_are_those_that_were_published(name, original, shared_data):
    published = shared_data / "scores" / "nottingham" / f"{original}.csv"
    assert example(f"nottingham_{name}.csv").read_bytes() == published.read_bytes()


def test_readings_of_the_pilot_are_those_that_were_published(shared_data):
    published = pd.read_csv(shared_data / "scores" / "htt" / "pilotHTT.csv")
    platforms = {
        "camic": "caMicroscope",
        "pathp": "PathPresenter",
        "eedap": "microscope",
        "camic-expert": "expert panel",
    }
    expected = pd.DataFrame(
        {
            "slide": published["WSI"].str.removesuffix(".ndpi"),
            "region": published["caseID"].str.replace(".ndpi_", " ", regex=False),
            "reader": published["readerID"],
            "platform": published["modalityID"].map(platforms),
            "label": published["labelROI"],
            "density": published["densityTILs"],
            "read_on": pd.to_datetime(published["createDate"]).astype("datetime64[ms]"),
        }
    )
    found = pd.read_parquet(example("htt_pilot.parquet"))
    key = ["region", "reader", "platform"]
    pd.testing.assert_frame_equal(
        found.sort_values(key, ignore_index=True), expected.sort_values(key, ignore_index=True)
    )
    assert example("htt_pilot.parquet").stat().st_size < 150_000


def test_table_that_the_demo_has_not_is_told_with_those_it_has():
    with pytest.raises(NotFound, match="cervix_biopsy_nuclei"):
        example("../LICENSE.txt")


def test_changed_tour_is_never_overwritten(home):
    prepare(home)
    tour_of(home).write_text("mine")
    prepare(home)
    assert tour_of(home).read_text() == "mine"
    assert not (home / "notebooks" / "tour-2.ipynb").exists()


def test_newer_tour_stands_beside_a_changed_one(home):
    prepare(home)
    shipped = tour_of(home).read_bytes()
    tour_of(home).write_text("mine")
    (home / "notebooks" / ".tour.json").write_text(json.dumps({"given": "an older one"}))
    prepare(home)
    prepare(home)
    assert tour_of(home).read_text() == "mine"
    assert (home / "notebooks" / "tour-2.ipynb").read_bytes() == shipped
    assert not (home / "notebooks" / "tour-3.ipynb").exists()


def test_newer_tour_replaces_one_that_nobody_changed(home):
    prepare(home)
    shipped = tour_of(home).read_bytes()
    tour_of(home).write_text("as it was given by an older version")
    given = sha256(tour_of(home).read_bytes()).hexdigest()
    note = home / "notebooks" / ".tour.json"
    note.write_text(json.dumps({"given": given}))
    prepare(home)
    assert tour_of(home).read_bytes() == shipped
    assert not (home / "notebooks" / "tour-2.ipynb").exists()


def test_removed_tour_comes_back(home):
    prepare(home)
    tour_of(home).unlink()
    prepare(home)
    assert tour_of(home).exists()


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"given": 3', "null"])
def test_broken_note_about_the_tour_does_no_harm(home, note):
    prepare(home)
    tour_of(home).write_text("mine")
    (home / "notebooks" / ".tour.json").write_text(note)
    prepare(home)
    assert tour_of(home).read_text() == "mine"


def test_home_that_is_a_file_is_refused(home):
    home.write_text("in the way")
    with pytest.raises(HomeUnusable):
        prepare(home)


def asked_until_ready(url: str, token: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"token {token}"})
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 503 or time.monotonic() > until:
                raise
            time.sleep(0.1)


def free_port() -> int:
    """Return a port from below those that the system hands out by itself meanwhile."""
    while True:
        port = secrets.choice(range(20_000, 30_000))
        with suppress(OSError), socket.socket() as free:
            free.bind(("127.0.0.1", port))
            return port


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_prints_where_it_is_and_ends_when_told(home, tmp_path, number):
    port = free_port()
    private = {
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(home), str(port)],
        env=os.environ | private,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        line = process.stdout.readline()
        url = re.search(r"http://\S+", line).group()
        assert f":{port}/lab/tree/{TOUR}?token=" in url
        address, token = url.split("?token=")
        studies = address.replace(f"lab/tree/{TOUR}", "wsi-lab/v1/studies")
        answer = asked_until_ready(studies, token)
        assert [each["name"] for each in answer["items"]] == [STUDY, NUCLEI_STUDY]
        process.send_signal(number)
        assert process.wait(60) == 0
    finally:
        # Told first, so that it ends the JupyterLab it has started.
        process.terminate()
        process.communicate(timeout=60)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)


def test_home_is_for_its_owner_alone(home):
    prepare(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
