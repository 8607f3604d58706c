"""Methods that make up for agents' different data are those of the papers, and so find θ*."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI
from numpy.typing import NDArray

from tests import textbook
from tests.as_predicted import check_against_trials
from tests.small_problem import AGENTS, POINTS, D, problem, write_points
from udsgd_mpi.__main__ import main
from udsgd_mpi.communication import (
    DSGD,
    HLSGD,
    LSGDPP,
    LSGDRC,
    Centralized,
    Pattern,
    RandomMatching,
    UnreliableLinks,
)
from udsgd_mpi.methods import ExactDiffusion, Extra, FedOpt, GradientTracking, Prox, Scaffold
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing.graphs import from_networkx, matrix

Floats = NDArray[np.float64]

L2, GAMMA = 0.1, 0.3
RING = np.array([[2, 1, 0, 1], [1, 2, 1, 0], [0, 1, 2, 1], [1, 0, 1, 2]]) / 4
LAZY = {"kind": "dsgd", "weights": "lazy"}
ROUNDS = {"kind": "lsgd_fp", "interval": 5}


class Case(NamedTuple):
    """A method, and the loop that it has to be."""

    method: dict[str, Any]
    communication: dict[str, Any]
    loop: textbook.Loop

    def mixing(self, n: int) -> Floats:
        """W_n, shape (agents, agents)."""
        if self.communication == LAZY:
            return RING
        return np.eye(AGENTS) if n % 5 else np.full((AGENTS, AGENTS), 1 / AGENTS)


SERVER = {"kind": "momentum", "rate": 0.5, "beta": 0.8}
ADAM = {"kind": "adam", "rate": 0.05, "beta1": 0.7, "beta2": 0.95, "epsilon": 0.01}
CORRECTED = {
    "gradient_tracking": Case({"kind": "gradient_tracking"}, LAZY, textbook.gradient_tracking),
    "exact_diffusion": Case({"kind": "exact_diffusion"}, LAZY, textbook.exact_diffusion),
    "extra": Case({"kind": "extra"}, LAZY, textbook.extra),
    "scaffold": Case({"kind": "scaffold"}, ROUNDS, textbook.scaffold),
}
CASES = {
    **CORRECTED,
    "prox": Case({"kind": "prox", "mu": 0.7}, ROUNDS, textbook.prox(0.7)),
    "fedopt": Case(
        {"kind": "fedopt", "server": SERVER}, ROUNDS, textbook.fedopt(textbook.heavy_ball)
    ),
    "fedadam": Case({"kind": "fedopt", "server": ADAM}, ROUNDS, textbook.fedopt(textbook.adam)),
}
SAME = [
    ("scaffold", "sgd", {"kind": "centralized"}),
    ("prox", "sgd", {"kind": "centralized"}),
    ("push_sum", "sgd", LAZY),
    ("push_sum", "sgd", ROUNDS),
    ({"kind": "prox", "mu": 0.0}, "sgd", ROUNDS),
    ({"kind": "fedopt", "server": {"kind": "momentum", "beta": 0.0}}, "sgd", ROUNDS),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


class Quadratics(NamedTuple):
    """f_i(θ) = ½ θᵀ H_i θ − b_iᵀ θ of each agent, and what minimises their mean."""

    H: Floats
    b: Floats
    minimizer: Floats

    def gradient(self, theta: Floats, _: int) -> Floats:
        return np.einsum("ijk,ik->ij", self.H, theta) - self.b


def full_gradients(data: Path, method: Any, **settings: Any) -> tuple[Floats, Quadratics]:
    """θ^i as recorded, of ridge regression on all points at once, and its f_i."""
    posed = problem(
        data,
        "iid",
        trials=1,
        method=method,
        objective={"kind": "ridge", "l2": L2},
        groups={"all": {"share": 1, "sampler": "iid", "batch": POINTS}},
        **{
            "record": {"steps": [20], "detail": "iterates", "predict": False},
            "topology": "ring",
            **settings,
        },
    )
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    points = [agent.points for agent in posed.agents]
    H = np.stack([p.features.T @ p.features / POINTS + L2 * np.eye(D) for p in points])
    b = np.stack([p.features.T @ p.labels / POINTS for p in points])
    return recording["theta"][:, 0], Quadratics(H, b, np.linalg.solve(H.sum(axis=0), b.sum(axis=0)))


@pytest.mark.parametrize("exponent", [0.0, 0.6])
@pytest.mark.parametrize("name", CASES)
def test_500_iterations_are_those_of_the_textbook(name: str, exponent: float, data: Path) -> None:
    """Also with step sizes that fall; and the loops are not all the same."""
    (method, communication, loop), W, steps = CASES[name], CASES[name].mixing, 500
    step_size: dict[str, Any] = {"gamma": GAMMA, "exponent": exponent}
    if exponent == 0:
        step_size = {"kind": "constant", "gamma": GAMMA}
    theta, f = full_gradients(
        data, method, communication=communication, steps=steps, step_size=step_size
    )
    gamma = GAMMA / np.arange(1, steps + 1) ** exponent
    start = np.zeros((AGENTS, D))
    for found, n in zip(theta, (20, steps), strict=True):
        expected = loop(start, f.gradient, W, gamma[:n])
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    other = textbook.sgd(start, f.gradient, W, gamma[:20])
    assert np.abs(theta[0] - other).max() > 1e-3


def test_they_find_the_minimiser_from_which_sgd_stays_away(data: Path) -> None:
    """With constant γ sgd ends where Θ = W (Θ − γ (HΘ − b)), a linear equation."""
    settings = {"steps": 2000, "step_size": {"kind": "constant", "gamma": GAMMA}}
    for method, communication, _ in CORRECTED.values():
        theta, f = full_gradients(data, method, communication=communication, **settings)
        np.testing.assert_allclose(theta[-1], np.tile(f.minimizer, (AGENTS, 1)), rtol=0, atol=1e-11)
    (_, theta), f = full_gradients(data, "sgd", communication=LAZY, **settings)
    W, moves = np.kron(RING, np.eye(D)), np.zeros((AGENTS * D, AGENTS * D))
    for i, H in enumerate(f.H):
        moves[D * i : D * (i + 1), D * i : D * (i + 1)] = np.eye(D) - GAMMA * H
    ends = np.linalg.solve(np.eye(AGENTS * D) - W @ moves, W @ f.b.ravel() * GAMMA)
    np.testing.assert_allclose(theta.ravel(), ends, rtol=1e-9)
    biases = np.linalg.norm(theta - f.minimizer, axis=1)
    assert biases.min() > 0.01
    bias = np.linalg.norm(ends.reshape(AGENTS, D).mean(axis=0) - f.minimizer)
    assert np.linalg.norm(theta.mean(axis=0) - f.minimizer) == pytest.approx(bias, rel=1e-9)
    assert bias > 1e-3
    (_, theta), _ = full_gradients(data, "sgd", communication=ROUNDS, **settings)
    assert np.linalg.norm(theta.mean(axis=0) - f.minimizer) > 1e-3


@pytest.mark.parametrize(("method", "other", "communication"), SAME, ids=str)
def test_methods_that_are_the_same(method: Any, other: Any, communication: Any, data: Path) -> None:
    """On sampled points, in all trials."""
    settings = {"communication": communication, "trials": 3, "steps": 100}
    settings |= {"record": {"steps": [50], "detail": "iterates", "predict": False}}
    found = []
    for each in (method, other):
        posed = problem(data, "srw", method=each, **settings)
        recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
        assert recording is not None
        found.append(recording["theta"])
    np.testing.assert_allclose(*found, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("communication", [{**LAZY, "interval": 5}, "random_matching"])
def test_tracking_finds_it_with_w_that_change(communication: Any, data: Path) -> None:
    settings = {"steps": 3000, "step_size": {"kind": "constant", "gamma": 0.05}}
    theta, f = full_gradients(data, "gradient_tracking", communication=communication, **settings)
    np.testing.assert_allclose(theta[-1], np.tile(f.minimizer, (AGENTS, 1)), rtol=0, atol=1e-11)
    theta, _ = full_gradients(data, "sgd", communication=communication, **settings)
    assert np.abs(theta[-1] - f.minimizer).max() > 0.01


@pytest.mark.parametrize("name", [*CORRECTED, "prox"])
def test_500_trials_are_as_predicted(name: str, data: Path) -> None:
    """E‖θ_n − θ*‖² and the consensus error, within 4 standard errors (false alarm 6e-5 each)."""
    posed = problem(
        data,
        "srw",
        trials=500,
        steps=1003,
        method=CASES[name].method,
        communication=CASES[name].communication,
        step_size={"gamma": 1.0, "exponent": 0.8},
        record={"steps": [103]},
    )
    check_against_trials(posed)


@pytest.mark.parametrize(("method", "measured"), [("sgd", 0), ("momentum", 0), ("extra", 1)])
def test_a_limit_that_no_theorem_gives_is_called_measured(
    method: str, measured: int, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ("--agents", "3", "--steps", "50", "--only", "all-srw", "--method", method)
    assert main(["predict", *small, "--set", "communication.weights=lazy"]) == 0
    assert capsys.readouterr().out.count("is measured, not proved") == measured


@pytest.mark.parametrize(
    "pattern",
    [
        DSGD(weights="lazy", interval=2),
        DSGD(weights="lazy", interval="log"),
        Centralized(interval=3),
        RandomMatching(),
        LSGDPP(participants=2, interval=1),
        UnreliableLinks(failure=0.1),
        HLSGD(clusters=2),
    ],
    ids=repr,
)
def test_w_that_change_are_refused_where_one_is_needed(pattern: Pattern) -> None:
    schedule = pattern.start(from_networkx(nx.cycle_graph(6)), 1)
    for method, name in ((ExactDiffusion(), "exact_diffusion"), (Extra(), "extra")):
        with pytest.raises(ConfigurationError, match=f"method {name}: expected .*got.*; use"):
            method.check_mixing(schedule, 6)
    GradientTracking().check_mixing(schedule, 6)
    Prox().check_mixing(schedule, 6)


@pytest.mark.parametrize(
    "pattern",
    [DSGD(weights="lazy"), LSGDPP(participants=3), HLSGD(clusters=2), RandomMatching()],
    ids=repr,
)
def test_w_that_are_no_averages_are_refused_where_there_is_a_server(pattern: Pattern) -> None:
    topology = from_networkx(nx.cycle_graph(6))
    for method, name in ((Scaffold(), "scaffold"), (FedOpt(), "fedopt")):
        with pytest.raises(ConfigurationError, match=f"method {name}: expected .*got.*; use"):
            method.check_mixing(pattern.start(topology, 1), 6)
        method.check_mixing(LSGDRC().start(topology, 1), 6)


@pytest.mark.parametrize("weights", ["metropolis", "lazy", "uniform"])
def test_w_is_refused_by_its_smallest_eigenvalue(weights: str) -> None:
    graphs = [nx.cycle_graph(n) for n in (2, 3, 4, 5, 30)]
    graphs += [nx.complete_graph(n) for n in (3, 4, 5)]
    graphs += [nx.star_graph(6), nx.connected_watts_strogatz_graph(60, 6, 0.5, seed=1)]
    decided = set()
    for graph in graphs:
        n = len(graph)
        schedule = DSGD(weights=weights).start(from_networkx(graph), 1)
        smallest = np.linalg.eigvalsh(matrix(schedule, 1, n))[0]
        for method, least in ((ExactDiffusion(), -1 / 3), (Extra(), -1)):
            refused = bool(smallest < least + 1e-9)
            decided.add((least, refused))
            with pytest.raises(ConfigurationError, match="lazy") if refused else nullcontext():
                method.check_mixing(schedule, n)
    both = {"lazy": 2, "uniform": 3, "metropolis": 4}
    assert len(decided) == both[weights]
    ExactDiffusion().check_mixing(Centralized().start(from_networkx(graphs[0]), 1), 2)


def test_w_that_is_not_symmetric_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "W.txt").write_text("0.5 0.5 0\n0 0.5 0.5\n0.5 0 0.5\n")
    asked = ["run", "--agents", "3", "--steps", "5", "--trials", "1", "--only", "all-srw"]
    asked += ["--set", "communication.weights=./W.txt", "--method"]
    assert main([*asked, "exact_diffusion"]) == 2
    assert "expected a symmetric W, got" in capsys.readouterr().err
    assert not (tmp_path / "udsgd.h5").exists()
    assert main([*asked, "gradient_tracking"]) == 0
