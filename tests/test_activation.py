"""W_n between agents that are there is doubly stochastic, and loses nothing; who is away rests."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import h5py
import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI

from tests.contracts import WithoutRuns
from tests.small_problem import problem, write_points
from udsgd_mpi.cli.main import main
from udsgd_mpi.clock import elapsed
from udsgd_mpi.communication import (
    DSGD,
    DSGDVT,
    HLSGD,
    LSGDFP,
    LSGDPP,
    Activated,
    Activation,
    AsyncGossip,
    CustomPattern,
    DropOut,
    OnePeerExponential,
    PartialAverage,
    Pattern,
    RandomMatching,
    Schedule,
    UnreliableLinks,
)
from udsgd_mpi.communication.activation import Bernoulli, Diurnal, Markov, Traced
from udsgd_mpi.forecast.overshooting import first_steps
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.generators import Ring, Star
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.preflight.cautions import Foretold, cautions
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing import PatternContract
from udsgd_mpi.testing.graphs import TOPOLOGIES, from_networkx, matrix

SEED = 3
PATTERNS: dict[str, Pattern] = {
    "dsgd": DSGD(),
    "every third": DSGD(interval=3, weights="lazy"),
    "time-varying": DSGDVT(topologies=[Ring(), Star()]),
    "average": LSGDFP(interval=2),
    "clusters": HLSGD(clusters=2, inner=2, outer=3),
    "matching": RandomMatching(),
    "links": UnreliableLinks(failure=0.2, recovery=0.3),
    "drop-out": DropOut(leave=0.2, rejoin=0.4),
    "clocks": AsyncGossip(edge_rate=2.0),
    "own": CustomPattern(path="tests.own_pattern:Gossip"),
}
KINDS: dict[str, Activation] = {
    "bernoulli": Bernoulli(p=0.6),
    "markov": Markov(there=4, away=2),
    "diurnal": Diurnal(period=10, share=0.3),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "points.svm")


def activated(pattern: Pattern, activation: Activation, topology: nx.Graph) -> Schedule:
    graph = from_networkx(topology, "topology")
    whole = pattern.start(graph, SEED)
    return Activated(whole, activation.start(len(graph), SEED), pattern.__struct_config__.tag)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PATTERNS)
def test_w_between_those_that_are_there_is_doubly_stochastic(name: str, kind: str) -> None:
    """Its entries are those of the whole W, or the average's; who is away keeps all."""
    topology = TOPOLOGIES["barbell"]
    n, steps = len(topology), 40
    schedule = activated(PATTERNS[name], KINDS[kind], topology)
    whole = PATTERNS[name].start(from_networkx(topology, "topology"), SEED)
    active, there = schedule.active(0, steps), KINDS[kind].start(n, SEED).between(0, steps)
    assert active is not None
    assert not active[~there].any()
    assert not there.all(axis=1).all()
    theta = np.random.default_rng(1).normal(size=(n, 7))
    for k in range(1, steps + 1):
        W, of_all, a = matrix(schedule, k, n), matrix(whole, k, n), there[k - 1]
        assert (W >= 0).all()
        for axis in (0, 1):
            np.testing.assert_allclose(W.sum(axis=axis), 1, atol=1e-14)
        np.testing.assert_array_equal(W[~a], np.eye(n)[~a])
        if np.ptp(of_all) > 1e-15:
            apart = np.outer(a, a) & ~np.eye(n, dtype=bool)
            np.testing.assert_array_equal(W[apart], of_all[apart])
        else:
            np.testing.assert_allclose(W[np.ix_(a, a)], 1 / max(1, a.sum()), rtol=1e-15)
        np.testing.assert_allclose((W @ theta).sum(axis=0), theta.sum(axis=0), atol=1e-13)


@pytest.mark.parametrize("name", PATTERNS)
def test_where_all_are_there_nothing_is_changed(name: str) -> None:
    topology = TOPOLOGIES["barbell"]
    schedule = activated(PATTERNS[name], Bernoulli(p=1.0), topology)
    whole = PATTERNS[name].start(from_networkx(topology, "topology"), SEED)
    for k in range(1, 21):
        expected, found = (matrix(each, k, len(topology)) for each in (whole, schedule))
        np.testing.assert_array_equal(found, expected)


class _OfSome(DSGD, frozen=True, tag="of_some"):
    """DSGD of agents that are there at random."""

    def start(self, topology: Graph, seed: int) -> Schedule:
        there = Bernoulli(p=0.7).start(len(topology), seed)
        return Activated(super().start(topology, seed), there, "dsgd")


class _AverageOfSome(HLSGD, frozen=True, tag="average_of_some"):
    """Also averages."""

    def start(self, topology: Graph, seed: int) -> Schedule:
        there = Markov(there=3, away=2).start(len(topology), seed)
        return Activated(super().start(topology, seed), there, "hlsgd")


class TestNeighbours(WithoutRuns, PatternContract):
    pattern = _OfSome()
    topologies: ClassVar[Mapping[str, nx.Graph]] = {"odd ring": TOPOLOGIES["odd ring"]}


class TestAverages(WithoutRuns, PatternContract):
    pattern = _AverageOfSome(clusters=1, inner=2, outer=3)
    topologies: ClassVar[Mapping[str, nx.Graph]] = {"odd ring": TOPOLOGIES["odd ring"]}
    on_topology = False


def there(activation: Activation, agents: int, steps: int) -> np.ndarray:
    return activation.start(agents, SEED).between(0, steps)


def test_agents_are_there_as_often_as_is_said() -> None:
    """20,000 steps of four agents; four standard errors, those of the chains being larger."""
    for activation, spread in (
        (Bernoulli(p=[0.1, 0.5, 0.9, 1.0]), 1.0),
        (Markov(there=20, away=5), 4.0),
        (Markov(there=1, away=3), 1.0),
    ):
        shares, found = activation.start(4, SEED).shares(20_000), there(activation, 4, 20_000)
        error = np.sqrt(shares * (1 - shares) / 20_000)
        assert (abs(found.mean(axis=0) - shares) <= 4 * spread * error).all()
    stays = np.diff(np.flatnonzero(np.diff(there(Markov(there=20, away=5), 1, 20_000)[:, 0])))
    long, short = sorted((stays[::2].mean(), stays[1::2].mean()), reverse=True)
    assert long == pytest.approx(20, rel=0.15)
    assert short == pytest.approx(5, rel=0.15)


def test_a_day_has_its_hours() -> None:
    found = there(Diurnal(period=6, share=0.5, phases=[0, 0.5]), 2, 12)
    assert found.T.astype(int).tolist() == [[1, 1, 1, 0, 0, 0] * 2, [0, 0, 0, 1, 1, 1] * 2]


@pytest.mark.parametrize("kind", KINDS)
def test_steps_late_in_a_run_are_the_same_asked_for_alone(kind: str) -> None:
    presence = KINDS[kind].start(5, SEED)
    whole = presence.between(0, 5000)
    for n, m in ((4990, 5000), (1020, 1030), (0, 1), (2047, 4097)):
        np.testing.assert_array_equal(KINDS[kind].start(5, SEED).between(n, m), whole[n:m])
        np.testing.assert_array_equal(presence.between(n, m), whole[n:m])


@pytest.mark.parametrize("name", ["every third", "average", "clusters", "matching"])
def test_agents_that_are_away_send_nothing(name: str) -> None:
    """A message for each weight between two agents, or 2 (k − 1) for an average of k."""
    topology, steps = TOPOLOGIES["barbell"], 50
    n = len(topology)
    schedule = activated(PATTERNS[name], Bernoulli(p=0.4), topology)
    sent = elapsed(schedule, None, n, 8, np.array([20, steps])).sent
    messages = np.zeros(steps, dtype=np.int64)
    for k in schedule.times(0, steps).tolist():
        W = matrix(schedule, k, n)
        if isinstance(schedule.mixing(k), PartialAverage):
            messages[k - 1] = 2 * max(0, int((np.diag(W) < 1).sum()) - 1)
        else:
            messages[k - 1] = (W[~np.eye(n, dtype=bool)] > 0).sum()
    assert sent.tolist() == [8 * messages[:20].sum(), 8 * messages.sum()]


def test_steps_that_are_not_taken_take_no_time(data: Path) -> None:
    """Of agents that never wait, the clock has the sum of their own steps."""
    posed = problem(
        data,
        "iid",
        trials=2,
        steps=40,
        record={"steps": [15]},
        activation={"kind": "bernoulli", "p": [0.2, 0.5, 0.8, 1.0]},
        communication={"kind": "dsgd", "interval": 100, "weights": "lazy"},
        timing={"compute": {"kind": "exponential", "mean": 0.5}},
    )
    assert posed.clock is not None
    taken = posed.schedule.active(0, 40)
    assert taken is not None
    took = np.array([each.copy() for each in islice(posed.clock.durations(), 40)]) * taken
    seconds = elapsed(posed.schedule, posed.clock, 4, 8, np.array([15, 40])).seconds
    expected = [took[:15].sum(axis=0), took.sum(axis=0)]
    np.testing.assert_allclose(seconds, expected, rtol=1e-12)


def trace(path: Path, *rows: str, **settings: Any) -> Traced:
    path.write_text("\n".join(rows) + "\n")
    return Traced(path=str(path), **settings)


def test_a_trace_is_followed(tmp_path: Path) -> None:
    rows = ("agent,from,to", "1,4,5", "0,0,2", "1,0,3", "0,2,3")
    once = there(trace(tmp_path / "a.csv", *rows), 2, 8)
    assert once.T.astype(int).tolist() == [[1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0]]
    again = trace(tmp_path / "b.csv", *rows, period=5)
    assert there(again, 2, 10)[5:].tolist() == once[:5].tolist()
    assert again.start(2, SEED).shares(10**6).tolist() == [3 / 5, 4 / 5]
    turned = trace(tmp_path / "c.csv", "to , agent,from", "3,0,0", '"5", 1, 4', "", "3,1,0")
    assert there(turned, 2, 8).tolist() == once.tolist()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["0,0,5", "0,4,8"], "line 3: expected times of agent 0 that do not overlap.*line 2"),
        (["0,6,9", "1,0,1", "0,1,7"], "line 4: expected times of agent 0 .* in line 2; join them"),
        (["2,0,5"], "line 2: expected one of the agents 0-1, got 2"),
        (["0,5,5"], "line 2: expected from < to, got 5 and 5"),
        (["0,0,5", "1,7,3"], "line 3: expected from < to, got 7 and 3"),
        (["0,0,5"], "a row for each of 2 agents, got none for agent 1"),
        (["0,0,five"], "line 2: expected three whole numbers"),
        (["0,-1,5"], "line 2: expected three whole numbers"),
        (["0,0"], "line 2: expected three whole numbers"),
        ([f"0,0,{'9' * 5000}"], "line 2: expected three whole numbers"),
        (["0,0,9999999999"], "line 2: expected to up to 2147483647, the last step"),
    ],
)
def test_a_wrong_trace_is_refused_with_its_line(rows: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=said):
        trace(tmp_path / "a.csv", "agent,from,to", *rows).start(2, SEED)


def test_a_trace_with_other_columns_is_refused(tmp_path: Path) -> None:
    for first in ("agent,start,stop", "0,0,5", "agent,from"):
        with pytest.raises(ConfigurationError, match="line 1: expected the columns agent, from"):
            trace(tmp_path / "a.csv", first, "0,0,5").start(1, SEED)
    with pytest.raises(ConfigurationError, match="got no line"):
        trace(tmp_path / "a.csv").start(1, SEED)
    with pytest.raises(ConfigurationError, match=r"^activation\.path \S+: cannot be read"):
        Traced(path=str(tmp_path / "none.csv")).start(1, SEED)
    (tmp_path / "latin.csv").write_bytes(b"agent,from,to\n0,0,5\n# caf\xe9\n")
    with pytest.raises(ConfigurationError, match=r"latin\.csv: line 3: expected UTF-8"):
        Traced(path=str(tmp_path / "latin.csv")).start(1, SEED)
    with pytest.raises(ConfigurationError, match=r"up to 9, activation\.period, got 10"):
        trace(tmp_path / "a.csv", "agent,from,to", "0,0,10", period=9).start(1, SEED)
    with pytest.raises(ConfigurationError, match=r"add activation\.period"):
        trace(tmp_path / "a.csv", "agent,from,to", "0,0,10", scaled=True).start(1, SEED)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (LSGDPP(participants=2), "lsgd_pp, which draws who takes part.*use lsgd_fp"),
        (OnePeerExponential(), "one of one_peer_exponential with w_ij and w_ji that differ by 0.5"),
        (
            CustomPattern(path="tests.own_pattern:Anyone"),
            "one of custom with w_ij and w_ji that differ",
        ),
    ],
)
def test_patterns_that_would_not_stay_doubly_stochastic_are_named(
    pattern: Pattern, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        activated(pattern, Bernoulli(), TOPOLOGIES["star"])


@pytest.mark.parametrize("method", ["gradient_tracking", "prox", "scaffold"])
def test_methods_that_need_all_steps_are_refused(data: Path, method: str) -> None:
    with pytest.raises(ConfigurationError, match=f"method {method}: expected agents that take ev"):
        problem(data, "iid", trials=2, method=method, activation="bernoulli")


def said(data: Path, activation: Any, **settings: Any) -> list[str]:
    posed = problem(data, "iid", trials=2, activation=activation, **settings)
    return [text for text in cautions(posed, Foretold()) if text.startswith("activation")]


def test_what_is_likely_to_disappoint_is_said(data: Path, tmp_path: Path) -> None:
    unequal = {"kind": "bernoulli", "p": [0.5, 0.25, 1.0, 0.5]}
    (text,) = said(data, unequal)
    assert "from 25% (agent 1) to 100% (agent 2) of the steps" in text
    assert said(data, {**unequal, "scaled": True}) == []
    assert said(data, {"kind": "markov"}) == []
    nights = {"kind": "diurnal", "share": 0.3, "phases": [0, 0.5, 0.1, 0.6]}
    for communication in ("centralized", {"kind": "dsgd", "weights": "lazy"}):
        (text,) = said(data, nights, communication=communication)
        assert "agents 0 and 1 are never there together" in text
    in_between = {"kind": "diurnal", "share": 0.3, "phases": [0, 0.5, 0.25, 0.6]}
    assert said(data, in_between) == []
    # On the ring 2 and 0 are neighbours of 1 and 3 alone.
    (text,) = said(data, in_between, communication={"kind": "dsgd", "weights": "lazy"})
    assert "agents 0 and" in text
    late = trace(tmp_path / "a.csv", "agent,from,to", "0,0,9", "1,0,9", "2,0,9", "3,8,9")
    (text,) = said(data, {"kind": "trace", "path": late.path}, steps=8, record={"steps": [8]})
    assert "agent 3 of the trace come" in text


def test_steps_that_are_not_taken_count_for_the_least_step_size(data: Path) -> None:
    """γ is above 1/(2μ), but not above it by as much as steps are fewer; scaled steps make up."""
    mu = problem(data, "iid", trials=2).smallest_curvature

    def warned(factor: float, **settings: Any) -> str:
        step_size = {"gamma": factor / (2 * mu), "exponent": 1.0, "offset": 1000}
        posed = problem(data, "iid", trials=2, step_size=step_size, **settings)
        return "".join(text for text in cautions(posed, Foretold()) if "step_size" in text)

    half = {"kind": "bernoulli", "p": 0.5}
    assert warned(1.5) == warned(2.6, activation=half) == ""
    assert warned(1.5, activation={**half, "scaled": True}) == ""
    assert "is not above 1/(2μ · 0.5) = " in warned(1.5, activation=half)
    assert "is barely above 1/(2μ · 0.5) = " in warned(2.1, activation=half)
    clocks = {"kind": "async_gossip", "step_rate": 0.5}
    assert "is not above 1/(2μ · 0.393) = " in warned(2.5, communication=clocks)


def test_first_steps_that_are_scaled_up_are_known_to_overshoot(data: Path) -> None:
    scaled = {"kind": "bernoulli", "p": [0.1, 1.0, 1.0, 1.0], "scaled": True}
    plain, with_paces = (
        first_steps(problem(data, "iid", trials=2, **settings), LoneTeam(4))
        for settings in (
            {"communication": {"kind": "dsgd", "interval": 50}},
            {"communication": {"kind": "dsgd", "interval": 50}, "activation": scaled},
        )
    )
    np.testing.assert_allclose(with_paces / plain, [10, 1, 1, 1], rtol=1e-12)


def test_scaled_steps_come_to_the_minimiser_of_the_plain_sum(data: Path) -> None:
    """With full batches and small steps: the distance of θ̄ to θ*, and to that of Σ p_i f_i."""
    p = [0.9, 0.15, 0.3, 0.5]
    whole = {"all": {"share": 1, "sampler": "iid", "batch": 40}}
    shared = {"groups": whole, "steps": 4000, "record": {"steps": [4000], "predict": False}}
    distances = {}
    for scaled in (False, True):
        activation = {"kind": "bernoulli", "p": p, "scaled": scaled}
        step_size = {"gamma": 3.0, "exponent": 0.9}
        posed = problem(data, "iid", trials=1, activation=activation, step_size=step_size, **shared)
        recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
        assert recording is not None
        theta = recording["theta_mean"][-1, 0]
        gradients = np.array(
            [posed.objective.gradient(theta, agent.expectation) for agent in posed.agents]
        )
        weights = np.ones(4) if scaled else np.array(p) / np.mean(p)
        other = np.array(p) / np.mean(p) if scaled else np.ones(4)
        distances[scaled] = [
            float(np.linalg.norm(each @ gradients / 4)) for each in (weights, other)
        ]
    for right, wrong in distances.values():
        assert right < 0.1 * wrong


SETTINGS = """
agents = 4
steps = 60
trials = 2
data = { source = "breast_cancer", standardize = true }
method = { kind = "momentum", beta = 0.6 }
activation = { kind = "trace", path = "trace.csv", period = 13 }
communication = { kind = "dsgd", weights = "lazy", interval = 2 }
record = { steps = [10, 37, 50], detail = "iterates", predict = false }
[groups.epochs]
share = 0.5
sampler = "reshuffling"
batch = 9
[groups.walking]
share = 0.5
sampler = { kind = "srrw", alpha = 5 }
graph = "small_world"
"""


def test_a_run_goes_on_with_the_same_bits_and_the_same_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text(SETTINGS)
    rows = ("agent,from,to", "0,0,9", "1,5,13", "2,2,4", "3,0,13", "2,6,12")
    trace(tmp_path / "trace.csv", *rows)

    def run(output: str, *arguments: str) -> int:
        return main(["run", "own.toml", "--output", output, *arguments])

    assert run("whole.h5") == 0
    assert run("parts.h5", "--steps", "29", "--keep-checkpoints") == 0
    on = ("--resume", "--allow-changes", "steps")
    trace(tmp_path / "trace.csv", *rows[:-1], "2,6,11")
    assert run("parts.h5", *on) == 2
    trace(tmp_path / "trace.csv", *rows)
    assert run("parts.h5", *on) == 0
    with h5py.File("whole.h5") as whole, h5py.File("parts.h5") as parts:
        for name in ("theta", "theta_mean", "velocity", "consensus_error"):
            expected, found = (each[f"runs/main/{name}"][()] for each in (whole, parts))
            np.testing.assert_array_equal(found, expected)
    assert "trace.csv" in capsys.readouterr().err


def test_it_is_not_predicted(data: Path) -> None:
    posed = problem(data, "iid", trials=2, activation="bernoulli")
    assert "agents do not take every step" in str(posed.no_theorem)
    with pytest.raises(ConfigurationError, match="activation: expected one that predictions and"):
        _ = posed.hessian
