"""wsi-lab as a server of its own, as ``wsi-lab serve`` starts it: ``python -m bench.serve``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wsi_lab.server.app import serve
from wsi_lab.service.lab import LabSettings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    return serve(LabSettings(home=chosen.home), port=chosen.port)


if __name__ == "__main__":
    sys.exit(main())
