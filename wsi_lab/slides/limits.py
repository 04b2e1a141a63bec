"""What a worker process may use. Set by itself, before it loads any decoder."""

from __future__ import annotations

import contextlib
import os
import resource
import signal

_PASSED_ON = (
    "DYLD_LIBRARY_PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONHOME",
    "PYTHONPATH",
    "SYSTEMROOT",
    "TMPDIR",
    "TZ",
    "VIRTUAL_ENV",
)

_ONE_THREAD = (
    "BLOSC_NTHREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPJ_NUM_THREADS",
    "VIPS_CONCURRENCY",
)


_ALLOCATOR = {
    # glibc reserves 64 MiB of addresses for every thread that allocates, which the limit counts.
    "MALLOC_ARENA_MAX": "1",
    # Pixels are some MB at a time. By default each such block is fetched from the system and
    # given back, page by page: keeping up to 128 MiB makes large regions three times faster.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
}


def worker_environment() -> dict[str, str]:
    """Return the environment of a worker.

    Tokens, keys of buckets and proxies stay behind: a slide that takes over a decoder finds no
    secret. The pool is what works in parallel, so a worker uses one thread.
    """
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= dict.fromkeys(_ONE_THREAD, "1")
    return environment | _ALLOCATOR


def limit_this_process(memory_bytes: int) -> None:
    """Give this process at most `memory_bytes`, no core dumps and no files to write.

    The limit is on addresses, not on resident memory, which Linux does not limit: what has no
    address cannot be resident. Libraries and interpreter take 130 to 230 MB of it.
    """
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_AS, memory_bytes),
    ):
        # macOS knows some limits by name only.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))
    # The terminal's Ctrl-C is for the server.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end_after(seconds: float) -> None:
    """Let this process be ended by the system in so many seconds; 0 takes it back.

    The server ends a worker that takes too long. This is for the case that the server itself
    is gone: a decoder that never returns would not notice.
    """
    signal.setitimer(signal.ITIMER_REAL, seconds)


class AddressMeter:
    """Tells how many bytes of addresses this process has; 0 where nobody can tell."""

    def __init__(self) -> None:
        try:
            # Held open: it is read after each request, and opening would cost four times more.
            self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._statm = -1
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")

    def bytes_in_use(self) -> int:
        """Return the number that `RLIMIT_AS` limits."""
        if self._statm < 0:
            return 0
        return int(os.pread(self._statm, 32, 0).split()[0]) * self._page_bytes
