"""``wsi-lab check``: sources that can be served, and those that cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.object_server import Fault, ObjectServer, Trouble

Run = Callable[..., Any]


def test_folder_passes_with_its_slides_listed_and_opened(run: Run, slides: Path) -> None:
    ended = run("check", slides, "--list-slides", "--test-slide", "sub/b c.svs", "-v")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert f"Folder:     {slides}" in lines
    assert "  a.svs" in lines
    assert "  sub/b c.svs" in lines
    assert "Total:      2" in lines
    assert "Format:     Aperio SVS" in lines
    assert "Pixels:     2,220 x 2,967" in lines
    assert "Size:       1.94 MB" in lines
    assert lines[-1] == "All checks passed."


def test_bucket_passes_and_says_how_it_is_reached(
    run: Run, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--s3-endpoint", objects.url, "--s3-region", "eu-central-1", "--anonymous")
    taken = "There is no folder 'slides' here; it is taken for the S3 bucket of that name.\n"
    for source, remark in (("s3://slides", ""), ("slides", taken)):
        ended = run("check", source, *words, "--test-slide", "a.svs")
        assert (ended.code, ended.err) == (0, remark)
        assert "Bucket:     slides\n" in ended.out
        assert f"Endpoint:   {objects.url}\n" in ended.out
        assert "Region:     eu-central-1\n" in ended.out
        assert "a.svs" in ended.out
        assert ended.out.endswith("All checks passed.\n")
    for name, value in (
        ("WSI_S3_BUCKET", "slides"),
        ("WSI_S3_ENDPOINT", objects.url),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ):
        monkeypatch.setenv(name, value)
    ended = run("check")
    assert (ended.code, ended.err) == (0, "")
    assert "Region:     us-east-1, or that of the AWS profile\n" in ended.out
    # The named one is stronger than the variable.
    assert "Prefix:     sub/\n" in run("check", "s3://slides/sub").out


def test_way_to_the_store_is_told_as_the_environment_says_it(
    run: Run, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("check", "s3://slides", "--anonymous")
    for endpoint, region in (
        ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"),
        ("AWS_ENDPOINT_URL_S3", "AWS_REGION"),
    ):
        monkeypatch.setenv(endpoint, objects.url)
        monkeypatch.setenv(region, region.lower().replace("_", "-"))
        said = run(*words)
        assert f"Endpoint:   {objects.url} (environment)\n" in said.out
        assert f"Region:     {region.lower().replace('_', '-')} (environment)\n" in said.out
        told = run(*words, "--json").json
        assert (told["endpoint"], told["region"]) == (
            objects.url,
            region.lower().replace("_", "-"),
        )
    assert "Region:     mine\n" in run(*words, "--s3-region", "mine").out
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://user:CANARY@host")
    refused = run(*words)
    assert refused.code == 1
    assert "CANARY" not in refused.out + refused.err


def test_slide_in_place_of_its_place_fails(run: Run, objects: ObjectServer) -> None:
    words = ("--s3-endpoint", objects.url, "--anonymous")
    ended = run("check", "s3://slides/sub/b c.svs", *words)
    assert ended.code == 1
    assert "Error: This is a slide; name the place that it lies in." in ended.err
    assert "passed" not in ended.out


def test_empty_prefix_passes_with_a_remark(run: Run, objects: ObjectServer) -> None:
    words = ("--s3-endpoint", objects.url, "--anonymous")
    ended = run("check", "s3://slides/nothing", *words)
    assert (ended.code, ended.err) == (
        0,
        "Nothing in the bucket has a key that begins with 'nothing/'.\n",
    )
    assert "Store:      empty" in ended.out
    assert "Patterns are not expanded" in run("check", "s3://slides/*.svs", *words).err


def test_json_is_one_value(run: Run, slides: Path) -> None:
    said = run("check", slides, "--list-slides", "--test-slide", "a.svs", "--json").json
    assert said["ok"] is True
    assert said["slides"] == ["a.svs", "sub/b c.svs"]
    assert (said["slide"]["width"], said["slide"]["levels"]) == (2220, 1)


def test_source_without_slides_passes_and_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = run("check", tmp_path / "empty", "--list-slides")
    assert ended.code == 0
    assert "none: no key ends in" in ended.out
    assert "Total:      0" in ended.out


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("nothing.svs", "There is no slide 'nothing.svs'"),
        ("../a.svs", "There is no slide '../a.svs'"),
        ("note.txt", "text file"),
    ],
)
def test_slide_that_is_none_fails_the_check(
    run: Run, slides: Path, objects: ObjectServer, key: str, problem: str
) -> None:
    for words in (
        (slides,),
        ("s3://slides", "--s3-endpoint", objects.url, "--anonymous"),
    ):
        ended = run("check", *words, "--test-slide", key)
        assert ended.code == 1
        assert problem in ended.err
        assert "passed" not in ended.out
        assert run("check", *words, "--test-slide", key, "--json").out == ""


def test_store_that_cannot_be_reached_fails_with_advice(run: Run, slides: Path) -> None:
    with ObjectServer(slides) as server:
        url = server.url
    ended = run("check", "s3://slides", "--s3-endpoint", url, "--anonymous")
    assert ended.code == 1
    sentence, *advice = ended.err.splitlines()
    assert sentence.startswith("Error: ")
    assert "cannot be reached" in sentence
    assert advice[1] == "  Is the endpoint right? (--s3-endpoint)"
    assert "passed" not in ended.out


def test_store_that_refuses_fails_with_advice(run: Run, objects: ObjectServer) -> None:
    words = ("--s3-endpoint", objects.url)
    with objects.in_trouble(Trouble(Fault.STATUS, status=403, code="AccessDenied")):
        ended = run("check", "s3://slides", *words, "--anonymous")
    assert ended.code == 1
    assert "Is the bucket public?" in ended.err
    ended = run("check", "s3://nothing", *words, "--anonymous")
    assert ended.code == 1
    assert "name of the bucket" in ended.err


def test_web_server_passes_though_it_cannot_be_listed(run: Run, objects: ObjectServer) -> None:
    words = (f"{objects.url}/slides", "--list-slides", "--test-slide", "sub/b c.svs")
    ended = run("check", *words)
    assert ended.code == 0
    assert "cannot be listed" in ended.err
    assert ended.out.endswith("All checks passed.\n")
    assert run("check", *words, "--json").json["slides"] is None


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "Name a SOURCE"),
        (("no/such/folder",), "There is no folder 'no/such/folder'"),
        (("ftp://host/x",), "known are s3://"),
        (("s3://",), "s3://bucket/prefix"),
        (("s3://ab",), "3 to 63 characters"),
        (("s3://slides", "--s3-endpoint", "host:9000"), "http://host:9000"),
        (("s3://slides", "--s3-endpoint", "http://u:p@host"), "no user and no password"),
    ],
)
def test_what_is_no_source_is_said(run: Run, words: tuple[str, ...], problem: str) -> None:
    ended = run("check", *words)
    assert (ended.code, ended.out) == (1, "")
    assert problem in ended.err


def test_file_is_no_source(run: Run, slides: Path) -> None:
    ended = run("check", slides / "a.svs")
    assert ended.code == 1
    assert "name the folder" in ended.err


def test_home_is_left_alone(run: Run, home: Path, slides: Path) -> None:
    assert run("check", slides, "--test-slide", "a.svs").code == 0
    assert not home.exists()
