"""``python -m wsi_lab`` is the command ``wsi-lab``."""

import sys

from wsi_lab.cli import main
from wsi_lab.server.ending import end_process


def program() -> int:
    """Run the command line, and let nothing hold up the end of the process."""
    return end_process(main())


if __name__ == "__main__":
    sys.exit(program())
