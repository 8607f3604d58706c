"""Which agents' series are not stationary, so that U depends on how long a stretch one looks at.

A series that is gone through from a uniform start, again and again, makes a stationary process
whatever it is. But U is estimated from batches of it: a trend, or a season longer than these,
makes longer stretches have another U.
"""

from typing import NamedTuple

import numpy as np

from udsgd_mpi.forecast.spectral import half_batch
from udsgd_mpi.problem import Problem, Team
from udsgd_mpi.theory.stationarity import SHORTEST, stationarity

FALSE_ALARM = 0.01
"""Probability that any agent of a problem is named although all series are stationary."""

_MOST_NUMBERS = 2**24  # of an agent's gradients


class Unsteady(NamedTuple):
    """An agent whose gradients at θ* are not stationary in the order of its rows.

    Attributes
    ----------
    drifts
        Whether their mean changes slowly over the whole series.
    period
        Of a season, in steps; NaN where none was found.
    """

    agent: int
    drifts: bool
    period: float


def unsteady(problem: Problem, team: Team) -> list[Unsteady]:
    """The agents whose U is estimated from series that are not stationary; collective.

    Each component of the gradients is tested for a slow change and for a season longer than half a
    batch, by Bonferroni's correction over agents, components and both tests. Agents are not tested
    whose samplers do not keep the order of rows, that go through all rows within the run, with few
    rows, or with gradients that would take much memory.
    """
    if problem.no_theorem or not problem.holds_hessian:
        return []
    steps = problem.experiment.steps
    half = half_batch(steps)
    ordered = team.allgather([agent.sampler.keeps_order for agent in problem.agents])
    level = FALSE_ALARM / (2 * problem.d * max(1, sum(ordered)))

    def tested(i: int) -> list[Unsteady]:
        agent = problem.agents[i - team.hosted.start]
        long = SHORTEST <= agent.batches <= _MOST_NUMBERS // problem.d
        if not agent.sampler.keeps_order or not long:
            return []
        G = agent.gradient_noise(problem.objective, problem.minimizer)
        if agent.sampler.noise_up_to(steps, G, agent.graph) is not None:
            return []
        found = stationarity(G, shortest_period=half)
        a = int(np.argmin(found.season))
        period = float(found.period[a]) if found.season[a] < level else np.nan
        drifts = bool((found.drift < level).any())
        return [Unsteady(i, drifts, period)] if drifts or np.isfinite(period) else []

    return [each for found in team.allgather(team.map(tested)) for each in found]
