"""The end of a process that served."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time

LINGER_SECONDS = 0.2


def end_process(code: int) -> int:
    """Return an exit code, or end this process now if threads hold it up.

    Only for the last line of a program. A thread may still wait for a store that does not
    answer, and the interpreter would wait for the thread. Nobody else does: what had to be
    stored is stored.
    """
    until = time.monotonic() + LINGER_SECONDS
    others = set(threading.enumerate()) - {threading.current_thread()}
    waiting = [thread for thread in others if not thread.daemon]
    for thread in waiting:
        thread.join(max(0.0, until - time.monotonic()))
    if any(thread.is_alive() for thread in waiting):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
