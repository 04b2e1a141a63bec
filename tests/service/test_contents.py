"""A first look into folders, buckets and web servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.object_server import Fault, ObjectServer, Trouble
from wsi_lab.errors import SourceRefused, SourceUnavailable
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


def test_web_server_need_not_have_what_is_asked_for(objects: ObjectServer) -> None:
    found = look_into(Source.at(f"{objects.url}/slides"))
    assert (found.objects, found.first_slide) == (None, None)
    objects.stop()
    with pytest.raises(SourceUnavailable):
        look_into(Source.at(f"{objects.url}/slides"))


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
    assert Contents(0, 0, None, is_all=True).in_words() == "answers; 0 slides among 0 objects"
    assert Contents(1, 1, "a", is_all=True).in_words() == "answers; 1 slide among 1 object"
    many = Contents(1000, 1000, "a", is_all=False)
    assert many.in_words() == "answers; 1,000 slides among the first 1,000 objects"
