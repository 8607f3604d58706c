"""Calls of a user's own code, whose failures are the user's to fix."""

import os
import sysconfig
import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

from udsgd_mpi.support.errors import LocalError

P = ParamSpec("P")
T = TypeVar("T")

_OURS = str(Path(__file__).parent.parent)
_LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))


class _Inside(threading.local):
    """Whether this thread is in a user's code, and of which process."""

    process: int | None = None


_inside = _Inside()
_NOTHING = object()
_exit = os._exit


def users(name: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of the user's own, or one that runs such code, as an import does.

    Parameters
    ----------
    name
        What the function is of, for the message.

    Raises
    ------
    LocalError
        Whatever the code raises, and where it ends the program; with the file, the line and the
        user's part of the traceback.
    """
    outer, _inside.process = _inside.process, os.getpid()
    os._exit = _exit_of_users
    try:
        return function(*args, **kwargs)
    except (Exception, SystemExit) as error:
        raise LocalError(_message(name, function, error)) from error
    finally:
        _inside.process = outer


class UsersObject:
    """An object of a user's class; each of its methods is called by ``users``.

    Other attributes are those that the object has at the time.

    Parameters
    ----------
    name
        What it is, for messages.
    """

    def __init__(self, name: str, itself: object) -> None:
        self._name = name
        self._itself = itself

    def __getattr__(self, name: str) -> Any:
        found = users(self._name, lambda: getattr(self._itself, name, _NOTHING))
        if found is _NOTHING:
            raise AttributeError(f"{self._name} has no attribute {name!r}")
        if callable(found):
            found = partial(users, self._name, found)
            setattr(self, name, found)
        return found


def _exit_of_users(status: int) -> NoReturn:
    """``os._exit``, which would end a run with the exit code of a complete one."""
    if _inside.process == os.getpid():
        raise SystemExit(status)
    _exit(status)


def _message(name: str, function: object, error: BaseException) -> str:
    frames = _users_frames(error)
    said = traceback.format_exception_only(error)[-1].strip()
    if isinstance(error, SystemExit):
        said = f"it ends the program (exit code {error.code}); raise an error instead"
    return f"{name}: {_place(frames, function, error)}{said}" + "".join(
        f"\n{line.rstrip()}" for line in traceback.format_list(frames)
    )


def _users_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The traceback from the user's first line on, without ours."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(("<frozen ", _OURS))
    ]
    first = next((k for k, frame in enumerate(frames) if _is_users(frame.filename)), len(frames))
    return frames[first:]


def _place(frames: list[traceback.FrameSummary], function: object, error: BaseException) -> str:
    """File and line of the user's last step, or of the function where it was called wrongly."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: "
    steps = [frame for frame in frames if _is_users(frame.filename)]
    if steps:
        return f"{steps[-1].filename}:{steps[-1].lineno}: "
    called = getattr(function, "__init__", None) if isinstance(function, type) else function
    code = getattr(called, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}: " if code else ""


def _is_users(file: str) -> bool:
    return not file.startswith((_OURS, *_LIBRARIES))
