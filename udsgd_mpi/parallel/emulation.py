"""Sleeping for the computing times of the virtual clock, to test its model on real ranks."""

import time
from collections.abc import Callable
from itertools import islice

from udsgd_mpi.clock import Clock, computing_times
from udsgd_mpi.problem import Problem
from udsgd_mpi.support.errors import ConfigurationError


def check_emulation(problem: Problem, ranks: int) -> None:
    """Refuse to sleep where it would be meaningless.

    Raises
    ------
    ConfigurationError
        If there is no clock, or a rank would sleep for several agents.
    """
    if problem.clock is None:
        raise ConfigurationError(
            "--emulate: expected a table [timing], got none; add one, or leave the flag out"
        )
    agents = len(problem.summaries)
    if agents != ranks:
        raise ConfigurationError(
            f"--emulate: expected an agent for each rank, got {agents} agents on {ranks} ranks; use"
            f" mpirun -n {agents}"
        )


class Emulated:
    """W of the equation, after sleeping until local steps took as long as the clock says.

    Messages take their real time.

    Parameters
    ----------
    agent
        The only agent of this rank.
    n
        Number of updates done.
    """

    def __init__(self, W: Callable[[int], None], clock: Clock, agent: int, n: int) -> None:
        laws = {agent: clock.computing[agent]}
        self._durations = computing_times(laws, clock.seed, n)
        self._W = W
        self._n = n

    def __call__(self, n: int) -> None:
        time.sleep(sum(float(step[0]) for step in islice(self._durations, n - self._n)))
        self._n = n
        self._W(n)
