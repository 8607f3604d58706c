"""Which problems are too large for the prediction that a run makes."""

import numpy as np

from udsgd_mpi.forecast.agent import paths_of_each, paths_of_each_walk, remembers
from udsgd_mpi.forecast.effort import first_trials, last_followed
from udsgd_mpi.forecast.models import unpredicted_models
from udsgd_mpi.forecast.presence import in_steps_of_all
from udsgd_mpi.problem import Problem, Team
from udsgd_mpi.theory.second_moments import NODES

_MOST_SOLVED = 26 * 10**9  # agents times d³; a minute on one processor, at 2.3 ns each
_LARGEST_GRAPH = 10_000  # Poisson's equation is solved on it
_MOST_ENTRIES = 2**28  # of all V_i; 2 GB
_MOST_STEPS_OF_PATHS = 2 * 10**9  # some minutes on two processors, with up to so many numbers
_NUMBERS_OF_A_STEP = 300
_MOST_SECONDS_OF_TRIALS = 600  # of one processor
_MOST_STEPS_OF_MOMENTS = 2 * 10**10  # half a minute on one processor, at 1.3 ns each


def unpredicted(problem: Problem) -> str | None:
    """Why a run makes no prediction of a problem; None where it makes one.

    For walks that are too slow see ``unpredicted_walks``.
    """
    if not problem.experiment.record.predict:
        return "switched off by record.predict = false"
    if not problem.schedule.mixes:
        return unpredicted_models(problem) or _too_many_entries(problem)
    return problem.no_theorem or _too_large(problem) or _too_long(problem)


def _too_large(problem: Problem) -> str | None:
    d, N = problem.d, len(problem.summaries)
    if not problem.holds_hessian:
        most = problem.most_parameters
        return f"d = {d:,} is beyond the {most:,} parameters for which a Hessian is computed"
    if N * d**3 > _MOST_SOLVED:
        return (
            f"V of {N:,} agents with d = {d:,} each takes agents · d³ = {N * d**3:.1e} operations,"
            f" of {_MOST_SOLVED:.1e} at most; udsgd predict takes them all the same"
        )
    nodes = max(
        (e.points // e.batch for e in problem.summaries if not np.isnan(e.mean_degree)), default=0
    )
    if nodes > _LARGEST_GRAPH:
        return (
            f"a data graph or chain of {nodes:,} points is beyond the {_LARGEST_GRAPH:,} for which"
            " the variance of a walk is computed"
        )
    return _too_many_entries(problem)


def _too_many_entries(problem: Problem) -> str | None:
    d, N = problem.d, len(problem.summaries)
    if N * d**2 <= _MOST_ENTRIES:
        return None
    return (
        f"V of {N:,} agents with d = {d:,} each is beyond the {_MOST_ENTRIES:,} entries that are"
        " kept in memory"
    )


def _too_long(problem: Problem) -> str | None:
    steps = steps_of_paths(problem)
    if steps > most_steps_of_paths(problem.d):
        return _too_many_paths(steps, problem.d)
    steps = _steps_of_trials(problem)
    seconds = 1e-9 * steps * problem.objective.nanoseconds(problem.d)
    if seconds > _MOST_SECONDS_OF_TRIALS:
        return (
            f"{steps:,} steps of trials would take some {seconds:,.0f} s of a processor, of"
            f" {_MOST_SECONDS_OF_TRIALS} s at most; udsgd predict takes them all the same"
        )
    steps = steps_of_moments(problem)
    if steps > _MOST_STEPS_OF_MOMENTS:
        return (
            f"the linear recursion of all moments would take {steps:,} steps, of"
            f" {_MOST_STEPS_OF_MOMENTS:,} at most; udsgd predict takes them all the same"
        )
    return None


def unpredicted_walks(problem: Problem, team: Team) -> str | None:
    """Why a run makes no prediction of a problem with slow walks; collective.

    How slow they are is examined only if their paths, were all slow, would be too long.
    """
    if not problem.schedule.mixes:  # of models the limit alone is predicted, without paths
        return None
    experiment = problem.experiment
    groups, N = experiment.groups, len(problem.summaries)
    samplers = [groups[entry.group].sampler for entry in problem.summaries]
    others = steps_of_paths(problem)
    of_a_walk = paths_of_each_walk(N) * experiment.steps
    walks = sum(not sampler.long_memory for sampler in samplers)
    most = most_steps_of_paths(problem.d)
    if others + walks * of_a_walk <= most:
        return None

    def is_slow(i: int) -> bool:
        agent = problem.agents[i - team.hosted.start]
        if agent.sampler.long_memory:
            return False
        G = agent.gradient_noise(problem.objective, problem.minimizer)
        noise = agent.sampler.noise(G, agent.graph)
        step_size = experiment.method.in_the_limit(experiment.step_size)
        if noise is None:
            return False
        noise = in_steps_of_all(problem, agent, i, noise)
        return remembers(agent, noise, step_size, experiment.steps)

    slow = sum(team.allgather(team.map(is_slow)))
    steps = others + slow * of_a_walk
    return _too_many_paths(steps, problem.d) if steps > most else None


def most_steps_of_paths(d: int) -> int:
    """Steps that a prediction takes along paths at most: fewer where each is of many numbers."""
    return _MOST_STEPS_OF_PATHS * _NUMBERS_OF_A_STEP // max(_NUMBERS_OF_A_STEP, d)


def _too_many_paths(steps: int, d: int) -> str:
    return (
        f"it would take {steps:,} steps along sampled paths, of {most_steps_of_paths(d):,} at most"
        f" with d = {d:,}; udsgd predict takes them all the same"
    )


def steps_of_paths(problem: Problem) -> int:
    """Steps of all agents that a prediction takes for samplers with a long memory, and in trials.

    Those for slow walks ``unpredicted_walks`` finds from their graphs.
    """
    groups, N = problem.experiment.groups, len(problem.summaries)
    remember = sum(groups[entry.group].sampler.long_memory for entry in problem.summaries)
    paths = remember * paths_of_each(N) * problem.experiment.steps
    return paths + _steps_of_trials(problem)


def _steps_of_trials(problem: Problem) -> int:
    N = len(problem.summaries)
    return N * first_trials(N) * last_followed(problem)


def steps_of_moments(problem: Problem) -> int:
    """Steps that a prediction takes of the linear recursion, over all moments of its tables.

    There is a table of one node for noise without a history and, at most, one for each sampler
    with a long memory. It has an entry for each parameter. Agents that are away at times have each
    their own.
    """
    groups = problem.experiment.groups
    samplers = [groups[entry.group].sampler for entry in problem.summaries]
    if problem.schedule.pauses:
        nodes = sum(NODES if sampler.long_memory else 1 for sampler in samplers)
    else:
        nodes = 1 + NODES * sum(sampler.long_memory for sampler in {*samplers})
    return nodes * problem.d * problem.experiment.steps
