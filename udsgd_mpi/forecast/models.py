"""What theory expects of models that walk over the agents: the limit V, and no errors at n."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.presence import slope_of
from udsgd_mpi.problem import Agent, Problem, Team
from udsgd_mpi.samplers import IID, MHRW, SRRW, SRW, Sampler
from udsgd_mpi.theory.chains import ReversibleChain
from udsgd_mpi.theory.limit import has_limit, limiting_covariance
from udsgd_mpi.theory.noise import Noise
from udsgd_mpi.theory.tokens import Returns, alternating, chance_to_be_in_step
from udsgd_mpi.tokens import Token, Walking

Floats = NDArray[np.float64]

_MOST_STATES = 1000  # of a walk, all of whose eigenvectors are wanted

WITHHELD = (
    "at any n: of models that walk over the agents theory tells the limit V alone, not how they"
    " come to it"
)
_IN_STEP = (
    "at any n, and no V: a walk over the agents and one on an agent's data graph are both periodic"
    " (bipartite), and in step: a model meets the same half of that agent's points again and again,"
    " and θ does not come to θ*; use a topology or a data graph that is not bipartite, or samplers"
    " that are iid"
)


def unpredicted_models(problem: Problem) -> str | None:
    """Why theory does not tell V; None where it does."""
    if problem.optimum is None:
        return problem.no_theorem
    if problem.optimum.hessian is None:
        return f"d = {problem.d:,} is beyond the parameters for which a Hessian is computed"
    experiment = problem.experiment
    samplers = {
        name: experiment.groups[name].sampler for name in {e.group for e in problem.summaries}
    }
    unknown = [each.name for each in samplers.values() if not _is_known(each)]
    if unknown:
        return (
            f"what a model meets of an agent with sampler {unknown[0]}, which it visits at random"
            " times, is known for iid, srw and mhrw alone"
        )
    walks = any(not isinstance(each, IID) for each in samplers.values())
    pattern = experiment.communication
    if isinstance(pattern, Token) and isinstance(pattern.sampler, SRRW) and walks:
        return (
            "when a self-repellent walk comes back to an agent is not known, and agents whose"
            " samplers remember count by that; it is predicted of iid agents"
        )
    states = [
        entry.points // entry.batch
        for entry in problem.summaries
        if not isinstance(samplers[entry.group], IID)
    ]
    largest = max([len(problem.summaries), *states] if walks else [0])
    if largest > _MOST_STATES:
        return (
            f"a walk over {largest:,} agents or points is beyond the {_MOST_STATES:,} for which all"
            " eigenvectors are computed"
        )
    return None


def _is_known(sampler: Sampler) -> bool:
    return isinstance(sampler, IID | SRW | MHRW)


def limit_of_models(problem: Problem, team: Team) -> Floats:
    """V of the average of all models, the limit of Cov(θ_n − θ*) / γ_n, shape (d, d).

    NaN where no limit theorem holds, or there is no limit. Collective where ``team`` is.
    """
    schedule, optimum, pattern = problem.schedule, problem.optimum, problem.experiment.communication
    if (
        not isinstance(schedule, Walking)
        or not isinstance(pattern, Token)
        or optimum is None
        or optimum.hessian is None
    ):
        message = "expected models that walk, with θ* and a Hessian there"
        raise TypeError(message)
    H, d, N = optimum.hessian, problem.d, team.agents
    returns = Returns(schedule.chain)
    several = schedule.walks > 1
    in_step = chance_to_be_in_step(schedule.chain, problem.topology) if several else 0.0

    def of_agent(i: int) -> tuple[Floats, Floats, Floats]:
        agent = problem.agents[i - team.hosted.start]
        G = agent.gradient_noise(problem.objective, problem.minimizer)
        chain = _chain_of(agent)
        visited = returns.of_points(i, chain, G)
        noise = agent.sampler.noise(G, agent.graph)
        if noise is None:
            message = f"expected a sampler whose noise is known, got {agent.sampler.name}"
            raise TypeError(message)
        always = noise.amplitudes.T @ noise.amplitudes
        if in_step > 0:
            always += in_step * alternating(chain, G)
        slope = schedule.paces[i] * slope_of(problem, agent)
        return slope, schedule.paces[i] * visited, always

    found = team.map(of_agent)
    of_walk = team.gather([slope for slope, *_ in found])
    own, cross = (
        team.mean(np.stack([each[k].ravel() for each in found])).reshape(d, d) for k in (1, 2)
    )

    def limit() -> Floats:
        step_size = problem.experiment.step_size
        smallest = float(np.linalg.eigvalsh(H)[0])
        if not has_limit(smallest, step_size) or np.isnan(own).any():
            return np.full_like(H, np.nan)
        slopes = np.stack(of_walk)
        walk = pattern.sampler.noise(slopes - schedule.law @ slopes, problem.topology)
        K = schedule.walks
        parts = [(walk, 1 / K), (Noise.white(own), 1 / K)]
        if K > 1:
            parts.append((Noise.white(cross / N), 1 - 1 / K))
        V = [share * limiting_covariance(noise, H, step_size) for noise, share in parts]
        return np.asarray(np.sum(V, axis=0))

    return team.bcast(limit)


def withheld_of_models(V: Floats, problem: Problem) -> str:
    """Why no error at n is predicted."""
    smallest = problem.optimum.smallest_curvature if problem.optimum else np.nan
    in_step = np.isnan(V).any() and has_limit(smallest, problem.experiment.step_size)
    return _IN_STEP if in_step else WITHHELD


def _chain_of(agent: Agent) -> ReversibleChain | None:
    chain = agent.sampler.chain(agent.graph)
    return chain if isinstance(chain, ReversibleChain) else None
