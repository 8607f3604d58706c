# ruff: noqa: T201
"""Milliseconds a step on two hosts with a slow link between them, against the cost model.

The hosts are two nodes of the Slurm that ``tests/slurm`` starts, with two agents each. What a
message takes without delay is fitted to the first link and D-SGD; the rest is foretold. Then long
messages without delay, in double and in single precision, in turns.
"""

import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.slurm.cluster import Cluster
    from udsgd_mpi.experiment.schema import Experiment

# One-way delay in seconds, share of packets lost, steps.
LINKS = ((0.0, 0.0, 1_000), (0.001, 0.0, 1_000), (0.02, 0.0, 600), (0.001, 0.01, 500))
PATTERNS = ("dsgd", "centralized")
AGENTS, RANKS, REPEATS = 4, 2, 3
TRIALS, MANY_TRIALS, FEW_STEPS, ROUNDS = 2, 1_000, 100, 5


def main() -> None:
    """Start some jobs and print the table, or be a rank of one."""
    if len(sys.argv) > 1:
        pattern, steps, trials, precision = sys.argv[1:]
        one_rank(pattern, int(steps), int(trials), precision)
        return
    from tests.slurm.cluster import cluster, lacking

    if reason := lacking():
        sys.exit(reason)
    print(f"milliseconds, median (min–max) of {REPEATS}")
    heads = [f"{pattern} | model" for pattern in PATTERNS]
    print(f"| delay | lost | {' | '.join(heads)} |\n{'|---' * 6}|")
    message = 0.0
    with cluster() as slurm:
        for delay, loss, steps in LINKS:
            slurm.network.delay, slurm.network.loss = delay, loss
            cells = [f"{1000 * delay:g}", f"{loss:.0%}"]
            for pattern in PATTERNS:
                times = measured(slurm, pattern, steps, TRIALS, "double")
                message = message or (median(times) - model(pattern, steps, 0.0)) / 1000
                cells.append(f"{median(times):.2f} ({times[0]:.2f}–{times[-1]:.2f})")
                cells.append(f"{model(pattern, steps, message + delay):.2f}")
            print(f"| {' | '.join(cells)} |", flush=True)
        slurm.network.delay = slurm.network.loss = 0.0
        print(f"\n{MANY_TRIALS} trials\n| pattern | double | single | single / double |")
        print("|---|---|---|---|")
        for pattern in PATTERNS:
            print(f"| {pattern} | {' | '.join(by_precision(slurm, pattern))} |", flush=True)


def by_precision(slurm: "Cluster", pattern: str) -> list[str]:
    """Milliseconds a step in double and in single precision, and their ratio."""
    pairs = [
        [median(measured(slurm, pattern, FEW_STEPS, MANY_TRIALS, p)) for p in ("double", "single")]
        for _ in range(ROUNDS)
    ]
    double, single = zip(*pairs, strict=True)
    ratios = [b / a for a, b in pairs]
    return [f"{median(v):.2f} ({min(v):.2f}–{max(v):.2f})" for v in (double, single, ratios)]


def measured(
    slurm: "Cluster", pattern: str, steps: int, trials: int, precision: str
) -> list[float]:
    """Milliseconds a step of some runs on two hosts, ascending."""
    ranks = (sys.executable, "-m", "tests.benchmarks.links", pattern, steps, trials, precision)
    done = slurm.run(
        *("srun", "-K", "-N", RANKS, "-n", RANKS, f"--mpi={_dialect()}", *ranks),
        cwd=Path.cwd(),
        timeout=200,
    )
    if done.returncode:
        sys.exit(done.stderr)
    return sorted(map(float, done.stdout.split()))


def model(pattern: str, steps: int, message: float) -> float:
    """Milliseconds a step by the cost model, where a message takes so many seconds."""
    from udsgd_mpi.communication import Layout
    from udsgd_mpi.preflight.cost import Network, cost
    from udsgd_mpi.problem import LoneTeam, pose

    problem = pose(experiment(pattern, steps), LoneTeam(AGENTS))
    return 1000 * sum(cost(problem, Layout.even(AGENTS, RANKS), Network(message, 1e9)))


def experiment(
    pattern: str, steps: int, trials: int = TRIALS, precision: str = "double"
) -> "Experiment":
    """What the ranks run."""
    from udsgd_mpi.experiment.check import check

    return check(
        {
            "agents": AGENTS,
            "steps": steps,
            "trials": trials,
            "communication": {"kind": pattern, "precision": precision}
            | ({"weights": "lazy"} if pattern == "dsgd" else {}),
            "groups": {"all": {"share": 1, "sampler": "iid"}},
            "record": {"steps": []},
        }
    )


def one_rank(pattern: str, steps: int, trials: int, precision: str) -> None:
    """Print milliseconds a step, some times over, on rank 0."""
    from mpi4py import MPI

    from udsgd_mpi.parallel.simulate import simulate
    from udsgd_mpi.parallel.team import RanksTeam
    from udsgd_mpi.problem import pose

    comm = MPI.COMM_WORLD
    problem = pose(experiment(pattern, steps, trials, precision), RanksTeam.evenly(comm, AGENTS))
    for _ in range(REPEATS):
        comm.Barrier()
        started = time.monotonic()
        simulate(comm, problem, lambda _: None)
        if comm.rank == 0:
            print(f"{1000 * (time.monotonic() - started) / steps:.4f}", flush=True)


def _dialect() -> str:
    import mpi4py

    mpi4py.rc.initialize = False
    from mpi4py import MPI

    return "pmix" if MPI.get_vendor()[0] == "Open MPI" else "pmi2"


if __name__ == "__main__":
    main()
