"""Exchanges in single precision: the rule of ``rounding`` on ranks, against dense arrays."""

import struct
from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI

from tests.mpi.test_exchange import PATTERNS, TwoHosts
from udsgd_mpi.communication import Layout, Pattern, Weights
from udsgd_mpi.communication.codecs import CODECS, Codec
from udsgd_mpi.engine.iterates import MixedRows
from udsgd_mpi.parallel.host_memory import shared_memory
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.support.meter import Meter
from udsgd_mpi.testing.graphs import from_networkx

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
SINGLE = CODECS["single"]
AGENTS, TRIALS, D, STEPS = 11, 2, 3, 8
TOPOLOGY = nx.connected_watts_strogatz_graph(AGENTS, 4, 0.5, seed=1)


def rounded(values: np.ndarray) -> np.ndarray:
    """To single precision, by writing and reading four bytes of each number."""
    numbers = [struct.unpack("<f", struct.pack("<f", value))[0] for value in values.ravel()]
    return np.array(numbers).reshape(values.shape)


def theta_of_all() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(AGENTS, TRIALS, D))


def mixed(
    pattern: Pattern, hosts: str, comm: MPI.Intracomm = COMM, codec: Codec = SINGLE
) -> np.ndarray:
    """θ of the hosted agents after all steps, with an odd move of every agent before each."""
    schedule = pattern.start(from_networkx(TOPOLOGY, "topology"), seed=5)
    layout = Layout.even(AGENTS, comm.size)
    copies = schedule.most_copies(layout, comm.rank)
    length = len(layout.hosted(comm.rank)) + copies
    memory = None
    if hosts == "one host":
        memory = shared_memory(comm, length, TRIALS * D)
    elif hosts == "two hosts":
        memory = shared_memory(TwoHosts(), length, TRIALS * D)  # type: ignore[arg-type]
    rows = MixedRows(layout, comm.rank, copies, (TRIALS, D), memory, codec)
    rows.values[:] = theta_of_all()[layout.hosted(comm.rank).start :][: rows.agents]
    mixer = Mixer(comm, schedule, rows, Meter())
    for n in range(1, STEPS + 1):
        rows.values[:] *= 1 + 1e-9 * n
        mixer(n)
    mixer.free()
    return rows.values


def expected(
    pattern: Pattern,
    quantized: Callable[[np.ndarray], np.ndarray] = rounded,
    mean: Callable[[np.ndarray], np.ndarray] = rounded,
) -> np.ndarray:
    """The same by the rule, with W_n as a dense array; averages are rounded, too."""
    schedule = pattern.start(from_networkx(TOPOLOGY, "topology"), seed=5)
    theta = theta_of_all()
    for n in range(1, STEPS + 1):
        theta = theta * (1 + 1e-9 * n)
        if schedule.aggregates(n):
            mixing, q = schedule.mixing(n), quantized(theta)
            combined = np.einsum("ij,jtd->itd", mixing.matrix(AGENTS), q)
            if not isinstance(mixing, Weights):
                combined = mean(combined)
            theta = theta - q + combined
    return theta


@pytest.mark.parametrize("hosts", ["apart", "one host", "two hosts"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: type(pattern).__name__)
def test_every_pattern_follows_the_rule(pattern: Pattern, hosts: str) -> None:
    theta = mixed(pattern, hosts)
    whole = expected(pattern)
    layout = Layout.even(AGENTS, COMM.size)
    hosted = layout.hosted(COMM.rank)
    # A thousandth of what single precision resolves.
    np.testing.assert_allclose(theta, whole[hosted.start : hosted.stop], rtol=0, atol=6e-11)


@pytest.mark.parametrize("hosts", ["apart", "one host", "two hosts"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: type(pattern).__name__)
def test_bits_are_those_of_one_rank(pattern: Pattern, hosts: str) -> None:
    alone = mixed(pattern, "apart", MPI.COMM_SELF)
    hosted = Layout.even(AGENTS, COMM.size).hosted(COMM.rank)
    np.testing.assert_array_equal(mixed(pattern, hosts), alone[hosted.start : hosted.stop])


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: type(pattern).__name__)
def test_the_average_over_agents_stays(pattern: Pattern) -> None:
    """Exactly for sums with weights; an average that is sent is itself rounded."""
    before = theta_of_all().mean(axis=0)
    for n in range(1, STEPS + 1):
        before *= 1 + 1e-9 * n
    after = mixed(pattern, "apart", MPI.COMM_SELF).mean(axis=0)
    schedule = pattern.start(from_networkx(TOPOLOGY, "topology"), seed=5)
    sums = all(isinstance(schedule.mixing(n), Weights) for n in schedule.times(0, STEPS).tolist())
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-14 if sums else STEPS * 2**-24)


def test_moves_below_single_precision_are_not_lost() -> None:
    pattern = PATTERNS[0]
    schedule = pattern.start(from_networkx(TOPOLOGY, "topology"), seed=5)
    rows = MixedRows(Layout.even(AGENTS, 1), 0, 0, (TRIALS, D), None, SINGLE)
    rows.values[:] = 1.0
    mixer = Mixer(MPI.COMM_SELF, schedule, rows, Meter())
    for n in range(1, 1001):
        rows.values[:] += 1e-9
        mixer(n)
    np.testing.assert_allclose(rows.values, 1 + 1e-6, rtol=0, atol=1e-12)
