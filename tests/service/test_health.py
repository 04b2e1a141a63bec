from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wsi_lab.model.source import Source
from wsi_lab.service import health
from wsi_lab.service.health import Finding, Verdict, examine
from wsi_lab.service.lab import LabSettings


def by_name(settings: LabSettings) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(settings)}


def test_fresh_home_on_this_machine_is_good(settings: LabSettings) -> None:
    findings = by_name(settings)
    assert list(findings) == ["Python", "SQLite", "Home", "Database", "Disk", "Decoders", "Jupyter"]
    for name in ("Python", "SQLite", "Home", "Database", "Decoders"):
        assert findings[name].verdict is Verdict.GOOD, findings[name]
        assert findings[name].advice == ""
    assert "openslide" in findings["Decoders"].found


def test_home_that_others_can_look_into_is_remarked(settings: LabSettings) -> None:
    settings.home.mkdir()
    settings.home.chmod(0o755)
    finding = by_name(settings)["Home"]
    assert finding.verdict is Verdict.REMARK
    assert "chmod 700" in finding.advice


def test_home_that_cannot_be_used_is_bad(settings: LabSettings) -> None:
    settings.home.write_text("x")
    findings = by_name(settings)
    assert findings["Home"].verdict is Verdict.BAD
    assert findings["Database"].verdict is Verdict.BAD
    assert findings["Home"].advice


def test_damaged_database_is_bad(settings: LabSettings) -> None:
    list(examine(settings))
    path = settings.home / "lab.sqlite3"
    data = bytearray(path.read_bytes())
    # A page in the middle, so that the file still opens.
    data[8 * 4096 : 9 * 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    finding = by_name(settings)["Database"]
    assert finding.verdict is Verdict.BAD
    assert "backup" in finding.advice


def test_source_is_looked_into_where_there_is_one(
    settings: LabSettings, slide_file: Path, tmp_path: Path
) -> None:
    assert "Source" not in by_name(settings)
    finding = by_name(replace(settings, source=Source.at(str(slide_file.parent))))["Source"]
    assert (finding.verdict, finding.advice) == (Verdict.GOOD, "")
    assert "1 key that ends like a slide among 1 object" in finding.found
    finding = by_name(replace(settings, source=Source.at(str(settings.home))))["Source"]
    assert finding.verdict is Verdict.REMARK
    nowhere = Source.at("s3://slides", endpoint="http://127.0.0.1:1", anonymous=True)
    finding = by_name(replace(settings, source=nowhere))["Source"]
    assert finding.verdict is Verdict.BAD
    assert "--s3-endpoint" in finding.advice


def test_full_disk_old_sqlite_and_missing_decoders_are_bad(
    settings: LabSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LITTLE_SPACE_BYTES", 1 << 80)
    monkeypatch.setattr(health, "SQLITE_VERSION", (3, 40, 1))
    monkeypatch.setattr(health, "OLDEST_PYTHON", (4, 0))
    monkeypatch.setattr(health, "DECODERS", ("simplejpeg", "no_such_decoder"))
    findings = by_name(settings)
    for name in ("Disk", "SQLite", "Python", "Decoders"):
        assert findings[name].verdict is Verdict.BAD
        assert findings[name].advice
    assert "no_such_decoder" in findings["Decoders"].found
    assert "simplejpeg" not in findings["Decoders"].found


@pytest.mark.parametrize(
    ("config", "verdict"),
    [
        ('{"ServerApp": {"jpserver_extensions": {"wsi_lab": true}}}', Verdict.GOOD),
        ('{"ServerApp": {"jpserver_extensions": {"wsi_lab": false}}}', Verdict.BAD),
        ("no json", Verdict.BAD),
        ("[]", Verdict.BAD),
        (None, Verdict.BAD),
    ],
)
def test_jupyter_extension_is_looked_for(
    settings: LabSettings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    config: str | None,
    verdict: Verdict,
) -> None:
    folder = tmp_path / "jupyter" / "jupyter_server_config.d"
    folder.mkdir(parents=True)
    if config is not None:
        (folder / "wsi_lab.json").write_text(config)
    monkeypatch.setattr("jupyter_core.paths.jupyter_config_path", lambda: [str(folder.parent)])
    assert health._jupyter(settings).verdict is verdict
