"""Whether everything a lab needs is there, and what to do where it is not."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from wsi_lab.errors import WsiLabError
from wsi_lab.service.contents import advice_for, look_into
from wsi_lab.service.lab import LabSettings
from wsi_lab.store.connection import OLDEST_SQLITE, SQLITE_VERSION
from wsi_lab.store.db import Database
from wsi_lab.store.home import Home, file_system_type, prepare_home

OLDEST_PYTHON = (3, 11)
LITTLE_SPACE_BYTES = 1 << 30
DECODER_SECONDS = 60.0

DECODERS = ("simplejpeg", "tifffile", "imagecodecs", "openslide", "large_image", "PIL")
_IMPORT_DECODERS = """
import importlib, json, sys
versions = {}
for name in sys.argv[1:]:
    try:
        module = importlib.import_module(name)
        versions[name] = str(getattr(module, "__version__", "installed"))
    except Exception as error:
        versions[name] = f"!{type(error).__name__}: {error}"
print(json.dumps(versions))
"""


class Verdict(Enum):
    """What a finding means."""

    GOOD = "good"
    REMARK = "remark"
    """Works, but could be better."""
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    found
        What is there, in a few words.
    advice
        What to do about it; empty when nothing is to be done.
    """

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


def examine(settings: LabSettings) -> Iterator[Finding]:
    """Yield what is found, one thing after the other. A missing home is made.

    The source is looked into where the settings name one.
    """
    looks: list[Callable[[LabSettings], Finding]] = [
        _python,
        _sqlite,
        _home,
        _database,
        _space,
        _decoders,
        _jupyter,
    ]
    if settings.source is not None:
        looks.append(_source)
    for look in looks:
        yield look(settings)


def _source(settings: LabSettings) -> Finding:
    source = settings.source
    if source is None:
        return Finding("Source", Verdict.GOOD, "none")
    try:
        found = look_into(source)
    except WsiLabError as error:
        advice = " ".join([error.message, *advice_for(source, error)])
        return Finding("Source", Verdict.BAD, source.address, advice)
    text = f"{source.address} {found.in_words()}"
    if found.objects is not None and not found.slides:
        advice = "Are the slides elsewhere? Their names end in .svs, .tif or .tiff."
        return Finding("Source", Verdict.REMARK, text, advice)
    return Finding("Source", Verdict.GOOD, text)


def _python(_settings: LabSettings) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return Finding("Python", Verdict.BAD, version, f"Install Python {oldest} or newer.")
    return Finding("Python", Verdict.GOOD, version)


def _sqlite(_settings: LabSettings) -> Finding:
    version = ".".join(map(str, SQLITE_VERSION))
    if SQLITE_VERSION < OLDEST_SQLITE:
        advice = "Run: python -m pip install --upgrade pysqlite3"
        return Finding("SQLite", Verdict.BAD, version, advice)
    return Finding("SQLite", Verdict.GOOD, version)


def _home(settings: LabSettings) -> Finding:
    try:
        home = prepare_home(settings.home)
    except WsiLabError as error:
        return Finding("Home", Verdict.BAD, str(settings.home), error.message)
    kind = file_system_type(home.folder)
    found = f"{home.folder}" + (f" ({kind})" if kind else "")
    if stat.S_IMODE(home.folder.stat().st_mode) & 0o077:
        advice = f"Others on this machine can look into it. Run: chmod 700 '{home.folder}'"
        return Finding("Home", Verdict.REMARK, found, advice)
    return Finding("Home", Verdict.GOOD, found)


def _database(settings: LabSettings) -> Finding:
    path = Home(settings.home).database
    try:
        database = Database(path, network_home=settings.network_home)
        try:
            damage = database.damage()
        finally:
            database.close()
    except WsiLabError as error:
        return Finding("Database", Verdict.BAD, "cannot be used", error.message)
    if damage:
        advice = "Keep the file, and put back the last backup."
        return Finding("Database", Verdict.BAD, f"damaged: {damage}", advice)
    found = f"{path.stat().st_size:,} bytes, write-ahead log, flushed at every commit"
    return Finding("Database", Verdict.GOOD, found)


def _space(settings: LabSettings) -> Finding:
    place = settings.home.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / (1 << 30):.1f} GiB free"
    if free < LITTLE_SPACE_BYTES:
        return Finding("Disk", Verdict.BAD, found, "Free some space, or move the home.")
    return Finding("Disk", Verdict.GOOD, found)


def _decoders(_settings: LabSettings) -> Finding:
    # In a process of its own: a broken native library may take its process with it.
    try:
        ended = subprocess.run(  # noqa: S603 (this very interpreter, and words of ours)
            [sys.executable, "-c", _IMPORT_DECODERS, *DECODERS],
            capture_output=True,
            timeout=DECODER_SECONDS,
            check=True,
        )
        versions: dict[str, str] = json.loads(ended.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError):
        versions = {"decoders": "!the process that tried them died"}
    bad = [f"{name} ({text[1:]})" for name, text in versions.items() if text.startswith("!")]
    if bad:
        advice = "Run: python -m pip install --force-reinstall wsi-lab"
        return Finding("Decoders", Verdict.BAD, f"unusable: {'; '.join(bad)}", advice)
    found = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Finding("Decoders", Verdict.GOOD, found)


def _jupyter(_settings: LabSettings) -> Finding:
    from jupyter_core.paths import jupyter_config_path  # noqa: PLC0415 (only here)

    for folder in jupyter_config_path():
        path = Path(folder) / "jupyter_server_config.d" / "wsi_lab.json"
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            enabled = config["ServerApp"]["jpserver_extensions"]["wsi_lab"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if enabled is True:
            return Finding("Jupyter", Verdict.GOOD, "the extension is enabled")
        break
    advice = "Run: jupyter server extension enable --sys-prefix wsi_lab"
    return Finding("Jupyter", Verdict.BAD, "the extension is not enabled", advice)
