"""``wsi-lab sign``: what it prints is what the server checks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from wsi_lab.model.signing import Signer

Run = Callable[..., Any]
SECRET = "test-secret-key"
PATH = "/tiles/folder%2Fslide.svs/0/1/2.jpg"


def check(url: str) -> None:
    parts = urlsplit(url)
    Signer(SECRET).check(parts.path, parts.query, now=time.time())


def test_address_is_printed_as_it_is_sent(run: Run) -> None:
    ended = run("sign", "-p", PATH, "-s", SECRET, "-b", "http://host:3000/a/", "-t", 60)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("\n") == 1
    url = ended.out.strip()
    base = "http://host:3000/a"
    assert url.startswith(f"{base}{PATH}?exp=")
    # What stands before the server's own addresses is never signed.
    check(url.removeprefix(base))


def test_without_a_base_the_address_begins_with_the_path(run: Run) -> None:
    ended = run("sign", "--path", PATH, "--secret", SECRET)
    assert ended.out.startswith(f"{PATH}?exp=")
    assert "--base-url" in ended.err
    check(ended.out.strip())


def test_params_are_signed_decoded_and_sent_encoded(run: Run) -> None:
    words = ("-P", "prefix=a b/,limit=10", "--params", "search=ü+%")
    ended = run("sign", "-p", "/slides", "-s", SECRET, *words, "-b", "http://h")
    assert "/slides?prefix=a%20b%2F&limit=10&search=%C3%BC%2B%25&exp=" in ended.out
    check(ended.out.strip().removeprefix("http://h"))


def test_signature_alone_is_that_of_the_contract(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1735689600 - 3600)
    ended = run("sign", "-p", PATH, "-s", SECRET, "-f", "signature")
    assert ended.out == "0aa88beb0f4f1821dde54d38c5786432e4463d450115e713d22245434efdcdcc\n"
    words = ("-P", "limit=10", "-P", "prefix=a b/", "-f", "signature")
    ended = run("sign", "-p", "/slides", "-s", SECRET, *words)
    assert ended.out == "b7ee12b472bad229134b62199eece225b14ae61445bab98bcef5cceaf7603f66\n"


def test_json_says_everything(run: Run) -> None:
    before = int(time.time())
    ended = run("sign", "-p", PATH, "-s", SECRET, "-t", 60, "--format", "json")
    assert ended.out.count("\n") > 3
    said = json.loads(ended.out)
    assert set(said) == {"signature", "expiry", "path", "ttl", "url"}
    assert (said["path"], said["ttl"], said["url"]) == (PATH, 60, None)
    assert before <= said["expiry"] - 60 <= time.time()
    assert said["signature"] == Signer(SECRET).signature(PATH, [], said["expiry"])
    said = run("sign", "-p", PATH, "-s", SECRET, "-b", "http://h", "--json").json
    check(said["url"].removeprefix("http://h"))


def test_secret_may_come_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSI_AUTH_SECRET", SECRET)
    check(run("sign", "-p", PATH).out.strip())
    monkeypatch.setenv("WSI_AUTH_SECRET", "another")
    # The option is stronger.
    check(run("sign", "-p", PATH, "-s", SECRET).out.strip())


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("-p", "/slides?limit=1"), "--params"),
        (("-p", "slides"), "begins with '/'"),
        (("-p", "/slides", "-t", "0"), "--ttl"),
        (("-p", "/slides", "-t", "-5"), "--ttl"),
        (("-p", "/slides", "-t", str(1 << 64)), "longer than"),
        (("-p", "/slides", "-P", "limit"), "'limit' is not of the form key=value"),
        (("-p", "/slides", "-P", "a=1,=2"), "'=2' is not of the form"),
        (("-p", "/slides", "-P", "exp=1"), "'exp' is added"),
        (("-p", "/slides", "-P", "a=1&b=2"), "cannot be signed"),
        (("-p", "/slides", "-s", ""), "secret is empty"),
    ],
)
def test_what_would_never_be_good_is_refused(
    run: Run, words: tuple[str, ...], problem: str
) -> None:
    given = words if "-s" in words else (*words, "-s", SECRET)
    ended = run("sign", *given)
    assert (ended.code, ended.out) == (1, "")
    assert problem in ended.err
    assert SECRET not in ended.err


@pytest.mark.parametrize("words", [(), ("-p", "/slides"), ("-s", "x"), ("-t", "x", "-p", "/")])
def test_what_makes_no_sense_is_bad_usage(run: Run, words: tuple[str, ...]) -> None:
    assert run("sign", *words).code == 2


def test_path_that_nobody_sends_is_signed_with_a_hint(run: Run) -> None:
    ended = run("sign", "-p", "/slides/a b", "-s", SECRET, "-b", "http://h")
    assert ended.code == 0
    assert "percent-encode" in ended.err
