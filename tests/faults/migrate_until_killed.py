"""Make a database, and end this process by SIGKILL in the middle of it.

Arguments: the file, and before the how-manieth statement to die. Prints ``done`` when there are
fewer statements than that.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from wsi_lab.store.connection import open_writer
from wsi_lab.store.migrations import migrate


def main() -> None:
    path, last = Path(sys.argv[1]), int(sys.argv[2])
    path.touch()
    connection = open_writer(path)
    seen = 0

    def count(_statement: str) -> None:
        nonlocal seen
        seen += 1
        if seen > last:
            os.kill(os.getpid(), signal.SIGKILL)

    connection.set_trace_callback(count)
    migrate(connection)
    connection.set_trace_callback(None)
    connection.close()
    print("done")  # noqa: T201 (whoever started this reads it)


if __name__ == "__main__":
    main()
