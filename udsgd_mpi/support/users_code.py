"""Calls of a user's own code, whose failures are the user's to fix."""

import os
import sys
import sysconfig
import threading
import time
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


class _Running:
    """The call of a user's code that the process is in, as a watchdog sees it: name and begin."""

    call: tuple[str, float] | None = None


_inside = _Inside()
_running = _Running()
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
    before, _running.call = _running.call, (name, time.monotonic())
    os._exit = _exit_of_users
    try:
        return function(*args, **kwargs)
    except (Exception, SystemExit) as error:
        raise LocalError(_message(name, function, error)) from error
    finally:
        _inside.process, _running.call = outer, before


def still_running(seconds: float) -> str | None:
    """Where the main thread is in a call of a user's code; None if not for so many seconds yet."""
    call = _running.call
    if call is None or time.monotonic() - call[1] < seconds:
        return None
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001
    stack = traceback.extract_stack(frame)
    called = next((k for k, each in enumerate(stack) if each.filename == __file__), 0)
    frames = _of_users(stack[called:])
    message = f"{call[0]}: {_last_step(frames)}still running after {seconds:.3g} s"
    return message + _listed(frames)


class UsersObject:
    """An object of a user's class; each of its methods is called by ``users``.

    Other attributes are those that the object has at the time, and are set on it.

    Parameters
    ----------
    name
        What it is, for messages.
    """

    def __init__(self, name: str, itself: object) -> None:
        self.__dict__.update(_name=name, _itself=itself)

    def __getattr__(self, name: str) -> Any:
        found = users(self._name, lambda: getattr(self._itself, name, _NOTHING))
        if found is _NOTHING:
            raise AttributeError(f"{self._name} has no attribute {name!r}")
        if callable(found):
            found = partial(users, self._name, found)
            self.__dict__[name] = found
        return found

    def __setattr__(self, name: str, value: object) -> None:
        users(self._name, setattr, self._itself, name, value)


def _exit_of_users(status: int) -> NoReturn:
    """``os._exit``, which would end a run with the exit code of a complete one."""
    if _inside.process == os.getpid():
        raise SystemExit(status)
    _exit(status)


def _message(name: str, function: object, error: BaseException) -> str:
    frames = _of_users(traceback.extract_tb(error.__traceback__))
    said = traceback.format_exception_only(error)[-1].strip()
    if isinstance(error, SystemExit):
        said = f"it ends the program (exit code {error.code}); raise an error instead"
    return f"{name}: {_place(frames, function, error)}{said}{_listed(frames)}"


def _listed(frames: list[traceback.FrameSummary]) -> str:
    return "".join(f"\n{line.rstrip()}" for line in traceback.format_list(frames))


def _of_users(stack: list[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """Frames from the user's first line on, without ours."""
    frames = [frame for frame in stack if not frame.filename.startswith(("<frozen ", _OURS))]
    first = next((k for k, frame in enumerate(frames) if _is_users(frame.filename)), len(frames))
    return frames[first:]


def _place(frames: list[traceback.FrameSummary], function: object, error: BaseException) -> str:
    """File and line of the user's last step, or of the function where it was called wrongly."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: "
    if step := _last_step(frames):
        return step
    called = getattr(function, "__init__", None) if isinstance(function, type) else function
    code = getattr(called, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}: " if code else ""


def _last_step(frames: list[traceback.FrameSummary]) -> str:
    """File and line of the user's last step, if there is one."""
    steps = [frame for frame in frames if _is_users(frame.filename)]
    return f"{steps[-1].filename}:{steps[-1].lineno}: " if steps else ""


def _is_users(file: str) -> bool:
    return not file.startswith((_OURS, *_LIBRARIES))
