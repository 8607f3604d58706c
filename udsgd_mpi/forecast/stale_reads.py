"""Noise of agents whose half-steps others read late, as the average of all has it."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import StaleWeights
from udsgd_mpi.problem import Agent, Problem
from udsgd_mpi.samplers import IID
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.stale_reads import noise_of_delays

Floats = NDArray[np.float64]


def scale_of(problem: Problem, i: int, *, independent: bool) -> float:
    """What the noise of agent i is multiplied by; 1 where all that is read is new.

    Steps of the average are smaller, and delays add to the noise of independent draws. What they
    add to that of other samplers is not known and left out.

    Parameters
    ----------
    independent
        Whether the agent's draws are.
    """
    added = _added(problem) if independent else None
    return problem.share_of_steps_read * float(np.sqrt(1 + (0.0 if added is None else added[i])))


def knows_limit(problem: Problem, *, independent: bool) -> bool:
    """Whether V of an agent is known: where all that is read is new, or its draws are independent.

    Parameters
    ----------
    independent
        Whether the agent's draws are.
    """
    return not problem.schedule.staleness or (independent and _added(problem) is not None)


def noise_at_minimizer(problem: Problem, agent: Agent, i: int) -> Floats:
    """g_i(x) − E_π g_i of agent i, as the average has it; shape (points, d)."""
    g = agent.gradient_noise(problem.objective, problem.minimizer)
    scale = scale_of(problem, i, independent=draws_independently(agent))
    return g if scale == 1 else scale * g


def draws_independently(agent: Agent) -> bool:
    """Whether each point is drawn without regard to others."""
    return isinstance(agent.sampler, IID)


def require_new_reads(problem: Problem, what: str) -> None:
    """Refuse what is made of V of all samplers, or without trials that are followed.

    Parameters
    ----------
    what
        That is.

    Raises
    ------
    ConfigurationError
        Where reads are stale.
    """
    if staleness := problem.schedule.staleness:
        raise ConfigurationError(
            f"{what}: expected agents that read what is new, got communication.staleness ="
            f" {staleness}: what delays add to the noise is known of independent draws alone; use"
            " udsgd predict, which follows trials, or leave staleness out"
        )


def _added(problem: Problem) -> Floats | None:
    stale = [form for form in problem.schedule.forms if isinstance(form, StaleWeights)]
    return _of_form(stale[0]) if stale else np.zeros(len(problem.summaries))


@lru_cache(maxsize=8)
def _of_form(form: StaleWeights) -> Floats | None:
    return noise_of_delays(form.sparse(len(form)), form.most)
