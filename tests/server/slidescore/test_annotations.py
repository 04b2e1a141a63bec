"""ASAP's documents and annotation files, from the released SDK and back to it."""

from __future__ import annotations

import gc
import gzip
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from tusclient import client as tus

from wsi_lab.model.question import checked_question

AUTHOR = "model@lab"
SQUARE = [
    {
        "type": "polygon",
        "points": [
            {"x": 300, "y": 300},
            {"x": 1500, "y": 300},
            {"x": 1500, "y": 1700},
            {"x": 300, "y": 1700},
        ],
    }
]
ASAP = """<ASAP_Annotations><Annotations>
<Annotation Name="a" Type="Polygon" PartOfGroup="None" Color="#F4FA58"><Coordinates>
<Coordinate Order="0" X="100.5" Y="100" /><Coordinate Order="1" X="900" Y="100" />
<Coordinate Order="2" X="900" Y="800,25" /></Coordinates></Annotation>
</Annotations></ASAP_Annotations>"""

Drawn = Callable[..., Any]

# The SDK leaves the files open that it sends.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@pytest.fixture(autouse=True)
def what_the_sdk_left_open() -> Iterator[None]:
    """Close it before another test has to hear of it."""
    yield
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


@pytest.fixture
def slide(world: Any) -> Any:
    return world.new_slide()


@pytest.fixture
def drawn(world: Any) -> Drawn:
    """Return a function that adds a question that is drawn."""

    def add(kind: str = "AnnoShapes", study: Any = None) -> Any:
        spec = checked_question(world.name(), kind, "#00ff00")
        return world.lab.questions.add(world.owner, (study or world.study).id, spec)

    return add


@pytest.fixture
def made_zip(door: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An annotation file by the SDK's own encoder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "anno2.zip"
    door.sdk().convert_to_anno2(SQUARE, {"model": "7"}, str(path))
    return path


def _shot(door: Any, slide: Any) -> bytes:
    answer = door.get(
        "GetScreenshot", imageid=slide.id, level=9, withAnnotationForUser=AUTHOR, question=""
    )
    assert answer.status_code == 200
    content: bytes = answer.content
    return content


def _scores(door: Any, world: Any, slide: Any) -> Any:
    return door.get("Scores", studyid=world.study.id, imageid=slide.id).json()


def test_file_of_the_sdk_becomes_an_answer_and_is_drawn(
    door: Any, world: Any, slide: Any, drawn: Drawn, made_zip: Path
) -> None:
    sdk, question = door.sdk(), drawn()
    before = _shot(door, slide)
    where = (world.study.id, None, slide.id, None)
    request = sdk.create_anno2(*where, None, question.name, AUTHOR)
    assert {"success", "uploadToken", "apiToken", "annoUUID"} == set(request)
    assert _scores(door, world, slide) == []
    sdk.upload_using_token(str(made_zip), request["uploadToken"])
    (found,) = _scores(door, world, slide)
    assert (found["user"], found["question"]) == (AUTHOR, question.name)
    (shape,) = json.loads(found["answer"])
    assert shape["type"] in {"polygon", "brush"}
    after = _shot(door, slide)
    assert len(after) > 1024
    assert after != before


def test_file_for_a_question_by_its_id(
    root_door: Any, world: Any, slide: Any, drawn: Drawn, made_zip: Path
) -> None:
    sdk, question = root_door.sdk(), drawn()
    request = sdk.create_anno2(world.study.id, None, slide.id, None, question.id, None, AUTHOR)
    sdk.upload_using_token(str(made_zip), request["uploadToken"])
    assert [each["question"] for each in _scores(root_door, world, slide)] == [question.name]


def test_classic_shapes_packed_by_gzip_are_taken(
    root_door: Any, world: Any, slide: Any, drawn: Drawn, tmp_path: Path
) -> None:
    file = tmp_path / "answer.json.gz"
    file.write_bytes(gzip.compress(json.dumps(SQUARE).encode()))
    sdk = root_door.sdk()
    where = (world.study.id, None, slide.id, None)
    request = sdk.create_anno2(*where, None, drawn().name, AUTHOR)
    sdk.upload_using_token(str(file), request["uploadToken"])
    (found,) = _scores(root_door, world, slide)
    assert json.loads(found["answer"]) == SQUARE


def test_token_that_comes_with_a_file_is_enough_to_send_it(
    root_door: Any, world: Any, slide: Any, drawn: Drawn, made_zip: Path
) -> None:
    sdk = root_door.sdk()
    where = (world.study.id, None, slide.id, None)
    request = sdk.create_anno2(*where, None, drawn().name, AUTHOR)
    sent = {"uploadtoken": request["uploadToken"], "apitoken": request["apiToken"]}
    with made_zip.open("rb") as file:
        client = tus.TusClient(f"{root_door.base}/files/")
        uploader = client.uploader(file_stream=file, metadata=sent)
        uploader.upload()
    finished = root_door.post(
        "FinishUpload",
        request["apiToken"],
        id=uploader.url.rpartition("/")[2],
        token=request["uploadToken"],
    )
    assert finished.text == '"OK"'
    assert len(_scores(root_door, world, slide)) == 1


def test_what_is_no_annotation_file_is_refused(
    root_door: Any, world: Any, slide: Any, drawn: Drawn, tmp_path: Path
) -> None:
    file = tmp_path / "bad.zip"
    file.write_bytes(b"PK\x03\x04 and then nothing")
    sdk = root_door.sdk()
    where = (world.study.id, None, slide.id, None)
    request = sdk.create_anno2(*where, None, drawn().name, AUTHOR)
    with pytest.raises(Exception, match="ZIP"):
        sdk.upload_using_token(str(file), request["uploadToken"])
    assert _scores(root_door, world, slide) == []


def test_orphan_is_nobodys_answer(root_door: Any, made_zip: Path) -> None:
    sdk = root_door.sdk()
    request = sdk.perform_request("CreateOrphanAnno2", {}, method="POST").json()
    assert request["success"] is True
    sdk.upload_using_token(str(made_zip), request["uploadToken"])


def test_answers_are_converted_by_their_names_and_by_their_ids(
    root_door: Any, world: Any, slide: Any, drawn: Drawn
) -> None:
    sdk, question = root_door.sdk(), drawn()
    rows = f"\n{slide.id}\tx\t{AUTHOR}\t{question.name}\t{json.dumps(SQUARE)}"
    root_door.post("UploadResults", studyid=world.study.id, results=rows)
    before = _shot(root_door, slide)
    where = (world.study.id, None, slide.id, None)
    uuid = sdk.convert_annotation_to_anno2(*where, None, question.name, AUTHOR, "{}")
    (found,) = _scores(root_door, world, slide)
    assert json.loads(found["answer"]) == SQUARE
    again = sdk.perform_request(
        "ConvertScoreValueToAnno2",
        {"scoreValueId": found["id"], "metadata": '{"model": 7}'},
        method="POST",
    ).json()
    assert again["success"] is True
    assert len(again["annoUUID"]) == len(uuid) == 36
    assert _shot(root_door, slide) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"question": "no such question"},
        {"question": ""},
        {"scoreId": 1},
        {"imageId": ""},
        {"imageId": 999_999},
        {"email": " "},
        {"tmaCoreId": "seven"},
    ],
)
def test_what_cannot_be_announced_is_said(
    root_door: Any, world: Any, slide: Any, drawn: Drawn, wrong: dict[str, Any]
) -> None:
    params = {
        "studyId": world.study.id,
        "imageId": slide.id,
        "question": drawn().name,
        "email": AUTHOR,
        **wrong,
    }
    answer = root_door.post("CreateAnno2", **params)
    if answer.status_code != 404:
        said = answer.json()
        assert (answer.status_code, said["success"]) == (200, False)
        assert said["error"]
        assert said["log"]


@pytest.mark.parametrize(
    "metadata", ["[]", "{", '"x"', '{"a": NaN}', '{"a": 1e999}', '{"a":' + "[" * 9000]
)
def test_metadata_is_a_json_object(root_door: Any, metadata: str) -> None:
    answer = root_door.post("ConvertScoreValueToAnno2", scoreValueId=1, metadata=metadata)
    assert answer.json()["error"] == "'metadata' must be a JSON object."


def test_asap_comes_in_and_goes_out(door: Any, world: Any, slide: Any, drawn: Drawn) -> None:
    sdk, name = door.sdk(), drawn().name
    sent = door.post(
        "UploadASAPAnnotations",
        imageid=slide.id,
        user=AUTHOR,
        asapAnnotation=ASAP,
        questionsMap=f"#f4fa58;{name}",
    )
    assert sent.json()["success"] is True, sent.text
    assert sent.json()["log"] == "Answers: 1 stored, 0 unchanged."
    (found,) = _scores(door, world, slide)
    (shape,) = json.loads(found["answer"])
    assert shape["points"][2] == {"x": 900, "y": 800.25}
    document = sdk.export_ASAP(slide.id, AUTHOR, name)
    assert document.startswith("<")
    assert 'Type="Polygon"' in document
    answer = door.get("ExportASAPAnnotations", imageid=slide.id, user=AUTHOR)
    assert answer.content.startswith(b"<")
    assert answer.headers["Content-Type"].startswith("text/xml")


def test_asap_of_the_sdk_without_a_map_makes_a_question(root_door: Any, world: Any) -> None:
    study = world.new_study()
    slide = world.new_slide(study)
    assert root_door.sdk().upload_ASAP(slide.id, AUTHOR, {}, "mine", ASAP) is True
    names = [each["name"] for each in root_door.get("Questions", studyId=study.id).json()]
    assert names == ["Imported annotation 1"]


def test_exports_of_asap_fail_with_a_log(root_door: Any, slide: Any) -> None:
    bad = root_door.post(
        "UploadASAPAnnotations", imageid=slide.id, user=AUTHOR, asapAnnotation="<a>&b;</a>"
    ).json()
    assert bad["success"] is False
    assert bad["log"]
    missing = root_door.get(
        "ExportASAPAnnotations", imageid=slide.id, user=AUTHOR, question="no such question"
    )
    assert missing.status_code == 404 or missing.json()["log"]


PEOPLE = (
    *("anonymous", "stranger", "viewer", "editor", "study_admin", "site_admin"),
    *("expired", "revoked", "powerless", "elsewhere"),
)
CELLS = {
    "UploadASAPAnnotations": "401 404 401 200 200 200 401 401 404 404",
    "ExportASAPAnnotations": "401 404 401 401 200 200 401 401 404 404",
    "CreateAnno2": "401 404 401 200 200 200 401 401 404 404",
    "ConvertAnnotationToAnno2": "401 404 401 200 200 200 401 401 404 404",
    "ConvertScoreValueToAnno2": "401 404 401 200 200 200 401 401 404 404",
}


@pytest.mark.parametrize("method", CELLS)
def test_who_may(root_door: Any, world: Any, slide: Any, drawn: Drawn, method: str) -> None:
    question = drawn()
    rows = f"\n{slide.id}\tx\t{AUTHOR}\t{question.name}\t{json.dumps(SQUARE)}"
    root_door.post("UploadResults", studyid=world.study.id, results=rows)
    (score,) = _scores(root_door, world, slide)
    params = {
        "imageId": slide.id,
        "studyId": world.study.id,
        "user": AUTHOR,
        "email": AUTHOR,
        "question": question.name,
        "asapAnnotation": ASAP,
        "metadata": "{}",
        "scoreValueId": score["id"],
        "questionsMap": f"#f4fa58;{question.name}",
    }
    found = [root_door.post(method, person, **params) for person in PEOPLE]
    assert " ".join(str(each.status_code) for each in found) == CELLS[method]
    for each in found:
        if each.status_code == 200 and not each.content.startswith(b"<"):
            assert each.json()["success"] is True, each.text


def test_tokens_need_to_be_for_scores(root_door: Any, world: Any, slide: Any, drawn: Drawn) -> None:
    params = {
        "imageId": slide.id,
        "studyId": world.study.id,
        "user": AUTHOR,
        "email": AUTHOR,
        "question": drawn().name,
        "asapAnnotation": ASAP,
    }
    for capability, status in (("scores", 200), ("pixels", 401)):
        token = world.token("boss@lab", capabilities=[capability])
        for method in ("UploadASAPAnnotations", "CreateAnno2", "CreateOrphanAnno2"):
            answer: requests.Response = root_door.post(method, token, **params)
            assert answer.status_code == status, method
