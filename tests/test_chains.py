"""Asymptotic covariances are the sums of autocovariances, however they are computed."""

import itertools
import tracemalloc

import networkx as nx
import numpy as np
import pytest

from udsgd_mpi.samplers import HDT, IID, MHRW, NBRW, SRRW, SRW, Reshuffling, Sampler
from udsgd_mpi.testing.graphs import from_networkx
from udsgd_mpi.theory.chains import (
    NonBacktrackingChain,
    ReversibleChain,
    asymptotic_covariance,
    base,
    solving,
)
from udsgd_mpi.theory.limit import long_run_covariance
from udsgd_mpi.theory.step_size import Polynomial

GRAPHS = {
    "lollipop": nx.lollipop_graph(5, 3),
    "random": nx.connected_watts_strogatz_graph(30, 4, 0.3, seed=2),
    "path": nx.path_graph(6),
    "barbell": nx.barbell_graph(4, 3),
    "tree": nx.balanced_tree(2, 3),
}


@pytest.fixture(params=GRAPHS.values(), ids=GRAPHS)
def graph(request: pytest.FixtureRequest) -> nx.Graph:
    return request.param


def transitions(graph: nx.Graph, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """P, dense, and the point that each state shows."""
    n = len(graph)
    if kind == "nbrw":
        arcs = [(i, j) for i in range(n) for j in sorted(graph[i])]
        P = np.zeros((len(arcs), len(arcs)))
        for e, (i, j) in enumerate(arcs):
            onward = [k for k in graph[j] if k != i] or [i]
            for k in onward:
                P[e, arcs.index((j, k))] = 1 / len(onward)
        return P, np.array([j for _, j in arcs])
    P = np.zeros((n, n))
    for i in range(n):
        for j in graph[i]:
            ratio = graph.degree(i) / graph.degree(j) if kind == "mhrw" else 1
            P[i, j] = min(1, ratio) / graph.degree(i)
        P[i, i] = 1 - P[i].sum()
    return P, np.arange(n)


def stationary(P: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eig(P.T)
    law = np.real(vectors[:, np.argmax(values.real)])
    return law / law.sum()


def brute_force(P: np.ndarray, G: np.ndarray) -> np.ndarray:
    """Cesàro sum of autocovariances over lags up to 20,000, which periodic chains need."""
    law = stationary(P)
    lags = 20_000
    total = G.T @ (law[:, None] * G)
    moved = G
    for lag in range(1, lags):
        moved = P @ moved
        covariance = (law[:, None] * G).T @ moved
        total = total + (1 - lag / lags) * (covariance + covariance.T)
    return total


def values(graph: nx.Graph, law: np.ndarray) -> np.ndarray:
    G = np.random.default_rng(1).normal(size=(len(graph), 3))
    return G - law @ G


def scale(G: np.ndarray, U: np.ndarray) -> float:
    """Size of what adds up to U, which may itself be 0."""
    return float(np.trace(U) + (G**2).sum() / len(G))


@pytest.mark.parametrize("kind", ["srw", "nbrw", "mhrw"])
@pytest.mark.parametrize("largest_dense", [0, 600], ids=["sparse", "dense"])
def test_covariance_is_the_sum_of_autocovariances(
    kind: str, largest_dense: int, graph: nx.Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solving, "LARGEST_DENSE", largest_dense)
    compressed = from_networkx(graph, "graph")
    sampler = {"srw": SRW(), "nbrw": NBRW(), "mhrw": MHRW()}[kind]
    G = values(graph, sampler.stationary_law(len(graph), compressed))
    P, shown = transitions(graph, kind)
    got = sampler.noise(G, compressed)
    U = got.amplitudes.T @ got.amplitudes
    expected = brute_force(P, G[shown])
    np.testing.assert_allclose(U, expected, atol=2e-3 * scale(G, expected))


@pytest.mark.parametrize("most_numbers", [1, 1000], ids=["by-column", "at-once"])
@pytest.mark.parametrize("kind", ["srw", "nbrw", "mhrw"])
@pytest.mark.parametrize("name", ["lollipop", "random", "barbell"])
def test_lag_is_what_a_mean_of_n_lacks(
    kind: str, name: str, most_numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a sum of autocovariances over lags; these walks forget within 3,000 steps."""
    monkeypatch.setattr(base, "_MOST_NUMBERS", most_numbers)
    n, compressed = 3000, from_networkx(GRAPHS[name], "graph")
    sampler = {"srw": SRW(), "nbrw": NBRW(), "mhrw": MHRW()}[kind]
    G = values(GRAPHS[name], sampler.stationary_law(len(compressed), compressed))
    P, shown = transitions(GRAPHS[name], kind)
    law, moved = stationary(P), G[shown]
    variance = (law[:, None] * moved * moved).sum()
    for lag in range(1, n):
        moved = P @ moved
        variance += 2 * (1 - lag / n) * (law[:, None] * G[shown] * moved).sum()
    noise = sampler.noise(G, compressed)
    assert abs(noise.lag) > 0.1
    trace = (noise.amplitudes**2).sum()
    assert trace * (1 - noise.lag / n) == pytest.approx(variance, rel=1e-9)


def test_noise_of_many_arcs_takes_less_memory_than_a_value_for_each() -> None:
    """A data graph of cliques has a hundred times as many arcs as points."""
    graph = nx.complete_graph(300)
    compressed = from_networkx(graph, "graph")
    G = np.random.default_rng(1).normal(size=(300, 64))
    G -= G.mean(axis=0)
    tracemalloc.start()
    noise = NBRW().noise(G, compressed)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.7 * G[compressed.neighbours].nbytes
    whole = sum((NBRW().noise(G[:, [k]], compressed).amplitudes ** 2).sum() for k in range(3))
    U = noise.amplitudes.T @ noise.amplitudes
    assert np.trace(U[:3, :3]) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("kind", ["srw", "nbrw", "mhrw"])
def test_dense_and_sparse_agree_with_the_fundamental_matrix(
    kind: str, graph: nx.Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    compressed = from_networkx(graph, "graph")
    sampler = {"srw": SRW(), "nbrw": NBRW(), "mhrw": MHRW()}[kind]
    G = values(graph, sampler.stationary_law(len(graph), compressed))
    P, shown = transitions(graph, kind)
    law, on_states = stationary(P), G[shown]
    Z = np.linalg.inv(np.eye(len(P)) - P + law)
    D = np.diag(law)
    expected = (
        on_states.T @ D @ Z @ on_states
        + on_states.T @ Z.T @ D @ on_states
        - on_states.T @ D @ on_states
    )
    for largest_dense, most_numbers in itertools.product((0, 600), (1, 1000)):
        monkeypatch.setattr(solving, "LARGEST_DENSE", largest_dense)
        monkeypatch.setattr(base, "_MOST_NUMBERS", most_numbers)
        noise = sampler.noise(G, compressed)
        U = noise.amplitudes.T @ noise.amplitudes
        np.testing.assert_allclose(U, expected, atol=1e-9 * scale(G, expected))


def test_iid_is_the_plain_covariance_and_shuffling_nothing() -> None:
    G = values(GRAPHS["random"], np.full(30, 1 / 30))
    noise = IID().noise(G, None)
    np.testing.assert_allclose(noise.amplitudes.T @ noise.amplitudes, G.T @ G / 30, atol=1e-14)
    assert not Reshuffling().noise(G, None).amplitudes.any()


def test_non_backtracking_on_a_cycle_goes_round() -> None:
    graph = from_networkx(nx.cycle_graph(7), "graph")
    G = values(nx.cycle_graph(7), np.full(7, 1 / 7))
    chain = NonBacktrackingChain(graph)
    assert abs(asymptotic_covariance(chain, G)).max() < 1e-14
    M = chain.poisson(chain.lift(G))
    P, shown = transitions(nx.cycle_graph(7), "nbrw")
    np.testing.assert_allclose(M - P @ M, G[shown], atol=1e-14)


@pytest.mark.parametrize(("without", "with_history"), [(SRW(), SRRW(alpha=0)), (MHRW(), HDT(0))])
def test_no_repulsion_is_the_base_chain(
    without: Sampler, with_history: Sampler, graph: nx.Graph
) -> None:
    compressed = from_networkx(graph, "graph")
    G = values(graph, without.stationary_law(len(graph), compressed))
    plain = without.noise(G, compressed)
    repelled = long_run_covariance(with_history.noise(G, compressed), Polynomial())
    expected = plain.amplitudes.T @ plain.amplitudes
    np.testing.assert_allclose(repelled, expected, atol=1e-12 * np.trace(expected))


def test_self_repulsion_by_modes_and_by_a_sparse_solve(graph: nx.Graph) -> None:
    compressed = from_networkx(graph, "graph")
    sampler = SRRW(alpha=7.0, b=0.8)
    G = values(graph, sampler.stationary_law(len(graph), compressed))
    chain = ReversibleChain.simple(compressed)
    expected = asymptotic_covariance(chain, chain.repel(G, 7.0))
    got = long_run_covariance(sampler.noise(G, compressed), Polynomial())
    np.testing.assert_allclose(got, expected, atol=1e-10 * np.trace(expected))
    P, _ = transitions(graph, "srw")
    direct = np.linalg.solve(7.0 * (np.eye(len(P)) + P) + np.eye(len(P)), G)
    np.testing.assert_allclose(chain.repel(G, 7.0), direct, atol=1e-12)


def test_large_graphs_do_without_eigenvectors(
    graph: nx.Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    compressed = from_networkx(graph, "graph")
    sampler = SRRW(alpha=7.0, b=0.8)
    G = values(graph, sampler.stationary_law(len(graph), compressed))
    expected = long_run_covariance(sampler.noise(G, compressed), Polynomial())
    monkeypatch.setattr("udsgd_mpi.samplers.srrw._LARGEST_SPECTRUM", 0)
    got = long_run_covariance(sampler.noise(G, compressed), Polynomial())
    np.testing.assert_allclose(got, expected, atol=1e-10 * scale(G, expected))


def test_history_driven_target_divides_by_one_plus_alpha_squared(graph: nx.Graph) -> None:
    compressed = from_networkx(graph, "graph")
    G = values(graph, np.full(len(graph), 1 / len(graph)))
    base = MHRW().noise(G, compressed)
    got = long_run_covariance(HDT(alpha=3.0).noise(G, compressed), Polynomial())
    np.testing.assert_allclose(got, base.amplitudes.T @ base.amplitudes / 16, atol=1e-12)
