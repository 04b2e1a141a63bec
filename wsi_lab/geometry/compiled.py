"""Loops over very many numbers, compiled by numba when they are first needed.

Nobody who never draws or packs shapes waits for numba: it is imported with the first call of a
kernel. What was compiled is kept beside the package, or in the user's cache folder where that
cannot be written to, so that a machine compiles each kernel once.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
import threading
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any, cast

MODULES = (
    "crossing",
    "geojson_walk",
    "mask_borders",
    "measuring",
    "packed_vertices",
    "raster",
    "vector_features",
    "wkb",
)
"""Modules of this package that have kernels."""

_KERNELS: list[Kernel] = []
_LOCK = threading.RLock()


class Kernel:
    """A function that is compiled when it is first called.

    Attributes
    ----------
    python
        The function itself, which does the same slowly.
    """

    def __init__(
        self, function: Callable[..., Any], arguments: str | None, *, is_inlined: bool = False
    ) -> None:
        if not isinstance(function, FunctionType):
            msg = "A kernel, or a part of one, is a plain function."
            raise TypeError(msg)
        self.python = function
        self._arguments = arguments
        self._inline = "always" if is_inlined else "never"
        self._native: Callable[..., Any] | None = None
        if arguments is not None:
            _KERNELS.append(self)

    def __call__(self, *arguments: Any) -> Any:
        """Run the compiled function."""
        native = self._native
        return native(*arguments) if native is not None else self.native()(*arguments)

    def native(self) -> Callable[..., Any]:
        """Return the compiled function; compile it, or read it from the cache, if need be."""
        with _LOCK:
            if self._native is None:
                self._native = self._compile()
            return self._native

    def _compile(self) -> Callable[..., Any]:
        njit = _njit()
        function = self._with_native_names()
        options = {"nogil": True, "no_cfunc_wrapper": True}
        if self._arguments is None:
            # Only compiled code calls a part, and what calls it is cached.
            return njit(no_cpython_wrapper=True, inline=self._inline, **options)(function)
        signature = _types(self._arguments)
        try:
            return njit(signature, cache=True, **options)(function)
        except RuntimeError as error:
            # No folder for the cache can be written to.
            if "no locator" not in str(error):
                raise
            return njit(signature, **options)(function)

    def _with_native_names(self) -> FunctionType:
        from numba import config  # noqa: PLC0415 (as above)

        # numba looks up what a function calls by its globals, where it knows its own functions
        # only: the twin it compiles sees those instead of kernels.
        python = self.python
        names = dict(python.__globals__)
        parts = []
        for name in python.__code__.co_names:
            called = names.get(name)
            if isinstance(called, Kernel):
                names[name] = called.native()
                parts.append(called.written())
        # Python itself, where numba is told to leave it to it, would stumble over the closure.
        is_turned_off = config.DISABLE_JIT  # type: ignore[attr-defined]  # read from the environment
        # The cache knows a function by its file and what it closes over: closing over what its
        # parts are, it is compiled anew when one of them changes, in whichever module that is.
        code, closure = python.__code__, None
        if self._arguments is not None and parts and not is_turned_off:
            code = code.replace(co_freevars=("parts",))
            closure = (CellType(hashlib.sha256(b"".join(parts)).hexdigest()),)
        twin = FunctionType(code, names, python.__name__, python.__defaults__, closure)
        twin.__module__, twin.__qualname__ = python.__module__, python.__qualname__
        return twin

    def written(self) -> bytes:
        """Return what tells this function, and the parts it calls, from another one."""
        code, names = self.python.__code__, self.python.__globals__
        parts = [names[name] for name in code.co_names if isinstance(names.get(name), Kernel)]
        own = repr((code.co_code, code.co_consts, code.co_names)).encode()
        return own + b"".join(part.written() for part in parts)


def compiled(arguments: str) -> Callable[[Callable[..., Any]], Kernel]:
    """Make a function a kernel that takes exactly these arguments.

    Parameters
    ----------
    arguments
        One word each: ``f8`` a float, ``i8`` a whole number, ``u1[]`` an array of bytes,
        ``f8[,]`` one of two dimensions; ``!`` before it says that it is written to. Arrays are
        contiguous. Saying so beforehand keeps each kernel at one compilation, whatever arrays
        it is called with first.

    Examples
    --------
    >>> @compiled("i8[] !i8[]")
    ... def double(numbers, doubled):
    ...     for place in range(len(numbers)):
    ...         doubled[place] = 2 * numbers[place]
    """

    def made(function: Callable[..., Any]) -> Kernel:
        return Kernel(function, arguments)

    return made


def part(function: Callable[..., Any]) -> Kernel:
    """Make a function a part of kernels."""
    return Kernel(function, None)


def inlined(function: Callable[..., Any]) -> Kernel:
    """Make a function a part of kernels that is copied to where it is called.

    It is faster where a call costs as much as what is called, and takes longer to compile.
    """
    return Kernel(function, None, is_inlined=True)


def warm() -> threading.Thread:
    """Compile all kernels in the background; the first who needs one then need not wait."""
    thread = threading.Thread(target=_compile_all, name="compiling")
    thread.start()
    return thread


def _compile_all() -> None:
    for module in MODULES:
        importlib.import_module(f"{__package__}.{module}")
    for kernel in _KERNELS:
        # A process that ends waits for the kernel at hand, and not for all.
        if threading.main_thread().is_alive():
            kernel.native()


def _njit() -> Callable[..., Callable[[FunctionType], Callable[..., Any]]]:
    from numba import njit  # noqa: PLC0415 (half a second, only for those who need it)

    _leave_linear_algebra()
    # What is said of its types leaves out half of what it takes.
    return cast("Callable[..., Any]", njit)


def _leave_linear_algebra() -> None:
    """Keep numba from loading scipy's linear algebra, which takes 16 MB and no kernel uses.

    It loads it to know whether it is there: so it is, as we depend on it.
    """
    if "numba.np.arraymath" in sys.modules:
        return
    from numba.np import linalg  # noqa: PLC0415 (as above)

    loads = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = loads


def _types(arguments: str) -> tuple[Any, ...]:
    from numba import types  # noqa: PLC0415 (as above)

    plain: dict[str, Any] = {
        "u1": types.uint8,
        "u2": types.uint16,
        "i4": types.int32,
        "i8": types.int64,
        "f8": types.float64,
    }
    kinds: list[Any] = []
    for word in arguments.split():
        name, _, array = word.removeprefix("!").partition("[")
        kind: Any = plain[name]
        if array:
            kind = types.Array(kind, array.count(",") + 1, "C", readonly=not word.startswith("!"))
        kinds.append(kind)
    return tuple(kinds)
