"""Digests of all that the numbers of a problem depend on."""

import hashlib
from collections.abc import Collection
from typing import Any

import msgspec

from udsgd_mpi.communication import Pattern
from udsgd_mpi.experiment.deciding import (
    DECIDE_NO_MEASURE,
    DECIDE_NO_MEASURE_OF_AGENTS,
    DECIDE_NO_NOISE,
    DECIDE_NO_W,
    DECIDE_TRIALS_ALONE,
)
from udsgd_mpi.experiment.groups import assign
from udsgd_mpi.experiment.schema import Experiment, Group
from udsgd_mpi.problem.problem import Problem
from udsgd_mpi.support.digests import Digests, setting_and_file


def inputs_of_agents(problem: Problem) -> list[bytes]:
    """Digests of what each agent's own noise depends on, and so its share of the limit."""
    experiment, digests = problem.experiment, problem.digests
    of_all = hashlib.sha256(_encoded(experiment, DECIDE_NO_NOISE))
    of_all.update(msgspec.json.encode(_sources_of_noise(digests)))
    if problem.schedule.pauses:  # then communication may say who takes which steps
        of_all.update(_encoded(experiment.communication, DECIDE_NO_W))
    if problem.schedule.staleness:  # then it depends on W what delays add
        of_all.update(_encoded(experiment.communication, DECIDE_NO_W))
        of_all.update(msgspec.json.encode(digests.W))
    # The other agents enter by θ* and H alone, as their samplers weight their data.
    optimum = problem.optimum
    for values in () if optimum is None else (optimum.theta, optimum.hessian):
        of_all.update(b"" if values is None else values.tobytes())
    groups = {
        name: _encoded(group, DECIDE_NO_MEASURE_OF_AGENTS)
        for name, group in experiment.groups.items()
    }
    found = []
    names = assign(experiment.groups, len(problem.summaries))
    for i, read in enumerate(zip(names, digests.data, digests.graphs, strict=True)):
        name, data, graph = read
        digest = of_all.copy()
        digest.update(msgspec.json.encode((i, len(names), data, graph)))
        digest.update(groups[name])
        found.append(digest.digest())
    return found


def _sources_of_noise(digests: Digests) -> dict[str, str]:
    def decides(name: str) -> bool:
        return setting_and_file(name)[0].partition(".")[0] not in DECIDE_NO_NOISE - {"groups"}

    return {name: value for name, value in digests.sources.items() if decides(name)}


def inputs_of_noise(problem: Problem) -> bytes:
    """Digest of all that the limit depends on apart from W."""
    return hashlib.sha256(b"".join(inputs_of_agents(problem))).digest()


def inputs_of_law(problem: Problem) -> bytes:
    """Digest of all that the law of the recorded measures depends on, of any of the trials."""
    return _inputs(problem, DECIDE_NO_MEASURE | DECIDE_TRIALS_ALONE)


def inputs_of_run(problem: Problem) -> bytes:
    """Digest of all that the recorded measures depend on."""
    return _inputs(problem, DECIDE_NO_MEASURE)


def _inputs(problem: Problem, left_out: Collection[str]) -> bytes:
    digest = hashlib.sha256(_encoded(problem.experiment, left_out))
    digest.update(msgspec.json.encode(problem.digests.shared))
    digest.update(inputs_of_noise(problem))
    return digest.digest()


def _encoded(settings: Experiment | Group | Pattern, left_out: Collection[str]) -> bytes:
    """All settings except some."""
    values: dict[str, Any] = msgspec.to_builtins(settings)
    return msgspec.json.encode([item for item in values.items() if item[0] not in left_out])
