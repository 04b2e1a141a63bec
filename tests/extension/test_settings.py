"""Traits become the settings of a lab."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config

from wsi_lab.extension.app import WsiLab, local_url
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
    assert settings == set(WsiLab.class_own_traits(config=True)) - {"owner"}


def test_traits_become_settings(tmp_path: Path) -> None:
    extension = _extension(
        home=str(tmp_path), slide_roots=["~/slides", "/data"], workers=3, network_home=True
    )
    settings = extension.lab_settings()
    assert settings.home == tmp_path
    assert settings.slide_roots == (Path.home() / "slides", Path("/data"))
    assert (settings.workers, settings.network_home) == (3, True)


def test_defaults_are_those_of_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSI_LAB_HOME", "/somewhere")
    assert _extension().lab_settings() == LabSettings(Path("/somewhere"))


def test_home_without_any_setting_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WSI_LAB_HOME", raising=False)
    assert default_home().name == "wsi-lab"


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
