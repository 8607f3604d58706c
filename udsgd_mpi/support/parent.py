"""The process from which ranks were started, such as a notebook's, which may end before them."""

import os
import socket
from collections.abc import Mapping

_VARIABLE = "UDSGD_PARENT"


def as_parent() -> dict[str, str]:
    """What a launcher's environment says of this process, which starts it."""
    return {_VARIABLE: f"{socket.gethostname()}:{os.getpid()}"}


def parent_is_gone(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a process on this host has started the ranks from Python, and has ended since."""
    host, _, process = environment.get(_VARIABLE, "").rpartition(":")
    if host != socket.gethostname() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is somebody else's by now
        return False
    return False
