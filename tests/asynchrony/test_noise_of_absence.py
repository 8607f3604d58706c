"""Noise of agents that are away at times is that of product chains and of matrix recursions."""

import networkx as nx
import numpy as np
import pytest
from numpy.typing import NDArray

from udsgd_mpi.communication import Activated, AsyncGossip
from udsgd_mpi.communication.activation import Activation, Bernoulli, Diurnal, Markov
from udsgd_mpi.samplers import IID, MHRW, SRW, Sampler
from udsgd_mpi.testing.graphs import from_networkx
from udsgd_mpi.theory.limit import limiting_covariance, long_run_covariance
from udsgd_mpi.theory.noise import Noise
from udsgd_mpi.theory.presence import of_presence, on_own_clock, thinned
from udsgd_mpi.theory.pulls import left_of_pulls
from udsgd_mpi.theory.second_moments import SecondMoments
from udsgd_mpi.theory.step_size import Polynomial

Floats = NDArray[np.float64]


def cycle(length: int) -> Floats:
    return np.roll(np.eye(length), 1, axis=1)


# A chain of each kind, and at which of its states an agent is there.
ACTIVITIES: dict[str, tuple[Activation, Floats, Floats]] = {
    "bernoulli": (Bernoulli(p=0.3), np.tile([0.7, 0.3], (2, 1)), np.array([0.0, 1.0])),
    "stays": (
        Markov(there=5.0, away=2.5),
        np.array([[0.6, 0.4], [0.2, 0.8]]),
        np.array([0.0, 1.0]),
    ),
    "in turns": (
        Markov(there=1.25, away=1.0),
        np.array([[0.0, 1.0], [0.8, 0.2]]),
        np.array([0.0, 1.0]),
    ),
    "diurnal": (Diurnal(period=7, share=0.4), cycle(7), np.array([1.0, 1, 1, 0, 0, 0, 0])),
}


def stationary(P: Floats) -> Floats:
    """The left eigenvector of the eigenvalue 1, of a chain that may be periodic."""
    n = len(P)
    rows = np.vstack([P.T - np.eye(n), np.ones(n)])
    return np.asarray(np.linalg.lstsq(rows, np.append(np.zeros(n), 1.0), rcond=None)[0])


def covariance_in_the_long_run(P: Floats, f: Floats) -> Floats:
    """Lim n Cov(mean of f) by the fundamental matrix of P."""
    law = stationary(P)
    F = f - law @ f
    Z = np.linalg.inv(np.eye(len(P)) - P + law)
    C = F.T @ (law[:, None] * (Z @ F))
    return np.asarray(C + C.T - F.T @ (law[:, None] * F))


@pytest.mark.parametrize("sampler", [IID(), SRW(), MHRW()], ids=lambda sampler: sampler.name)
@pytest.mark.parametrize("activity", ACTIVITIES)
@pytest.mark.parametrize("clocks", [False, True], ids=["", "own clocks"])
def test_u_is_that_of_the_product_chain(clocks: bool, activity: str, sampler: Sampler) -> None:
    """Of what an agent's steps are at θ*, with a sampler that stands still at the others."""
    activation, A, there = ACTIVITIES[activity]
    graph = from_networkx(nx.lollipop_graph(4, 2))
    n, rng = len(graph), np.random.default_rng(3)
    adjacency = nx.to_numpy_array(nx.lollipop_graph(4, 2))
    degrees = adjacency.sum(axis=1)
    walk = np.full((n, n), 1 / n)
    if isinstance(sampler, SRW):
        walk = adjacency / degrees[:, None]
    elif isinstance(sampler, MHRW):
        walk = adjacency / np.maximum(degrees[:, None], degrees)
        walk += np.diag(1 - walk.sum(axis=1))
    presence = activation.start(3, 1)
    schedule = Activated(AsyncGossip().start(from_networkx(nx.path_graph(3)), 1), presence, "")
    if clocks:
        q = -np.expm1(-1.0)
        A = np.kron(A, np.tile([1 - q, q], (2, 1)))
        there = np.kron(there, [0.0, 1.0])
        share, fluctuations = float(schedule.availability(1)[0]), schedule.fluctuations()
    else:
        share, fluctuations = float(presence.shares(1)[0]), presence.fluctuations()
    assert stationary(A) @ there == pytest.approx(share, abs=1e-14)
    assert fluctuations is not None
    g, h, pace = rng.normal(size=(n, 2)), np.array([0.7, -1.3]), 1.7
    g -= sampler.stationary_law(n, graph) @ g
    step = np.where(there[:, None, None] > 0, walk, np.eye(n))
    P = np.einsum("ab,axy->axby", A, step).reshape(len(A) * n, -1)
    expected = covariance_in_the_long_run(P, pace * np.kron(there[:, None], g + h))
    noise = sampler.noise(g, graph)
    assert noise is not None
    found = [thinned(noise, share, pace), of_presence(h, float(fluctuations[0]), pace)]
    U = sum(long_run_covariance(each, Polynomial()) for each in found)
    np.testing.assert_allclose(U, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["bernoulli", "stays", "in turns"])
def test_sums_of_who_is_there_vary_as_is_said(kind: str) -> None:
    """Over 4,000 agents and 500 steps, within 4 standard errors of a variance, 9 %."""
    presence = ACTIVITIES[kind][0].start(4000, 5)
    spread = presence.between(0, 500).sum(axis=0).var() / 500
    assert spread == pytest.approx(presence.fluctuations()[0], rel=4 * np.sqrt(2 / 4000))


@pytest.mark.parametrize(("b", "a"), [(0.7, 0.7), (1.0, 1.0)])
def test_the_limit_is_where_second_moments_go(b: float, a: float) -> None:
    """Of an agent that takes three of ten steps, with a history as fast as θ (b = a)."""
    n, kappa, h, share, pace = 1_000_000, 4.0, np.array([0.9]), 0.3, 2.0
    step_size = Polynomial(1.5, a)

    def of_noise(first: int, last: int) -> Floats:
        return pace * (np.arange(first, last + 1) % 10 < 3)

    moments = SecondMoments.with_history(h, step_size, b, kappa, np.array([n]), pace=of_noise)
    noise = thinned(Noise(np.ones((1, 1)), np.array([kappa]), b), share, pace)
    V = limiting_covariance(noise, np.diag(h), on_own_clock(step_size, share))[0, 0]
    scaled = moments.theta[0, -1, 0] / float(step_size(n, n)[0])
    assert scaled == pytest.approx(V, rel=0.02)


@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_moments_and_pulls_are_those_of_a_matrix_recursion(momentum: float) -> None:
    """Of θ, its velocity, the history and Σ θ, with steps of different sizes, some not taken."""
    h, kappa, b, last = 0.9, 4.0, 0.8, 60
    rng, step_size = np.random.default_rng(2), Polynomial(0.8, 0.7)
    factors = np.where(rng.random(last) < 0.4, rng.uniform(0.5, 2, last), 0.0)
    b_n = rng.normal(size=last)
    S, mean, own = np.zeros((4, 4)), np.zeros(4), 0
    for n, s in enumerate(factors):
        gamma = float(step_size(n + 1, n + 1)[0])
        own += s > 0
        beta = min((own + 1.0) ** -b, 1 / kappa) if s > 0 else 0.0
        # θ, u = −v, y and Σ θ: first the sum, then the velocity, then θ by it.
        of_u = np.array([-h, momentum, s * (kappa - 1), 0])
        A = np.array([[1, 0, 0, 0] + gamma * of_u, of_u, [0, 0, 1 - beta * kappa, 0], [1, 0, 0, 1]])
        noise = np.array([gamma * s, s, -beta, 0])
        S = A @ S @ A.T + np.outer(noise, noise)
        mean = A @ mean - np.array([gamma, 1, 0, 0]) * b_n[n]
    steps, others = np.array([last]), (np.array([h]), step_size)
    found = SecondMoments.with_history(
        others[0],
        step_size,
        b,
        kappa,
        steps,
        momentum=momentum,
        pace=lambda n, m: factors[n - 1 : m],
    )
    assert found.theta[0, -1, 0] == pytest.approx(S[0, 0], rel=1e-10)
    assert found.average[0, -1, 0] == pytest.approx(S[3, 3] / last**2, rel=1e-10)
    theta, average = left_of_pulls(lambda n, m: b_n[n - 1 : m, None], *others, steps, momentum)
    assert theta[0, 0] == pytest.approx(mean[0], rel=1e-10)
    assert average[0, 0] == pytest.approx(mean[3] / last, rel=1e-10)
