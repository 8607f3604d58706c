"""Mixing on ranks equals the product with W, and averages keep their bits on any layout."""

import time
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI

from tests import reference
from udsgd_mpi.communication import (
    DSGD,
    DSGDVT,
    HLSGD,
    LSGDPP,
    Average,
    Centralized,
    CustomPattern,
    DropOut,
    Layout,
    OnePeerExponential,
    PartialAverage,
    Pattern,
    RandomMatching,
    Schedule,
    UnreliableLinks,
    Weights,
    metropolis,
)
from udsgd_mpi.communication.base import InTurn
from udsgd_mpi.communication.codecs import CODECS, Precision
from udsgd_mpi.engine.iterates import MixedRows
from udsgd_mpi.parallel.average import AgentAverage, average_of
from udsgd_mpi.parallel.exchanges.links import LinkExchange
from udsgd_mpi.parallel.host_memory import shared_memory
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.support.meter import Meter
from udsgd_mpi.testing.graphs import from_networkx, matrix

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
TOPOLOGIES = {
    "path": nx.path_graph(9),
    "star": nx.star_graph(6),
    "complete": nx.complete_graph(5),
    "random": nx.connected_watts_strogatz_graph(23, 4, 0.5, seed=1),
    "one each": nx.path_graph(COMM.size),
}


@pytest.fixture(params=TOPOLOGIES.values(), ids=TOPOLOGIES)
def topology(request: pytest.FixtureRequest) -> nx.Graph:
    return request.param


@pytest.fixture(params=[False, True], ids=["by messages", "in shared memory"])
def shared(request: pytest.FixtureRequest) -> bool:
    return request.param


def filled(
    agents: int, copies: int, trials: int, d: int, *, shared: bool = False
) -> tuple[MixedRows, np.ndarray]:
    """Rows with random θ, and the θ of all agents; room for copies is poisoned with NaN."""
    whole = np.random.default_rng(agents).normal(size=(agents, trials, d))
    layout = Layout.even(agents, COMM.size)
    length = len(layout.hosted(COMM.rank)) + copies
    memory = shared_memory(COMM, length, trials * d) if shared else None
    rows = MixedRows(layout, COMM.rank, copies, (trials, d), memory)
    for buffer in rows.buffers:
        buffer[:] = np.nan
    hosted = layout.hosted(COMM.rank)
    rows.values[:] = whole[hosted.start : hosted.stop]
    return rows, whole


def mine(rows: MixedRows, whole: np.ndarray) -> np.ndarray:
    hosted = rows.layout.hosted(COMM.rank)
    return whole[hosted.start : hosted.stop]


def follow(
    schedule: Schedule,
    rows: MixedRows,
    whole: np.ndarray,
    steps: int,
    *,
    in_turn_slow: bool = False,
) -> None:
    """Mix on ranks, each of them late now and then, and hold it against the products with W_n."""
    mix = Mixer(COMM, schedule, rows, Meter())
    for n in range(1, steps + 1):
        if in_turn_slow and n % COMM.size == COMM.rank:
            time.sleep(0.002)
        mix(n)
        whole = np.einsum("ij,jtd->itd", matrix(schedule, n, len(whole)), whole)
        np.testing.assert_allclose(rows.values, mine(rows, whole), rtol=1e-12, atol=1e-14)
    mix.free()


@pytest.mark.parametrize(("trials", "d"), [(1, 1), (3, 4), (7, 100)])
def test_neighbour_mixing_is_the_product_with_w(
    topology: nx.Graph, trials: int, d: int, shared: bool
) -> None:
    weights = metropolis(from_networkx(topology, "topology"))
    layout = Layout.even(len(topology), COMM.size)
    copies = len(weights.copies(layout, COMM.rank))
    rows, whole = filled(len(topology), copies, trials, d, shared=shared)
    mix = Mixer(COMM, InTurn(1, [weights]), rows, Meter())
    W = reference.metropolis(topology)
    for n in range(1, 6):
        mix(n)
        whole = np.einsum("ij,jtd->itd", W, whole)
        np.testing.assert_allclose(rows.values, mine(rows, whole), rtol=1e-12, atol=1e-14)
    mix.free()


def test_an_equal_copy_of_w_is_planned_like_the_first(shared: bool) -> None:
    graph = from_networkx(TOPOLOGIES["random"], "topology")
    schedule = InTurn(1, [metropolis(graph), metropolis(graph)])
    copies = schedule.most_copies(Layout.even(len(graph), COMM.size), COMM.rank)
    rows, whole = filled(len(graph), copies, 2, 3, shared=shared)
    mix = Mixer(COMM, schedule, rows, Meter())
    assert len(mix.in_memory) == 2 * (shared or COMM.size == 1)
    mix.free()
    follow(schedule, rows, whole, steps=4)


def test_each_half_step_goes_once_to_each_rank_that_needs_it(topology: nx.Graph) -> None:
    weights = metropolis(from_networkx(topology, "topology"))
    layout = Layout.even(len(topology), COMM.size)
    hosted = set(layout.hosted(COMM.rank))
    expected = {j for i in hosted for j in topology[i]} - hosted
    assert weights.copies(layout, COMM.rank).tolist() == sorted(expected)


@pytest.mark.parametrize(("trials", "d"), [(1, 1), (3, 4), (7, 100)])
def test_average_is_summed_in_agent_order(
    topology: nx.Graph, trials: int, d: int, shared: bool
) -> None:
    rows, whole = filled(len(topology), 0, trials, d, shared=shared)
    expected = whole[0].copy()
    for theta in whole[1:]:
        expected += theta
    expected /= len(whole)
    average = AgentAverage(COMM, rows.layout, trials * d)
    np.testing.assert_array_equal(average(rows.rows), expected.ravel())
    Mixer(COMM, InTurn(1, [Average()]), rows, Meter())(1)
    np.testing.assert_array_equal(rows.values, np.broadcast_to(expected, rows.values.shape))


def test_averages_in_shared_memory_wait_for_the_slowest_rank() -> None:
    agents = 2 * COMM.size
    rows, whole = filled(agents, 0, 2, 3, shared=True)
    average = average_of(COMM, rows)
    for n in range(30):
        if n % COMM.size == COMM.rank:
            time.sleep(0.002)
        mean = average()
        if n % (COMM.size + 1) == COMM.rank:
            time.sleep(0.002)
        np.testing.assert_allclose(mean, whole.mean(axis=0).ravel(), rtol=1e-12)
        rows.values[:] += n
        whole += n


PATTERNS = [
    DSGD(),
    Centralized(),
    DSGDVT(),
    DSGDVT(order="cyclic"),
    LSGDPP(participants=1, interval=2),
    LSGDPP(participants=4, interval=1),
    HLSGD(clusters=3, inner=1, outer=3),
    OnePeerExponential(),
    RandomMatching(),
    UnreliableLinks(failure=0.4),
    DropOut(leave=0.4),
    CustomPattern(path="tests.own_pattern:Gossip"),
    CustomPattern(path="tests.own_pattern:Anyone"),
]


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.__struct_config__.tag)
def test_every_pattern_on_ranks_is_its_matrix(pattern: Pattern, shared: bool) -> None:
    agents, trials, d = 11, 2, 3
    topology = from_networkx(nx.connected_watts_strogatz_graph(agents, 4, 0.5, seed=1), "topology")
    schedule = pattern.start(topology, seed=5)
    copies = schedule.most_copies(Layout.even(agents, COMM.size), COMM.rank)
    rows, whole = filled(agents, copies, trials, d, shared=shared)
    follow(schedule, rows, whole, steps=8)


@pytest.mark.parametrize(
    "pattern",
    [
        DSGDVT(),
        OnePeerExponential(),
        HLSGD(inner=1, outer=3),
        RandomMatching(),
        DropOut(leave=0.3),
        CustomPattern(path="tests.own_pattern:Anyone"),
    ],
)
def test_half_steps_in_shared_memory_wait_for_the_slowest_rank(pattern: Pattern) -> None:
    agents = 4 * COMM.size
    topology = from_networkx(nx.cycle_graph(agents), "topology")
    rows, whole = filled(agents, 0, 2, 3, shared=True)
    schedule = pattern.start(topology, seed=5)
    follow(schedule, rows, whole, steps=30, in_turn_slow=True)


class TwoHosts:
    """The ranks of the world as if every other one of them were on another host."""

    rank, size = COMM.rank, COMM.size

    def Split_type(self, _: int) -> MPI.Intracomm:  # noqa: N802
        return COMM.Split(COMM.rank % 2, COMM.rank)


@pytest.mark.parametrize(
    "pattern",
    [
        DSGD(),
        DSGDVT(),
        HLSGD(inner=1, outer=3),
        Centralized(),
        RandomMatching(),
        UnreliableLinks(failure=0.4, recovery=0.3),
        DropOut(leave=0.3),
        CustomPattern(path="tests.own_pattern:Gossip"),
        CustomPattern(path="tests.own_pattern:Anyone"),
    ],
    ids=lambda pattern: type(pattern).__name__,
)
@pytest.mark.parametrize("d", [3, 20_000], ids=["eager", "rendezvous"])
def test_messages_between_hosts_and_shared_memory_within(pattern: Pattern, d: int) -> None:
    agents = 3 * COMM.size
    topology = from_networkx(nx.cycle_graph(agents), "topology")
    schedule = pattern.start(topology, seed=5)
    layout = Layout.even(agents, COMM.size)
    copies = schedule.most_copies(layout, COMM.rank)
    length = len(layout.hosted(COMM.rank)) + copies
    memory = shared_memory(TwoHosts(), length, d)  # type: ignore[arg-type]
    assert len(memory.first) == (COMM.size + 1 - COMM.rank % 2) // 2
    rows = MixedRows(layout, COMM.rank, copies, (1, d), memory)
    whole = np.random.default_rng(1).normal(size=(agents, 1, d))
    rows.values[:] = mine(rows, whole)
    follow(schedule, rows, whole, steps=12, in_turn_slow=True)


@pytest.mark.parametrize("hosts", ["apart", "one host", "two hosts"])
@pytest.mark.parametrize(
    "pattern",
    [
        RandomMatching(),
        UnreliableLinks(failure=0.6),
        CustomPattern(path="tests.own_pattern:Gossip"),
    ],
)
def test_a_link_that_is_lost_carries_nothing(pattern: Pattern, hosts: str) -> None:
    """Half-steps of one agent are NaN; only those become NaN that it has a link to."""
    agents = 12
    graph = nx.cycle_graph(agents)
    schedule = pattern.start(from_networkx(graph, "topology"), seed=5)
    layout = Layout.even(agents, COMM.size)
    copies = schedule.most_copies(layout, COMM.rank)
    length = len(layout.hosted(COMM.rank)) + copies
    comm = TwoHosts() if hosts == "two hosts" else COMM
    memory = None if hosts == "apart" else shared_memory(comm, length, 2)  # type: ignore[arg-type]
    for n in range(1, 9):
        rows = MixedRows(layout, COMM.rank, copies, (1, 2), memory)
        mix = Mixer(COMM, schedule, rows, Meter())
        whole = np.ones((agents, 1, 2))
        whole[n] = np.nan
        rows.values[:] = mine(rows, whole)
        mix(n)
        W = matrix(schedule, n, agents)
        lost = (W[:, n] > 0)[:, None, None] & np.ones((1, 1, 2), dtype=bool)
        np.testing.assert_array_equal(np.isnan(rows.values), mine(rows, lost))
        mix.free()
        COMM.Barrier()


def test_messages_hold_what_links_need_that_are_there() -> None:
    """Between ranks that share no memory; counted by MPI's own status of what has come."""
    topology = TOPOLOGIES["random"]
    agents = len(topology)
    schedule = RandomMatching().start(from_networkx(topology, "topology"), seed=3)
    layout = Layout.even(agents, COMM.size)
    rows = MixedRows(layout, COMM.rank, schedule.most_copies(layout, COMM.rank), (1, 5))
    mixer = Mixer(COMM, schedule, rows, Meter())
    (links,) = mixer._exchanges
    assert isinstance(links, LinkExchange)
    hosted = layout.hosted(COMM.rank)
    for n in range(1, 20):
        W = matrix(schedule, n, agents)
        mixer(n)
        incoming = {int(j) for i in hosted for j in np.flatnonzero(W[i]) if j not in hosted}
        assert sum(len(rows) for rows in links._received.values()) == len(incoming)
    mixer.free()


@pytest.mark.parametrize(
    "pattern",
    [
        DSGD(),
        Centralized(),
        HLSGD(outer=2),
        LSGDPP(participants=3, interval=1),
        RandomMatching(),
        CustomPattern(path="tests.own_pattern:Anyone"),
    ],
    ids=lambda pattern: type(pattern).__name__,
)
@pytest.mark.parametrize("precision", ["double", "single"])
def test_what_is_sent_is_counted(pattern: Pattern, precision: Precision) -> None:
    """Against the half-steps of W that cross ranks, and the slices of an average, one by one."""
    topology = TOPOLOGIES["random"]
    agents, trials, d, steps = len(topology), 2, 5, 6
    schedule = pattern.start(from_networkx(topology, "topology"), seed=3)
    layout = Layout.even(agents, COMM.size)
    copies = schedule.most_copies(layout, COMM.rank)
    rows = MixedRows(layout, COMM.rank, copies, (trials, d), codec=CODECS[precision])
    meter = Meter()
    W = Mixer(COMM, schedule, rows, meter)
    messages, elements = 0, 0
    row = trials * d
    host = [int(layout.host(np.array(i))) for i in range(agents)]
    edges = [r * row // COMM.size for r in range(COMM.size + 1)]
    slices = [b - a for a, b in pairwise(edges)]
    for n in range(1, steps + 1):
        W(n)
        mixing = schedule.mixing(n)
        if isinstance(mixing, Weights):
            wanted = {
                (host[i], j)
                for i in range(agents)
                for j in range(agents)
                if mixing.matrix(agents)[i, j] > 0 and host[j] == COMM.rank != host[i]
            }
            messages += len({to for to, _ in wanted})
            elements += len(wanted) * row
            continue
        members = mixing.members.tolist() if isinstance(mixing, PartialAverage) else range(agents)
        for other in range(COMM.size):
            if other != COMM.rank:
                messages += 2
                elements += sum(host[i] == COMM.rank for i in members) * slices[other]
                elements += slices[COMM.rank]
        if isinstance(mixing, PartialAverage):
            for e, l in zip(mixing.entering.tolist(), mixing.leaving.tolist(), strict=True):
                if host[e] == COMM.rank != host[l]:
                    messages += 1
                    elements += row
    W.free()
    assert (meter.messages, meter.bytes_sent) == (
        messages,
        {"double": 8, "single": 4}[precision] * elements,
    )
