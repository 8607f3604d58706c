# ruff: noqa: T201
"""Time from starting mpirun to the first step, kernels compiled before.

Every rank notes when it has passed each stage; a stage ends when the last rank is through. The
problem is the default experiment's first, with one agent a rank. In turns with it runs a program
that does no more than import mpi4py, NumPy and Numba and load one kernel that Numba has cached.
"""

import os
import sys
import time
from itertools import pairwise

MARKS = [time.monotonic()]  # of one clock for all processes of a machine
STAGES = (
    "launcher and interpreter",
    "MPI",
    "package and kernels",
    "posing the problem",
    "one step",
)
REPEATS = 5


def main() -> None:
    """Start some jobs and print the table, or be a rank of one."""
    if sys.argv[1:2] in (["package"], ["libraries"]):
        {"package": one_rank, "libraries": libraries_alone}[sys.argv[1]](float(sys.argv[2]))
        return
    from pathlib import Path
    from statistics import median

    from tests.launch import python

    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each rank compiles all sources anew

    def job(which: str, ranks: int) -> list[float]:
        arguments = ("-m", "tests.benchmarks.startup", which, time.monotonic())
        done = python(*arguments, ranks=ranks, cwd=Path(__file__).parents[2], timeout=600)
        if done.returncode:
            sys.exit(done.stderr)
        return [float(seconds) for seconds in done.stdout.split()]

    def spread(values: list[float]) -> str:
        return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"

    print(f"seconds, median (min–max) of {REPEATS}; stages are medians")
    heads = ("ranks", "all", *STAGES, "libraries alone", "all / libraries")
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for ranks in map(int, sys.argv[1:] or (1, 4, 16, 100)):
        runs, alone = [], []
        for repeat in range(-1, REPEATS):  # -1 compiles
            run, libraries = job("package", ranks), job("libraries", ranks)
            if repeat >= 0:
                runs.append(run)
                alone.append(sum(libraries))
        total = [sum(run) for run in runs]
        ratios = [a / b for a, b in zip(total, alone, strict=True)]
        stages = [f"{median(stage):.2f}" for stage in zip(*runs, strict=True)]
        cells = [str(ranks), spread(total), *stages, spread(alone), spread(ratios)]
        print(f"| {' | '.join(cells)} |", flush=True)


def one_rank(started: float) -> None:
    """Come to the first step as ``udsgd run`` does, and print how long each stage took."""
    from udsgd_mpi.support.launcher import before_mpi

    before_mpi()
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    MARKS.append(time.monotonic())

    from udsgd_mpi.parallel.loading import load_in_turn

    load_in_turn(comm)
    MARKS.append(time.monotonic())

    from udsgd_mpi.parallel.collective import on_root
    from udsgd_mpi.parallel.simulate import simulate
    from udsgd_mpi.parallel.team import RanksTeam
    from udsgd_mpi.problem import pose

    def load() -> object:
        from udsgd_mpi.experiment.read import read_experiment, variants

        settings = {"steps": 1, "agents": comm.size}
        return next(iter(variants(read_experiment(None), settings).values()))

    problem = pose(comm.bcast(on_root(comm, load)), RanksTeam.evenly(comm, comm.size))
    MARKS.append(time.monotonic())

    simulate(comm, problem, lambda _: MARKS.append(time.monotonic()))
    last = [comm.allreduce(mark, MPI.MAX) for mark in MARKS]
    if comm.rank == 0:
        print(*(b - a for a, b in pairwise([started, *last])))


def libraries_alone(started: float) -> None:
    """Load what every rank needs of other packages, and print how long it took."""
    from udsgd_mpi.support.launcher import before_mpi

    before_mpi()
    import numba
    import numpy as np
    from mpi4py import MPI

    @numba.njit("void(float64[::1])", cache=True)
    def kernel(x: np.ndarray) -> None:
        for i in range(len(x)):
            x[i] *= 2

    kernel(np.zeros(3))
    last = MPI.COMM_WORLD.allreduce(time.monotonic(), MPI.MAX)
    if MPI.COMM_WORLD.rank == 0:
        print(last - started)


if __name__ == "__main__":
    main()
