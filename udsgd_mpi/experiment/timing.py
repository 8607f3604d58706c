"""The virtual clock that settings describe."""

from collections.abc import Sequence

from msgspec.structs import replace

from udsgd_mpi.clock import Clock
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.support.agent_lists import parse_agents


def clock_of(experiment: Experiment, groups: Sequence[str]) -> Clock | None:
    """The clock of agents in these groups; None without ``timing``.

    Raises
    ------
    ConfigurationError
        If a straggler does not exist.
    """
    timing = experiment.timing
    if timing is None:
        return None
    computing = [experiment.groups[name].compute or timing.compute for name in groups]
    if timing.stragglers is not None:
        for agent in set(parse_agents(timing.stragglers, "timing.stragglers", len(groups))):
            mean = computing[agent].mean * timing.slowdown
            computing[agent] = replace(computing[agent], mean=mean)
    return Clock(experiment.seed, computing, timing.latency, timing.bandwidth)
