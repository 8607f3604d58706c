"""Classes and functions of the user's own, which settings name as ``"module:Class"``.

The module is a file beside the experiment, in the working folder, or anything that can be
imported; ``"file.py:Class"`` names a file itself.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.own_module import own_module
from udsgd_mpi.support.own_sources import sources_of
from udsgd_mpi.support.users_code import UsersObject, users

_made: dict[tuple[str, str, bytes], UsersObject] = {}


def made(
    family: str,
    path: str,
    methods: Sequence[str],
    arguments: Mapping[str, Any],
    *given: Any,
) -> UsersObject:
    """An object of the user's own class, whose methods are called as ``users`` does.

    Parameters
    ----------
    family
        Of what it is one, e.g. ``"sampler"``; its setting is ``sampler.path``.
    path
        ``"module:Class"``.
    methods
        Those that the class must have, e.g. ``"draw(steps, uniforms)"``.
    arguments
        Keyword arguments of the class, as the user has set them.
    given
        What the class gets before them.

    Raises
    ------
    ConfigurationError
        If Python does not find the class, or it lacks a method.
    LocalError
        Whatever the user's code raises.
    """
    own = f"{family} {path}"
    itself = users(own, users_class(family, path), *given, **arguments)
    names = [method.partition("(")[0] for method in methods]
    missing = [name for name in names if not callable(getattr(itself, name, None))]
    if missing:
        raise ConfigurationError(
            f"{family}.path: expected a class with the {'methods' if methods[1:] else 'method'}"
            f" {' and '.join(methods)}, got {path!r} without {' and '.join(missing)}"
        )
    return UsersObject(own, itself)


def made_once(
    family: str, path: str, methods: Sequence[str], arguments: Mapping[str, Any]
) -> UsersObject:
    """The same object for the same settings; see ``made``."""
    key = family, path, msgspec.msgpack.encode(arguments)  # lists have no hash
    if key not in _made:
        _made[key] = made(family, path, methods, arguments)
    return _made[key]


def forget() -> None:
    """Let ``made_once`` make all objects anew, as it does in another process."""
    _made.clear()


def users_class(family: str, path: str) -> Callable[..., Any]:
    """The class itself, which may say more of its objects by attributes of its own.

    Raises
    ------
    ConfigurationError
        If Python does not find it.
    """
    return _named(f"{family} {path}", f"{family}.path", path, "Class")


def users_function(setting: str, path: str) -> Callable[..., Any]:
    """A function of the user's own.

    Parameters
    ----------
    setting
        That names it, e.g. ``"objective.model"``.
    path
        ``"module:function"``.

    Raises
    ------
    ConfigurationError
        If Python does not find it.
    """
    return _named(f"{setting} {path}", setting, path, "function")


def sources(path: str) -> dict[str, Path]:
    """Files that the module of a ``"module:Class"`` is made of, by name.

    Raises
    ------
    LocalError
        Whatever importing it raises.
    """
    module = users(path, own_module, path.rpartition(":")[0])
    return sources_of(module) if module else {}


def _named(own: str, setting: str, path: str, kind: str) -> Callable[..., Any]:
    module, _, name = path.rpartition(":")
    found = users(own, own_module, module) if module and name else None
    named: Callable[..., Any] | None = getattr(found, name, None)
    if named is None or not callable(named):
        missing = f"no {name!r} in {found}" if found else f"no module {module!r}"
        raise ConfigurationError(
            f'{setting}: expected "module:{kind}" that Python can import from here, got {path!r}'
            f" ({missing})"
        )
    return named
