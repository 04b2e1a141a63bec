"""Files through the door of Slide Score: the released SDK as it is, and the corners by hand."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests
from slidescore import SlideScoreErrorException

# The released clients leave the files that they send to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def slides(world: Any) -> Path:
    return world.lab.settings.home / "slides"


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    path = tmp_path / "sent ü.txt"
    path.write_bytes(bytes(range(256)) * 50_000)
    return path


def test_sdk_sends_a_file(door: Any, sent: Path, slides: Path) -> None:
    door.sdk().upload_file(str(sent), "./sdk/", "1.svs")
    assert (slides / "sdk" / "1.svs").read_bytes() == sent.read_bytes()


def test_sdk_sends_configuration_into_the_root_and_over_what_was_there(
    door: Any, tmp_path: Path, slides: Path
) -> None:
    for text in ("a\n", "", "b\n"):
        (tmp_path / "study.made.emails").write_text(text)
        door.sdk().upload_file(str(tmp_path / "study.made.emails"), "")
        assert (slides / "study.made.emails").read_text() == text


def test_empty_folder_with_a_study_is_the_folder_of_that_study(door: Any, world: Any) -> None:
    answer = door.post("RequestUpload", filename="a.svs", folder="", studyId=world.study.id)
    assert set(answer.json()) == {"token"}


@pytest.mark.parametrize(
    ("filename", "folder"),
    [
        ("../a", ""),
        ("a/b", ""),
        ("a\\b", ""),
        ("a", ".."),
        ("a", "/etc"),
        ("a", "a/b/c"),
        ("", "a"),
        (".a", "a"),
    ],
)
def test_hostile_names_are_refused_as_text(root_door: Any, filename: str, folder: str) -> None:
    answer = root_door.post("RequestUpload", filename=filename, folder=folder)
    assert answer.status_code == 200
    assert isinstance(answer.json(), str)
    with pytest.raises(SlideScoreErrorException):
        root_door.sdk().request_upload(folder, filename, None)


def test_who_may_not_upload_is_told_by_the_status(root_door: Any) -> None:
    for who in ("anonymous", "powerless", "viewer", "stranger", "expired", "revoked"):
        answer = root_door.post("RequestUpload", who, filename="a.svs", folder="HTT pilot")
        assert answer.status_code == 401, who
    answer = root_door.post("RequestUpload", "editor", filename="a.svs", folder="HTT pilot")
    assert set(answer.json()) == {"token"}


def test_incomplete_or_foreign_uploads_are_not_ok(root_door: Any) -> None:
    token = root_door.post("RequestUpload", filename="a.svs", folder="sdk").json()["token"]
    answer = root_door.post("FinishUpload", id="0" * 32, token=token)
    assert answer.content != b'"OK"'
    from tusclient.client import TusClient

    metadata = {"uploadtoken": token, "apitoken": root_door.world.tokens["site_admin"]}
    client = TusClient(f"{root_door.base}/files/")
    uploader = client.uploader(file_stream=io.BytesIO(b"abc"), chunk_size=1, metadata=metadata)
    uploader.upload(stop_at=2)
    answer = root_door.post("FinishUpload", id=uploader.url[-32:], token=token)
    assert answer.status_code == 200
    assert isinstance(answer.json(), str)
    assert answer.content != b'"OK"'
    uploader.stop_at = 3
    uploader.upload_chunk()
    answer = root_door.post("FinishUpload", id=f"prefix{uploader.url[-32:]}", token=token)
    assert answer.content == b'"OK"'
    answer = root_door.post("FinishUpload", id=uploader.url[-32:], token=token)
    assert answer.content == b'"OK"'


def test_sdk_sends_an_attachment_that_its_link_leads_to(door: Any, world: Any, sent: Path) -> None:
    link = door.sdk().upload_attachment(world.study.id, None, str(sent), "Protocol")
    url = link.partition('href="')[2].partition('"')[0]
    assert url.startswith(f"{door.base}/a/")
    answer = requests.get(url, timeout=30)
    assert answer.content == sent.read_bytes()
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    parts = url.split("/")
    parts[-2] = "0" * 32
    assert requests.get("/".join(parts), timeout=30).status_code == 404
    assert not (world.lab.settings.home / "slides" / "attachments").exists()


def test_attachments_of_teaching_modules_are_refused(root_door: Any) -> None:
    answer = root_door.post("RequestUploadAttachment", moduleId=1, filename="a.pdf")
    assert answer.json()["success"] is False


def test_sdk_downloads_a_slide_as_it_is(door: Any, world: Any, tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    door.sdk().download_slide(world.study.id, world.slide.id, str(folder))
    (got,) = folder.iterdir()
    assert got.name == world.slide_file.name
    assert _sha256(got.read_bytes()) == _sha256(world.slide_file.read_bytes())


def test_head_of_a_download_tells_its_size(root_door: Any, world: Any) -> None:
    path = f"/Api/DownloadSlide?imageid={world.slide.id}"
    answer = root_door.send("HEAD", path)
    assert answer.headers["Content-Length"] == str(world.slide_file.stat().st_size)
    assert answer.content == b""


def test_downloads_are_for_those_who_may(root_door: Any, world: Any) -> None:
    for who in ("anonymous", "viewer", "editor", "powerless", "elsewhere"):
        answer = root_door.get("DownloadSlide", who, imageid=world.slide.id)
        assert answer.status_code in {401, 404}, who
    assert root_door.get("DownloadSlide", imageid=10**9).status_code == 404
    answer = root_door.get("DownloadSlide", studyid=10**9, imageid=world.slide.id)
    assert answer.status_code == 404


def test_slide_of_several_files_comes_as_a_zip(tmp_path: Path) -> None:
    from wsi_lab.service.uploading.downloads import _parts, _zipped

    (tmp_path / "1.mrxs").write_bytes(b"head")
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "Data0001.dat").write_bytes(b"x" * 3_000_000)
    whole = b"".join(_zipped(_parts(tmp_path / "1.mrxs")))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["1.mrxs", "1/Data0001.dat"]
        assert archive.read("1/Data0001.dat") == b"x" * 3_000_000


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_file_without_a_name_is_told_what_it_lacks(root_door: Any) -> None:
    assert root_door.post("RequestUpload", filename="", folder="").json() == "A file needs a name."
