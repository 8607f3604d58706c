"""The virtual clock that settings describe."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from udsgd_mpi.clock import Clock, Computing, latency_of
from udsgd_mpi.experiment.schema import Experiment, Timing
from udsgd_mpi.support.agent_lists import parse_agents
from udsgd_mpi.support.errors import ConfigurationError


def clock_of(experiment: Experiment, groups: Sequence[str]) -> Clock | None:
    """The clock of agents in these groups; None without ``timing``.

    Raises
    ------
    ConfigurationError
        If a straggler does not exist, or latencies or bandwidths are not those of the agents.
    """
    timing, computing = experiment.timing, computing_of(experiment, groups)
    if timing is None or computing is None:
        return None
    bandwidth = _bandwidth(timing, len(groups))
    for i, name in enumerate(groups):
        bandwidth[i] = experiment.groups[name].bandwidth or bandwidth[i]
    latency = latency_of(timing.latency, len(groups))
    return Clock(experiment.seed, computing, latency, bandwidth)


def computing_of(experiment: Experiment, groups: Sequence[str]) -> list[Computing] | None:
    """Laws of computing times of agents in these groups; None without ``timing``.

    Raises
    ------
    ConfigurationError
        If a straggler does not exist.
    """
    timing = experiment.timing
    if timing is None:
        return None
    computing: list[Computing] = [
        experiment.groups[name].compute or timing.compute for name in groups
    ]
    if timing.stragglers is not None:
        for agent in set(parse_agents(timing.stragglers, "timing.stragglers", len(groups))):
            mean = computing[agent].mean * timing.slowdown
            computing[agent] = replace(computing[agent], mean=mean)
    return computing


def _bandwidth(timing: Timing, agents: int) -> NDArray[np.float64]:
    """Of each agent, shape (agents,)."""
    given = timing.bandwidth
    if isinstance(given, list) and len(given) != agents:
        raise ConfigurationError(
            f"timing.bandwidth: expected a number for each of the {agents} agents, got"
            f" {len(given)}; list them in agent order, or give one number"
        )
    return np.full(agents, given, dtype=np.float64)
