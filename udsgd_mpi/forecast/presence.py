"""Agents that are away at times, as forecasts see them: the schedule of the run itself.

When they are there is the same in all trials of a run. So what their mean gradients h_i = ∇f_i(θ*)
leave in θ_n, while others are away whose h_j would cancel them, is no variance over trials but a
part of θ_n − θ* that is known. It differs from seed to seed, and its variance is in the limit.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.problem import Agent, Problem, Team
from udsgd_mpi.theory.limit import check_step_size, has_limit, limiting_covariance, trace_factor
from udsgd_mpi.theory.noise import Noise
from udsgd_mpi.theory.presence import of_presence, thinned
from udsgd_mpi.theory.step_size import StepSize

Floats = NDArray[np.float64]
Pace = Callable[[int, int], Floats]

_NUMBERS_AT_ONCE = 2**20


def share_of(problem: Problem, i: int) -> float:
    """Share of the steps that agent i takes."""
    shares = problem.schedule.availability(problem.experiment.steps)
    return 1.0 if shares is None else float(shares[i])


def steps_taken(problem: Problem, i: int, last: int) -> int:
    """How many of the steps up to ``last`` agent i takes."""
    pace, size = pace_of(problem, i, 1.0), _NUMBERS_AT_ONCE
    if pace is None:
        return last
    return sum(int(pace(n + 1, min(last, n + size)).sum()) for n in range(0, last, size))


def paces_of(problem: Problem, agents: Sequence[int], factors: Sequence[float]) -> Pace | None:
    """What takes n and m and gives factors of the steps n, …, m, shape (m − n + 1, agents).

    0 at those that an agent does not take; None where all take all.

    Parameters
    ----------
    agents
        Numbers of some agents.
    factors
        Of each of them.
    """
    schedule, numbers, of_all = problem.schedule, np.array(agents), np.array(factors)
    if not schedule.pauses:
        return None

    def paces(n: int, m: int) -> Floats:
        active = schedule.active(n - 1, m, numbers)
        if active is None:
            message = "a schedule pauses at all steps or at none"
            raise TypeError(message)
        return np.ascontiguousarray(active * of_all)

    return paces


def pace_of(problem: Problem, i: int, factor: float) -> Pace | None:
    """The same of agent i alone, shape (m − n + 1,)."""
    paces = paces_of(problem, [i], [factor])
    return None if paces is None else lambda n, m: paces(n, m)[:, 0]


def in_steps_of_all(problem: Problem, agent: Agent, i: int, noise: Noise) -> Noise:
    """The noise of agent i's own steps, as white as it is in steps of all agents."""
    if not problem.schedule.pauses:
        return noise
    return thinned(noise, share_of(problem, i), agent.pace)


def slope_of(problem: Problem, agent: Agent) -> Floats:
    """h_i = ∇f_i(θ*), shape (d,)."""
    return problem.objective.gradient(problem.minimizer, agent.expectation)


def pulls_of(problem: Problem, slopes: Sequence[Floats]) -> Pace:
    """What takes n and m and gives (1/N) Σ_i c_i a_i h_i of the steps n, …, m; (m − n + 1, d).

    Parameters
    ----------
    slopes
        The c_i h_i of all agents.
    """
    N, rows = len(slopes), np.array(slopes) / len(slopes)
    paces = paces_of(problem, range(N), [1.0] * N)
    size = max(1, _NUMBERS_AT_ONCE // N)

    def pulls(n: int, m: int) -> Floats:
        if paces is None:
            return np.zeros((m - n + 1, rows.shape[1]))
        parts = [paces(k, min(m, k + size - 1)) @ rows for k in range(n, m + 1, size)]
        return np.concatenate(parts)

    return pulls


class OfPresence(NamedTuple):
    """The part of V that is due to when agents are there, and not to their samplers.

    Attributes
    ----------
    covariance
        Shape (d, d).
    agent_traces
        What each agent adds to its trace, shape (agents,).
    """

    covariance: Floats
    agent_traces: Floats


def presence_in_the_limit(problem: Problem, team: Team, step_size: StepSize) -> OfPresence | None:
    """That part; None where there is none, or no limit theorem holds. Collective where ``team`` is.

    Parameters
    ----------
    step_size
        As the method has it in the limit.
    """
    fluctuations = problem.schedule.fluctuations()
    known = team.bcast(lambda: has_limit(problem.smallest_curvature, step_size))
    if fluctuations is None or not fluctuations.any() or not known:
        return None
    agents = zip(team.hosted, problem.agents, strict=True)
    modes = team.gather(
        [
            of_presence(slope_of(problem, agent), float(fluctuations[i]), agent.pace).amplitudes[0]
            for i, agent in agents
        ]
    )
    scale = step_size.gamma / problem.experiment.step_size.gamma

    def found() -> OfPresence:
        s = trace_factor(check_step_size(problem.smallest_curvature, step_size))
        H, of_agents = problem.hessian, np.stack(modes) / team.agents
        V = limiting_covariance(Noise(of_agents, np.ones(len(modes)), None), H, step_size)
        solved = np.linalg.solve(2 * H - s * np.eye(len(H)), of_agents.T)
        return OfPresence(scale * V, scale * (of_agents * solved.T).sum(axis=1))

    return team.bcast(found)
