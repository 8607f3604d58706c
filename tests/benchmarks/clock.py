# ruff: noqa: T201
"""The virtual clock against ranks that really sleep for their agents' computing times.

Four agents on four ranks of this machine: seconds a step from the clock, and of the slowest rank.
Links take no time, or agents 2 and 3 are far from the others and send slowly.
"""

import sys
import time
from pathlib import Path
from statistics import median

from mpi4py import MPI

from tests.launch import python
from udsgd_mpi.clock import elapsed
from udsgd_mpi.experiment.read import variants
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.parallel.control import Control, Policy
from udsgd_mpi.parallel.simulation import Simulation
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.problem import pose

AGENTS, STEPS, REPEATS, MEAN = 4, 60, 3, 0.04
PATTERNS = {
    "dsgd on a ring": {"kind": "dsgd", "weights": "lazy"},
    "dsgd every 5 steps": {"kind": "dsgd", "weights": "lazy", "interval": 5},
    "centralized": {"kind": "centralized"},
    "lsgd_fp": {"kind": "lsgd_fp"},
    "lsgd_pp of 2": {"kind": "lsgd_pp", "participants": 2},
}
LAWS = ({"kind": "exponential", "mean": MEAN}, {"kind": "pareto", "mean": MEAN, "shape": 2.0})
LINKS: dict[str, dict[str, object]] = {
    "none": {},
    "two regions": {
        "latency": {
            "regions": {"near": "0-1", "far": "2-3"},
            "seconds": {"near": {"near": 0.002, "far": 0.03}, "far": {"near": 0.06, "far": 0.002}},
        },
        "bandwidth": [1e6, 1e6, 2e4, 2e4],
    },
}


def main() -> None:
    """Start the ranks, or be one."""
    if len(sys.argv) == 1:
        root = Path(__file__).parents[2]
        done = python("-m", "tests.benchmarks.clock", "rank", ranks=AGENTS, cwd=root, timeout=600)
        print(done.stdout, done.stderr if done.returncode else "", flush=True)
        return
    if MPI.COMM_WORLD.rank == 0:
        print("| | computing times | links | simulated, ms a step | slept | slept / simulated |")
        print("|---|---|---|---|---|---|")
    for name, pattern in PATTERNS.items():
        for law in LAWS:
            for links, times in LINKS.items():
                compare(name, links, experiment(pattern, {"compute": law, **times}))


def experiment(communication: dict[str, object], timing: dict[str, object]) -> Experiment:
    return variants(
        {
            "agents": AGENTS,
            "steps": STEPS,
            "trials": 1,
            "data": {"source": "breast_cancer", "standardize": True},
            "communication": communication,
            "groups": {"all": {"share": 1, "sampler": "iid"}},
            "record": {"steps": [STEPS], "predict": False},
            "timing": timing,
        },
        {},
    )["main"]


def compare(name: str, links: str, settings: Experiment) -> None:
    comm = MPI.COMM_WORLD
    problem = pose(settings, RanksTeam.evenly(comm, AGENTS))
    steps = settings.record.at(STEPS)
    message = 8 * problem.d
    simulated = elapsed(problem.schedule, problem.clock, AGENTS, message, steps)
    assert simulated.seconds is not None
    expected = simulated.seconds[-1].max() / STEPS
    slept = []
    for _ in range(REPEATS):
        simulation = Simulation(comm, problem, emulate=True)
        control = Control(comm, Policy())
        control.next = STEPS + 1  # looks at the clock would bring all ranks together
        comm.Barrier()
        started = time.perf_counter()
        simulation.run(control, lambda _n: None, lambda: None)
        slept.append(comm.allreduce(time.perf_counter() - started, MPI.MAX) / STEPS)
    if comm.rank == 0:
        low, middle, high = min(slept), median(slept), max(slept)
        law = type(settings.timing.compute).__name__.lower() if settings.timing else ""
        ratios = f"{middle / expected:.2f} ({low / expected:.2f}–{high / expected:.2f})"
        print(
            f"| {name} | {law} | {links} | {expected * 1e3:.2f} | {middle * 1e3:.2f} | {ratios} |"
        )


if __name__ == "__main__":
    main()
