"""What a problem comes to under a constant step: bias, variance, and how long that takes."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.carried import Carried, carried
from udsgd_mpi.forecast.agent import Spectrum
from udsgd_mpi.methods import SGD
from udsgd_mpi.objectives import Points
from udsgd_mpi.problem import Agent, Problem, Team
from udsgd_mpi.problem.mean_objective import MeanObjective
from udsgd_mpi.samplers import IID
from udsgd_mpi.theory.chains import Chain, IndependentDraws
from udsgd_mpi.theory.constant_step import (
    innovations,
    multiplied,
    past,
    recent_past,
    stationary_covariance,
)

Floats = NDArray[np.float64]

_MOST_SOLVED = 10**8  # parameters times squared states, of an agent's equations
_MOST_NUMBERS = 2**25  # of Hessians of points of all agents
_MOST_ITERATIONS, _CONVERGED = 200, 1e-6


@dataclass(frozen=True)
class Stationary:
    """The stationary law of the network average under a constant step γ, to leading order.

    Attributes
    ----------
    time_constant
        Steps in which what is left of the start falls by e: 1/(γ μ).
    covariance
        C, shape (d, d); of first order in γ.
    correlation, disagreement, curvature
        Parts of E θ − θ*, shape (d,) each; see ``theory.constant_step``. Of first order in γ.
    agent_variances
        What each agent adds to Tr C, shape (agents,).
    independent_variances
        The same with independent draws by its sampler's law, shape (agents,).
    agent_biases
        What each agent adds to the squared norm of the bias, shape (agents,); may be negative.
    """

    time_constant: float
    covariance: Floats
    correlation: Floats
    disagreement: Floats
    curvature: Floats
    agent_variances: Floats
    independent_variances: Floats
    agent_biases: Floats

    @property
    def bias(self) -> Floats:
        """E θ − θ*, shape (d,)."""
        return self.correlation + self.disagreement + self.curvature

    @property
    def variance(self) -> float:
        """Tr C."""
        return float(np.trace(self.covariance))

    @property
    def mse(self) -> float:
        """E‖θ − θ*‖²."""
        return float(self.bias @ self.bias) + self.variance


def stationary(problem: Problem, team: Team) -> Stationary | str | None:
    """The stationary law, or why none is known; None where γ_n is not constant. Collective."""
    experiment = problem.experiment
    if not experiment.step_size.is_constant:
        return None
    h, basis = team.bcast(lambda: np.linalg.eigh(problem.hessian))
    gamma = float(experiment.step_size(1, 1)[0])
    if reason := _beyond_theory(problem, gamma, float(h[-1])):
        return reason
    chains = [_chain_of(agent) for agent in problem.agents]
    known = [chain for chain in chains if chain is not None]
    if not all(team.allgather([chain is not None for chain in chains])):
        return "a sampler is no Markov chain that theory knows"
    if any(team.allgather([_is_large(chain, len(h)) for chain in known])):
        return "the equations of an agent's chain are too large"
    mixing = team.bcast(lambda: carried(problem.schedule, team.agents, experiment.steps))
    if isinstance(mixing, str):
        return mixing
    return _Law(problem, team, known, mixing, gamma, (h, basis)).stationary()


def _beyond_theory(problem: Problem, gamma: float, largest: float) -> str | None:
    """Why theory says nothing, whatever samplers and W are.

    Parameters
    ----------
    largest
        Eigenvalue of H.
    """
    method = problem.experiment.method
    if not isinstance(method, SGD) or method.momentum is None:
        return "it is of sgd without weight_decay alone"
    departures = {
        "messages that are not compressed": problem.experiment.communication.compression,
        "agents that read what is new": problem.schedule.staleness,
        "agents that take every step": problem.schedule.pauses,
    }
    if found := [of for of, departs in departures.items() if departs]:
        return f"it is of {found[0]}"
    if problem.objective.minimum_is_local:
        return "f is not convex"
    if gamma * largest >= 2:
        return f"θ diverges: γ is not below 2/λ = {2 / largest:.3g}, λ the largest eigenvalue of H"
    return None


def _chain_of(agent: Agent) -> Chain | None:
    if isinstance(agent.sampler, IID):
        return IndependentDraws(agent.stationary_law)
    return agent.sampler.chain(agent.graph)


def _is_large(chain: Chain, d: int) -> bool:
    return not isinstance(chain, IndependentDraws) and d * len(chain.law) ** 2 > _MOST_SOLVED


class _Law:
    """What is computed of the hosted agents; coordinates of noise are in the eigenbasis of H."""

    def __init__(
        self,
        problem: Problem,
        team: Team,
        chains: list[Chain],
        mixing: Carried,
        gamma: float,
        spectrum: Spectrum,
    ) -> None:
        self._team, self._agents, self._chains = team, problem.agents, chains
        self._objective, self._star = problem.objective, problem.minimizer
        self._mixing, self._gamma = mixing, gamma
        self._h, self._basis = spectrum
        self._expected = [agent.expectation for agent in problem.agents]
        self._f = MeanObjective(problem.objective, self._expected, team, problem.d)
        self._noise = [
            agent.gradient_noise(self._objective, self._star) @ self._basis
            for agent in self._agents
        ]
        self._pasts = [
            past(chain, g, self._h, gamma) for chain, g in zip(chains, self._noise, strict=True)
        ]

    def stationary(self) -> Stationary | str:
        """It, or why there is none."""
        innovated = self._innovations()
        if innovated is None:
            return "γ is too large for a stationary variance: some points have steep gradients"
        covariances = [self._covariance(S) / self._team.agents for S in innovated]
        C = self._mean(covariances)
        correlation, disagreement = self._correlation(), self._disagreement()
        parts = self._mean(correlation), self._mean(disagreement), self._curvature(C)
        bias = np.sum(parts, axis=0)
        along = self._third_derivative_along(self._inverse(bias), float(np.trace(C)))
        N = self._team.agents
        of_agents = [
            (np.trace(own) / N, free / N, (bias @ (first + second) - (along * own).sum() / 2) / N)
            for own, free, first, second in zip(
                covariances, self._independent(), correlation, disagreement, strict=True
            )
        ]
        variances, independent, biases = np.array(self._team.allgather(of_agents)).T
        time_constant = 1 / (self._gamma * float(self._h[0]))
        spread = self._basis @ C @ self._basis.T
        return Stationary(time_constant, spread, *parts, variances, independent, biases)

    def _innovations(self) -> list[Floats] | None:
        """S of each hosted agent, with what θ's own spread adds where draws are independent."""
        laws = [agent.stationary_law for agent in self._agents]
        first = [
            innovations(law, g, q, self._h, self._gamma)
            for law, g, q in zip(laws, self._noise, self._pasts, strict=True)
        ]
        slopes = [
            self._slopes(agent) if isinstance(chain, IndependentDraws) else None
            for agent, chain in zip(self._agents, self._chains, strict=True)
        ]
        found, before = first, 0.0
        for _ in range(_MOST_ITERATIONS):
            C = stationary_covariance(self._mean(found), self._h, self._gamma) / self._team.agents
            trace = float(np.trace(C))
            if abs(trace - before) <= _CONVERGED * trace:
                return found
            before = trace
            found = [
                S if A is None else S + multiplied(A, C) for S, A in zip(first, slopes, strict=True)
            ]
        return None

    def _independent(self) -> list[float]:
        """Trace of each hosted agent's part of C, times N, if it drew independently."""
        laws = [agent.stationary_law for agent in self._agents]
        found = [
            innovations(law, g, np.zeros_like(g), self._h, self._gamma)
            for law, g in zip(laws, self._noise, strict=True)
        ]
        return [float(np.trace(self._covariance(S))) / self._team.agents for S in found]

    def _slopes(self, agent: Agent) -> Floats:
        """A(x) − E A of batches x, evenly spread over the agent's, shape (batches, d, d)."""
        d = len(self._star)
        most = max(1, _MOST_NUMBERS // (d * d * self._team.agents))
        number = min(most, agent.batches)
        chosen = np.arange(number) * agent.batches // number
        A = np.stack(
            [self._objective.hessian(self._star, self._batch(agent, x)) for x in chosen.tolist()]
        )
        A = self._basis.T @ A @ self._basis
        return np.asarray(A - A.mean(axis=0))

    def _correlation(self) -> list[Floats]:
        """By what each hosted agent shifts the average, times N: its chain has met θ before."""
        shifts = []
        parts = zip(
            self._team.hosted, self._agents, self._chains, self._noise, self._pasts, strict=True
        )
        for i, agent, chain, g, q in parts:
            excess = self._mixing.excess[:, i]
            own = q / self._team.agents + recent_past(chain, g, self._h, self._gamma, excess)
            total = np.zeros(len(self._star))
            for x in np.flatnonzero(own.any(axis=1)).tolist():
                direction = self._basis @ own[x]
                total += self._objective.product(self._star, direction, self._batch(agent, x))
            shifts.append(self._gamma * self._inverse(total))
        return shifts

    def _disagreement(self) -> list[Floats]:
        """The same, since the agent is not where the average is."""
        slopes = [self._objective.gradient(self._star, part) for part in self._expected]
        away = -self._gamma * self._mixing.total @ np.array(self._team.allgather(slopes))
        mine = away[self._team.hosted.start : self._team.hosted.stop]
        return [
            apart - self._inverse(self._objective.product(self._star, apart, part))
            for apart, part in zip(mine, self._expected, strict=True)
        ]

    def _curvature(self, C: Floats) -> Floats:
        """−½ H⁻¹ ∇³f [C], by differences as wide as θ spreads."""
        values, vectors = np.linalg.eigh(C)
        spreads = (vectors * np.sqrt(np.maximum(values, 0))).T
        bends = [
            self._f.product(self._star + s, s) - self._f.product(self._star - s, s)
            for s in spreads @ self._basis.T
        ]
        return -self._inverse(np.sum(bends, axis=0)) / 4

    def _third_derivative_along(self, direction: Floats, variance: float) -> Floats:
        """∇³f [direction], shape (d, d), in the eigenbasis of H."""
        length = float(np.linalg.norm(direction))
        if length == 0 or variance == 0:
            return np.zeros((len(direction),) * 2)
        s = direction * (np.sqrt(variance) / length)
        bend = self._f.derivatives(self._star + s)[1] - self._f.derivatives(self._star - s)[1]
        return np.asarray(self._basis.T @ bend @ self._basis * (length / np.sqrt(variance) / 2))

    def _batch(self, agent: Agent, x: int) -> Points:
        """Points of a mini-batch, over which the weighted sum of F is F(θ, x)."""
        rows = np.arange(x * agent.batch, (x + 1) * agent.batch)
        points = agent.points.take(rows)
        return replace(points, weights=points.weights / agent.batch)

    def _covariance(self, S: Floats) -> Floats:
        return stationary_covariance(S, self._h, self._gamma)

    def _inverse(self, vector: Floats) -> Floats:
        """H⁻¹ times a vector."""
        return np.asarray(self._basis @ (self._basis.T @ vector / self._h))

    def _mean(self, arrays: list[Floats]) -> Floats:
        """Mean over all agents of arrays of one shape."""
        rows = np.stack([each.ravel() for each in arrays])
        return self._team.mean(rows).reshape(arrays[0].shape)
