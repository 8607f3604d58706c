"""Which α and b of a repelled walk make the predicted error least.

All candidates are tried on paths of the same random numbers, so that differences are known better
than errors. Those that are worse for sure are left out as paths are added: racing (Maron and Moore,
Hoeffding races, NeurIPS 1993), here by standard errors of paired differences.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.agent import AgentForecast, from_the_start, overflowing
from udsgd_mpi.forecast.replacements import Replacements
from udsgd_mpi.forecast.stale_reads import require_new_reads
from udsgd_mpi.problem import Agent, Problem, Team
from udsgd_mpi.samplers import HDT, SRRW
from udsgd_mpi.support.errors import ConfigurationError

Floats = NDArray[np.float64]
Repelled: TypeAlias = SRRW | HDT
R = TypeVar("R")

PAPER = SRRW(alpha=20.0, b=0.8)

_ALPHAS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_BS = (0.6, 0.7, 0.8, 0.9, 1.0)
_KINDS = (SRRW, HDT)
_GRID = [*product(_ALPHAS, _BS)]
_SMALLEST_B, _LARGEST_B = 0.505, 1.0
_LARGEST_ALPHA = 1e6
_FEWEST_PATHS, _PATHS_OF_ALL, _MOST_DOUBLINGS = 4, 80, 7
_SURE = 2.5  # standard errors, after which a candidate is left out
_AS_GOOD = 2.0  # standard errors within which no winner is named
_CLOSE = 0.01  # relative to the least error, at which differences are known well enough
_REFINEMENTS = 2


class Difference(NamedTuple):
    """How much larger an error is than the least, and the standard error of that."""

    value: float
    error: float


class Tried(NamedTuple):
    """A candidate.

    Attributes
    ----------
    mse
        E‖θ_n − θ*‖² at the last step, to first order.
    error
        Its standard error.
    above
        The least MSE of a candidate subtracted, on the same paths.
    paths
        How many were sampled of each tuned agent.
    """

    sampler: Repelled
    mse: float
    error: float
    above: Difference
    paths: int

    @property
    def as_good(self) -> bool:
        """Whether it is not worse than the best for sure."""
        return self.above.value <= _AS_GOOD * self.above.error


class Tuned(NamedTuple):
    """What a search has found.

    Attributes
    ----------
    tried
        All candidates, the least error first.
    steps
        Steps that were taken along sampled paths of them.
    ended
        Whether it ended as differences were known well enough, not as its budget was spent.
    """

    tried: list[Tried]
    steps: int
    ended: bool


class Tuner:
    """Searches the samplers of some agents of a problem; collective where ``team`` is.

    Parameters
    ----------
    agents
        Those that get another sampler, all the same one.
    budget
        Steps along sampled paths that a search may take.

    Raises
    ------
    ConfigurationError
        If no candidate fits the agents.
    """

    @overflowing
    def __init__(self, problem: Problem, team: Team, agents: Sequence[int], budget: int) -> None:
        require_new_reads(problem, "tune")
        self._team, self._agents = team, agents
        self._N = len(problem.summaries)
        self._n = problem.experiment.steps
        steps = np.array([self._n], dtype=np.int64)
        spectrum = team.bcast(lambda: np.linalg.eigh(problem.hessian))
        self._problem = problem
        self._forecast = AgentForecast(problem, spectrum, steps, check_in=team.check_in)
        self._fewest = max(_FEWEST_PATHS, -(-_PATHS_OF_ALL // len(agents)))
        self._budget, self._spent = budget, 0
        self._values: dict[Repelled, dict[int, Floats]] = {}
        self._left: list[Repelled] = []
        mean, self._variance, error, excess = self._of_others()
        self._mean = from_the_start(problem, team, spectrum, steps)[0][0] + mean
        self._excess, self._error = excess, error

    def _of_others(self) -> tuple[Floats, float, float, Floats]:
        """Mean, variance, its error and excess of what the other agents add to θ at the end."""
        hosted = dict(zip(self._team.hosted, self._problem.agents, strict=True))
        others = {i: agent for i, agent in hosted.items() if i not in self._agents}
        parts = self._map(others, lambda i, agent: self._forecast(agent, i))
        found = self._team.allgather(
            [
                (part.theta.mean[-1], part.theta.variance[-1], part.theta.error[-1] ** 2,
                 part.theta.excess[-1])
                for part in parts.values()
            ]
        )  # fmt: skip
        d, N = self._problem.d, self._N
        mean, variance, square, excess = np.zeros(d), 0.0, 0.0, np.zeros(d)
        for part in found:
            mean, variance = mean + part[0], variance + part[1]
            square, excess = square + part[2], excess + part[3]
        return mean / N, float(variance / N**2), float(np.sqrt(square) / N**2), excess / N**2

    @overflowing
    def search(self, given: Iterable[Repelled]) -> Tuned:
        """Search α and b of SRRW and, where it leaves the objective as it is, of HDT.

        Parameters
        ----------
        given
            Candidates that are to be judged in any case.

        Raises
        ------
        ConfigurationError
            If the budget does not allow the fewest paths of each candidate.
        """
        kept = self._possible([PAPER, *given])
        grid = self._possible(kind(alpha=a, b=b) for kind in (SRRW, HDT) for a, b in _GRID)
        everyone = [*dict.fromkeys([*kept, *grid])]
        needed = self._cost(everyone, self._fewest)
        if needed > self._budget:
            raise ConfigurationError(
                f"--budget: expected {needed:,} steps at least, for {self._fewest} paths of"
                f" {len(self._agents)} agents with each of {len(everyone)} candidates, got"
                f" {self._budget:,}; use more, or fewer --steps"
            )
        ended = self._race(everyone, kept)
        for level in range(_REFINEMENTS):
            best = self._judged()[0].sampler
            near = self._possible(neighbours(best, level))
            ended = self._race([*dict.fromkeys([*self._left, *near])], kept)
        return Tuned(self._judged(), self._spent, ended)

    def _possible(self, samplers: Iterable[Repelled]) -> list[Repelled]:
        """Those that leave the objective as it is.

        Raises
        ------
        ConfigurationError
            If none does; says why.
        """
        refused = self._refused()
        if len(refused) == len(_KINDS):
            raise ConfigurationError(next(iter(refused.values())))
        return [sampler for sampler in samplers if type(sampler) not in refused]

    def _refused(self) -> dict[type[Repelled], str]:
        """The kinds that agents can't have, and why."""

        def here() -> dict[type[Repelled], str]:
            reasons: dict[type[Repelled], str] = {}
            for kind in _KINDS:
                try:
                    self._with(kind())
                except ConfigurationError as error:
                    reasons[kind] = str(error)
            return reasons

        said = self._team.allgather([self._team.everywhere(here)])
        return {kind: reason for each in said for kind, reason in each.items()}

    def _with(self, sampler: Repelled) -> dict[int, Agent]:
        """The hosted agents with another sampler."""
        first = self._team.hosted.start
        hosted = {i - first: sampler for i in self._agents if i in self._team.hosted}
        changed = Replacements(self._problem)(hosted)
        return {i + first: agent for i, agent in changed.items()}

    def _race(self, candidates: Sequence[Repelled], kept: Sequence[Repelled]) -> bool:
        """Add paths, and leave out candidates, until differences are known well enough."""
        self._left = [*candidates]
        for doubling in range(_MOST_DOUBLINGS):
            paths = self._fewest * 2**doubling
            if self._spent + self._cost(self._left, paths) > self._budget:
                self._left = [each for each in self._left if each in self._values]
                return False
            for sampler in self._left:
                self._extend(sampler, paths)
            judged = self._team.bcast(lambda: self._judge(self._left))
            self._left = [
                each.sampler
                for each in judged
                if each.above.value <= _SURE * each.above.error or each.sampler in kept
            ]
            near = [each for each in judged if each.above.value <= _SURE * each.above.error]
            if max(each.above.error for each in near) <= _CLOSE * judged[0].mse:
                return True
        return False

    def _cost(self, candidates: Iterable[Repelled], paths: int) -> int:
        new = (max(0, paths - self._paths(sampler)) for sampler in candidates)
        return sum(new) * len(self._agents) * self._n

    def _paths(self, sampler: Repelled) -> int:
        values = self._values.get(sampler)
        return len(values[self._agents[0]]) if values else 0

    def _extend(self, sampler: Repelled, paths: int) -> None:
        """Sample paths of a candidate until there are so many of each agent."""
        before = self._paths(sampler)
        if before >= paths:
            return
        self._spent += self._cost([sampler], paths)
        trials = range(before, paths)
        found = self._map(
            self._with(sampler), lambda i, agent: self._forecast.last_values(agent, i, trials)
        )
        new = dict(self._team.allgather([*found.items()]))
        old = self._values.get(sampler, {i: values[:0] for i, values in new.items()})
        self._values[sampler] = {i: np.concatenate([old[i], new[i]]) for i in self._agents}

    def _map(self, agents: Mapping[int, Agent], action: Callable[[int, Agent], R]) -> dict[int, R]:
        """Results of an action for some of the hosted agents."""
        if self._problem.portable:
            return self._team.map_balanced(agents, dict.fromkeys(agents, 1.0), action)

        def in_place() -> dict[int, R]:
            found = {}
            for i, agent in agents.items():
                self._team.check_in()
                found[i] = action(i, agent)
            return found

        return self._team.everywhere(in_place)

    def _judged(self) -> list[Tried]:
        return self._team.bcast(lambda: self._judge([*self._values]))

    def _judge(self, samplers: Iterable[Repelled]) -> list[Tried]:
        """The candidates, the least error first, each beside the best on the paths of both."""
        known = {sampler: self._of(sampler, self._paths(sampler)) for sampler in samplers}
        order = sorted(known, key=lambda sampler: np.nan_to_num(known[sampler][0], nan=np.inf))
        best, found = order[0], []
        for sampler in order:
            paths = min(self._paths(sampler), self._paths(best))
            (mse, each), (least, of_best) = self._of(sampler, paths), self._of(best, paths)
            above = Difference(mse - least, _standard_error(each - of_best))
            error = float(np.hypot(self._error, _standard_error(known[sampler][1])))
            found.append(Tried(sampler, known[sampler][0], error, above, self._paths(sampler)))
        return found

    def _of(self, sampler: Repelled, paths: int) -> tuple[float, Floats]:
        """MSE by some paths, and what each of them adds to its error, shape (agents, paths)."""
        N = self._N
        x = np.stack([self._values[sampler][i][:paths] for i in self._agents]) / N
        mean = x.mean(axis=1)
        total = self._mean + mean.sum(axis=0)
        y = x - mean[:, None]
        squares = (y**2).sum(axis=2) * paths / (paths - 1)
        variances = squares.mean(axis=1)
        excess = variances.sum() / paths + self._excess.sum()
        mse = self._variance + variances.sum() + max(0.0, float(total @ total) - excess)
        return float(mse), 2 * y @ total + squares - variances[:, None]


def _standard_error(values: Floats) -> float:
    """Of the sum over agents of means over paths, with values of shape (agents, paths)."""
    return float(np.sqrt((values.var(axis=1, ddof=1) / values.shape[1]).sum()))


def neighbours(sampler: Repelled, level: int) -> list[Repelled]:
    """Candidates around one, nearer at each level."""
    factor, shift = 2 ** (0.5 / 2**level), 0.05 / 2**level
    alphas = [float(f"{sampler.alpha * factor**k:.2g}") for k in (-1, 0, 1)]
    bs = [round(sampler.b + k * shift, 4) for k in (-1, 0, 1)]
    kind = type(sampler)
    return [
        kind(alpha=min(alpha, _LARGEST_ALPHA), b=min(max(b, _SMALLEST_B), _LARGEST_B))
        for alpha, b in product(alphas, bs)
    ]
