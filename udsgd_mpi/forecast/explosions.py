"""How many trials of a run explode in their first steps, by which agents, and what helps.

A trial explodes if ‖θ_n − θ*‖² is, at some step at which an agent may overshoot, more than a
hundred times what the start and the noise of the first step account for, ‖θ_0 − θ*‖² + γ_1² Tr Σ,
where Σ is the covariance of the mean over agents of their gradients at θ*.

Whether it does depends on how often an agent comes back to its heavy points before γ_n has
fallen, along which directions, and on what W leaves of it. So the update itself is followed in its
first steps. As no sampler looks at θ, the run's own trials can be followed so before the run;
others, with the numbers after theirs, tell how many explode on average.
"""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.first_trials import FirstTrials
from udsgd_mpi.forecast.overshooting import (
    Overshooting,
    first_gammas,
    last_steps,
    overshooting,
    steepness_of,
)
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.methods.step_sizes import ByRound
from udsgd_mpi.problem import LoneTeam, Problem, Team
from udsgd_mpi.samplers import Stream
from udsgd_mpi.theory.step_size import Polynomial, StepSize
from udsgd_mpi.theory.visits import of_paths

Integers = NDArray[np.int64]

EXPLODED = 100.0  # times what the start and the first noise account for
_FEWEST_TRIALS, _FIRST_TRIALS, _MOST_TRIALS = 50, 250, 1000
_MOST_WORK = 2**26  # numbers of all θ, times steps: some tenths of a second
_NUMBERS_AT_ONCE = 2**18  # of θ
_MOST_NUMBERS = 2**24  # of gradients of an agent's points
_PATHS = 1000  # of a sampler of which only paths tell what it visits
_NAMED = 5


class Culprit(NamedTuple):
    """An agent that makes trials explode.

    Attributes
    ----------
    overshooting
        Where its steps overshoot.
    share
        Of the trials that explode.
    chance, error
        The probability that a trial visits a point while a step there overshoots, and its standard
        error: 0 where it is not sampled.
    """

    overshooting: Overshooting
    share: float
    chance: float
    error: float


@dataclass(frozen=True)
class Explosions:
    """What is foretold of the first steps of a run.

    Attributes
    ----------
    trials
        Of the run.
    own
        Those of the run's own trials that explode, by number, and by which agent.
    looked_at
        How many of the run's own trials were followed.
    followed, exploded
        How many other trials were followed, and how many of them explode.
    steps
        Up to which step.
    limit
        What ‖θ_n − θ*‖² exceeds in a trial that explodes.
    agents
        All that made trials explode, by number.
    culprits
        Those that did most often, the worst first.
    largest_gamma
        γ_1 at and below which no step of any agent overshoots.
    """

    trials: int
    own: dict[int, int]
    looked_at: int
    followed: int
    exploded: int
    steps: int
    limit: float
    agents: list[int]
    culprits: list[Culprit]
    largest_gamma: float

    @property
    def expected(self) -> float:
        """Expected number of trials that explode, of as many as the run has."""
        return self.trials * self.exploded / self.followed

    @cached_property
    def interval(self) -> tuple[int, int]:
        """Where that number lies with 95 %.

        Predictive for Jeffreys' prior, a beta-binomial law: it holds what is not known of the
        probability, too.
        """
        from scipy.stats import betabinom

        law = betabinom(self.trials, self.exploded + 0.5, self.followed - self.exploded + 0.5)
        return int(law.ppf(0.025)), int(law.ppf(0.975))


def explosions(problem: Problem, team: Team) -> Explosions | None:
    """Foretell them; collective where ``team`` is. None where none of the trials followed explodes.

    It takes some tenths of a second where any step overshoots, and nothing elsewhere. Others than
    the run's are counted if one of those or of the first 250 explodes. Agents too many, or with θ
    too long, for fifty trials in that time, or for the gradients of all points, are not looked at.
    Nor are models that walk.
    """
    if not problem.schedule.mixes:
        return None
    N, d = len(problem.summaries), problem.d
    if max(entry.points for entry in problem.summaries) * d > _MOST_NUMBERS:
        return None
    found = overshooting(problem, team)
    most = _MOST_WORK // (_FEWEST_TRIALS * N * d)
    steps = min(most, max((each.last for each in found), default=0))
    if steps == 0:
        return None
    limit = EXPLODED * _scale(problem, team)
    experiment = problem.experiment
    most = min(_MOST_TRIALS, _MOST_WORK // (N * d * steps))
    looked_at, begin = min(experiment.trials, most), experiment.first_trial
    own = range(begin, begin + looked_at)
    more = range(own.stop, begin + max(looked_at, min(_FIRST_TRIALS, most)))
    of_own = _followed(problem, team, own, steps, limit)
    if (np.append(of_own, _followed(problem, team, more, steps, limit)) < 0).all():
        return None
    of_others = _followed(problem, team, range(more.stop, more.stop + most), steps, limit)
    every = np.append(of_own, of_others)
    if (every < 0).all():
        return None
    often = Counter(every[every >= 0].tolist())
    named = {each.agent: each for each in found if each.agent in dict(often.most_common(_NAMED))}
    chances = _chances(problem, team, named)
    gamma_1 = float(experiment.step_size(1, 1)[0])
    return Explosions(
        trials=experiment.trials,
        own={begin + t: int(of_own[t]) for t in np.flatnonzero(of_own >= 0).tolist()},
        looked_at=looked_at,
        followed=most,
        exploded=int((of_others >= 0).sum()),
        steps=steps,
        limit=limit,
        agents=sorted(often),
        culprits=[
            Culprit(named[i], count / often.total(), *chances[i])
            for i, count in often.most_common(_NAMED)
            if i in named
        ],
        largest_gamma=min(gamma_1 * each.bound / each.factor for each in found),
    )


def offset_against(step_size: StepSize, largest: float) -> float | None:
    """The offset with which γ_1 is ``largest``; None of schedules that have none."""
    if not isinstance(step_size, Polynomial | ByRound) or step_size.exponent == 0:
        return None
    return float((step_size.gamma / largest) ** (1 / step_size.exponent) - 1)


def _scale(problem: Problem, team: Team) -> float:
    """‖θ_0 − θ*‖² + γ_1² Tr Σ."""

    def variance(i: int) -> float:
        agent = problem.agents[i - team.hosted.start]
        g = agent.gradient_noise(problem.objective, problem.minimizer)
        return float(agent.stationary_law @ (g**2).sum(axis=1))

    start = problem.initial(range(1))[0] - problem.minimizer
    gamma = float(problem.experiment.step_size(1, 1)[0])
    variances = team.allgather(team.map(variance))
    return float(start @ start + gamma**2 * sum(variances) / len(variances) ** 2)


def _followed(problem: Problem, team: Team, trials: range, steps: int, limit: float) -> Integers:
    """The culprit of each trial; each process follows some trials, or all follow all together."""
    if not trials:
        return np.empty(0, dtype=np.int64)
    seed = problem.experiment.seed
    size = max(1, _NUMBERS_AT_ONCE // (team.agents * problem.d))

    def pieces(some: range) -> list[range]:
        return [some[k : k + size] for k in range(0, len(some), size)]

    if not problem.portable:
        together = FirstTrials(problem, team, steps, seed)
        return np.concatenate([together.culprits(some, limit) for some in pieces(trials)])
    share = team.share(len(trials))
    mine = trials[share.start : share.stop]
    agents = team.allgather_where(bool(mine), problem.agents)

    def follow() -> list[Integers]:
        if not mine:
            return []
        whole = replace(problem, agents=agents)
        alone = FirstTrials(whole, LoneTeam(team.agents), steps, seed)
        found = []
        for some in pieces(mine):
            team.check_in()
            found.append(alone.culprits(some, limit))
        return found

    return np.concatenate(team.allgather(team.everywhere(follow)))


def _chances(
    problem: Problem, team: Team, named: dict[int, Overshooting]
) -> dict[int, tuple[float, float]]:
    """The probability that each of some agents overshoots at all, and its standard error."""
    rng = generator(problem.experiment.seed, Purpose.PREDICTION, 2)
    seed, gamma = int(rng.integers(2**63)), first_gammas(problem)

    def of_agent(i: int) -> tuple[float, float] | None:
        if i not in named:
            return None
        agent = problem.agents[i - team.hosted.start]
        last = last_steps(gamma, steepness_of(problem, agent), named[i].bound)
        chance = agent.sampler.chance(last, agent.graph)
        if chance is not None:
            return chance, 0.0
        X = np.empty((int(last.max()), _PATHS), dtype=np.int32)
        agent.sampler.start(agent.batches, agent.graph, Stream(seed, i, _PATHS)).draw(X)
        return of_paths(X, last)

    found = team.allgather(team.map(of_agent))
    return {i: chance for i, chance in enumerate(found) if chance is not None}
