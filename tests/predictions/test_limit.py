"""n · MSE tends to Tr V: M V + V Mᵀ + U = 0 with U the mean of the agents' own (Theorem 3.3)."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov

from tests.launch import udsgd
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.graphs import Graph
from udsgd_mpi.problem import Agent, LoneTeam, pose

pytestmark = pytest.mark.launcher

AGENTS, POINTS, D, STEPS, TRIALS, L2 = 4, 40, 5, 5000, 1000, 1.0
EXPERIMENT = f"""
agents = {AGENTS}
steps = {STEPS}
trials = {TRIALS}
record.predict = false
data.source = "small.svm"
topology = "complete"
groups.all.share = 1
groups.all.sampler = "iid"
groups.all.graph = {{ kind = "erdos_renyi", mean_degree = 5 }}
variant.iid = {{}}
variant.srw.groups.all.sampler = "srw"
variant.nbrw.groups.all.sampler = "nbrw"
variant.mhrw.groups.all.sampler = "mhrw"
"""


def walk_on_arcs(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """Transition matrix of the non-backtracking walk on directed edges, and their heads."""
    tails = np.repeat(np.arange(len(graph)), graph.degrees)
    heads = graph.neighbours
    P = np.zeros((len(heads), len(heads)))
    for e, (i, j) in enumerate(zip(tails, heads, strict=True)):
        out = np.flatnonzero(tails == j)
        onward = out[heads[out] != i] if len(out) > 1 else out
        P[e, onward] = 1 / len(onward)
    return P, heads


def asymptotic_covariance(agent: Agent, theta: np.ndarray) -> np.ndarray:
    """U_i = Gᵀ D Z G + Gᵀ Zᵀ D G − Gᵀ D G, with Z = (I − P + 1πᵀ)⁻¹."""
    x, y = agent.points.features, agent.points.labels
    residual = 1 / (1 + np.exp(-x @ theta)) - y
    G = residual[:, None] * x + L2 * theta
    if agent.graph is None:
        P = np.full((len(y), len(y)), 1 / len(y))
    else:
        degrees = agent.graph.degrees
        tails, heads = np.repeat(np.arange(len(y)), degrees), agent.graph.neighbours
        P = np.zeros((len(y), len(y)))
        if agent.sampler.name == "mhrw":
            P[tails, heads] = 1 / np.maximum(degrees[tails], degrees[heads])
            P += np.diag(1 - P.sum(axis=1))
        else:
            G *= (degrees.mean() / degrees)[:, None]
            P[tails, heads] = 1 / degrees[tails]
        if agent.sampler.name == "nbrw":
            P, heads = walk_on_arcs(agent.graph)
            G = G[heads]
    values, vectors = np.linalg.eig(P.T)
    pi = np.real(vectors[:, np.argmax(values.real)])
    pi /= pi.sum()
    G = G - pi @ G
    D = np.diag(pi)
    Z = np.linalg.inv(np.eye(len(P)) - P + pi)
    return G.T @ D @ Z @ G + G.T @ Z.T @ D @ G - G.T @ D @ G


def trace_of_limit(agents: list[Agent], theta: np.ndarray) -> float:
    """Tr V for γ_n = 1/n."""
    U = sum(asymptotic_covariance(agent, theta) for agent in agents) / len(agents) ** 2
    H = np.zeros((D, D))
    for agent in agents:
        x = agent.points.features
        p = 1 / (1 + np.exp(-x @ theta))
        H += (x.T * (p * (1 - p))) @ x / len(x) / len(agents)
    M = np.eye(D) / 2 - (H + L2 * np.eye(D))
    return float(np.trace(solve_continuous_lyapunov(M, -U)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on 160 random points."""
    folder = tmp_path_factory.mktemp("limit")
    rng = np.random.default_rng(8)
    x = rng.normal(size=(AGENTS * POINTS, D))
    y = np.where(rng.random(len(x)) < 1 / (1 + np.exp(-x @ rng.normal(size=D))), 1, -1)
    lines = (
        f"{label} " + " ".join(f"{k + 1}:{value!r}" for k, value in enumerate(row.tolist()))
        for label, row in zip(y.tolist(), x, strict=True)
    )
    (folder / "small.svm").write_text("\n".join(lines) + "\n")
    (folder / "limit.toml").write_text(EXPERIMENT)
    done = udsgd("run", "limit.toml", "--quiet", ranks=2, cwd=folder, timeout=200)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("sampler", ["iid", "srw", "nbrw", "mhrw"])
def test_measured_within_four_standard_errors(
    sampler: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # False alarm: 6e-5 for each sampler, with the seed fixed.
    monkeypatch.chdir(folder)
    problem = pose(variants(read_experiment(Path("limit.toml")), {})[sampler], LoneTeam(AGENTS))
    with h5py.File("udsgd.h5") as file:
        run = file["runs"][sampler]
        scaled = STEPS * run["squared_error"][-1]
        np.testing.assert_allclose(run["minimizer"][:], problem.minimizer, rtol=1e-14)
    error = scaled.std(ddof=1) / np.sqrt(TRIALS)
    assert error < 0.03 * scaled.mean()
    limit = trace_of_limit(problem.agents, problem.minimizer)
    assert abs(scaled.mean() - limit) < 4 * error, (scaled.mean(), error, limit)
