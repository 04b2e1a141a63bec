"""Where a run takes place: its processor, its load, and which outside programs it has."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

IIPSRV_PLACES = ("/usr/lib/iipimage-server/iipsrv.fcgi", "/usr/lib/cgi-bin/iipsrv.fcgi")
PACKAGES = (
    "wsi-lab",
    "jupyter_server",
    "tornado",
    "large-image",
    "openslide-python",
    "openslide-bin",
    "simplejpeg",
    "tifffile",
    "numpy",
)


def program(name: str) -> str | None:
    """Return where an outside program lies, or `None`."""
    if name == "iipsrv":
        return next((place for place in IIPSRV_PLACES if Path(place).is_file()), None)
    # Debian keeps nginx where only root's PATH looks.
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which(name, path=path)


def description() -> dict[str, str]:
    """Return what a reader of the figures needs to know about the machine."""
    load = os.getloadavg()[0]
    cores = os.cpu_count() or 1
    busy = "; other work is running, trust ratios only" if load > cores / 2 else ""
    return {
        "processor": f"{_processor()}, {cores} cores",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load at the start": f"{load:.1f}{busy}",
        "versions": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
