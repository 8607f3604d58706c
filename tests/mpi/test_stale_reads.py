"""Stale exchanges on ranks are the dense loop, with the bits of one rank alone."""

from functools import partial

import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI

from tests import textbook
from tests.delays import delay
from tests.mpi.test_exchange import TwoHosts
from udsgd_mpi.communication import DSGD, Layout
from udsgd_mpi.communication.codecs import EXACT, SINGLE_AS_IS
from udsgd_mpi.engine.iterates import HISTORY, THETA, Iterates, MixedRows
from udsgd_mpi.methods import State
from udsgd_mpi.parallel.host_memory import shared_memory
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.support.meter import Meter
from udsgd_mpi.testing.graphs import from_networkx, matrix

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
AGENTS, TRIALS, D, STEPS, SEED = 11, 2, 5, 12, 5
TOPOLOGY = nx.connected_watts_strogatz_graph(AGENTS, 4, 0.5, seed=1)
HOSTS = ["apart", "one host", "two hosts"]
DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)


class Case:
    """Agents that move by an odd factor before each aggregation."""

    def __init__(
        self,
        most: int,
        hosts: str,
        comm: MPI.Intracomm = COMM,
        interval: int = 2,
        dtype: np.dtype = DOUBLE,
    ) -> None:
        pattern = DSGD(interval=interval, staleness=most)
        self.schedule = pattern.start(from_networkx(TOPOLOGY, "topology"), SEED)
        self.most = most
        self.layout = layout = Layout.even(AGENTS, comm.size)
        self.hosted = layout.hosted(comm.rank)
        copies = self.schedule.most_copies(layout, comm.rank)
        memory = None
        if hosts != "apart":
            seen = comm if hosts == "one host" else TwoHosts()
            length = len(self.hosted) + copies
            memory = shared_memory(seen, length, TRIALS * D, dtype)  # type: ignore[arg-type]
        codec = EXACT if dtype == DOUBLE else SINGLE_AS_IS
        of_memory = {"memory": memory, "codec": codec, "dtype": dtype, "staleness": most}
        rows = partial(MixedRows, layout, comm.rank, copies, **of_memory)
        states = [State(name, "", D, dtype) for name in self.names]
        self.iterates = Iterates(TRIALS, D, states, rows)
        self.iterates.begin(start())
        self.meter = Meter()
        self.mixer = Mixer(comm, self.schedule, self.iterates.mixed[THETA], self.meter)

    @property
    def names(self) -> list[str]:
        return [f"{HISTORY}_{k}" for k in range(self.most + 1)]

    def mine(self, whole: np.ndarray) -> np.ndarray:
        return whole[self.hosted.start : self.hosted.stop]

    def run(self, first: int = 1, last: int = STEPS) -> np.ndarray:
        """θ of the hosted agents after these steps; then requests are freed."""
        for n in range(first, last + 1):
            numbers = np.arange(self.hosted.start, self.hosted.stop)[:, None, None]
            self.iterates.theta[:] *= 1 - 0.01 * (numbers + 1) * n
            self.mixer(n)
        self.mixer.free()
        return self.iterates.theta

    @property
    def expected(self) -> np.ndarray:
        def gradient(theta: np.ndarray, n: int) -> np.ndarray:
            return 0.01 * (np.arange(AGENTS)[:, None, None] + 1) * (n + 1) * theta

        W = partial(matrix, self.schedule, agents=AGENTS)
        first = np.tile(start(), (AGENTS, 1, 1))
        loop = textbook.stale(delay(SEED, self.most))
        return self.mine(loop(first, gradient, W, np.ones(STEPS)))


def start() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(TRIALS, D))


@pytest.mark.parametrize("hosts", HOSTS)
@pytest.mark.parametrize("most", [1, 3, 20])
@pytest.mark.parametrize("interval", [1, 2])
def test_ranks_follow_the_dense_loop_with_the_bits_of_one(
    interval: int, most: int, hosts: str
) -> None:
    case = Case(most, hosts, interval=interval)
    theta = case.run()
    np.testing.assert_allclose(theta, case.expected, rtol=1e-12, atol=1e-14)
    alone = Case(most, "apart", MPI.COMM_SELF, interval).run()
    np.testing.assert_array_equal(theta, case.mine(alone))


@pytest.mark.parametrize("hosts", HOSTS)
def test_single_precision_rounds_sums_once(hosts: str) -> None:
    case = Case(3, hosts, dtype=SINGLE)
    theta = case.run()
    assert theta.dtype == SINGLE
    np.testing.assert_allclose(theta, case.expected, rtol=1e-5, atol=1e-6)
    alone = Case(3, "apart", MPI.COMM_SELF, dtype=SINGLE).run()
    np.testing.assert_array_equal(theta, case.mine(alone))


@pytest.mark.parametrize("hosts", HOSTS)
@pytest.mark.parametrize("stop", [1, 4, 5])
def test_what_was_heard_is_known_again_after_a_resume(stop: int, hosts: str) -> None:
    """With what the agents themselves have, after an odd number of aggregations and an even one."""
    whole = Case(3, hosts, interval=1).run()
    before, after = (Case(3, hosts, interval=1) for _ in range(2))
    before.run(last=stop)
    for name in (THETA, *before.names):
        after.iterates[name][:] = before.iterates[name]
    after.mixer.resume()
    np.testing.assert_array_equal(after.run(first=stop + 1), whole)


@pytest.mark.parametrize("hosts", HOSTS)
def test_a_half_step_goes_once_to_each_rank_that_needs_it(hosts: str) -> None:
    case = Case(3, hosts)
    case.run()
    near = [{int(case.layout.host(np.array([j]))[0]) for j in TOPOLOGY[i]} for i in case.hosted]
    rows = sum(len(others - {COMM.rank}) for others in near)
    assert case.meter.bytes_sent == STEPS // 2 * rows * TRIALS * D * 8
