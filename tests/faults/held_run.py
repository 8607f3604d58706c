"""A run that is held in one of its phases: tests.faults.held_run PHASE HOW RANK [flags].

HOW is a signal such as ``KILL`` or ``STOP`` that a rank sends itself as it calls the phase's
function, or a number of seconds that each call takes longer; with ``@K`` behind it not before the
K-th call. RANK is ``all`` or one of them. The first call says so.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from udsgd_mpi.__main__ import entry
from udsgd_mpi.support.launcher import launched_rank

# A function of each phase, which rank 0 calls alone where so marked.
PHASES = {
    "starting": "udsgd_mpi.cli.run:before_mpi",
    "loading": "udsgd_mpi.kernels.compiled:Kernel.compile",
    "reading": "udsgd_mpi.problem.local_data:load",  # rank 0
    "posing": "udsgd_mpi.problem.agent:Agent.of",
    "minimizing": "udsgd_mpi.problem.optimum:minimum",  # rank 0
    "stepping": "udsgd_mpi.engine.draws:Draws._draw",
    "recording": "udsgd_mpi.storage.output:write_results",  # rank 0
    "saving": "udsgd_mpi.storage.output:write_checkpoint",  # rank 0
    "removing": "udsgd_mpi.storage.output:remove_checkpoint",  # rank 0
    "predicting": "udsgd_mpi.forecast.agent:AgentForecast.__call__",
    "ending": "udsgd_mpi.cli.report:read_measures",  # rank 0
}


def _hold(how: str) -> None:
    sys.stderr.write(f"held at {time.time():.3f}\n")
    sys.stderr.flush()
    if how.isalpha():
        os.kill(os.getpid(), signal.Signals[f"SIG{how}"])
    else:
        time.sleep(float(how))


def _held(function: Callable[..., Any], how: str) -> Callable[..., Any]:
    how, _, number = how.partition("@")
    first, calls = int(number or 1), 0

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == first or (calls > first and not how.isalpha()):
            _hold(how)
        return function(*args, **kwargs)

    return call


def _patch(place: str, how: str) -> None:
    module, _, names = place.partition(":")
    *outer, name = names.split(".")
    owner: Any = import_module(module)
    for each in outer:
        owner = getattr(owner, each)
    found = vars(owner)[name]
    if isinstance(found, classmethod):
        setattr(owner, name, classmethod(_held(found.__func__, how)))
    else:
        setattr(owner, name, _held(found, how))


def _main() -> None:
    phase, how, rank = sys.argv[1:4]
    sys.argv[1:] = sys.argv[4:]
    if rank in ("all", str(launched_rank())):
        _patch(PHASES[phase], how)
    entry()


if __name__ == "__main__":
    _main()
