"""``wsi-lab serve``: what its words and variables mean."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wsi_lab.server.app
import wsi_lab.server.processes
from bench.object_server import ObjectServer
from wsi_lab.model.source import Source
from wsi_lab.server.app import Serving
from wsi_lab.server.streamer.settings import Access

Run = Callable[..., Any]
URL = "http://127.0.0.1:1/"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Serving, int]]:
    """What would have been served, and by how many processes."""
    calls = []

    def serve(serving: Serving, count: int = 1, *, started: Callable[[str], None]) -> int:
        calls.append((serving, count))
        started(URL)
        return 0

    monkeypatch.setattr(wsi_lab.server.app, "run", serve)
    monkeypatch.setattr(wsi_lab.server.processes, "serve_with_processes", serve)
    return calls


def test_lab_is_served_to_this_machine_alone(run: Run, served: list, home: Path) -> None:
    ended = run("serve")
    assert (ended.out, ended.err) == (f"The lab is at {URL}\n", "")
    assert run("serve", "--json").json == {"url": URL}
    (serving, count) = served[0]
    assert (serving.host, serving.port, count) == ("127.0.0.1", 8950, 1)
    assert serving.settings.home == home
    assert (serving.settings.slide_roots, serving.settings.source) == (None, None)
    assert (serving.studies, serving.streamer) == (True, None)
    assert serving.log_level == logging.INFO


def test_mail_server_is_named_by_the_environment(
    run: Run, served: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("PUBLIC_URL", "https://lab.example"),
        ("SMTP_HOST", "mail.example"),
        ("SMTP_PORT", "25"),
        ("SMTP_PASSWORD", "secret"),
        ("SMTP_TLS", "none"),
    ):
        monkeypatch.setenv(f"WSI_LAB_{name}", value)
    run("serve")
    settings = served[0][0].settings
    assert (settings.public_url, settings.smtp_host) == ("https://lab.example", "mail.example")
    assert (settings.smtp_port, settings.smtp_tls) == (25, "none")
    assert settings.smtp_password == "secret"
    monkeypatch.setenv("WSI_LAB_SMTP_PORT", "none")
    ended = run("serve")
    assert (ended.code, len(served)) == (1, 1)
    assert "smtp_port" in ended.err


def test_words_reach_the_server(run: Run, served: list, tmp_path: Path) -> None:
    words = ("--host", "::1", "-p", 1, "--workers", 3, "--decoders", 4, "--slides", tmp_path)
    stores = ("--slides", "s3://roots/x", "--s3-endpoint", "http://h:9", "--s3-region", "r")
    run("serve", *words, *stores, "-v")
    (serving, count) = served[0]
    assert (serving.host, serving.port, count) == ("::1", 1, 3)
    assert serving.settings.workers == 4
    root = Source("s3://roots/x/", endpoint="http://h:9", region="r")
    assert serving.settings.slide_roots == (Source.at(str(tmp_path.resolve())), root)
    assert serving.log_level == logging.DEBUG


def test_source_is_served_as_wsi_streamer_does(run: Run, served: list, slides: Path) -> None:
    ended = run("serve", slides)
    (serving, _) = served[0]
    assert serving.settings.source == Source(str(slides))
    assert (serving.host, serving.port) == ("0.0.0.0", 3000)  # noqa: S104 (the default there)
    assert (serving.settings.open_slides, serving.settings.tile_cache_bytes) == (100, 104857600)
    assert not serving.studies
    door = serving.streamer
    assert (door.access, door.quality, door.cache_max_age) == (Access.OPEN, None, 3600)
    assert (door.secret, door.cors_origins) == (None, None)
    assert serving.log_level == logging.INFO
    assert "Authentication: off" in ended.out
    assert "answers; 2 keys that end like slides among 3 objects" in ended.out
    assert f"  {URL}tiles/a.svs/0/0/0.jpg" in ended.out
    assert "Warning: authentication is off" in ended.err
    said = run("serve", slides, "--json")
    assert said.json == {"url": URL, "first": "a.svs", "slides": 2}
    assert "Authentication: off" in said.err


def test_every_flag_has_its_meaning(run: Run, served: list, slides: Path) -> None:
    words = (
        *("--auth-enabled", "--auth-secret", "s3cret", "--cache-slides", "7"),
        *("--cache-tiles", "1000", "--cache-blocks", "9", "--block-size", "1024"),
        *("--jpeg-quality", "55", "--cache-max-age", "0", "--no-tracing"),
        *("--cors-origins", "https://a.example, https://b.example"),
    )
    ended = run("serve", slides, *words)
    (serving, _) = served[0]
    door = serving.streamer
    assert (door.access, door.secret) == (Access.SIGNED, "s3cret")
    assert (door.quality, door.cache_max_age) == (55, 0)
    assert door.cors_origins == ("https://a.example", "https://b.example")
    assert (serving.settings.open_slides, serving.settings.tile_cache_bytes) == (7, 1000)
    assert serving.log_level == logging.WARNING
    assert "s3cret" not in ended.out + ended.err
    assert "authentication is off" not in ended.err
    assert "wsi-lab sign" in ended.out


@pytest.mark.parametrize(
    ("words", "last"),
    [
        ((), f"  {URL}tiles/a.svs/0/0/0.jpg"),
        (
            ("--auth-enabled", "--auth-secret", "s"),
            "Whoever can reach view/… of a slide sees that slide.",
        ),
        (("--studies",), "All but health need the token of a site administrator."),
        (
            ("--studies", "--auth-secret", "s"),
            (
                "All but health need the token of a site administrator, or a signature: "
                "wsi-lab sign --path … --base-url …"
            ),
        ),
    ],
)
def test_start_ends_with_who_may_look(
    run: Run, served: list, slides: Path, words: tuple[str, ...], last: str
) -> None:
    assert run("serve", slides, *words).out.splitlines()[-1] == last


def test_origins_that_are_none_are_told(run: Run, served: list, slides: Path) -> None:
    ended = run("serve", slides, "--cors-origins", "https://a.example,https://ü.example")
    assert "Origins:        https://a.example\n" in ended.out
    assert "no origin looks so: 'https://ü.example'." in ended.err
    assert "no origin" not in run("serve", slides, "--cors-origins", "https://a.example").err


def test_way_to_the_store_is_told(
    run: Run, served: list, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", objects.url)
    ended = run("serve", "s3://slides", "--s3-region", "here", "--anonymous")
    assert f"Endpoint:       {objects.url} (environment)\n" in ended.out
    assert "Region:         here\n" in ended.out


def test_interrupted_start_ends_quietly(
    run: Run, served: list, slides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_given: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wsi_lab.service.contents.look_into", interrupt)
    ended = run("serve", slides)
    assert (ended.code, served) == (130, [])
    assert "Stopped" not in ended.err
    assert "Error" not in ended.err


def test_variables_say_the_same_and_flags_are_stronger(
    run: Run, served: list, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "WSI_HOST": "127.0.0.2",
        "WSI_PORT": "4000",
        "WSI_S3_BUCKET": "slides",
        "WSI_S3_ENDPOINT": objects.url,
        "WSI_S3_REGION": "eu-west-1",
        "WSI_S3_ANONYMOUS": "yes",
        "WSI_AUTH_ENABLED": "true",
        "WSI_AUTH_SECRET": "s3cret",
        "WSI_CACHE_SLIDES": "7",
        "WSI_CACHE_BLOCKS": "8",
        "WSI_CACHE_TILES": "9",
        "WSI_BLOCK_SIZE": "2048",
        "WSI_JPEG_QUALITY": "90",
        "WSI_CACHE_MAX_AGE": "60",
        "WSI_CORS_ORIGINS": "https://a.example",
        "RUST_LOG": "wsi_streamer=debug,tower_http=info",
    }.items():
        monkeypatch.setenv(name, value)
    # The command may be left out, as there.
    for words in ((), ("serve",)):
        assert run(*words).code == 0
        (serving, _) = served.pop()
        assert (serving.host, serving.port) == ("127.0.0.2", 4000)
        assert serving.settings.source == Source(
            "s3://slides/", endpoint=objects.url, region="eu-west-1", anonymous=True
        )
        door = serving.streamer
        assert (door.access, door.secret, door.quality) == (Access.SIGNED, "s3cret", 90)
        assert (door.cache_max_age, door.cors_origins) == (60, ("https://a.example",))
        assert (serving.settings.open_slides, serving.settings.tile_cache_bytes) == (7, 9)
        assert serving.log_level == logging.DEBUG
    run("s3://slides/sub", "-p", 5, "--jpeg-quality", 10, "--cors-origins", "*")
    (serving, _) = served.pop()
    assert serving.settings.source.address == "s3://slides/sub/"
    assert (serving.port, serving.streamer.quality) == (5, 10)
    assert serving.streamer.cors_origins is None
    run("--s3-bucket", "slides", "--host", "::1")
    assert served.pop()[0].host == "::1"


@pytest.mark.parametrize(
    ("value", "is_on"),
    [(word, True) for word in ("true", "1", "yes", "on", "TRUE")]
    + [(word, False) for word in ("false", "0", "no", "off", "")],
)
def test_words_for_yes_and_no(
    run: Run, served: list, slides: Path, monkeypatch: pytest.MonkeyPatch, value: str, is_on: bool
) -> None:
    monkeypatch.setenv("WSI_AUTH_ENABLED", value)
    monkeypatch.setenv("WSI_AUTH_SECRET", "s")
    assert run("serve", slides).code == 0
    assert (served[0][0].streamer.access is Access.SIGNED) == is_on


def test_empty_list_of_origins_allows_none(
    run: Run, served: list, slides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("serve", slides, "--cors-origins", "")
    assert served.pop()[0].streamer.cors_origins == ()
    monkeypatch.setenv("WSI_CORS_ORIGINS", "")
    run("serve", slides)
    assert served.pop()[0].streamer.cors_origins == ()


def test_beside_studies_the_source_is_closed_unless_it_is_public(
    run: Run, served: list, slides: Path
) -> None:
    secret = ("--auth-secret", "s")
    for words, access, kept in (
        ((), Access.CLOSED, None),
        (secret, Access.CLOSED, "s"),
        (("--auth-enabled", *secret), Access.CLOSED, "s"),
        (("--public",), Access.OPEN, None),
        (("--public", "--auth-enabled", *secret), Access.SIGNED, "s"),
    ):
        assert run("serve", slides, "--studies", *words).code == 0
        (serving, _) = served.pop()
        assert serving.studies
        assert (serving.streamer.access, serving.streamer.secret) == (access, kept)


@pytest.mark.parametrize(
    ("words", "origins"),
    [
        ((), ()),
        (("--cors-origins", "https://a.example"), ("https://a.example",)),
        (("--cors-origins", "*"), None),
        (("--public",), None),
        (("--public", "--cors-origins", ""), ()),
    ],
)
def test_pages_of_others_read_a_closed_source_only_if_they_are_named(
    run: Run,
    served: list,
    slides: Path,
    words: tuple[str, ...],
    origins: tuple[str, ...] | None,
) -> None:
    said = run("serve", slides, "--studies", *words).out
    assert served.pop()[0].streamer.cors_origins == origins
    told = "any" if origins is None else ", ".join(origins) or "none"
    assert re.search(rf"^Origins: +{told}$", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--cache-slides", "0"), "--cache-slides"),
        (("--cache-blocks", "0"), "--cache-blocks"),
        (("--cache-tiles", "-1"), "--cache-tiles"),
        (("--block-size", "1023"), "--block-size"),
        (("--block-size", str((16 << 20) + 1)), "--block-size"),
        (("--jpeg-quality", "0"), "--jpeg-quality"),
        (("--jpeg-quality", "101"), "--jpeg-quality"),
        (("--cache-max-age", "-1"), "--cache-max-age"),
        (("--auth-enabled",), "WSI_AUTH_SECRET"),
        (("--auth-enabled", "--auth-secret", ""), "WSI_AUTH_SECRET"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    run: Run, served: list, slides: Path, words: tuple[str, ...], problem: str
) -> None:
    ended = run("serve", slides, *words)
    assert (ended.code, ended.out, served) == (1, "", [])
    assert problem in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("--port", "70000"),
        ("--port", "x"),
        ("--studies",),
        ("--public",),
        ("--auth-enabled",),
        ("--slides", "/no/such/folder"),
        ("--block-size", "many"),
        ("a", "b"),
    ],
)
def test_words_that_make_no_sense_are_bad_usage(
    run: Run, served: list, words: tuple[str, ...]
) -> None:
    ended = run("serve", *words)
    assert (ended.code, ended.out, served) == (2, "", [])


def test_public_alone_is_bad_usage(run: Run, served: list, slides: Path) -> None:
    assert run("serve", slides, "--public").code == 2
    assert run("serve", slides, "--slides", slides).code == 2


def test_store_is_tried_before_anything_is_served(run: Run, served: list, slides: Path) -> None:
    with ObjectServer(slides) as server:
        url = server.url
    ended = run("serve", "slides", "--s3-endpoint", url, "--anonymous")
    assert (ended.code, served) == (1, [])
    assert "cannot be reached" in ended.err
    assert "--s3-endpoint" in ended.err


def test_help_does_without_the_servers_libraries() -> None:
    script = (
        "import sys; sys.argv = ['wsi-lab', 'serve', '--help']\n"
        "from wsi_lab.cli import main\n"
        "assert main() == 0\n"
        "sys.exit(sorted({'tornado', 'numpy', 'httpx', 'obstore'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_json_of_a_name_is_text(run: Run, served: list, slides: Path) -> None:
    (slides / "a.svs").rename(slides / "0 ü.svs")
    ended = run("serve", slides, "--json")
    assert json.loads(ended.out)["first"] == "0 ü.svs"
