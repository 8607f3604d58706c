"""Kernels, compiled once for all ranks and runs and cached on disk."""

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache, cached_property, update_wrapper
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar, cast

from numba import config, njit, types
from numba.core.sigutils import normalize_signature
from numba.core.types import WrapperAddressProtocol
from numba.extending import typeof_impl

from udsgd_mpi.kernels.cache import numba_caches_in, trusted_cache
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.launcher import UNCOMPILED

if config.DISABLE_JIT:  # kernels compute with 64-bit integers, unlike Python
    raise ConfigurationError(UNCOMPILED)

P = ParamSpec("P")
R = TypeVar("R")


_one_thread = threading.RLock()  # where Numba's cache is, is a setting of the whole process


class Kernel(WrapperAddressProtocol, Generic[P, R]):
    """A compiled function of one signature, loaded or compiled as it is first called.

    Floating-point sums keep the order in which they are written, so that a kernel gives the
    same bits whatever the shapes it is called with. Kernels can be arguments of kernels.

    Attributes
    ----------
    function
        What is compiled.
    """

    all: ClassVar[list["Kernel[Any, Any]"]] = []

    def __init__(self, function: Callable[P, R], signature: str) -> None:
        self.function = function
        self._signature = signature
        self._compiled: Callable[P, R] | None = None
        update_wrapper(self, function)
        Kernel.all.append(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return (self._compiled or self.compile())(*args, **kwargs)

    def of(self, signature: str) -> "Kernel[P, R]":
        """The same function for arguments of other types."""
        return Kernel(self.function, signature)

    def with_types(self, before: str, after: str, most: int = -1) -> "Kernel[P, R]":
        """The same function where the signature has another type, the first few times at most."""
        return self.of(self._signature.replace(before, after, most))

    def compile(self) -> Callable[P, R]:
        """Load the machine code from the cache, or compile it and put it there."""
        with _one_thread:
            return self._compiled or self._load_or_compile()

    def signature(self) -> Any:
        """As Numba asks for it where this is an argument of another kernel."""
        return self._parsed

    def __wrapper_address__(self) -> int:
        return self._address

    @cached_property
    def _parsed(self) -> Any:
        arguments, result = normalize_signature(self._signature)
        return result(*arguments)

    @cached_property
    def function_type(self) -> Any:
        """Its type as an argument, which Numba takes 7 µs to make at every call."""
        return types.FunctionType(self._parsed)

    @cached_property
    def _address(self) -> int:
        result = cast("Any", self.compile()).get_compile_result(self._parsed)
        return int(result.library.get_pointer_to_function(result.fndesc.llvm_cfunc_wrapper_name))

    def _load_or_compile(self) -> Callable[P, R]:
        _load_numba()
        folder = trusted_cache()
        options = {"nogil": True, "error_model": "numpy"}
        with numba_caches_in(folder):
            try:
                compiled = njit(self._signature, cache=folder is not None, **options)(self.function)
            except (OSError, RuntimeError):  # no folder to write to: compile for this process alone
                compiled = njit(self._signature, **options)(self.function)
        self._compiled = compiled
        return cast("Callable[P, R]", compiled)


typeof_impl.register(Kernel, lambda kernel, _: kernel.function_type)


def kernel(signature: str) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Make a function a kernel.

    Parameters
    ----------
    signature
        Numba signature, e.g. ``"void(float64[:, ::1])"``.
    """
    return lambda function: Kernel(function, signature)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function callable from kernels, compiled as part of each of them."""
    return cast("Callable[P, R]", njit(error_model="numpy", inline="always")(function))


def specialised(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function callable from kernels, compiled for the arguments of each of them.

    What it does only where an argument is not None is left out where it is None.
    """
    return cast("Callable[P, R]", njit(error_model="numpy")(function))


def compile_share(share: int, shares: int, between: Callable[[], None]) -> None:
    """Compile a share of the kernels that have been imported and that the cache does not hold.

    Processes that compiled the same at once would take as many times the work. All kernels of a
    function are in one share, as they share a file of the cache.

    Parameters
    ----------
    share, shares
        Which of how many.
    between
        Is called after each kernel.
    """
    functions = list(dict.fromkeys(each.function for each in Kernel.all))
    for each in Kernel.all:
        if functions.index(each.function) % shares == share:
            each.compile()
            between()


def all_compiled() -> Path | None:
    """A file that is there once the cache holds all kernels; None where there is no cache."""
    folder = trusted_cache()
    return folder and folder / "complete"


@cache
def _load_numba() -> None:
    """Load what Numba needs before a first kernel, but not SciPy's linear algebra.

    Numba looks whether it is there, and loading it takes half of the time; no kernel calls it.
    """
    hidden = "scipy.linalg"
    found = hidden in sys.modules
    if not found:
        sys.modules[hidden] = None  # type: ignore[assignment]  # so that importing it fails
    try:
        with suppress(
            ImportError
        ):  # another version of Numba may have it elsewhere; then it loads as usual
            import_module("numba.np.arraymath")
    finally:
        if not found:
            del sys.modules[hidden]
