"""Traits become the settings of a lab."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets import TraitError
from traitlets.config import Config

from wsi_lab.extension.app import WsiLab, local_url
from wsi_lab.model.source import Source
from wsi_lab.server.lab_routes import LAB_ROUTES
from wsi_lab.server.streamer.door import StreamerDoor
from wsi_lab.server.streamer.settings import Access, StreamerSettings
from wsi_lab.service.home import default_home
from wsi_lab.service.lab import LabSettings


def _extension(**traits: Any) -> WsiLab:
    return WsiLab(config=Config({"WsiLab": traits}))


def test_every_trait_says_what_it_is_for() -> None:
    traits = WsiLab.class_own_traits(config=True)
    assert set(traits) >= {"home", "owner", "slide_roots", "workers"}
    for name, trait in traits.items():
        assert trait.help, name


def test_every_setting_has_its_trait() -> None:
    settings = set(LabSettings.__dataclass_fields__)
    others = {"owner"} | {
        f"source_{word}"
        for word in ("endpoint", "region", "anonymous", "public", "secret", "cors_origins")
    }
    # A password in a file of settings is read by whoever reads the file.
    settings.remove("smtp_password")
    assert settings == set(WsiLab.class_own_traits(config=True)) - others


def test_traits_become_settings(tmp_path: Path) -> None:
    extension = _extension(
        home=str(tmp_path), slide_roots=["~/slides", "/data"], workers=3, network_home=True
    )
    settings = extension.lab_settings()
    assert settings.home == tmp_path
    folders = Source.at(str(Path.home() / "slides")), Source.at("/data")
    assert settings.slide_roots == folders
    assert (settings.workers, settings.network_home) == (3, True)


def test_defaults_are_those_of_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSI_LAB_HOME", "/somewhere")
    assert _extension().lab_settings() == LabSettings(Path("/somewhere"))


def test_mail_server_is_named_by_traits_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for word, value in {
        "PUBLIC_URL": "https://lab.example/",
        "SMTP_HOST": "mail.example",
        "SMTP_PORT": "465",
        "SMTP_USER": "lab",
        "SMTP_PASSWORD": "p w",
        "SMTP_SENDER": "Lab <lab@example>",
        "SMTP_TLS": "TLS",
    }.items():
        monkeypatch.setenv(f"WSI_LAB_{word}", value)
    settings = _extension(home=str(tmp_path), smtp_user="other").lab_settings()
    assert (settings.public_url, settings.smtp_host) == ("https://lab.example/", "mail.example")
    assert (settings.smtp_port, settings.smtp_tls) == (465, "tls")
    assert (settings.smtp_user, settings.smtp_password) == ("other", "p w")
    assert settings.smtp_sender == "Lab <lab@example>"
    assert "p w" not in repr(settings)
    monkeypatch.setenv("WSI_LAB_SMTP_PORT", "mail")
    with pytest.raises(TraitError, match="smtp_port"):
        _extension(home=str(tmp_path)).lab_settings()


def test_home_without_any_setting_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WSI_LAB_HOME", raising=False)
    assert default_home().name == "wsi-lab"


def test_places_may_be_folders_and_addresses() -> None:
    settings = _extension(
        source="s3://slides/2026",
        slide_roots=["~/slides", "S3://other", "https://host.example/x/"],
        source_endpoint="http://127.0.0.1:9000",
        source_region="eu-central-1",
        source_anonymous=True,
        open_slides=5,
    ).lab_settings()
    assert settings.source is not None
    assert settings.source.address == "s3://slides/2026/"
    assert settings.source.endpoint == "http://127.0.0.1:9000"
    assert (settings.source.region, settings.source.anonymous) == ("eu-central-1", True)
    assert settings.slide_roots is not None
    folder, bucket, web = settings.slide_roots
    assert folder == Source.at(str(Path.home() / "slides"))
    assert (bucket.address, bucket.endpoint) == ("s3://other/", "http://127.0.0.1:9000")
    assert isinstance(web, Source)
    assert web.address == "https://host.example/x/"
    assert settings.remote_sources == (settings.source, bucket, web)
    assert settings.open_slides == 5


def test_source_may_be_a_folder(tmp_path: Path) -> None:
    settings = _extension(source=str(tmp_path)).lab_settings()
    assert settings.source == Source.at(str(tmp_path))
    assert settings.remote_sources == ()


@pytest.mark.parametrize("traits", [{"source": "ftp://x"}, {"slide_roots": ["/a", "s3://"]}])
def test_address_that_is_none_is_a_bad_setting(traits: dict[str, Any]) -> None:
    with pytest.raises(TraitError, match=r"^WsiLab\.(source|slide_roots): "):
        _extension(**traits)


def _streamer(**traits: Any) -> StreamerSettings:
    for route in _extension(**traits).routes():
        if isinstance(route.door, StreamerDoor):
            return route.door.settings
    raise AssertionError("There is no such door.")


def test_without_a_source_there_is_no_door_to_one() -> None:
    assert _extension().routes() == LAB_ROUTES
    paths = {route.path for route in _extension(source="/data").routes()}
    assert paths > {route.path for route in LAB_ROUTES}


def test_door_to_the_source_is_closed_unless_it_is_public() -> None:
    closed = _streamer(source="/data")
    assert (closed.access, closed.secret, closed.cors_origins) == (Access.CLOSED, None, ())
    closed = _streamer(source="/data", source_secret="s", source_cors_origins=["https://a"])
    assert (closed.access, closed.secret) == (Access.CLOSED, "s")
    assert closed.cors_origins == ("https://a",)
    public = _streamer(source="/data", source_public=True)
    assert (public.access, public.secret, public.cors_origins) == (Access.OPEN, None, None)
    signed = _streamer(source="/data", source_public=True, source_secret="s")
    assert (signed.access, signed.secret, signed.cors_origins) == (Access.SIGNED, "s", None)


def test_user_of_a_hub_is_the_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "grace")
    assert _extension().owner == "grace"
    assert _extension(owner="ada@lab").owner == "ada@lab"


@pytest.mark.parametrize(
    ("ip", "certfile", "expected"),
    [
        ("localhost", "", "http://127.0.0.1:8888/user/a/wsi-lab/"),
        ("0.0.0.0", "", "http://127.0.0.1:8888/user/a/wsi-lab/"),  # noqa: S104
        ("", "", "http://127.0.0.1:8888/user/a/wsi-lab/"),
        ("*", "cert.pem", "https://127.0.0.1:8888/user/a/wsi-lab/"),
        ("::", "", "http://[::1]:8888/user/a/wsi-lab/"),
        ("fe80::1", "", "http://[fe80::1]:8888/user/a/wsi-lab/"),
    ],
)
def test_kernels_reach_the_server_on_the_same_machine(
    ip: str, certfile: str, expected: str
) -> None:
    server: Any = SimpleNamespace(ip=ip, port=8888, certfile=certfile, base_url="/user/a/")
    assert local_url(server) == expected
