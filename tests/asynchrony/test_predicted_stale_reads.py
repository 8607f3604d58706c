"""Stale reads: what they do to the average, against brute force, loops and trials."""

import tracemalloc
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array

from tests import textbook
from tests.as_predicted import check_against_trials
from tests.delays import delay
from tests.reference import metropolis
from tests.small_problem import AGENTS, problem, write_points
from udsgd_mpi.__main__ import main
from udsgd_mpi.forecast import predict
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import LoneTeam, Problem
from udsgd_mpi.theory.stale_reads import noise_of_delays

Floats = NDArray[np.float64]

GRAPHS = {
    "star": nx.star_graph(4),
    "path": nx.path_graph(4),
    "lollipop": nx.lollipop_graph(4, 2),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


def augmented(W: Floats, most: int) -> tuple[Floats, Floats]:
    """E A of (h_l, …, h_{l−S}) ← A (…), and Var of τ's indicators, shape (S + 1, S + 1)."""
    n, p = len(W), np.full(most + 1, 1 / (most + 1))
    off = W - np.diag(np.diag(W))
    A = np.eye(n * (most + 1), k=-n)
    A[:n] = np.kron(p, off)
    A[:n, :n] += np.diag(np.diag(W))
    return A, np.diag(p) - np.outer(p, p)


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("graph", GRAPHS)
def test_all_agents_count_alike_and_steps_are_smaller(graph: str, most: int) -> None:
    """By the left eigenvector of the mean update, whose value at agreement is that of an agent."""
    W = metropolis(GRAPHS[graph])
    n, (A, _) = len(W), augmented(W, most)
    values, vectors = np.linalg.eig(A.T)
    perron = np.real(vectors[:, np.argmin(abs(values - 1))])
    moved = perron[:n] / perron.sum()  # of what all come to, by a move of each agent
    c = (1 - np.diag(W)).mean() * most / 2
    np.testing.assert_allclose(moved, 1 / n / (1 + c), rtol=1e-10)


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("graph", GRAPHS)
def test_noise_of_delays_solves_the_equation_of_second_moments(graph: str, most: int) -> None:
    """Q = E AᵀQA + C, with which the average's noise is Σ_i (1 + Q_ii) U_i / N²."""
    W = (metropolis(GRAPHS[graph]) + np.eye(len(GRAPHS[graph]))) / 2
    n, (A, variance) = len(W), augmented(W, most)
    off = (W - np.diag(np.diag(W))) ** 2

    def of_delays(q: Floats) -> Floats:
        """E (A − E A)ᵀ diag(q) (A − E A)."""
        return np.kron(variance, np.diag(off.T @ q))

    C = of_delays(np.ones(n))
    Q = C
    for _ in range(3000):
        Q = A.T @ Q @ A + of_delays(np.diag(Q)[:n]) + C
    found = noise_of_delays(csr_array(W), most)
    np.testing.assert_allclose(found, np.diag(Q)[:n], rtol=1e-6)


def test_sums_of_very_many_agents_are_not_begun() -> None:
    """They would hold (S + 1) N² numbers on every rank, here 13 GB."""
    tracemalloc.start()
    assert noise_of_delays(eye_array(20_000, format="csr"), 3) is None
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2**20


def test_on_a_star_theta_comes_to_the_minimiser() -> None:
    """Although leaves read less that is old than the hub does: f = Σ_i (θ − b_i)², θ* = E b."""
    W = metropolis(GRAPHS["star"])
    b = np.array([3.0, -1, 0.5, 2, -2])[:, None]
    for most in (1, 3):
        loop = textbook.stale(delay(1, most))
        left = []
        for steps in (100, 1600):
            gamma = 0.5 / np.arange(1, steps + 1) ** 0.75
            theta = loop(np.zeros((5, 1)), lambda theta, _: theta - b, lambda _: W, gamma)
            left.append(abs(theta.mean() - b.mean()))
        assert left[1] < 0.4 * left[0] < 0.1  # γ_n falls to an eighth


def posed(data: Path, sampler: str = "iid", **settings: Any) -> Problem:
    return problem(
        data,
        sampler,
        **{
            "trials": 300,
            "steps": 503,
            "topology": "ring",
            "communication": {"kind": "dsgd", "weights": "lazy", "staleness": 3},
            "step_size": {"gamma": 1.0, "exponent": 0.8},
            "record": {"steps": [103]},
            **settings,
        },
    )


@pytest.mark.parametrize("sampler", ["iid", "srw", "reshuffling"])
def test_trials_are_as_predicted(sampler: str, data: Path) -> None:
    """E‖θ_n − θ*‖² and the consensus error, within 4 standard errors (false alarm 6e-5 each)."""
    found = check_against_trials(posed(data, sampler))
    assert np.isnan(found.limiting_covariance).all() == (sampler != "iid")
    assert np.isnan(found.linear_mse).all() == (sampler != "iid")
    assert (found.consensus_error > 0).all()


LIMITS = [
    ("complete", {"kind": "dsgd", "staleness": 1}, {"gamma": 4.0, "offset": 20}),
    ("complete", {"kind": "dsgd", "staleness": 3}, {"gamma": 5.0, "offset": 40}),
    ("star", {"kind": "dfl", "staleness": 2, "interval": 3}, {"gamma": 4.0, "offset": 40}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("topology", "communication", "step_size"), LIMITS, ids=str)
def test_trials_of_independent_draws_have_the_covariance_of_the_limit(
    topology: str, communication: dict[str, Any], step_size: dict[str, Any], data: Path
) -> None:
    """Tr Cov θ_n within 4 standard errors and 2 % of γ_n Tr V, of which delays make 10 to 25 %."""
    case = posed(
        data,
        topology=topology,
        communication=communication,
        step_size=step_size,
        trials=6000,
        steps=8000,
        record={"steps": [8000], "theta": True},
    )
    recording = simulate(MPI.COMM_SELF, case, lambda _: None)
    assert recording is not None
    squares = ((recording["theta_mean"][-1] - case.minimizer) ** 2).sum(axis=1)
    found = predict(case, LoneTeam(AGENTS), np.array([10]))
    gamma = float(case.experiment.step_size(8000, 8000)[0])
    expected = gamma * float(np.trace(found.limiting_covariance))
    error = squares.std() / np.sqrt(len(squares))
    print(f"{squares.mean() / expected:.3f} ± {error / expected:.3f} of the predicted trace")  # noqa: T201
    assert abs(squares.mean() - expected) < 4 * error + 0.02 * expected
    assert error < 0.02 * expected


REFUSED = {
    "plan": ("plan", "x.toml", "--upgrade", "iid:reshuffling"),
    "tune": ("tune", "x.toml"),
    "--by linear": ("predict", "x.toml", "--by", "linear"),
}
SETTINGS = """
agents = 4
steps = 20
trials = 2
communication.staleness = 2
[groups.some]
share = 0.5
sampler = "iid"
[groups.others]
share = 0.5
sampler = "srrw"
graph = "small_world"
"""


def test_predict_says_why_a_limit_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of independent draws: it is not the step size."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.toml").write_text(SETTINGS)
    monkeypatch.setattr("udsgd_mpi.theory.stale_reads._MOST_NUMBERS", 10)
    assert main(["predict", "x.toml", "--set", "groups.others.sampler=iid"]) == 0
    assert "agents are too many" in capsys.readouterr().out


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_made_of_a_limit_of_all_samplers_is_refused(
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.toml").write_text(SETTINGS)
    assert main([*REFUSED[what]]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert (
        f"{what}: expected agents that read what is new, got communication.staleness = 2" in error
    )


def test_no_interval_is_made_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.toml").write_text(SETTINGS + "[record]\npredict = false\n")
    assert main(["run", "x.toml", "--quiet", "--output", "x.h5"]) == 0
    assert main(["infer", "x.h5"]) == 2
    assert "infer: expected agents that read what is new" in capsys.readouterr().err


def test_a_law_of_constant_steps_is_not_known(data: Path) -> None:
    case = posed(data, step_size={"kind": "constant", "gamma": 0.05}, steps=20)
    found = predict(case, LoneTeam(AGENTS), np.array([20]))
    assert found.stationary == "it is of agents that read what is new"
