"""Pickles of arrays of bytes, lists, dictionaries and texts: no other code of theirs is run."""

import io
import pickle
from collections.abc import Callable
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray


def loads(content: bytes) -> Any:
    """What a pickle holds, Python 2's texts as bytes.

    Arrays are put together here from the bytes that NumPy wrote; NumPy's own way would believe
    whatever a pickle says of their memory.

    Raises
    ------
    pickle.UnpicklingError
        If it asks for anything but arrays of unsigned bytes; broken ones raise other errors, too.
    """
    found = _Restricted(io.BytesIO(content), encoding="bytes").load()
    return _finished(found)


class _Type:
    """A data type, of which only ``u1`` is admitted."""

    def __init__(self, name: Any = None, *_: Any) -> None:
        if name not in ("u1", b"u1", "|u1", b"|u1"):
            raise pickle.UnpicklingError(f"expected arrays of bytes (u1), got {name!r}")

    def __setstate__(self, _: Any) -> None:
        """Bytes have no order."""


class _Array:
    """An array that a pickle describes."""

    def __init__(self, *_: Any) -> None:
        self.array = np.empty(0, dtype=np.uint8)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, by_columns, content = state
        self.array = _array(content, kind, shape, "F" if by_columns else "C")


def _array(content: Any, kind: Any, shape: Any, order: Any) -> NDArray[np.uint8]:
    if not isinstance(kind, _Type) or not isinstance(content, bytes | bytearray):
        raise pickle.UnpicklingError("expected arrays of bytes (u1), got others")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape, order="F" if order == "F" else "C")


def _from_buffer(content: Any, kind: Any, shape: Any, order: Any) -> _Array:
    found = _Array()
    found.array = _array(content, kind, shape, order)
    return found


def _encode(text: Any, encoding: Any) -> bytes:
    """How Python 3 writes bytes in pickles that Python 2 can read."""
    if encoding not in ("latin1", b"latin1") or not isinstance(text, str):
        raise pickle.UnpicklingError(f"expected bytes, got a text in {encoding!r}")
    return text.encode("latin1")


_ADMITTED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _encode,
}


class _Restricted(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return _ADMITTED[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"expected arrays, lists, dictionaries and texts alone, got {module_name}."
                f"{global_name}"
            ) from None


def _finished(found: Any) -> Any:
    """A dictionary or list with arrays in place of what describes them."""
    if isinstance(found, dict):
        return {key: _finished(value) for key, value in found.items()}
    return found.array if isinstance(found, _Array) else found


def is_array(found: Any) -> TypeGuard[NDArray[np.uint8]]:
    """Whether something in a pickle is an array."""
    return isinstance(found, np.ndarray)
