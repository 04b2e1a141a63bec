"""Slides by link: what QuPath reads there, and what it sends."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import requests
import simplejpeg
from lab_log import lab_log
from tusclient import client as tus

from wsi_lab.model.people import Right
from wsi_lab.model.question import checked_question
from wsi_lab.server.slidescore.qupath import by_core

SHAPES = '[{"type":"rect","corner":{"x":1,"y":2},"size":{"x":30,"y":40}}]'


class Link:
    """The address that a QuPath project keeps."""

    def __init__(self, door: Any, study_id: int, slide_id: int, who: str) -> None:
        answer = door.get("GetQupathTokensForStudy", who, studyId=study_id)
        assert answer.status_code == 200, answer.text
        (found,) = [each for each in answer.json()["tokens"] if each["imageID"] == slide_id]
        self.token = found["token"]
        self.metadata = f"{door.base}/{found['link']}"

    def get(self, tail: str) -> requests.Response:
        where = self.metadata.replace("SlideScoreMetadata.json", tail)
        return requests.get(where, timeout=30)

    def post(self, tail: str, **form: Any) -> requests.Response:
        where = self.metadata.replace("SlideScoreMetadata.json", tail)
        return requests.post(where, data=form, timeout=30)


@pytest.fixture
def slide(world: Any) -> Any:
    return world.new_slide()


@pytest.fixture
def scorer(world: Any) -> str:
    """Somebody who may answer and sees no answers of others."""
    email = f"{world.name().replace(' ', '-')}@lab"
    world.lab.people.add(world.owner, email)
    world.lab.studies.set_member(world.owner, world.study.id, email, [Right.VIEW, Right.SCORE])
    return email


@pytest.fixture
def new_link(door: Any, world: Any, slide: Any) -> Callable[..., Link]:
    return lambda who="site_admin": Link(door, world.study.id, slide.id, who)


@pytest.fixture
def question(world: Any) -> Any:
    spec = checked_question(world.name(), "AnnoShapes", "#00ff00;x")
    return world.lab.questions.add(world.owner, world.study.id, spec)


def test_metadata_is_spelled_for_qupath(new_link: Any, slide: Any, demo_slide: Path) -> None:
    said = new_link().get("SlideScoreMetadata.json").json()
    with openslide.OpenSlide(str(demo_slide)) as opened:
        assert (said["Level0Width"], said["Level0Height"]) == opened.dimensions
    assert said["OSDTileSize"] == 240
    assert said["FileName"] == f"{slide.name}.svs"
    assert (said["MppX"], said["LevelCount"], said["Downsamples"]) == (0.499, 1, [1])
    assert {"Level0TileWidth", "LevelWidths", "LevelHeights", "ZLayerCount"} <= set(said)


def test_raw_tile_is_what_openslide_reads(new_link: Any, demo_slide: Path) -> None:
    answer = new_link().get("raw/0/700_1200/300_200.jpeg")
    assert answer.headers["Content-Type"] == "image/jpeg"
    seen = simplejpeg.decode_jpeg(answer.content).astype(int)
    with openslide.OpenSlide(str(demo_slide)) as opened:
        expected = np.asarray(opened.read_region((700, 1200), 0, (300, 200)).convert("RGB"))
    assert np.abs(seen - expected).mean() < 2


@pytest.mark.parametrize("tail", ["raw/9/0_0/9_9.jpeg", "raw/0/a_0/9_9.jpeg", "raw/0/0_0/9_9.png"])
def test_raw_tile_there_is_not(new_link: Any, tail: str) -> None:
    assert new_link().get(tail).status_code == 404


def test_questions_are_lines(new_link: Any, question: Any) -> None:
    lines = new_link().get("Questions.json").text.splitlines()
    assert f"{question.name};AnnoShapes;#00ff00;x" in lines


def test_answer_is_the_visitors_own(
    new_link: Any, world: Any, question: Any, scorer: str, slide: Any
) -> None:
    link = new_link(world.token(scorer))
    sent = link.post("AnnoAnswer.json", question=question.name, answer=SHAPES)
    assert sent.json() == {"success": True}
    (row,) = world.lab.results.rows(world.owner, world.study.id, slide_id=slide.id)
    assert (row.author, row.value) == (scorer, SHAPES)
    assert link.get("Answers.json").text == f"{question.name};{scorer};{SHAPES};#00ff00\n"


def test_answers_of_others_are_for_who_may_see_results(
    new_link: Any, world: Any, question: Any, scorer: str, slide: Any
) -> None:
    text = '[{"type":"polygon","points":[],"labels":[{"label":"a;b"}]}]'
    rows = f"\n{slide.id}\tx\tmodel@lab\t{question.name}\t{text}"
    world.lab.results.import_table(world.owner, world.study.id, rows)
    assert new_link(world.token(scorer)).get("Answers.json").text == ""
    (line,) = new_link().get("Answers.json").text.splitlines()
    fields = line.split(";")
    assert (len(fields), fields[1]) == (4, "model@lab")
    assert json.loads(fields[2]) == json.loads(text)


def test_answers_about_cores_are_stored_core_by_core(
    new_link: Any, world: Any, question: Any, scorer: str, slide: Any
) -> None:
    world.lab.tma_maps.create(world.owner, world.study.id, f"{slide.id}.map", "A\tB\nC\n")
    world.lab.tma_maps.assign(world.owner, world.study.id, slide.id, f"{slide.id}.map")
    link = new_link(world.token(scorer))
    answer = f"TMAs:\n0,1\n{SHAPES}\n1,0\n[]"
    sent = link.post("AnnoAnswer.json", question=question.name, answer=answer)
    assert sent.json() == {"success": True}
    rows = world.lab.results.rows(world.owner, world.study.id, slide_id=slide.id)
    found = [(each.core.row, each.core.column, each.core.sample, each.value) for each in rows]
    assert found == [(0, 1, "B", SHAPES), (1, 0, "C", "[]")]
    said = link.get("TMAPositions.json").json()
    assert [(each["row"], each["col"], each["name"]) for each in said["cores"]] == [
        *((0, 0, "A"), (0, 1, "B"), (1, 0, "C"))
    ]
    scale = 1000 * 2220 / 2967
    assert said["cores"][1]["x"] == round(1665 * scale)
    assert said["rotate"] == 0
    assert said["coreRadiusUM"] > 0


def test_slide_without_a_map_has_no_cores(new_link: Any) -> None:
    assert new_link().get("TMAPositions.json").json()["cores"] == []


@pytest.mark.parametrize("answer", ["{", "TMAs:\n0,1", "TMAs:\n0;1\n[]", '[{"x": NaN}]'])
def test_what_is_no_answer_is_refused(
    new_link: Any, world: Any, question: Any, slide: Any, answer: str
) -> None:
    said = new_link().post("AnnoAnswer.json", question=question.name, answer=answer).json()
    assert said["success"] is False
    assert said["error"]
    assert world.lab.results.rows(world.owner, world.study.id, slide_id=slide.id) == []


def test_link_of_who_may_not_answer_changes_nothing(
    new_link: Any, question: Any, world: Any, slide: Any
) -> None:
    link = new_link("viewer")
    sent = link.post("AnnoAnswer.json", question=question.name, answer=SHAPES)
    assert sent.status_code == 401
    assert link.post("CreateAnno2.json", question=question.name).status_code == 401
    assert world.lab.results.rows(world.owner, world.study.id, slide_id=slide.id) == []


def test_file_is_sent_by_link(
    new_link: Any, door: Any, world: Any, question: Any, scorer: str, slide: Any, tmp_path: Path
) -> None:
    link = new_link(world.token(scorer))
    request = link.post("CreateAnno2.json", question=question.name).json()
    assert request["success"] is True
    file = tmp_path / "answer.gz"
    file.write_bytes(gzip.compress(SHAPES.encode()))
    sent = {"uploadtoken": request["uploadToken"], "apitoken": request["apiToken"]}
    with file.open("rb") as opened:
        client = tus.TusClient(f"{door.base}/files")
        uploader = client.uploader(file_stream=opened, metadata=sent)
        uploader.upload()
    finish = {"uploadToken": request["uploadToken"], "apiToken": request["apiToken"]}
    # QuPath glues what stands before the id to it.
    upload_id = f"prefix{uploader.url.rpartition('/')[2]}"
    stranger = new_link().post("FinishAnno2Upload.json", uploadId=upload_id, **finish)
    assert stranger.status_code == 401
    done = link.post("FinishAnno2Upload.json", uploadId=upload_id, **finish)
    assert done.json() == {"success": True}
    (row,) = world.lab.results.rows(world.owner, world.study.id, slide_id=slide.id)
    assert (row.author, row.value) == (scorer, SHAPES)


@pytest.mark.parametrize(
    "tail",
    [
        *("SlideScoreMetadata.json", "raw/0/0_0/9_9.jpeg", "Questions.json", "Answers.json"),
        "TMAPositions.json",
    ],
)
def test_link_ends_with_its_token(new_link: Any, root_door: Any, world: Any, tail: str) -> None:
    token = world.token("viewer@lab")
    link = new_link(token)
    assert link.get(tail).status_code == 200
    root_door.post("GiveUpToken", token)
    assert link.get(tail).status_code == 503


def test_wrong_links_are_told_so_whatever_is_sent(new_link: Any, slide: Any, door: Any) -> None:
    link = new_link()
    for token in ("x", link.token[:-1], f"{link.token}A"):
        base = f"{door.base}/i/{slide.id}/{token}"
        assert requests.get(f"{base}/SlideScoreMetadata.json", timeout=30).status_code == 503
        sent = requests.post(f"{base}/AnnoAnswer.json", data={"answer": "[]"}, timeout=30)
        assert sent.status_code == 503
    other = f"{door.base}/i/{slide.id + 1}/{link.token}/SlideScoreMetadata.json"
    assert requests.get(other, timeout=30).status_code == 503


def test_no_link_is_written_to_a_log(
    new_link: Any, question: Any, caplog: pytest.LogCaptureFixture
) -> None:
    link = new_link()
    with caplog.at_level(logging.DEBUG):
        link.get("SlideScoreMetadata.json")
        link.get("nothing.json")
        link.get("raw/9/0_0/9_9.jpeg")
        link.post("AnnoAnswer.json", question=question.name, answer="{")
        ours = lab_log(caplog, " POST ")
    assert link.token not in "\n".join(ours)


def test_links_are_for_who_may_see_the_slides(root_door: Any, world: Any) -> None:
    people = ("anonymous", "stranger", "viewer", "powerless", "elsewhere", "expired")
    found = [
        root_door.get("GetQupathTokensForStudy", who, studyId=world.study.id).status_code
        for who in people
    ]
    assert found == [401, 404, 200, 404, 404, 401]


def test_ends_of_lines_are_the_only_ones_between_cores() -> None:
    shapes = '[{"x":1,"y":2,"labels":[{"label":"a\u2028b\x85c"}]}]'
    assert by_core(f"TMAs:\r\n0,1\r\n{shapes}\n") == [("0,1\r", shapes)]
