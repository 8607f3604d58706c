"""Whether what settings ask for fits into this machine, checked before any allocation."""

import os
import resource
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from udsgd_mpi.communication import DSGD
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.samplers import SRRW
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.units import in_bytes
from udsgd_mpi.tokens import Token

NUMBER = 8  # bytes of one
BYTES_OF_A_NODE = 500  # and of an agent: its names, neighbours and hosts, on every rank
_CGROUPS = ("memory.max", "memory/memory.limit_in_bytes")


def require_room(experiment: Experiment, agents: int, d: int, ranks: int) -> None:
    """Refuse what rank 0 could not hold, even if it held nothing else.

    Raises
    ------
    ConfigurationError
        With the settings that take most of it.
    """
    record, trials = experiment.record, experiment.trials
    recorded = min(record.most(experiment.steps), experiment.steps + 1)
    row = trials * d * NUMBER
    beside = trials * experiment.method.beside(d) * NUMBER
    copies = 3 if record.polyak else 2  # before mixing, after it, and their sum
    beside += row * _kept_half_steps(experiment)
    require_bytes(
        {
            _recording(experiment): 3 * record.most(experiment.steps) * NUMBER,
            f"trials = {trials:,} at {recorded:,} recorded steps": experiment.records_theta
            * 2
            * (recorded * row),
            f"record.detail = {record.detail!r} of {agents:,} agents and trials = {trials:,} at"
            f" {recorded:,} recorded steps": (record.detail == "iterates")
            * 2
            * (agents * recorded * (row + beside)),
            f"agents = {agents:,} on {ranks} ranks and trials = {trials:,}": agents
            * (copies * row + beside)
            // ranks
            + agents * BYTES_OF_A_NODE,
            **_of_walks(experiment, agents, row),
        }
    )


def _kept_half_steps(experiment: Experiment) -> int:
    """How many of its half-steps an agent remembers, for others that read them late."""
    pattern = experiment.communication
    if not isinstance(pattern, DSGD) or pattern.staleness is None:
        return 0
    return pattern.staleness + 1


def _of_walks(experiment: Experiment, agents: int, row: int) -> dict[str, int]:
    """What every rank holds of models that walk: room for all, and visits of self-repellent walks.

    Parameters
    ----------
    row
        Bytes of a model in all trials.
    """
    token, trials = experiment.communication, experiment.trials
    if not isinstance(token, Token):
        return {}
    visits = 2 * trials * agents * NUMBER if isinstance(token.sampler, SRRW) else 0
    what = f"communication.walks = {token.walks:,} and trials = {trials:,}"
    return {what: token.walks * (4 * row + visits)}


def require_room_to_predict(experiment: Experiment) -> None:
    """Refuse more recorded steps than can be held.

    Raises
    ------
    ConfigurationError
        With the setting that asks for them.
    """
    most = experiment.record.most(experiment.steps)
    require_bytes({_recording(experiment): 3 * most * NUMBER})


def require_bytes(needed: Mapping[str, int]) -> None:
    """Refuse numbers that take more than this machine has.

    Parameters
    ----------
    needed
        Bytes by the settings that ask for them.

    Raises
    ------
    ConfigurationError
        With the settings that ask for most.
    """
    there = memory_of_this_machine()
    if sum(needed.values()) > there:
        largest = max(needed, key=lambda name: needed[name])
        raise ConfigurationError(
            f"{largest}: expected numbers that fit into the {in_bytes(there)} of memory here, got"
            f" {in_bytes(sum(needed.values()))}; ask for fewer of them"
        )


def memory_of_this_machine() -> int:
    """Bytes that a process here may have at most, by what the machine and its limits say."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    limits = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    found += [limit for limit in limits if limit != resource.RLIM_INFINITY]
    for name in _CGROUPS:
        with suppress(OSError, ValueError):  # no such file, or "max"
            found.append(int(Path("/sys/fs/cgroup", name).read_text(encoding="ascii")))
    return min(found)


def _recording(experiment: Experiment) -> str:
    record = experiment.record
    if record.steps is not None:
        return f"{len(record.steps):,} record.steps"
    if record.points is not None:
        return f"record.points = {record.points:,}"
    return f"record.per_decade = {record.per_decade:,}"
