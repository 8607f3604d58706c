# ruff: noqa: T201
"""Time of one agent's step in one trial: the package against a loop fused by hand.

The package draws points ahead, a block for all trials, and then takes the steps of the block.
The opponent draws a point and takes the step with it in one compiled loop, and shares no code
with the package. Both run 120 trials of one agent with 500 points, d = 22, for which W = I and
nothing is recorded. Repeats alternate, and processor time is what counts, so that other programs
on the machine disturb less.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

import networkx as nx
import numpy as np
from numba import njit
from numpy.typing import NDArray

from udsgd_mpi.engine.draws import Draws
from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.sgd import StepByStep, unified_distributed_sgd
from udsgd_mpi.methods import SGD
from udsgd_mpi.objectives import Logistic, Points
from udsgd_mpi.samplers import IID, NBRW, SRRW, SRW, Sampler, Streams
from udsgd_mpi.testing.graphs import from_networkx
from udsgd_mpi.theory.step_size import Polynomial

TRIALS, D, POINTS, MEAN_DEGREE = 120, 22, 500, 20
REPEATS = 9
ALPHA, B = 20.0, 0.8
STEPS = {"iid": 16384, "srw": 16384, "nbrw": 16384, "srrw": 4096}

Floats = NDArray[np.float64]


def main() -> None:
    """Print the table."""
    problem = small_problem()
    print(f"ns per agent, trial and step, median (min–max) of {REPEATS}; ratios of paired repeats")
    columns = ("", "package", "of it sampling", "and gradient", "by hand", "package / by hand")
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for sampler in (IID(), SRW(), NBRW(), SRRW(alpha=ALPHA, b=B)):
        steps = STEPS[sampler.name]
        ours: list[tuple[float, float, float]] = []
        theirs: list[float] = []
        for repeat in range(-1, REPEATS):  # -1 compiles and warms up
            mine = package(sampler, *problem, steps)
            hand = by_hand(sampler.name, *problem, steps)
            if repeat >= 0:
                ours.append(mine)
                theirs.append(hand)
        total, sampling, gradient = zip(*ours, strict=True)
        ratios = [a / b for a, b in zip(total, theirs, strict=True)]
        cells = [spread(total), spread(sampling), spread(gradient), spread(theirs)]
        print("| " + " | ".join([sampler.name, *cells, spread(ratios, 2)]) + " |", flush=True)


def small_problem() -> tuple[nx.Graph, Floats, Floats]:
    """Data graph, features and labels."""
    graph = next(
        g
        for seed in range(100)
        if nx.is_connected(g := nx.gnp_random_graph(POINTS, MEAN_DEGREE / (POINTS - 1), seed=seed))
    )
    rng = np.random.default_rng(1)
    features = rng.normal(size=(POINTS, D)) / np.sqrt(D)
    return graph, features, (rng.random(POINTS) < 0.5).astype(np.float64)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median, least and greatest, as a cell."""
    low, high = min(values), max(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


class Data(NamedTuple):
    """What the opponent reads: a graph in compressed rows, and its points."""

    offsets: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    features: Floats
    labels: Floats
    weights: Floats


def _never(_n: int, _m: int) -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


class Clocked:
    """An objective that adds up the time of its steps."""

    def __init__(self, objective: Logistic) -> None:
        self.objective = objective
        self.seconds = 0.0

    def descend(
        self,
        theta: Floats,
        X: NDArray[np.int32],
        gamma: Floats,
        points: Points,
        batch: NDArray[np.int64],
    ) -> None:
        started = time.process_time()
        self.objective.descend(theta, X, gamma, points, batch)
        self.seconds += time.process_time() - started


def package(
    sampler: Sampler, graph: nx.Graph, features: Floats, labels: Floats, steps: int
) -> tuple[float, float, float]:
    """Nanoseconds of a step in all, for its sampling and for its gradient."""
    compressed = from_networkx(graph, "data graph")
    weights = sampler.importance_weights("unbiased", POINTS, compressed)
    batch = np.ones(1, dtype=np.int64)
    paths = sampler.start_all([POINTS], [compressed], Streams(1, np.array([0]), TRIALS))
    draws = Draws(paths, [0], batch, TRIALS)
    objective = Clocked(Logistic())
    points = Points(features, labels, weights)
    descend = LocalSteps(Iterates.alone(1, TRIALS, D), SGD(), objective, points, batch)  # type: ignore[arg-type]
    started = time.process_time()
    unified_distributed_sgd(
        draws,
        Polynomial(),
        StepByStep(descend, lambda _: None, _never),
        [steps],
        lambda _: None,
    )
    total = time.process_time() - started
    gradient = objective.seconds
    each = 1e9 / (steps * TRIALS)
    return total * each, (total - gradient) * each, gradient * each


def by_hand(kind: str, graph: nx.Graph, features: Floats, labels: Floats, steps: int) -> float:
    """Nanoseconds of a step of the loops below."""
    lists = [sorted(graph[x]) for x in range(POINTS)]
    degrees = np.array([len(row) for row in lists])
    weights = np.ones(POINTS) if kind == "iid" else degrees.mean() / degrees
    offsets = np.append(0, np.cumsum(degrees))
    data = Data(offsets, np.concatenate(lists), features, labels, weights)
    gamma = 1 / np.arange(1.0, steps + 1)
    theta = np.zeros((TRIALS, D))
    loop: Callable[..., None] = {"iid": iid, "srw": srw, "nbrw": nbrw, "srrw": srrw}[kind]
    started = time.process_time()
    loop(theta, data, gamma)
    return (time.process_time() - started) * 1e9 / (steps * TRIALS)


# The opponent. xorshift is Marsaglia's 64-bit generator, one state for all trials.

compiled = njit(error_model="numpy")
inlined = njit(error_model="numpy", inline="always")


@inlined
def xorshift(state: np.uint64) -> np.uint64:
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    return state ^ (state << np.uint64(17))


@inlined
def uniform(state: np.uint64) -> float:
    return (state >> np.uint64(11)) * 2.0**-53


@inlined
def step(theta: Floats, x: Floats, y: float, rate: float) -> None:
    z = 0.0
    for k in range(len(theta)):
        z += theta[k] * x[k]
    residual = 1 / (1 + np.exp(-z)) - y
    for k in range(len(theta)):
        theta[k] -= rate * (residual * x[k] + theta[k])


@compiled
def iid(theta: Floats, data: Data, gamma: Floats) -> None:
    _, _, features, labels, weights = data
    state = np.uint64(88172645463325252)
    for n in range(len(gamma)):
        for t in range(len(theta)):
            state = xorshift(state)
            x = int(uniform(state) * len(labels))
            step(theta[t], features[x], labels[x], gamma[n] * weights[x])


@compiled
def srw(theta: Floats, data: Data, gamma: Floats) -> None:
    offsets, neighbours, features, labels, weights = data
    state = np.uint64(88172645463325252)
    node = np.arange(len(theta)) % len(labels)
    for n in range(len(gamma)):
        for t in range(len(theta)):
            x = node[t]
            step(theta[t], features[x], labels[x], gamma[n] * weights[x])
            state = xorshift(state)
            degree = offsets[x + 1] - offsets[x]
            node[t] = neighbours[offsets[x] + int(uniform(state) * degree)]


@compiled
def nbrw(theta: Floats, data: Data, gamma: Floats) -> None:
    offsets, neighbours, features, labels, weights = data
    state = np.uint64(88172645463325252)
    node = np.arange(len(theta)) % len(labels)
    previous = np.full(len(theta), -1)
    for n in range(len(gamma)):
        for t in range(len(theta)):
            x = node[t]
            step(theta[t], features[x], labels[x], gamma[n] * weights[x])
            degree = offsets[x + 1] - offsets[x]
            y = previous[t]
            while y == previous[t]:
                state = xorshift(state)
                y = neighbours[offsets[x] + int(uniform(state) * degree)]
                if degree == 1:
                    break
            previous[t], node[t] = x, y


@compiled
def srrw(theta: Floats, data: Data, gamma: Floats) -> None:
    offsets, neighbours, features, labels, weights = data
    state = np.uint64(88172645463325252)
    log_target = np.log(np.diff(offsets) / len(neighbours))
    power = np.empty(len(labels))
    node = np.arange(len(theta)) % len(labels)
    visits, scale = np.full((len(theta), len(labels)), 1 / len(labels)), 1.0
    for n in range(len(gamma)):
        beta = (n + 2.0) ** -B
        scale *= 1 - beta
        for t in range(len(theta)):
            x = node[t]
            step(theta[t], features[x], labels[x], gamma[n] * weights[x])
            nearby = neighbours[offsets[x] : offsets[x + 1]]
            for k, j in enumerate(nearby):
                power[k] = -ALPHA * (np.log(visits[t, j]) - log_target[j])
            largest = power[: len(nearby)].max()
            total = 0.0
            for k in range(len(nearby)):
                power[k] = np.exp(power[k] - largest)
                total += power[k]
            state = xorshift(state)
            left = uniform(state) * total
            k = 0
            while k < len(nearby) - 1 and left >= power[k]:
                left -= power[k]
                k += 1
            node[t] = nearby[k]
            visits[t, node[t]] += beta / scale


if __name__ == "__main__":
    main()
