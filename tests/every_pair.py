"""Digests of 200 steps of every pattern with every sampler: python -m tests.every_pair [STEPS [K]].

With K, of one pair in K, among which are all of both. Rank 0
prints them as JSON.
"""

import hashlib
import sys
from dataclasses import replace
from typing import Any, get_args

import msgspec
from mpi4py import MPI

from udsgd_mpi.communication import AnyPattern
from udsgd_mpi.experiment.check import check
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.problem import pose
from udsgd_mpi.samplers import AnySampler

AGENTS = 5
NEEDED: dict[str, dict[str, Any]] = {
    "lsgd_pp": {"participants": 2},
    "hlsgd": {"clusters": 2},
    "dsgd": {"weights": "lazy", "interval": 3},
    "custom": {"path": "tests.own_pattern:Gossip"},
}
SAMPLERS = {"custom": {"path": "tests.own_sampler:LazyWalk"}}
OF_FILES = {"chain", "trace"}  # samplers, which need one for each number of points


def experiment(pattern: str, sampler: str, steps: int = 200) -> Experiment:
    """A small experiment; agent 4 has mini-batches."""
    group = {
        "sampler": {"kind": sampler, **SAMPLERS.get(sampler, {})},
        "graph": "small_world",
    }
    return check(
        {
            "agents": AGENTS,
            "steps": steps,
            "trials": 2,
            "data": {"source": "breast_cancer", "standardize": True},
            "partition": {"kind": "even", "points": 40},
            "topology": "barbell",
            "communication": {"kind": pattern, **NEEDED.get(pattern, {})},
            "groups": {
                "most": {"agents": "0-3", **group},
                "batches": {"agents": "4", "batch": 4, **group},
            },
            "record": {"steps": [1, steps // 4, steps], "detail": "iterates"},
        }
    )


def tags(family: object) -> list[str]:
    """Names of the members of a registry."""
    return [str(member.__struct_config__.tag) for member in get_args(family)]


def main(steps: int = 200, every: int = 1) -> None:
    """Run all pairs, or of each pattern every so-many-th."""
    comm = MPI.COMM_WORLD
    digests = {}
    samplers = [each for each in tags(AnySampler) if each not in OF_FILES]
    for s, sampler in enumerate(samplers):
        problem = pose(experiment("dsgd", sampler, steps), RanksTeam.evenly(comm, AGENTS))
        for pattern in tags(AnyPattern)[s % every :: every]:
            settings = experiment(pattern, sampler, steps)
            schedule = settings.communication.start(problem.topology, settings.seed)
            posed = replace(problem, experiment=settings, schedule=schedule)
            recording = simulate(comm, posed, lambda _: None)
            if recording is not None:
                arrays = [recording[name] for name in ("theta_mean", "consensus_error", "theta")]
                data = b"".join(array.tobytes() for array in arrays)
                digests[f"{pattern} {sampler}"] = hashlib.sha256(data).hexdigest()
    if comm.rank == 0:
        sys.stdout.write(msgspec.json.encode(digests).decode())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
