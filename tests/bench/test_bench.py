"""The harness itself: what it asks, how it judges, what it prints."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import numpy as np
import pytest
import simplejpeg

from bench import race, regions, subjects, tiles, wsi_lab_subjects
from bench.load import Request, tiles_of
from bench.painting import BLOCK, Painting
from bench.processes import NotStarted, ServerProcesses, free_port
from bench.race import in_turn
from bench.report import Bound, Findings, Goal, Table, Verdict, number, ratios, summary
from bench.slides import BenchSlides, split_tables
from bench.stored import START_OF_IMAGE, StoredLevel, StoredTiles
from bench.subjects import Addresses, Server, Subject
from bench.walk import VIEW_WIDTH, Tile, views
from wsi_lab.model.slide import Level, SlideProperties, deepzoom_grid, map_grid


def quiet(_line: str) -> None:
    """Say nothing."""


def halving_levels(width: int, height: int, count: int) -> list[StoredLevel]:
    return [
        StoredLevel(width >> n, height >> n, 256, 1 << n, START_OF_IMAGE, [], [])
        for n in range(count)
    ]


LEVELS = halving_levels(24576 + 100, 20480 + 100, 6)


def test_the_walk_is_the_same_in_every_run():
    assert views(LEVELS, tiles=500, seed=7) == views(LEVELS, tiles=500, seed=7)
    assert views(LEVELS, tiles=500, seed=7) != views(LEVELS, tiles=500, seed=8)


def test_a_view_has_only_whole_tiles_of_one_level_and_fits_a_screen():
    walk = views(LEVELS, tiles=2000, seed=7)
    assert sum(map(len, walk)) >= 2000
    most = (VIEW_WIDTH // 256 + 2) * (1080 // 256 + 2)
    for view in walk:
        assert 1 <= len(view) <= most
        assert len({tile.level for tile in view}) == 1
        assert len(set(view)) == len(view)
        level = LEVELS[view[0].level]
        assert all((tile.column + 1) * 256 <= level.width for tile in view)
        assert all((tile.row + 1) * 256 <= level.height for tile in view)


def test_the_first_part_of_a_walk_asks_for_the_same_mixture_as_the_whole():
    walk = [tile for view in views(LEVELS, tiles=12000, seed=7) for tile in view]

    def share_of_level_0(asked: list[Tile]) -> float:
        return sum(tile.level == 0 for tile in asked) / len(asked)

    assert share_of_level_0(walk[:3000]) == pytest.approx(share_of_level_0(walk), abs=0.1)


@pytest.mark.parametrize("level", range(6))
def test_a_tile_has_the_addresses_of_the_product(level: int):
    properties = SlideProperties(
        "TIFF", tuple(Level(one.width, one.height, 256, 256, one.downsample) for one in LEVELS)
    )
    addresses = Addresses(LEVELS)
    tile = Tile(level, 0, 0)
    assert map_grid(properties).level(addresses.map_zoom(tile)).downsample == 2**level
    assert deepzoom_grid(properties).level(addresses.deepzoom_level(tile)).downsample == 2**level


def test_tiles_are_counted_over_the_end_of_the_list_and_on():
    requests = [Request("/a", 4), Request("/b", 1), Request("/c", 2)]
    assert [tiles_of(requests, answered) for answered in range(6)] == [0, 4, 5, 7, 11, 12]


@pytest.mark.parametrize(
    ("bound", "measured", "verdict"),
    [
        (Bound.AT_MOST, (1.0, 9.0, 1.1), Verdict.MET),
        (Bound.AT_MOST, (1.0, 1.2, 1.3), Verdict.MISSED),
        (Bound.AT_LEAST, (1.1,), Verdict.MET),
        (Bound.AT_LEAST, (1.0, 1.05), Verdict.MISSED),
        (Bound.AT_LEAST, (), Verdict.UNKNOWN),
    ],
)
def test_a_goal_is_judged_by_the_median_of_its_rounds(bound, measured, verdict):
    assert Goal("tiles", bound, 1.1, measured).verdict is verdict


def test_a_missed_goal_shows_its_single_rounds():
    row = Goal("CPU of a tile", Bound.AT_MOST, 1.1, (1.3, 1.05, 1.2)).row()
    assert row == ["CPU of a tile", "≤ 1.10 ×", "1.20 ×", "1.05 to 1.30", "NOT MET"]


def test_what_was_not_measured_says_why_and_is_never_met():
    goal = Goal("CPU of a tile", Bound.AT_MOST, 1.1, why_not="no nginx")
    assert goal.row()[-1] == "not measured: no nginx"
    assert summary([Findings("tiles", goals=[goal])]) == "Goals: 0 met, 0 not met, 1 not measured."


def test_a_ratio_is_taken_within_a_round():
    rounds = {"ours": [{"cpu": 1.0}, {"cpu": 10.0}], "theirs": [{"cpu": 2.0}, {"cpu": 20.0}]}
    assert ratios(rounds, "ours", "theirs", "cpu") == (0.5, 0.5)
    assert ratios(rounds, "ours", "nobody", "cpu") == ()


def test_numbers_have_three_figures():
    values = (61068.2, 15.04, 1.104, 0.0555, 2, 0.0, None)
    assert [number(value) for value in values] == [
        "61,068",
        "15.0",
        "1.10",
        "0.056",
        "2",
        "0.00",
        "-",
    ]


def test_a_table_lines_up_names_left_and_numbers_right():
    table = Table("Tiles", ("server", "tiles/s"), [["nginx", 48264.0], ["us", None]], ["Notes."])
    assert table.render().splitlines() == [
        "Tiles",
        "  server  tiles/s",
        "  ------  -------",
        "  nginx    48,264",
        "  us            -",
        "  Notes.",
    ]


def test_findings_print_what_failed_and_what_was_left_out_beside_the_goals():
    findings = Findings("tiles", failures=["nginx: no answer"], left_out=["IIPImage: apt-get …"])
    assert "FAILED: nginx: no answer" in findings.render()
    assert "Left out: IIPImage: apt-get …" in findings.render()


def test_without_wrk_the_tiles_are_left_out_with_the_way_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(tiles, "program", lambda _name: None)
    nowhere = BenchSlides(tmp_path / "a.tif", tmp_path / "b.svs")
    findings = tiles.measure(nowhere, race.Effort(1, 1, 1, 1), quiet)
    assert "apt-get install wrk" in findings.left_out[0]
    assert not findings.tables


def test_without_nginx_the_other_peers_run_and_it_says_what_is_missing(
    monkeypatch, tmp_path: Path, demo_slide: Path
):
    monkeypatch.setattr(subjects, "program", lambda _name: None)
    stored = StoredTiles(demo_slide)
    found, left_out = subjects.peers(
        demo_slide, stored, [(Tile(0, 0, 0),)], body=tmp_path / "body.jpg", folder=tmp_path
    )
    stored.close()
    names = {subject.name for subject in found}
    assert names == {
        subjects.TORNADO,
        subjects.JUPYTER,
        subjects.LARGE_IMAGE,
        subjects.OPENSLIDE,
    }
    assert all("apt-get install" in sentence for sentence in left_out)
    assert len(left_out) == 2


def test_what_is_compared_closely_is_measured_side_by_side():
    server = Server("any", lambda _port: [])

    def entrant(name: str, beside: str = "") -> SimpleNamespace:
        return SimpleNamespace(subject=Subject(name, server, str, beside=beside))

    entrants = [entrant("a"), entrant("b"), entrant("c"), entrant("d"), entrant("a'", beside="a")]
    orders = [[one.subject.name for one in in_turn(entrants, seed=number)] for number in range(20)]
    assert all(abs(order.index("a") - order.index("a'")) == 1 for order in orders)
    assert all(sorted(order) == ["a", "a'", "b", "c", "d"] for order in orders)
    assert len({tuple(order) for order in orders}) > 10


def test_a_server_that_ends_is_reported_with_its_last_words(tmp_path: Path):
    words = "import sys; sys.exit('no such slide')"
    server = ServerProcesses([[sys.executable, "-c", words]], log=tmp_path / "log")
    try:
        with pytest.raises(NotStarted, match="no such slide"):
            server.wait_for(f"http://127.0.0.1:{free_port()}/", {})
    finally:
        server.stop()


def test_fixed_bytes_come_through_the_product_with_the_headers_of_real_tiles(
    tmp_path: Path, demo_slide: Path
):
    body = tmp_path / "body.jpg"
    body.write_bytes(b"fixed bytes")
    stored = StoredTiles(demo_slide)
    found = {
        subject.name: subject
        for subject in wsi_lab_subjects.subjects(demo_slide, stored.levels, body, tmp_path)
    }
    stored.close()
    answers = []
    for name in (wsi_lab_subjects.ALONE, wsi_lab_subjects.fixed(wsi_lab_subjects.ALONE)):
        subject, port = found[name], free_port()
        server = ServerProcesses(subject.server.commands(port), log=tmp_path / "log")
        try:
            url = f"http://127.0.0.1:{port}{subject.path((Tile(0, 1, 2),))}"
            server.wait_for(url, subject.headers)
            with urlopen(HttpRequest(url, headers=subject.headers)) as answer:
                headers = {key: value for key, value in answer.headers.items() if key != "Date"}
                answers.append((headers, answer.read()))
        finally:
            server.stop()
    (real, tile), (constant, bytes_served) = answers
    assert bytes_served == b"fixed bytes"
    simplejpeg.decode_jpeg_header(tile)
    assert real | {"Content-Length": "11"} == constant


def test_tables_and_tile_make_the_jpeg_they_were_split_from():
    pixels = np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)
    whole = simplejpeg.encode_jpeg(pixels, 80, "RGB", "420")
    tables, tile = split_tables(whole)
    joined = START_OF_IMAGE + tables[2:-2] + tile[2:]
    assert np.array_equal(simplejpeg.decode_jpeg(joined), simplejpeg.decode_jpeg(whole))
    assert len(tile) < len(whole) - 500


def test_the_same_slide_is_painted_every_time_and_cut_where_it_ends():
    def corner() -> np.ndarray:
        painting = Painting.of_size(BLOCK + 96, 128, texture_side=512)
        return painting.block(1, 0)

    assert corner().shape == (128, 96, 3)
    assert np.array_equal(corner(), corner())


def test_stored_tiles_decode_to_what_openslide_shows(demo_slide: Path):
    from openslide import OpenSlide

    stored = StoredTiles(demo_slide)
    shown = simplejpeg.decode_jpeg(stored.jpeg(0, 3, 4))
    stored.close()
    with OpenSlide(str(demo_slide)) as slide:
        expected = np.asarray(slide.read_region((3 * 240, 4 * 240), 0, (240, 240)).convert("RGB"))
    assert np.abs(shown.astype(int) - expected).mean() < 1


def test_regions_are_measured_on_the_demo_slide(demo_slide: Path):
    case = regions.Case("demo", demo_slide)
    findings = regions.measure([case], regions.Effort(rounds=1, patches=3), quiet)
    assert findings.failures == []
    assert [goal.verdict is Verdict.UNKNOWN for goal in findings.goals] == [False] * 4
    rows = {str(row[0]): row for row in findings.tables[0].rows}
    assert set(rows) == {"bare simplejpeg decoding", "OpenSlide", "large_image", "wsi-lab"}
    assert rows["wsi-lab"][-1] < 1
