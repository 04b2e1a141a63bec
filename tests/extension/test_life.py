"""From the start of Jupyter to its end: kernels are told, homes may be bad, nothing stays."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from jupyter_server.extension.manager import ExtensionPackage

from wsi_lab.service.lab import Lab, LabSettings


def _kernel_environment(jupyter: Any, client: httpx.Client) -> dict[str, str]:
    """Return what a kernel that the server starts finds in its environment."""
    kernel = client.post(f"{jupyter.url}api/kernels", json={"name": "python3"})
    assert kernel.status_code == 201, kernel.text
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in psutil.Process(jupyter.process.pid).children(recursive=True):
            environment = {}
            # It may have ended since it was listed.
            with contextlib.suppress(psutil.Error):
                environment = child.environ()
            if "JPY_PARENT_PID" in environment:
                client.delete(f"{jupyter.url}api/kernels/{kernel.json()['id']}")
                return environment
        time.sleep(0.02)
    raise AssertionError("No kernel was started.")


def test_kernel_is_told_where_the_lab_is_and_who_it_works_for(jupyter: Any) -> None:
    with jupyter.owner() as client:
        environment = _kernel_environment(jupyter, client)
    assert environment["WSI_LAB_URL"] == jupyter.lab_url
    assert environment["WSI_LAB_BASE_URL"] == jupyter.base_url
    headers = {"Authorization": f"Bearer {environment['WSI_LAB_TOKEN']}"}
    answer = httpx.get(f"{environment['WSI_LAB_URL']}v1/me", headers=headers)
    assert answer.json()["user"]["email"] == "ada@localhost"


def test_token_of_kernels_ends_with_the_server(start: Any, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with start(home=home) as jupyter, jupyter.owner() as client:
        token = _kernel_environment(jupyter, client)["WSI_LAB_TOKEN"]
    with start(home=home) as jupyter, jupyter.client(Authorization=f"Bearer {token}") as client:
        assert client.get("v1/me").status_code == 401
    for file in home.rglob("*"):
        if file.is_file():
            assert token.encode() not in file.read_bytes()


def test_jupyter_starts_with_a_home_that_cannot_be_used(start: Any, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file where a folder belongs")
    with start(home=home) as jupyter, jupyter.owner() as client:
        assert client.get(f"{jupyter.url}api/status").status_code == 200
        answer = client.get("v1/studies")
        assert answer.status_code == 503
        assert answer.json()["code"] == "home_unusable"
        assert str(tmp_path) not in answer.text
        assert client.get("v1/").status_code == 200
        assert jupyter.log.count("The lab could not be opened") == 1
        home.unlink()
        deadline = time.monotonic() + 60
        while client.get("v1/studies").status_code == 503:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert _kernel_environment(jupyter, client)["WSI_LAB_TOKEN"].startswith("wsi_")


@pytest.mark.quiet
def test_nothing_is_left_when_jupyter_ends(start: Any, tmp_path: Path, demo_slide: Path) -> None:
    home = tmp_path / "home"
    with start(home=home) as jupyter:
        with jupyter.owner() as client:
            study = client.post("v1/studies", json={"name": "kept"}).json()["id"]
            body = {"path": str(demo_slide)}
            slide = client.post(f"v1/studies/{study}/slides", json=body).json()["id"]
            assert client.get(f"v1/slides/{slide}/associated/label").status_code == 200
        children = psutil.Process(jupyter.process.pid).children(recursive=True)
        begun = time.monotonic()
        jupyter.process.send_signal(signal.SIGTERM)
        assert jupyter.process.wait(15) == 0
        assert time.monotonic() - begun < 5
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive
        assert "Traceback" not in jupyter.log
    with Lab.open(LabSettings(home)) as lab:
        assert lab.studies.by_name(lab.people.owner(), "kept").id == study


def test_secrets_reach_no_log(jupyter: Any) -> None:
    lab_token = "wsi_CANARY-abcdef"
    with jupyter.browser() as browser:
        headers = {"Authorization": f"Bearer {lab_token}", "Referer": f"http://x/?t={lab_token}"}
        for path in (
            "v1/me",
            f"v1/{lab_token}",
            f"v1/studies/{lab_token}",
            f"v1/studies?name={lab_token}",
            f"v1/me?token={jupyter.token}",
            f"v1/me?token={lab_token}",
            f"{jupyter.token}",
        ):
            browser.get(path)
            browser.get(path, headers=headers)
            browser.delete(path, headers=headers)
    lines = [line for line in jupyter.log.splitlines() if "CANARY" in line]
    # Jupyter itself prints the address to sign in at, when it starts, for whoever started it.
    assert [
        line for line in lines if "/tree?token=" not in line and "/lab?token=" not in line
    ] == []
    assert "401 DELETE v1/studies/{study_id}" in jupyter.log


def test_extension_is_found_as_jupyter_looks_for_it() -> None:
    package = ExtensionPackage(name="wsi_lab", enabled=True)
    assert package.validate()
    assert list(package.extension_points) == ["wsi_lab"]
