"""Steps in one kernel equal those taken one by one, whichever rank is late."""

import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI
from msgspec import to_builtins

from tests import reference, textbook
from udsgd_mpi.communication import (
    DSGD,
    DSGDVT,
    DropOut,
    Layout,
    OnePeerExponential,
    Pattern,
    RandomMatching,
    Schedule,
    UnreliableLinks,
)
from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.methods import SGD, Method
from udsgd_mpi.objectives import CompiledObjective, Logistic, Points, Quadratic, Ridge, Softmax
from udsgd_mpi.parallel.fused import Fused, update_of
from udsgd_mpi.parallel.host_memory import shared_rows
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.support.meter import Activity, Meter
from udsgd_mpi.testing.graphs import from_networkx, matrix

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
TOPOLOGY = nx.connected_watts_strogatz_graph(11, 4, 0.5, seed=1)
AGENTS, TRIALS, FEATURES, POINTS, STEPS = 11, 3, 5, 6, 23
PLAIN = SGD()
OBJECTIVES = [Logistic(l2=0.3), Ridge(l2=0.3), Softmax(l2=0.3), Quadratic(condition=4)]


class Case:
    """What all ranks know of all agents, and the update of this rank.

    Ranks share memory as ``hosts``, by default the communicator, says.
    """

    topology: nx.Graph = TOPOLOGY

    def __init__(
        self,
        objective: CompiledObjective,
        interval: int,
        precision: Literal["double", "single"] = "double",
        *,
        pattern: Pattern | None = None,
        method: Method = PLAIN,
        comm: MPI.Intracomm = COMM,
        hosts: Any = None,
    ) -> None:
        rng = np.random.default_rng(7)
        classes = 3 if isinstance(objective, Softmax) else 2
        self.objective = objective
        self.method = method
        self.features = rng.normal(size=(AGENTS, POINTS, FEATURES))
        self.labels = rng.integers(classes, size=(AGENTS, POINTS)).astype(np.float64)
        self.weights = rng.uniform(0.5, 1.5, size=(AGENTS, POINTS))
        self.X = rng.integers(POINTS, size=(STEPS, AGENTS, TRIALS), dtype=np.int32)
        self.gamma = 0.5 / np.arange(1, STEPS + 1)
        d = objective.dimension(FEATURES, classes)
        layout = Layout.even(AGENTS, comm.size)
        self.hosted = layout.hosted(comm.rank)
        self.pattern = pattern or DSGD(interval=interval, precision=precision)
        schedule = self.schedule()
        self.layout = layout
        codec = self.pattern.codec(d)
        rows = partial(shared_rows, hosts or comm, schedule, layout, codec=codec)
        self.iterates = Iterates(TRIALS, d, method.states(d), rows)
        self.meter = Meter()
        self.mixers = [
            Mixer(comm, schedule, each, self.meter) for each in self.iterates.mixed.values()
        ]
        self.mixer = self.mixers[0]
        mine = slice(self.hosted.start, self.hosted.stop)
        points = Points(
            self.features[mine].reshape(-1, FEATURES),
            self.labels[mine].ravel(),
            self.weights[mine].ravel(),
        )
        batch = np.ones(len(self.hosted), dtype=np.int64)
        steps = LocalSteps(self.iterates, method, objective, points, batch)
        self.update = update_of(steps, self.mixers)

    def schedule(self) -> Schedule:
        """Of the pattern, with nothing asked before."""
        return self.pattern.start(from_networkx(self.topology, "topology"), 1)

    def run(self, edges: list[int], before: Callable[[int], None] = lambda _: None) -> np.ndarray:
        """θ after all steps, taken from each of the edges to the next."""
        rows = self.X[:, self.hosted.start : self.hosted.stop]
        rows = rows + POINTS * np.arange(len(self.hosted), dtype=np.int32)[:, None]
        for n, m in pairwise(edges):
            before(n)
            self.update(n, np.ascontiguousarray(rows[n:m]), self.gamma[n:m])
        for mixer in self.mixers:
            mixer.free()
        return self.iterates.theta

    def gradient(self, theta: np.ndarray, n: int) -> np.ndarray:
        """Those of all agents at θ, by the points of the n-th step."""
        found = np.empty_like(theta)
        for i in range(AGENTS):
            for t in range(TRIALS):
                x = self.X[n, i, t]
                point = Points(self.features[i, x][None], self.labels[i, [x]], self.weights[i, [x]])
                found[i, t] = self.objective.gradient(theta[i, t], point)
        return found

    def by_textbook(self, loop: textbook.Loop) -> np.ndarray:
        """By a dense loop over all agents; hosted agents' part."""
        schedule = self.schedule()
        start = np.zeros((AGENTS, *self.iterates.theta.shape[1:]))
        theta = loop(start, self.gradient, lambda n: matrix(schedule, n, AGENTS), self.gamma)
        return theta[self.hosted.start : self.hosted.stop]

    def expected(self, quantized: Callable[[np.ndarray], np.ndarray] | None = None) -> np.ndarray:
        """By the two lines of the equation, with W as a dense array; hosted agents' part."""
        schedule = self.schedule()
        theta = np.zeros((AGENTS, *self.iterates.theta.shape[1:]))
        advance = reference.descent(**to_builtins(self.method))
        for n in range(STEPS):
            theta = advance(theta, self.gradient(theta, n), self.gamma[n], n + 1)
            W = matrix(schedule, n + 1, AGENTS)
            rounded = theta.astype(self.pattern.codec(theta.shape[-1]).dtype).astype(np.float64)
            q = quantized(theta) if quantized else rounded
            theta = np.einsum("ij,jtd->itd", W, q) + (theta - q)
        return theta[self.hosted.start : self.hosted.stop]


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_steps_are_those_of_the_equation(objective: CompiledObjective, interval: int) -> None:
    case = Case(objective, interval)
    assert isinstance(case.update, Fused)
    np.testing.assert_allclose(case.run([0, STEPS]), case.expected(), rtol=1e-10, atol=1e-12)


CHANGING = [
    OnePeerExponential(),
    DSGDVT(interval=2),
    DSGDVT(order="cyclic"),
    RandomMatching(),
    RandomMatching(precision="single"),
    UnreliableLinks(failure=0.4),
    UnreliableLinks(failure=0.1, recovery=0.2, interval=[3, 1]),
    UnreliableLinks(failure=0.8, recovery=0.9),
    DropOut(leave=0.3),
]


@pytest.mark.parametrize("pattern", CHANGING, ids=lambda pattern: type(pattern).__name__)
def test_steps_with_a_w_that_changes(pattern: Pattern) -> None:
    """Also where they are split, where a run goes on from its middle, and on one rank alone."""
    case = Case(Logistic(), 1, pattern=pattern)
    assert isinstance(case.update, Fused)
    theta = case.run([0, STEPS]).copy()
    np.testing.assert_allclose(theta, case.expected(), rtol=1e-10, atol=1e-12)
    half = Case(Logistic(), 1, pattern=pattern)
    middle = half.run([0, 1, 2, 10]).copy()
    rest = Case(Logistic(), 1, pattern=pattern)
    rest.iterates.theta[:] = middle
    COMM.Barrier()
    np.testing.assert_array_equal(rest.run([10, STEPS]), theta)
    alone = Case(Logistic(), 1, pattern=pattern, comm=MPI.COMM_SELF).run([0, STEPS])
    np.testing.assert_array_equal(alone[case.hosted.start : case.hosted.stop], theta)


@pytest.mark.parametrize("pattern", CHANGING, ids=lambda pattern: type(pattern).__name__)
def test_what_a_w_that_changes_gives_is_counted(pattern: Pattern) -> None:
    case, one_by_one = (Case(Logistic(), 1, pattern=pattern) for _ in range(2))
    case.run([0, 10, STEPS])
    for n in range(1, STEPS + 1):
        one_by_one.mixer(n)
    one_by_one.mixer.free()
    assert case.meter.messages == one_by_one.meter.messages
    assert case.meter.bytes_sent == one_by_one.meter.bytes_sent
    assert (case.meter.messages > 0) == (COMM.size > 1)


@pytest.mark.parametrize("interval", [1, 3])
def test_steps_with_messages_in_single_precision(interval: int) -> None:
    theta = (case := Case(Logistic(), interval, "single")).run([0, 1, 9, STEPS])
    np.testing.assert_allclose(theta, case.expected(), rtol=1e-10, atol=1e-12)
    double = Case(Logistic(), interval).run([0, STEPS])
    assert 1e-10 < np.abs(theta - double).max() < 1e-6


def test_bits_do_not_depend_on_where_the_steps_are_split() -> None:
    whole = Case(Logistic(), 2).run([0, STEPS])
    np.testing.assert_array_equal(Case(Logistic(), 2).run([0, 1, 2, 9, 10, STEPS]), whole)
    np.testing.assert_array_equal(Case(Logistic(), 2).run(list(range(STEPS + 1))), whole)


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("kind", [DSGD, UnreliableLinks])
def test_a_rank_that_is_late_is_waited_for_outside_of_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
    precision: Literal["double", "single"],
    kind: type[DSGD | UnreliableLinks],
) -> None:
    case = Case(Logistic(), 1, pattern=kind(precision=precision))
    (exchange,) = case.mixer.in_memory
    finish, waited = exchange.finish, []
    monkeypatch.setattr(exchange, "finish", lambda: (waited.append(COMM.rank), finish()))
    last = COMM.size - 1

    def late(n: int) -> None:
        if COMM.rank == last and n == 10:
            time.sleep(0.5)

    theta = case.run([0, 10, STEPS], late)
    np.testing.assert_allclose(theta, case.expected(), rtol=1e-10, atol=1e-12)
    neighbours = {j for i in case.hosted for j in TOPOLOGY[i]}
    if COMM.rank < last and neighbours & set(case.layout.hosted(last)):
        assert waited
        assert case.meter.seconds[Activity.WAITING] > 0.3


@pytest.mark.parametrize("interval", [1, 3])
def test_what_is_given_is_counted(interval: int) -> None:
    case = Case(Logistic(), interval)
    case.run([0, 10, STEPS])
    host = {i: rank for rank in range(COMM.size) for i in case.layout.hosted(rank)}
    needed = {(host[j], i) for i in case.hosted for j in TOPOLOGY[i]} - {
        (COMM.rank, i) for i in case.hosted
    }
    exchanges = STEPS // interval
    assert case.meter.messages == exchanges * len({to for to, _ in needed})
    assert case.meter.bytes_sent == exchanges * len(needed) * 8 * TRIALS * FEATURES


def test_all_time_is_counted_once() -> None:
    case = Case(Logistic(), 1)
    started = time.perf_counter()
    case.meter.start()
    case.run([0, STEPS])
    elapsed = time.perf_counter() - started
    seconds = case.meter.seconds
    assert 0 < seconds[Activity.GRADIENT] < elapsed
    assert 0 <= seconds[Activity.WAITING] < elapsed
    assert 0 < seconds[Activity.MIXING] < elapsed
    assert sum(seconds) <= elapsed
