# ruff: noqa: T201
"""Time of a user's objective, method and pattern against NumPy alone, and built-in ones.

Objectives are ridge regressions on the same points. NumPy's own loop has the rows of all agents and
trials in one array, as whoever writes it by hand would. The package calls the user's class for each
agent, or with ``rowwise = True`` for all agents at once. Repeats alternate, and processor time is
what counts.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from tests.benchmarks.kernels import spread
from tests.own_pattern import Gossip
from udsgd_mpi.communication import CustomPattern, Layout, Pattern, RandomMatching
from udsgd_mpi.communication.forms.own import adjacency
from udsgd_mpi.engine.iterates import Iterates, MixedRows
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.graphs import Graph, build_topology
from udsgd_mpi.graphs.generators import Ring
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.methods import SGD, CustomMethod, Method, Momentum
from udsgd_mpi.objectives import Custom, Objective, Points, Ridge
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.support.meter import Meter

TRIALS, D, POINTS, L2, REPEATS, SECONDS = 120, 22, 500, 1.0, 7, 0.2
CASES = [(1, 120, 1), (25, 120, 1), (100, 1, 1), (1, 120, 25), (25, 8, 25)]

Floats = NDArray[np.float64]
Steps = Callable[[NDArray[np.int32], Floats], None]


def main() -> None:
    """Print the tables."""
    print(f"ns per agent, trial and step, median (min–max) of {REPEATS}; ratios of paired repeats")
    head("agents, trials, batch", "NumPy alone", "own", "/ NumPy", "rowwise", "/ NumPy", "ridge")
    objectives = (
        own("tests.own_objective:OwnRidge"),
        own("tests.own_objective:RowsOfRidge"),
        Ridge(l2=L2),
    )
    for case in CASES:
        ways = [partial(by_numpy, *case)]
        ways += [partial(by_package, SGD(), objective, *case) for objective in objectives]
        numpy, mine, rowwise, ridge = measured(ways, *case[:2])
        cells = [", ".join(map(str, case)), spread(numpy), spread(mine), ratio(mine, numpy)]
        cells += [spread(rowwise), ratio(rowwise, numpy), spread(ridge)]
        print("| " + " | ".join(cells) + " |", flush=True)
    print("\nmomentum on a built-in ridge regression")
    head("agents, trials, batch", "a user's class", "built in")
    methods = CustomMethod(path="tests.own_method:HeavyBall"), Momentum()
    for case in CASES[:3]:
        ways = [partial(by_package, method, Ridge(l2=L2), *case) for method in methods]
        mine, built_in = measured(ways, *case[:2])
        print(f"| {', '.join(map(str, case))} | {spread(mine)} | {spread(built_in)} |", flush=True)
    patterns()


def patterns() -> None:
    """Print the table of W that change, mixed on one rank."""
    print(f"\nmicroseconds an aggregation of random pairs on a ring, {TRIALS} trials")
    head("agents", "a user's class", "of it its matrix", "built in")
    for agents in (6, 100):
        ring = build_topology(Ring(), agents, 0, "topology")
        own = Gossip(agents, adjacency(ring))
        ways = [
            mixing(CustomPattern(path="tests.own_pattern:Gossip"), ring),
            lambda n, own=own: own.matrix(n, generator(1, Purpose.MIXING, n)),
            mixing(RandomMatching(), ring),
        ]
        times = np.array([[microseconds(way) for way in ways] for _ in range(REPEATS)]).T
        print(f"| {agents} | {' | '.join(spread(each.tolist(), 0) for each in times)} |")


def mixing(pattern: Pattern, topology: Graph) -> Callable[[int], None]:
    """What mixes, given the step."""
    layout = Layout.even(len(topology), 1)
    rows = MixedRows(layout, 0, 0, (TRIALS, D))
    return Mixer(MPI.COMM_SELF, pattern.start(topology, 1), rows, Meter())


def microseconds(way: Callable[[int], object]) -> float:
    """Of a call, over 200 steps after the first few."""
    for n in range(1, 6):
        way(n)
    started = time.process_time()
    for n in range(6, 206):
        way(n)
    return (time.process_time() - started) * 1e6 / 200


def head(*columns: str) -> None:
    """Of a table."""
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")


def own(path: str) -> Custom:
    """A user's objective."""
    return Custom(path=path, arguments={"l2": L2})


def made(agents: int) -> Points:
    """Points of all agents."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(agents * POINTS, D)) / np.sqrt(D)
    return Points(features, rng.normal(size=len(features)), rng.uniform(0.5, 1.5, len(features)))


def by_package(method: Method, objective: Objective, agents: int, trials: int, batch: int) -> Steps:
    """Steps as a run takes them."""
    points = made(agents)
    iterates = Iterates.alone(agents, trials, D, method.states(D))
    steps = LocalSteps(iterates, method, objective, points, np.full(agents, batch))
    return lambda X, gamma: steps(0, X, gamma)


def by_numpy(agents: int, trials: int, batch: int) -> Steps:
    """Steps as NumPy takes them where nothing is in its way."""
    points = made(agents)
    theta = np.zeros((agents * trials, D))
    x, y, w = points.features, points.labels, points.weights

    def steps(X: NDArray[np.int32], gamma: Floats) -> None:
        for n, step in enumerate(gamma.tolist()):
            rows = X[n].ravel()
            if batch == 1:
                some = x[rows]
                slope = ((theta * some).sum(axis=1) - y[rows])[:, None] * some + L2 * theta
            else:
                at = rows[:, None] + np.arange(batch)
                some = x[at]
                residual = (theta[:, None] * some).sum(axis=2) - y[at]
                slope = (residual[:, :, None] * some).mean(axis=1) + L2 * theta
            theta[:] -= (step * w[rows])[:, None] * slope

    return steps


def measured(ways: Sequence[Callable[[], Steps]], agents: int, trials: int) -> list[list[float]]:
    """Nanoseconds of each, in turns."""
    rng = np.random.default_rng(2)
    first = POINTS * np.arange(agents)[:, None] + rng.integers(
        0, POINTS - 25, size=(64, agents, trials)
    )
    X, gamma = first.astype(np.int32), np.full(64, 1e-3)
    found: list[list[float]] = [[] for _ in ways]
    for repeat in range(-1, REPEATS):  # -1 compiles and warms up
        for way, times in zip(ways, found, strict=True):
            steps, taken, started = way(), 0, time.process_time()
            while (now := time.process_time()) - started < SECONDS or taken == 0:
                steps(X, gamma)
                taken += len(gamma)
            if repeat >= 0:
                times.append((now - started) * 1e9 / (taken * agents * trials))
    return found


def ratio(mine: list[float], other: list[float]) -> str:
    """Of paired repeats."""
    return spread([a / b for a, b in zip(mine, other, strict=True)], 2)


if __name__ == "__main__":
    main()
