# ruff: noqa: T201
"""Time of a step of each method with its exchange, on one rank, against SGD and a floor.

Nanoseconds a number of θ and step, of processor time: logistic regression, independent draws; W of
a small world at every step, or an average of all at every fifth where the method is of averages.
The floor is what SGD takes with the same W, one pass over the rows of the slopes and of every state
(read and written once), and mixing θ's rows once more for each state of their length that W mixes.
Repeats alternate.
"""

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from tests.benchmarks.compression import seconds, spread
from udsgd_mpi.communication import DSGD, Centralized, Pattern
from udsgd_mpi.engine.iterates import THETA, Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.sgd import Update
from udsgd_mpi.graphs.generators import SmallWorld
from udsgd_mpi.methods import (
    SGD,
    Adam,
    ExactDiffusion,
    Extra,
    FedOpt,
    GradientTracking,
    Method,
    Momentum,
    Nesterov,
    Prox,
    PushSum,
    Scaffold,
)
from udsgd_mpi.objectives import Logistic, Points
from udsgd_mpi.parallel.fused import update_of
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.support.meter import Meter

Floats = NDArray[np.float64]

CASES = ((100, 120, 22, 500), (8, 1, 100_000, 20))  # agents, trials, d, points of an agent
NEIGHBOURS, AVERAGES = DSGD(weights="lazy"), Centralized(interval=5)
METHODS: tuple[tuple[Method, Pattern], ...] = (
    *((method(), NEIGHBOURS) for method in (Momentum, Nesterov, Adam)),
    *((method(), NEIGHBOURS) for method in (GradientTracking, ExactDiffusion, Extra)),
    (PushSum(), DSGD(weights="out_degree")),
    *((method(), AVERAGES) for method in (Prox, Scaffold, FedOpt)),
)
REPEATS, STEPS = 9, 20  # steps of a call


def main() -> None:
    """Print a row for each method and size."""
    print("| agents, trials, d | method | ns | / SGD | / floor |\n|---|---|---|---|---|")
    for *sizes, points in CASES:
        shape = (sizes[0], sizes[1], sizes[2])
        for method, pattern in METHODS:
            ours, sgd, floor = np.array(measured(method, pattern, shape, points)).T
            name = method.__struct_config__.tag
            print(
                f"| {', '.join(f'{size:,}' for size in shape)} | {name} | {spread(ours)} |"
                f" {spread(ours / sgd)} | {spread(ours / floor)} |",
                flush=True,
            )


def measured(
    method: Method, pattern: Pattern, shape: tuple[int, int, int], points: int
) -> list[list[float]]:
    """Nanoseconds a number of the method, of SGD, and of its floor, of every repeat."""
    ours, sgd = (Run.of(each, pattern, shape, points) for each in (method, SGD()))
    states = method.states(shape[2])
    passes = 1 + sum(state.elements for state in states) / shape[2]
    mixed = sum(state.mixed and state.elements == shape[2] for state in states)
    rows, copy = np.zeros((2, *shape))
    found = []
    for _ in range(1 + REPEATS):
        method_s, sgd_s, mixing = (
            seconds(way) / STEPS for way in (ours.steps, sgd.steps, sgd.exchanges)
        )
        one_pass = seconds(lambda: np.copyto(rows, copy))
        found.append([method_s, sgd_s, sgd_s + passes * one_pass + mixed * mixing])
    return [[1e9 * each / rows.size for each in row] for row in found[1:]]


@dataclass
class Run:
    """Steps of all agents on one rank."""

    update: Update
    W: Mixer
    X: NDArray[np.int32]
    n: int = 0

    @classmethod
    def of(
        cls, method: Method, pattern: Pattern, shape: tuple[int, int, int], points: int
    ) -> "Run":
        """Of a method on random points."""
        agents, trials, d = shape
        schedule = pattern.start(SmallWorld(k=4).build(agents, seed=1, name="topology"), seed=1)
        method.check_mixing(schedule, agents)
        iterates = Iterates.alone(agents, trials, d, method.states(d))
        mixers = [Mixer(MPI.COMM_SELF, schedule, rows, Meter()) for rows in iterates.mixed.values()]
        rng = np.random.default_rng(1)
        data = Points(
            rng.normal(size=(agents * points, d)) / np.sqrt(d),
            (rng.random(agents * points) < 0.5).astype(np.float64),
            np.ones(agents * points),
        )
        batch = np.ones(agents, np.int64)
        steps = LocalSteps(iterates, method, Logistic(), data, batch)
        first = points * np.arange(agents)[:, None]
        X = first + rng.integers(points, size=(STEPS, agents, trials))
        update = update_of(steps, mixers)
        return cls(update, mixers[list(iterates.mixed).index(THETA)], X.astype(np.int32))

    def steps(self) -> None:
        """Take so many as there are draws."""
        self.update(self.n, self.X, np.full(STEPS, 1e-3))
        self.n += STEPS

    def exchanges(self) -> None:
        """Mix θ alone as often as these steps do."""
        for n in range(self.n + 1, self.n + 1 + STEPS):
            self.W(n)
        self.n += STEPS


if __name__ == "__main__":
    main()
