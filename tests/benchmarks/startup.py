# ruff: noqa: T201
"""Time from starting mpirun to the first step, kernels compiled before.

Every rank notes when it has passed each stage; a stage ends when the last rank is through. The
problem is the default experiment's first, with one agent a rank.
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
    if len(sys.argv) > 1:
        one_rank(float(sys.argv[1]))
        return
    from pathlib import Path
    from statistics import median

    from tests.launch import python

    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each rank compiles all sources anew
    print(f"seconds, median (min–max) of {REPEATS}; stages are medians")
    print("| ranks | all | " + " | ".join(STAGES) + " |\n" + "|---" * (len(STAGES) + 2) + "|")
    for ranks in (1, 4, 16, 100):
        runs = []
        for repeat in range(-1, REPEATS):  # -1 compiles
            arguments = ("-m", "tests.benchmarks.startup", time.monotonic())
            done = python(*arguments, ranks=ranks, cwd=Path(__file__).parents[2], timeout=600)
            if done.returncode:
                sys.exit(done.stderr)
            if repeat >= 0:
                runs.append([float(seconds) for seconds in done.stdout.split()])
        total = [sum(run) for run in runs]
        stages = [f"{median(stage):.2f}" for stage in zip(*runs, strict=True)]
        whole = f"{median(total):.2f} ({min(total):.2f}–{max(total):.2f})"
        print("| " + " | ".join([str(ranks), whole, *stages]) + " |", flush=True)


def one_rank(started: float) -> None:
    """Come to the first step as ``udsgd run`` does, and print how long each stage took."""
    from udsgd_mpi.launcher import before_mpi

    before_mpi()
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    MARKS.append(time.monotonic())

    from udsgd_mpi.parallel.loading import load_in_turn

    load_in_turn(comm)
    MARKS.append(time.monotonic())

    from udsgd_mpi.parallel.everyone import OnRanks
    from udsgd_mpi.parallel.simulate import simulate
    from udsgd_mpi.parallel.together import on_root
    from udsgd_mpi.problem import pose

    def load() -> object:
        from udsgd_mpi.experiment.read import read_experiment, variants

        settings = {"steps": 1, "agents": comm.size}
        return next(iter(variants(read_experiment(None), settings).values()))

    problem = pose(comm.bcast(on_root(comm, load)), OnRanks.evenly(comm, comm.size))
    MARKS.append(time.monotonic())

    simulate(comm, problem, lambda _: MARKS.append(time.monotonic()))
    last = [comm.allreduce(mark, MPI.MAX) for mark in MARKS]
    if comm.rank == 0:
        print(*(b - a for a, b in pairwise([started, *last])))


if __name__ == "__main__":
    main()
