# ruff: noqa: T201
"""Time of D-SGD's mixing: beside the local update, and beside bare mpi4py.

First, 100 agents on 2 ranks with 120 trials and d = 22: milliseconds a step of the local update
alone, of both, with half-steps rounded as messages in single precision have them, and what mixing
adds. Second, rings of 4 and 16 agents, one a rank, with one trial:
microseconds a step of the package and of Isend, Irecv and Waitall with a NumPy gradient. Third, 100
agents of degree 4 with d = 30 on 1 and 2 ranks, with 1 and 64 trials: microseconds a step of W that
change, and their ratio to a fixed W. Repeats alternate; a repeat takes as long as its slowest rank.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from tests.launch import python
from udsgd_mpi.communication import (
    DSGD,
    DSGDVT,
    DropOut,
    Layout,
    OnePeerExponential,
    Pattern,
    RandomMatching,
    UnreliableLinks,
)
from udsgd_mpi.engine.draws import Draws
from udsgd_mpi.engine.iterates import THETA, Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.sgd import StepByStep, unified_distributed_sgd
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.generators import ErdosRenyi, Ring, SmallWorld
from udsgd_mpi.methods import SGD
from udsgd_mpi.objectives import Logistic, Points
from udsgd_mpi.parallel.fused import update_of
from udsgd_mpi.parallel.host_memory import shared_rows
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.samplers import IID, Streams
from udsgd_mpi.support.meter import Meter
from udsgd_mpi.theory.step_size import CachedStepSize, Polynomial

POINTS, REPEATS = 500, 9
PARTS = (("many", 2), ("ring", 4), ("ring", 16), ("changing", 1), ("changing", 2))
ALONE, MIXED, BARE = "local update", "with mixing", "bare mpi4py"
SINGLE = "with mixing, single precision"
FIXED = "dsgd"
CHANGING: tuple[tuple[str, Pattern], ...] = (
    (FIXED, DSGD()),
    ("random_matching", RandomMatching()),
    ("unreliable_links", UnreliableLinks()),
    ("unreliable_links in bursts", UnreliableLinks(failure=0.05, recovery=0.2)),
    ("drop_out", DropOut()),
    ("one_peer_exponential", OnePeerExponential()),
    ("dsgd_vt cyclic", DSGDVT(order="cyclic", topologies=[SmallWorld(k=4)] * 5)),
)

Floats = NDArray[np.float64]


def main() -> None:
    """Start either part under mpirun, or be one of its ranks."""
    if len(sys.argv) > 1:
        {"many": many_agents, "ring": one_agent_a_rank, "changing": changing}[sys.argv[1]]()
        return
    root = Path(__file__).parents[2]
    for part, ranks in PARTS:
        done = python("-m", "tests.benchmarks.mixing", part, ranks=ranks, cwd=root)
        print(done.stdout, done.stderr if done.returncode else "", flush=True)


def many_agents() -> None:
    agents, trials, steps = 100, 120, 174  # one block of draws
    topology = ErdosRenyi(mean_degree=25).build(agents, seed=1, name="topology")
    rank = Rank(topology, DSGD(), trials, 22, steps)
    single = Rank(topology, DSGD(precision="single"), trials, 22, steps)
    times = measured(
        {
            ALONE: lambda: rank.run(mixed=False),
            MIXED: lambda: rank.run(mixed=True),
            SINGLE: lambda: single.run(mixed=True),
        },
        steps,
    )
    rank.W.free()
    single.W.free()
    added = [b - a for a, b in zip(times[ALONE], times[MIXED], strict=True)]
    ratio = [a / b for a, b in zip(added, times[ALONE], strict=True)]
    if MPI.COMM_WORLD.rank == 0:
        print(f"{agents} agents on {MPI.COMM_WORLD.size} ranks, {trials} trials, ms a step")
        for name, seconds in {**times, "mixing": added}.items():
            print(f"| {name} | {spread(seconds, 1e3)} |")
        print(f"| mixing / local update | {spread(ratio, 1)} |")


def one_agent_a_rank() -> None:
    agents, trials, steps = MPI.COMM_WORLD.size, 1, 2048
    d = 22
    rank = Rank(Ring().build(agents, seed=1, name="topology"), DSGD(), trials, d, steps)
    times = measured(
        {
            ALONE: lambda: rank.run(mixed=False),
            MIXED: lambda: rank.run(mixed=True),
            BARE: lambda: bare(steps, rank.points, d),
        },
        steps,
    )
    rank.W.free()
    ratio = [a / b for a, b in zip(times[MIXED], times[BARE], strict=True)]
    if MPI.COMM_WORLD.rank == 0:
        print(f"ring of {agents} agents, one a rank, 1 trial, µs a step")
        for name, seconds in times.items():
            print(f"| {name} | {spread(seconds, 1e6)} |")
        print(f"| {MIXED} / {BARE} | {spread(ratio, 1)} |")


def changing() -> None:
    topology = SmallWorld(k=4).build(100, seed=1, name="topology")
    for trials, steps in ((1, 2048), (64, 163)):
        ranks = {name: Rank(topology, pattern, trials, 30, steps) for name, pattern in CHANGING}
        times = measured({name: rank.run for name, rank in ranks.items()}, steps)
        for rank in ranks.values():
            rank.W.free()
        if MPI.COMM_WORLD.rank == 0:
            print(f"100 agents on {MPI.COMM_WORLD.size} ranks, {trials} trials, µs a step")
            for name, seconds in times.items():
                ratio = [a / b for a, b in zip(seconds, times[FIXED], strict=True)]
                print(f"| {name} | {spread(seconds, 1e6)} | {spread(ratio, 1)} |")


def measured(runs: dict[str, Callable[[], None]], steps: int) -> dict[str, list[float]]:
    """Seconds a step of every repeat, on the slowest rank."""
    comm = MPI.COMM_WORLD
    times: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(-1, REPEATS):  # -1 warms up
        for name, run in runs.items():
            comm.Barrier()
            started = time.perf_counter()
            run()
            seconds = comm.allreduce(time.perf_counter() - started, MPI.MAX)
            if repeat >= 0:
                times[name].append(seconds / steps)
    return times


def spread(values: list[float], scale: float) -> str:
    """Median, least and greatest."""
    low, middle, high = (scale * f(values) for f in (min, median, max))
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


class Rank:
    """What one rank holds to run the package's D-SGD with independent draws."""

    def __init__(
        self,
        topology: Graph,
        pattern: Pattern,
        trials: int,
        d: int,
        steps: int,
    ) -> None:
        comm = MPI.COMM_WORLD
        layout = Layout.even(len(topology), comm.size)
        schedule = pattern.start(topology, seed=1)
        self.steps = steps
        self.hosted = layout.hosted(comm.rank)
        rows_of_theta = partial(shared_rows, comm, schedule, layout, codec=pattern.codec(22))
        self.iterates = Iterates(trials, d, (), rows_of_theta)
        self.W = Mixer(comm, schedule, self.iterates.mixed[THETA], Meter())
        rng = np.random.default_rng(comm.rank)
        rows = len(self.hosted) * POINTS
        self.points = Points(
            rng.normal(size=(rows, d)) / np.sqrt(d),
            (rng.random(rows) < 0.5).astype(np.float64),
            np.ones(rows),
        )

    def run(self, *, mixed: bool = True) -> None:
        """All steps."""
        agents, trials, _ = self.iterates.theta.shape
        streams = Streams(1, np.array(self.hosted), trials)
        paths = IID().start_all([POINTS] * agents, [None] * agents, streams)
        first_rows = [POINTS * i for i in range(len(self.hosted))]
        batch = np.ones(len(self.hosted), dtype=np.int64)
        steps = LocalSteps(self.iterates, SGD(), Logistic(), self.points, batch)
        update = update_of(steps, [self.W])
        if not mixed:
            update = StepByStep(steps, self.W, never)
        unified_distributed_sgd(
            Draws(paths, first_rows, batch, trials),
            CachedStepSize(Polynomial()),
            update,
            [self.steps],
            lambda _: None,
        )


def never(_n: int, _m: int) -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


def bare(steps: int, points: Points, d: int) -> None:
    """D-SGD on a ring as one writes it with mpi4py and NumPy; weights of a third."""
    comm = MPI.COMM_WORLD
    neighbours = ((comm.rank - 1) % comm.size, (comm.rank + 1) % comm.size)
    rng = np.random.default_rng(comm.rank)
    features, labels = points.features, points.labels
    theta, left, right = np.zeros(d), np.empty(d), np.empty(d)
    for n in range(1, steps + 1):
        x = rng.integers(POINTS)
        residual = 1 / (1 + np.exp(-(features[x] @ theta))) - labels[x]
        theta -= (residual * features[x] + theta) / n
        requests = [
            comm.Irecv(left, neighbours[0]),
            comm.Irecv(right, neighbours[1]),
            comm.Isend(theta, neighbours[0]),
            comm.Isend(theta, neighbours[1]),
        ]
        MPI.Request.Waitall(requests)
        theta += left
        theta += right
        theta /= 3


if __name__ == "__main__":
    main()
