"""What is compared of the streamer's door: real tiles, the same bytes from memory, processes."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import simplejpeg

from bench import streamer
from bench.processes import ServerProcesses, free_port
from bench.race import Effort
from bench.report import Findings, Verdict
from bench.slides import BenchSlides
from bench.stored import StoredTiles
from bench.walk import Tile


def quiet(_line: str) -> None:
    """Say nothing."""


def test_without_wrk_it_is_left_out_with_the_way_to_get_it(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(streamer, "program", lambda _name: None)
    nowhere = BenchSlides(tmp_path / "a.tif", tmp_path / "b.svs")
    findings = streamer.measure(nowhere, Effort(1, 1, 1, 1), quiet)
    assert "apt-get install wrk" in findings.left_out[0]
    assert not findings.tables


def test_fixed_bytes_come_through_the_door_with_the_headers_of_real_tiles(
    tmp_path: Path, demo_slide: Path
):
    body = tmp_path / "body.jpg"
    body.write_bytes(b"fixed bytes")
    (tmp_path / "slides").mkdir()
    slide = Path(shutil.copy(demo_slide, tmp_path / "slides"))
    stored = StoredTiles(slide)
    kept = stored.tile(0, 1, 2)
    stored.close()
    answers = []
    for subject in streamer.subjects(slide, body, tmp_path):
        port = free_port()
        server = ServerProcesses(subject.server.commands(port), log=tmp_path / "log")
        try:
            url = f"http://127.0.0.1:{port}{subject.path((Tile(0, 1, 2),))}"
            server.wait_for(url, {})
            with urlopen(Request(url)) as answer:
                headers = {key: value for key, value in answer.headers.items() if key != "Date"}
                answers.append((headers, answer.read()))
        finally:
            server.stop()
    (real, tile), (constant, bytes_served) = answers
    assert bytes_served == b"fixed bytes"
    assert tile.endswith(kept)
    simplejpeg.decode_jpeg_header(tile)
    assert real | {"Content-Length": "11"} == constant | {"X-Tile-Cache-Hit": "true"}


@pytest.mark.parametrize(
    ("rates", "verdict"), [((100.0, 190.0), Verdict.MET), ((100.0, 120.0), Verdict.MISSED)]
)
def test_a_second_process_has_to_bring_something(rates: tuple[float, float], verdict: Verdict):
    findings = Findings("streamer")
    for count, rate in zip(streamer.PROCESSES, rates, strict=True):
        name = streamer.with_processes(count)
        findings.rounds[name] = [{"tiles_per_second": rate, "cpu_us_per_tile": 1.0}]
    goals = streamer.goals(findings)
    assert goals[-1].verdict is verdict
    assert {goal.why_not for goal in goals[:-1]} == {f"no {streamer.DOOR}"}
