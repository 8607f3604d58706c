# ruff: noqa: T201
"""Weak scaling: what a step takes with an agent a rank, on one rank and on up to all cores.

Each measurement is a job of its own under the ``mpirun`` on PATH, and those of different sizes take
turns. Efficiency is what a step takes on one rank over what it takes on so many.
"""

import os
import subprocess
import sys
import time
from shutil import which
from statistics import median

POINTS, ROUNDS, REPEATS = 30, 2, 3
PATTERNS = {"dsgd": {"weights": "metropolis"}, "centralized": {}}
JOBS = (("iid", 120, 20_000), ("srrw", 120, 10_000), ("iid", 1_000, 3_000))  # trials, steps


def main() -> None:
    """Start the jobs and print the table, or be a rank of one."""
    if sys.argv[1:] and sys.argv[1] in PATTERNS:
        pattern, sampler, trials, steps = sys.argv[1:]
        one_rank(pattern, sampler, int(trials), int(steps))
        return
    cores = len(os.sched_getaffinity(0))
    sizes = [int(size) for size in sys.argv[1:]] or [2**k for k in range(20) if 2**k <= cores]
    print(
        f"{cores} cores; microseconds a step, median (min–max) of {ROUNDS * REPEATS}; load",
        os.getloadavg(),
    )
    print("| pattern | sampler | trials | ranks | a step | efficiency |\n|---|---|---|---|---|---|")
    for pattern in PATTERNS:
        for sampler, trials, steps in JOBS:
            found: dict[int, list[float]] = {n: [] for n in sizes}
            for _ in range(ROUNDS):
                for n in sizes:
                    found[n] += measured(n, pattern, sampler, trials, steps)
            alone = median(found[sizes[0]])
            for n, times in found.items():
                job = f"| {pattern} | {sampler} | {trials} | {n}"
                seen = f"{median(times):.1f} ({min(times):.1f}–{max(times):.1f})"
                print(f"{job} | {seen} | {alone / median(times):.0%} |", flush=True)


def measured(ranks: int, pattern: str, sampler: str, trials: int, steps: int) -> list[float]:
    """Microseconds a step, some times over, of a job."""
    arguments = pattern, sampler, str(trials), str(steps)
    job = (sys.executable, "-m", "tests.benchmarks.scaling", *arguments)
    done = subprocess.run(
        [which("mpirun") or "mpirun", "-n", str(ranks), *job],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return [float(time) for time in done.stdout.split()]


def one_rank(pattern: str, sampler: str, trials: int, steps: int) -> None:
    """Print microseconds a step on rank 0; a shorter run before them fills the caches."""
    from mpi4py import MPI

    from udsgd_mpi.experiment.check import check
    from udsgd_mpi.parallel.simulate import simulate
    from udsgd_mpi.parallel.team import RanksTeam
    from udsgd_mpi.problem import pose

    comm = MPI.COMM_WORLD
    for n in (steps // 10, *[steps] * REPEATS):
        experiment = check(
            {
                "agents": comm.size,
                "steps": n,
                "trials": trials,
                "partition": {"kind": "even", "points": POINTS},
                "communication": {"kind": pattern, **PATTERNS[pattern]},
                "groups": {"all": {"share": 1, "sampler": sampler, "graph": "small_world"}},
                "record": {"steps": []},
            }
        )
        problem = pose(experiment, RanksTeam.evenly(comm, comm.size))
        comm.Barrier()
        started = time.monotonic()
        simulate(comm, problem, lambda _: None)
        if comm.rank == 0 and n == steps:
            print(f"{1e6 * (time.monotonic() - started) / n:.4f}")


if __name__ == "__main__":
    main()
