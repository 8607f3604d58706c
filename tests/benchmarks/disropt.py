# ruff: noqa: T201
"""Replica-steps a second of D-SGD on a ring, an agent a rank, against DISROPT's subgradient method.

    python -m venv other && other/bin/pip install mpich mpi4py autograd cvxopt cvxpy dill
    other/bin/pip install --no-deps disropt
    python -m tests.benchmarks.disropt other/bin/python

DISROPT is of another environment, with the same MPI library. It takes one step of one trial at a
time, with a NumPy gradient of one point; the package takes 120 trials at once. Repeats alternate; a
repeat takes as long as its slowest rank.
"""

import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from mpi4py import MPI

from tests.launch import python

D, POINTS, TRIALS, REPEATS = 22, 500, 120, 5
OURS, THEIRS = 1045, 300  # steps of a repeat
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Start both in turns, or be a rank of either."""
    if sys.argv[1] in {"ours", "theirs"}:
        {"ours": ours, "theirs": theirs}[sys.argv[1]]()
        return
    print(f"steps of a trial a second, median (min–max) of {REPEATS}")
    print("| ranks | package | DISROPT | package / DISROPT |\n|---|---|---|---|")
    for ranks in (4, 16):
        pairs = [
            (rate("ours", ranks, sys.executable), rate("theirs", ranks, sys.argv[1]))
            for _ in range(REPEATS)
        ]
        columns = [*zip(*pairs, strict=True), [a / b for a, b in pairs]]
        cells = [f"{median(c):,.0f} ({min(c):,.0f}–{max(c):,.0f})" for c in columns]
        print(f"| {ranks} | " + " | ".join(cells) + " |", flush=True)


def rate(whose: str, ranks: int, interpreter: str) -> float:
    """Steps of a trial that all agents take in a second."""
    done = python(
        "-W",
        "ignore",
        "-m",
        "tests.benchmarks.disropt",
        whose,
        ranks=ranks,
        cwd=ROOT,
        interpreter=interpreter,
        PYTHONPATH=str(ROOT),
        PYTHONWARNINGS="ignore",
    )
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout.split()[-1])


def ours() -> None:
    """One rank of the package."""
    from tests.benchmarks.mixing import Rank
    from udsgd_mpi.graphs.generators import Ring

    comm = MPI.COMM_WORLD
    rank = Rank(Ring().build(comm.size, seed=1, name="topology"), comm.size, TRIALS, OURS)
    rank.run(mixed=True)
    comm.Barrier()
    started = time.perf_counter()
    rank.run(mixed=True)
    seconds = comm.allreduce(time.perf_counter() - started, MPI.MAX)
    rank.W.free()
    if comm.rank == 0:
        print(TRIALS * OURS / seconds)


def theirs() -> None:
    """One rank of DISROPT."""
    from disropt.agents import Agent
    from disropt.algorithms import SubgradientMethod
    from disropt.functions.abstract_function import AbstractFunction
    from disropt.problems import Problem

    comm = MPI.COMM_WORLD
    rng = np.random.default_rng(comm.rank)
    features = rng.normal(size=(POINTS, D)) / np.sqrt(D)
    labels = (rng.random(POINTS) < 0.5).astype(float)

    class Logistic(AbstractFunction):  # type: ignore[misc]
        """Of one point, drawn anew each time."""

        input_shape, output_shape, differentiable = (D, 1), (1, 1), True

        def subgradient(self, theta: Any, **_: Any) -> Any:
            x = rng.integers(POINTS)
            residual = 1 / (1 + np.exp(-(features[x] @ theta))) - labels[x]
            return residual * features[x][:, None] + theta

    neighbours = [(comm.rank - 1) % comm.size, (comm.rank + 1) % comm.size]
    weights = [1 / 3 if i in {*neighbours, comm.rank} else 0.0 for i in range(comm.size)]
    agent = Agent(in_neighbors=neighbours, out_neighbors=neighbours, in_weights=weights)
    agent.set_problem(Problem(Logistic()))
    method = SubgradientMethod(agent=agent, initial_condition=np.zeros((D, 1)))
    method.run(iterations=20, stepsize=lambda n: 1 / (n + 1))
    comm.Barrier()
    started = time.perf_counter()
    method.run(iterations=THEIRS, stepsize=lambda n: 1 / (n + 1))
    seconds = comm.allreduce(time.perf_counter() - started, MPI.MAX)
    if comm.rank == 0:
        print(THEIRS / seconds)


if __name__ == "__main__":
    main()
