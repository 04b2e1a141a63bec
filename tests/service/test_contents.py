"""A first look into folders, buckets and web servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bench.object_server import Fault, ObjectServer, Trouble
from wsi_lab.errors import Invalid, NotFound, SourceRefused, SourceUnavailable
from wsi_lab.model.source import Source
from wsi_lab.service.contents import Contents, advice_for, look_into


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "b").mkdir(parents=True)
    for name in ("a.txt", "b/c.SVS", "b/d.tiff", "e"):
        (folder / name).write_text("x")
    return folder


@pytest.fixture
def objects(folder: Path) -> Iterator[ObjectServer]:
    with ObjectServer(folder) as server:
        yield server


def bucket(objects: ObjectServer) -> Source:
    return Source.at("s3://slides", endpoint=objects.url, anonymous=True)


def test_folder_and_bucket_tell_the_same(folder: Path, objects: ObjectServer) -> None:
    for source in (Source.at(str(folder)), bucket(objects)):
        assert look_into(source) == Contents(4, 2, "b/c.SVS", is_all=True)
        assert look_into(source, most=2) == Contents(2, 1, "b/c.SVS", is_all=False)


def test_first_look_is_one_request(objects: ObjectServer) -> None:
    look_into(bucket(objects))
    assert objects.sent.requests == 1


def test_first_look_at_endless_folders_ends(
    objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsi_lab.service.contents.LONGEST_LOOK_SECONDS", -1.0)
    numbers = count()

    def answer(handler: Any, _asked: dict[str, str]) -> None:
        number = next(numbers)
        more = f"<IsTruncated>{str(number < 50).lower()}</IsTruncated>"
        token = f"<NextContinuationToken>{number}</NextContinuationToken>"
        mark = f"<Contents><Key>{number:03}/</Key></Contents>"
        body = f"<ListBucketResult>{more}{token}{mark}</ListBucketResult>".encode()
        handler._send(200, [("Content-Length", str(len(body)))], body, "")

    monkeypatch.setattr("bench.object_server._Handler._list", answer)
    assert look_into(bucket(objects)) == Contents(0, 0, None, is_all=False)
    assert objects.sent.requests == 1


def test_web_server_need_not_have_what_is_asked_for(objects: ObjectServer) -> None:
    found = look_into(Source.at(f"{objects.url}/slides"))
    assert (found.objects, found.first_slide) == (None, None)
    objects.stop()
    with pytest.raises(SourceUnavailable):
        look_into(Source.at(f"{objects.url}/slides"))


@pytest.mark.parametrize("scheme", ["s3", "http"])
def test_slide_is_no_place_with_slides(objects: ObjectServer, scheme: str) -> None:
    whole = bucket(objects) if scheme == "s3" else Source.at(f"{objects.url}/slides")
    with pytest.raises(NotFound, match="This is a slide") as error:
        look_into(replace(whole, address=f"{whole.address}b/c.SVS/"))
    assert advice_for(whole, error.value) == ()
    found = look_into(replace(whole, address=f"{whole.address}b/none.svs/"))
    assert not found.objects


def test_silence_about_an_object_makes_it_no_slide(objects: ObjectServer) -> None:
    with objects.in_trouble(Trouble(Fault.STATUS, status=403, method="HEAD")):
        assert look_into(replace(bucket(objects), address="s3://slides/b/c.SVS/")).objects == 0


@pytest.mark.parametrize("scheme", ["az", "gs"])
def test_clouds_without_settings_are_told_their_variables(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    for name in [each for each in os.environ if each.startswith(("AZURE_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    # Without this variable the library asks a service of Google's own machines.
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file")
    variable = {"az": "AZURE_STORAGE_ACCOUNT_NAME", "gs": "GOOGLE_APPLICATION_CREDENTIALS"}[scheme]
    source = Source.at(f"{scheme}://slides")
    with pytest.raises(Invalid) as incomplete:
        look_into(source)
    (advice,) = advice_for(source, incomplete.value)
    assert variable in advice
    assert "AWS" not in advice


def test_without_credentials_nobody_is_asked_about_buckets(
    objects: ObjectServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "BOTO_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    source = Source.at("s3://slides", endpoint=objects.url)
    with pytest.raises(SourceRefused, match="--anonymous") as refused:
        look_into(source)
    (advice,) = advice_for(source, refused.value)
    assert "AWS_ACCESS_KEY_ID" in advice
    assert objects.sent.requests == 0


def test_refusal_and_silence_have_their_advice(objects: ObjectServer) -> None:
    source = bucket(objects)
    with objects.in_trouble(Trouble(Fault.STATUS, status=403, code="AccessDenied")):
        with pytest.raises(SourceRefused) as refused:
            look_into(source)
        assert any("public" in each for each in advice_for(source, refused.value))
        known = Source.at("s3://slides", endpoint=objects.url)
        assert any("AWS_ACCESS_KEY_ID" in each for each in advice_for(known, refused.value))
    assert not any("region" in each for each in advice_for(Source.at("gs://slides"), refused.value))
    objects.stop()
    with pytest.raises(SourceUnavailable) as silent:
        look_into(source)
    assert any("--s3-endpoint" in each for each in advice_for(source, silent.value))
    assert advice_for(Source.at("/folder"), silent.value)


def test_words_count_what_there_is() -> None:
    for contents, words in (
        (Contents(0, 0, None, is_all=True), "0 keys that end like slides among 0 objects"),
        (Contents(1, 1, "a", is_all=True), "1 key that ends like a slide among 1 object"),
        (
            Contents(1000, 1000, "a", is_all=False),
            "1,000 keys that end like slides among the first 1,000 objects",
        ),
    ):
        assert contents.in_words() == f"answers; {words}"
