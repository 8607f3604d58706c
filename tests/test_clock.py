"""The virtual clock equals an event simulation in which agents wait for their messages."""

import heapq
import math
import sys
from collections import defaultdict
from itertools import islice
from pathlib import Path

import h5py
import networkx as nx
import numpy as np
import pytest
from scipy.stats import kstest

from tests import reference
from udsgd_mpi.analysis.abscissa import against
from udsgd_mpi.cli.main import main
from udsgd_mpi.clock import Clock, Computing, Constant, Exponential, Pareto, elapsed
from udsgd_mpi.clock.computing import computing_times
from udsgd_mpi.communication import (
    DFL,
    DSGD,
    DSGDVT,
    HLSGD,
    LSGDFP,
    LSGDPP,
    LSGDRC,
    Average,
    Centralized,
    DropOut,
    Latency,
    MessageTimes,
    Mixing,
    OnePeerExponential,
    PartialAverage,
    Pattern,
    RandomMatching,
    UnreliableLinks,
)
from udsgd_mpi.kernels.random_numbers import Purpose
from udsgd_mpi.storage.measured import read_measures
from udsgd_mpi.testing.graphs import from_networkx

AGENTS, D, SEED = 9, 3, 5
TOPOLOGY = from_networkx(nx.connected_watts_strogatz_graph(AGENTS, 4, 0.5, seed=1), "t")
LAWS: list[Computing] = [Constant(0.3), Exponential(1.0), Pareto(2.0, shape=1.5)] * 3
PATTERNS = {
    "dsgd": DSGD(),
    "dfl": DFL(),
    "centralized": Centralized(),
    "lsgd_fp": LSGDFP(),
    "lsgd_rc": LSGDRC(),
    "lsgd_pp": LSGDPP(participants=4, interval=2),
    "hlsgd": HLSGD(clusters=2, outer=5),
    "dsgd_vt": DSGDVT(),
    "one_peer": OnePeerExponential(interval=3),
    "matching": RandomMatching(),
    "links": UnreliableLinks(failure=0.4),
    "drop_out": DropOut(leave=0.4),
}


class Simulation:
    """Agents that compute, send and wait, one event after the other.

    An agent's part in an exchange is a list of dispatches: (what it waits for, to whom it sends
    then). A message keeps the link busy for ``busy``, those of one dispatch together, and arrives
    ``latency`` after they have left, that from its sender to its receiver.
    """

    def __init__(self, laws: list[Computing], busy: list[float], latency: np.ndarray) -> None:
        self.busy, self.latency = busy, latency.tolist()
        self.laws = laws
        self.messages = 0
        self.now = [0.0] * len(laws)

    def compute(self, n: int) -> None:
        for i, law in enumerate(self.laws):
            u = (reference.bits(SEED, Purpose.COMPUTING, i, 0, n - 1) >> 11) / 2**53
            self.now[i] += quantile(law, u)

    def exchange(self, mixing: Mixing) -> None:
        if isinstance(mixing, Average):
            self.tree(list(range(len(self.now))))
        elif isinstance(mixing, PartialAverage):
            self.tree(sorted(set(mixing.members.tolist())))
            before, after = set(mixing.members.tolist()), set(mixing.successors.tolist())
            pairs = list(zip(sorted(before - after), sorted(after - before), strict=True))
            self.deliver({i: [j] for pair in pairs for i, j in (pair, pair[::-1])})
        else:
            W = mixing.matrix(len(self.now))
            agents = range(len(W))
            self.deliver({j: [i for i in agents if i != j and W[i, j] > 0] for j in agents})

    def deliver(self, receivers: dict[int, list[int]]) -> None:
        """Everybody sends what it has to, and goes on when it has what others send it."""
        awaited = {i: sum(i in to for to in receivers.values()) for i in receivers}
        got: dict[int, int] = defaultdict(int)
        done = dict.fromkeys(receivers, -math.inf)
        events = [(self.now[j], "ready", j) for j in receivers]
        heapq.heapify(events)
        while events:
            when, what, i = heapq.heappop(events)
            done[i] = max(done[i], when)
            if what == "ready":
                heapq.heappush(events, (when + len(receivers[i]) * self.busy[i], "sent", i))
            elif what == "sent":
                for k in receivers[i]:
                    self.messages += 1
                    heapq.heappush(events, (when + self.latency[i][k], "arrived", k))
            else:
                got[i] += 1
        assert all(got[i] == awaited[i] for i in receivers)
        for i in receivers:
            self.now[i] = done[i]

    def tree(self, members: list[int]) -> None:
        """All wait for the last; then level by level up, and down again the same way."""
        when = max(self.now[i] for i in members)
        holding = members
        up: list[list[tuple[int, int]]] = []
        while len(holding) > 1:
            up.append([(j, i) for i, j in zip(holding[::2], holding[1::2], strict=False)])
            holding = holding[::2]
        for level in [*up, *([(i, j) for j, i in level] for level in up[::-1])]:
            when += max(self.busy[i] + self.latency[i][j] for i, j in level)
            self.messages += len(level)
        for i in members:
            self.now[i] = when


def quantile(law: Computing, u: float) -> float:
    if isinstance(law, Exponential):
        return -law.mean * math.log(1 - u)
    if isinstance(law, Pareto):
        return law.mean * (1 - 1 / law.shape) / (1 - u) ** (1 / law.shape)
    return law.mean


def matrix(kind: str) -> np.ndarray:
    """Latencies between the agents."""
    i, j = np.indices((AGENTS, AGENTS))
    if kind == "two regions":
        return np.where((i < 4) == (j < 4), 0.01, 1.5)
    drawn = np.random.default_rng(3).exponential(size=(AGENTS, AGENTS))
    of_kind = {
        "none": np.zeros((AGENTS, AGENTS)),
        "uniform": np.full((AGENTS, AGENTS), 0.05),
        "symmetric": drawn + drawn.T,
        "asymmetric": drawn,
        "a slow agent": np.where((i == 2) != (j == 2), 3.0, 0.02),
    }
    return np.where(i == j, 0, of_kind[kind])


LINKS = {
    "none": np.full(AGENTS, np.inf),
    "uniform": np.full(AGENTS, 8 * D / 0.1),
    "two regions": np.full(AGENTS, 8 * D / 0.1),
    "symmetric": np.full(AGENTS, np.inf),
    "asymmetric": 8 * D / np.linspace(0.01, 0.9, AGENTS),
    "a slow agent": np.where(np.arange(AGENTS) == 2, 8 * D / 2.0, np.inf),
}


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("links", LINKS)
def test_equals_the_event_simulation(
    name: str, links: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[elapsed.__module__], "_BLOCK", 4)
    steps = np.array([0, 1, 7, 30, 31, 45])
    latency, bandwidth = matrix(links), LINKS[links]
    clock = Clock(SEED, LAWS, Latency.matrix(latency), bandwidth)
    got = elapsed(PATTERNS[name].start(TOPOLOGY, 3), clock, AGENTS, 8 * D, steps)
    assert got.seconds is not None
    schedule = PATTERNS[name].start(TOPOLOGY, 3)
    times = schedule.times(0, 45).tolist()
    expected = Simulation(LAWS, (8 * D / bandwidth).tolist(), latency)
    for n in range(46):
        if n > 0:
            expected.compute(n)
        if n in times:
            expected.exchange(schedule.mixing(n))
        if n in steps:
            row = steps.tolist().index(n)
            np.testing.assert_allclose(got.seconds[row], expected.now, rtol=1e-12)
            assert got.sent[row] == 8 * D * expected.messages
    without = elapsed(PATTERNS[name].start(TOPOLOGY, 3), None, AGENTS, 8 * D, steps)
    assert without.seconds is None
    np.testing.assert_array_equal(without.sent, got.sent)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_uniform_matrix_is_the_number(name: str) -> None:
    """And so are regions that are all alike; bit for bit."""
    ninth = 1 / 9
    alike = np.full((AGENTS, AGENTS), ninth)
    np.fill_diagonal(alike, 0)
    regions = Latency(np.arange(AGENTS) // 3, np.full((3, 3), ninth))
    number, *others = (
        elapsed(
            PATTERNS[name].start(TOPOLOGY, 3),
            Clock(SEED, LAWS, latency, np.full(AGENTS, 77.0)),
            AGENTS,
            8 * D,
            np.arange(30),
        ).seconds
        for latency in (Latency.uniform(AGENTS, ninth), Latency.matrix(alike), regions)
    )
    for other in others:
        np.testing.assert_array_equal(other, number)


def test_a_tree_takes_as_long_as_its_levels_by_hand() -> None:
    """Five members: 1 to 0 and 3 to 2, then 2 to 0, then 4 to 0, and back."""
    seconds = np.arange(25.0).reshape(5, 5)
    messages = MessageTimes(np.array([0, 0.1, 0.2, 0.3, 0.4]), Latency.matrix(seconds))
    up = max(5 + 0.1, 17 + 0.3) + (10 + 0.2) + (20 + 0.4)
    down = 4.0 + 2.0 + max(1.0, 13 + 0.2)
    assert messages.through_tree(np.arange(5)) == pytest.approx(up + down, rel=1e-14)
    assert messages.through_tree(np.array([3])) == 0


def test_bytes_of_many_steps_have_a_closed_form() -> None:
    last = 2**31 - 1
    steps = np.array([10, last])
    for pattern, each in (
        (DSGD(), 2 * len(TOPOLOGY.neighbours) // 2),
        (DFL(), 2 * len(TOPOLOGY.neighbours) // 2),
        (Centralized(), 2 * (AGENTS - 1)),
        (OnePeerExponential(), AGENTS),
    ):
        schedule = pattern.start(TOPOLOGY, 1)
        sent = elapsed(schedule, None, AGENTS, 8, steps).sent
        assert sent.tolist() == [8 * each * schedule.count(n) for n in steps.tolist()]


def test_computing_times_begin_anywhere() -> None:
    laws = dict(enumerate(LAWS))
    whole = [row.copy() for row in islice(computing_times(laws, 3), 1100)]
    for n in (0, 1, 70, 1023, 1024, 1025):
        got = [row.copy() for row in islice(computing_times(laws, 3, n), 40)]
        np.testing.assert_array_equal(got, whole[n : n + 40])


def seconds(
    pattern: Pattern, topology: nx.Graph, law: Computing, steps: int, **link: float
) -> np.ndarray:
    graph = from_networkx(topology, "topology")
    agents = len(graph)
    latency = Latency.uniform(agents, link.get("latency", 0))
    clock = Clock(SEED, [law] * agents, latency, np.full(agents, link.get("bandwidth", math.inf)))
    found = elapsed(pattern.start(graph, 1), clock, len(graph), 8 * D, np.array([steps])).seconds
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("pattern", "per_step"),
    [
        # Two messages of 24 bytes leave each agent of a ring.
        (DSGD(weights="lazy"), 2 + 2 * 24 / 100 + 0.5),
        # Eight agents: three levels up, three down.
        (Centralized(), 2 + 6 * (24 / 100 + 0.5)),
        (LSGDFP(interval=5), 2 + 6 * (24 / 100 + 0.5) / 5),
        (OnePeerExponential(), 2 + 24 / 100 + 0.5),
    ],
)
def test_constant_times_have_a_closed_form(pattern: Pattern, per_step: float) -> None:
    got = seconds(pattern, nx.cycle_graph(8), Constant(2.0), 40, latency=0.5, bandwidth=100)
    np.testing.assert_allclose(got, 40 * per_step, rtol=1e-12)


def test_a_centralized_average_takes_the_mean_of_the_largest_exponential() -> None:
    """E max of N exponentials is H_N times their mean, with variance Σ 1/k² times its square."""
    agents, steps = 30, 4000
    got = seconds(Centralized(), nx.complete_graph(agents), Exponential(0.5), steps)
    k = np.arange(1, agents + 1)
    error = 0.5 * math.sqrt(sum(1 / k**2) / steps)
    # Four standard errors: false alarm 6e-5.
    np.testing.assert_allclose(got / steps, 0.5 * sum(1 / k), atol=4 * error)


def test_a_star_waits_for_a_message_from_each_leaf() -> None:
    """The hub's 6 messages leave together, so leaves hear of it later than it of them."""
    got = seconds(DSGD(), nx.star_graph(6), Constant(1.0), 1, latency=0.5, bandwidth=24)
    np.testing.assert_allclose(got, [1 + 6, *[1 + 6 + 0.5] * 6])


@pytest.mark.parametrize(
    ("law", "scipy_name", "parameters"),
    [
        (Exponential(0.5), "expon", (0, 0.5)),
        (Pareto(2.0, shape=3.0), "pareto", (3.0, 0, 4 / 3)),
    ],
)
def test_laws(law: Computing, scipy_name: str, parameters: tuple[float, ...]) -> None:
    """Kolmogorov and Smirnov at level 1e-4, each time."""
    times = computing_times({4: law}, seed=8)
    drawn = np.array([next(times)[0] for _ in range(3000)])
    assert kstest(drawn, scipy_name, parameters).pvalue > 1e-4


def test_an_agents_times_depend_on_no_other_agent() -> None:
    laws = dict(enumerate(LAWS))
    together = computing_times(laws, 2**40 + 1)
    alone = computing_times({4: LAWS[4]}, 2**40 + 1)
    for _ in range(1500):
        assert next(together)[4] == next(alone)[0]


def test_stored_and_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    timing = (
        *("--set", "timing={compute={kind='exponential', mean=0.1}, latency=0.01, bandwidth=1e5}"),
        *("--set", "groups.walkers.compute={kind='pareto', mean=0.2}"),
        *("--set", "timing.stragglers='0'"),
    )
    small = ["--agents", "5", "--trials", "2", "--set", "record.predict=false"]
    assert main([*small, "--steps", "60", *timing]) == 0
    laws = [Exponential(1.0), Exponential(0.1), Pareto(0.2), Pareto(0.2), Exponential(0.1)]
    ring = from_networkx(nx.cycle_graph(5), "ring")
    with h5py.File("udsgd.h5") as file:
        run = file["runs/all-srw"]
        times, sent = run["simulated_time"], run["bytes_exchanged"]
        assert (times.attrs["units"], sent.attrs["units"]) == ("s", "B")
        groups = run["group"].asstr()[:].tolist()
        assert groups == ["full_access", "full_access", "walkers", "walkers", "upgraded"]
        schedule = DSGD(weights="lazy").start(ring, 1)
        clock = Clock(1, laws, Latency.uniform(5, 0.01), np.full(5, 1e5))
        expected = elapsed(schedule, clock, 5, 8 * 64, run["step"][:])
        np.testing.assert_array_equal(times, expected.seconds)
        # Each of five agents sends 64 numbers to two neighbours at each of 60 steps.
        assert sent[-1] == 60 * 5 * 2 * 64 * 8
    measured = read_measures(Path("udsgd.h5"))["all-srw"]
    assert expected.seconds is not None
    slowest = [max(row) for row in expected.seconds.tolist()]
    assert against("all-srw", measured, "time").tolist() == slowest
    for x in ("time", "bytes"):
        assert main(["report", "udsgd.h5", "--x", x, "--figure", f"{x}.svg"]) == 0
        assert Path(f"{x}.svg").read_bytes().startswith(b"<?xml")
    capsys.readouterr()
    assert main([*small, "--steps", "5", "--force"]) == 0
    assert main(["report", "udsgd.h5", "--x", "time"]) == 2
    assert "expected a complete run with a table [timing]" in capsys.readouterr().err
