"""Points at which an agent's first steps overshoot: γ_n w(x) λ_max(∇²F(·, x)) is above 2.

A step at x multiplies an error along the steepest direction of F(·, x) by 1 − γ_n w λ, so that one
above 2 throws the agent further away than it was; with momentum β, one above 2 (1 + β).

Averaging dilutes that. An agent that keeps a share s of its own half-step, and gets the rest from
agents that are where they should be, is further away after the aggregation if
s |1 − γ_n w λ| > 1, which is γ_n w λ > 1 + 1/s: above 2 if it keeps all, N + 1 if all agents
are averaged after every step. Steps between two aggregations multiply undiluted: unless agents
aggregate after every step, s is 1.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.problem import Agent, Problem, Team

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_MOST_STEPS = 10_000
_LOOKED_AT = 16  # aggregations
_MOST_AGENTS = 1000  # whose W is looked at as a matrix


class Overshooting(NamedTuple):
    """An agent whose first steps overshoot.

    Attributes
    ----------
    agent, point
        The point, or mini-batch, at which they do so most.
    weight, curvature
        w and λ of the point.
    factor
        γ_1 w λ.
    bound
        What γ_n w λ must not exceed.
    last
        Step until which it does, at this point.
    points
        At how many points it does in the first step.
    """

    agent: int
    point: int
    weight: float
    curvature: float
    factor: float
    bound: float
    last: int
    points: int


def overshooting(problem: Problem, team: Team) -> list[Overshooting]:
    """The agents whose first steps overshoot, by number; collective where ``team`` is.

    None where no minimiser is known, of methods but SGD and momentum, and of objectives that do
    not tell the curvature of a point.
    """
    if problem.optimum is None or problem.experiment.method.momentum is None:
        return []
    kept = team.everywhere(lambda: kept_shares(problem))
    gamma = first_gammas(problem)

    def of_agent(i: int) -> Overshooting | None:
        agent = problem.agents[i - team.hosted.start]
        steepness = steepness_of(problem, agent)
        last = last_steps(gamma, steepness, bound := bound_of(problem, kept[i]))
        x = int(steepness.argmax())
        if last[x] == 0:
            return None
        weight = float(agent.pace * agent.points.weights[x * agent.batch])
        factor = float(gamma[0] * steepness[x])
        curvature = float(steepness[x] / weight)
        return Overshooting(
            i, x, weight, curvature, factor, bound, int(last[x]), int((last > 0).sum())
        )

    return [found for found in team.allgather(team.map(of_agent)) if found]


def first_steps(problem: Problem, team: Team) -> Floats:
    """γ_1 w λ over what it must not exceed, the most of each agent's points, shape (agents,).

    First steps of agents above 1 overshoot. NaN where that is not known, see ``overshooting``;
    collective where ``team`` is.
    """
    if problem.optimum is None or problem.experiment.method.momentum is None:
        return np.full(team.agents, np.nan)
    kept = team.everywhere(lambda: kept_shares(problem))
    gamma_1 = float(first_gammas(problem)[0])

    def of_agent(i: int) -> float:
        steepness = steepness_of(problem, problem.agents[i - team.hosted.start])
        return gamma_1 * float(steepness.max()) / bound_of(problem, kept[i])

    return np.array(team.allgather(team.map(of_agent)))


def steepness_of(problem: Problem, agent: Agent) -> Floats:
    """W(x) λ_max(∇²F(·, x)) of an agent's points, or mini-batches; 0 where it is not known.

    Of objectives without a bound for λ the greater of those at θ_0 and θ*.
    """
    ends = problem.initial(range(1))[0].astype(np.float64), problem.minimizer
    weights = agent.pace * agent.points.weights[:: agent.batch]
    curvatures = np.zeros(len(weights))
    for theta in ends:
        found = problem.objective.largest_curvatures(theta, agent.points, agent.batch)
        if found is not None:
            curvatures = np.fmax(curvatures, found)
    return np.asarray(weights * curvatures)


def first_gammas(problem: Problem) -> Floats:
    """γ_1, γ_2, … as far as is looked."""
    experiment = problem.experiment
    return experiment.step_size(1, min(experiment.steps, _MOST_STEPS))


def last_steps(gamma: Floats, steepness: Floats, bound: float) -> Integers:
    """The number of first steps with γ_n w λ above a bound, for each steepness w λ."""
    return np.searchsorted(-gamma, -bound / np.maximum(steepness, 1e-300))


def bound_of(problem: Problem, kept: float) -> float:
    """γ_n w λ at which the larger root of z² + (γ_n w λ − 1 − β) z + β is 1/s."""
    beta = problem.experiment.method.momentum or 0.0
    return float((1 + 1 / kept) * (1 + beta * kept))


def kept_shares(problem: Problem) -> Floats:
    """The largest share of its own half-step that each agent keeps at once, shape (agents,)."""
    schedule, N, steps = problem.schedule, len(problem.summaries), problem.experiment.steps
    if not schedule.mixes:
        return np.ones(N)
    times = schedule.first(_LOOKED_AT, steps)
    each = len(times) > 0 and len(times) == times[-1]
    if not each or N > _MOST_AGENTS:
        return np.ones(N)
    diagonals = [schedule.mixing(n).sparse(N).diagonal() for n in times.tolist()]
    return np.asarray(np.clip(np.max(diagonals, axis=0), 1 / N, 1))
