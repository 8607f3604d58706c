"""Compressed exchanges on ranks are the loop of the paper, with the bits of one rank alone."""

from functools import partial

import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI

from tests import textbook
from tests.compressions import ALL, compressed
from tests.mpi.test_exchange import TwoHosts
from udsgd_mpi.communication import DSGD, Layout
from udsgd_mpi.communication.compression import Compression
from udsgd_mpi.engine.iterates import PUBLIC, THETA, Iterates, MixedRows
from udsgd_mpi.methods import State
from udsgd_mpi.parallel.host_memory import shared_memory
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.support.meter import Meter
from udsgd_mpi.testing.graphs import from_networkx, matrix

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
AGENTS, TRIALS, D, STEPS, SEED = 11, 2, 5, 9, 5
TOPOLOGY = nx.connected_watts_strogatz_graph(AGENTS, 4, 0.5, seed=1)
HOSTS = ["apart", "one host", "two hosts"]


class Case:
    """Agents that move by an odd factor before each aggregation."""

    def __init__(
        self, compression: Compression, hosts: str, comm: MPI.Intracomm = COMM, interval: int = 2
    ) -> None:
        self.pattern = DSGD(interval=interval, compression=compression)
        self.schedule = self.pattern.start(from_networkx(TOPOLOGY, "topology"), seed=5)
        self.layout = layout = Layout.even(AGENTS, comm.size)
        self.hosted = layout.hosted(comm.rank)
        copies = self.schedule.most_copies(layout, comm.rank)
        length = len(self.hosted) + copies
        memory = None
        if hosts != "apart":
            seen = comm if hosts == "one host" else TwoHosts()
            memory = shared_memory(seen, length, TRIALS * D)  # type: ignore[arg-type]
        codec = self.pattern.codec(D)
        rows = partial(MixedRows, layout, comm.rank, copies, memory=memory, codec=codec)
        self.iterates = Iterates(TRIALS, D, [State(PUBLIC, "", D)], rows)
        self.iterates.compress(SEED, self.hosted, range(TRIALS))
        self.iterates.theta[:] = self.mine(start())
        self.meter = Meter()
        self.mixer = Mixer(comm, self.schedule, self.iterates.mixed[THETA], self.meter)

    def mine(self, whole: np.ndarray) -> np.ndarray:
        return whole[self.hosted.start : self.hosted.stop]

    def run(self, first: int = 1, last: int = STEPS) -> np.ndarray:
        """θ of the hosted agents after these steps; then requests are freed."""
        for n in range(first, last + 1):
            self.iterates.theta[:] *= 1 - 0.03 * n
            self.mixer(n)
        self.mixer.free()
        return self.iterates.theta

    @property
    def expected(self) -> np.ndarray:
        step = self.pattern.compression.step(D)
        loop = textbook.choco(step, compressed(self.pattern.compression, SEED))

        def gradient(theta: np.ndarray, n: int) -> np.ndarray:
            return 0.03 * (n + 1) * theta

        W = partial(matrix, self.schedule, agents=AGENTS)
        return self.mine(loop(start(), gradient, W, np.ones(STEPS)))


def start() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(AGENTS, TRIALS, D))


@pytest.mark.parametrize("hosts", HOSTS)
@pytest.mark.parametrize("compression", ALL, ids=repr)
def test_ranks_follow_the_paper_with_the_bits_of_one(compression: Compression, hosts: str) -> None:
    case = Case(compression, hosts)
    theta = case.run()
    np.testing.assert_allclose(theta, case.expected, rtol=1e-12, atol=1e-14)
    alone = Case(compression, "apart", MPI.COMM_SELF).run()
    np.testing.assert_array_equal(theta, case.mine(alone))


@pytest.mark.parametrize("hosts", HOSTS)
@pytest.mark.parametrize("compression", ALL, ids=repr)
def test_what_was_told_is_known_again_after_a_resume(compression: Compression, hosts: str) -> None:
    """With θ and x̂ of the agents alone, after an odd number of aggregations and an even one."""
    whole = Case(compression, hosts, interval=1).run()
    for stop in (4, 5):
        before, after = (Case(compression, hosts, interval=1) for _ in range(2))
        before.run(last=stop)
        for name in (THETA, PUBLIC):
            after.iterates[name][:] = before.iterates[name]
        after.mixer.resume()
        np.testing.assert_array_equal(after.run(first=stop + 1), whole)


# Two numbers, and two places of three bits; two numbers; a norm, and five numbers of 4 or 2 bits.
BYTES = [2 * 8 + 1, 2 * 8, 8 + 3, 8 + 2]


@pytest.mark.parametrize(("compression", "each"), [*zip(ALL, BYTES, strict=True)], ids=repr)
def test_bytes_of_packed_messages_are_counted(compression: Compression, each: int) -> None:
    """An agent's message goes once to each rank with a neighbour, at each of four aggregations."""
    case = Case(compression, "apart")
    case.run()
    hosts = [{int(case.layout.host(np.array([j]))[0]) for j in TOPOLOGY[i]} for i in case.hosted]
    rows = sum(len(others - {COMM.rank}) for others in hosts)
    assert case.meter.bytes_sent == 4 * rows * TRIALS * each
