"""Warnings about a run that is allowed but likely to disappoint."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from udsgd_mpi.communication import Activated, Schedule
from udsgd_mpi.forecast.explosions import Explosions, explosions
from udsgd_mpi.forecast.stationarity import Unsteady, unsteady
from udsgd_mpi.objectives.minimizer import Minimum
from udsgd_mpi.preflight.foretold import of_explosions, of_unsteady
from udsgd_mpi.problem import Problem, Team
from udsgd_mpi.support.agent_lists import in_words
from udsgd_mpi.theory.step_size import Polynomial, StepSize

_THIN = 0.2
_STABLE = 2.0
_NOTABLE_GROWTH = 2.0
_MOST_STEPS = 10_000
_FIRST_STEPS = 1000
_MOST_OF_SAMPLERS = 10


class Foretold(NamedTuple):
    """What agents' data tell of a run before it begins.

    Attributes
    ----------
    explosions
        Of its first steps, see ``forecast.explosions``.
    unsteady
        Agents whose series are not stationary, see ``forecast.stationarity``.
    """

    explosions: Explosions | None = None
    unsteady: Sequence[Unsteady] = ()


def foretell(problem: Problem, team: Team) -> Foretold:
    """Find it; collective where ``team`` is."""
    return Foretold(explosions(problem, team), unsteady(problem, team))


def cautions(problem: Problem, foretold: Foretold) -> Iterator[str]:
    """Warnings about one variant: an assumption of the limit theorem that it breaks."""
    if foretold.explosions:
        yield of_explosions(problem, foretold.explosions)
    if foretold.unsteady:
        yield of_unsteady(problem, foretold.unsteady)
    experiment = problem.experiment
    yield from _of_mixing(problem)
    yield from _of_activation(problem)
    yield from of_samplers(problem)
    momentum = experiment.method.momentum
    if problem.optimum is not None and momentum is not None:
        taken = "agents take {:.0%} of the steps"
        if problem.schedule.staleness:
            taken = "with stale reads the average takes steps of {:.3g} of γₙ"
        share = problem.share_of_steps
        of_average = share, "" if share == 1 else f" ({taken.format(share)})"
        yield from _of_step_size(experiment.step_size, problem.optimum, momentum, *of_average)


def of_samplers(problem: Problem) -> Iterator[str]:
    """What samplers have to say of the results, with the agents of whom they say it."""
    agents: dict[tuple[str, str], list[int]] = {}
    for i, entry in enumerate(problem.summaries):
        for said in entry.cautions:
            agents.setdefault((entry.group, said), []).append(i)
    for (group, said), those in [*agents.items()][:_MOST_OF_SAMPLERS]:
        yield f"groups.{group}.sampler: {said} ({in_words(those)})"
    if (more := len(agents) - _MOST_OF_SAMPLERS) > 0:
        yield f"groups: {more:,} similar warnings on the samplers of other agents"


def _of_step_size(
    step_size: StepSize, optimum: Minimum, momentum: float, share: float, taken: str
) -> Iterator[str]:
    L, mu = optimum.largest_curvature, optimum.smallest_curvature
    growth = _growth(step_size, L, momentum)
    if growth > _NOTABLE_GROWTH:
        stable = _STABLE * (1 + momentum)
        above = f"2 (1 + β) = {stable:.3g}" if momentum else "2"
        first = float(step_size(1, 1)[0])
        below = stable / L * (step_size.gamma / first)
        yield (
            f"step_size: γ₁L = {first * L:.3g} is above {above} (L = {L:.3g} is the"
            f" largest curvature of f at θ_0), so errors grow about {growth:.2g}-fold before they"
            f" fall, or for ever; use gamma below {below:.3g}"
        )
    if isinstance(step_size, Polynomial) and step_size.exponent == 1:
        least = (1 - momentum) / (2 * mu * share)
        margin = step_size.gamma / least - 1
        of = "" if share == 1 else f" · {share:.3g}"
        bound, ratio = (
            (f"(1 − β)/(2μ{of})", f"2μγ{of}/(1 − β)") if momentum else (f"1/(2μ{of})", f"2μγ{of}")
        )
        if margin <= 0:
            yield (
                f"step_size: gamma = {step_size.gamma:g} is not above {bound} ="
                f" {least:.4g}{taken},"
                " so the error falls more slowly than 1/n (Assumption 2.3); use a larger gamma, or"
                " an exponent below 1"
            )
        elif margin < _THIN:
            yield (
                f"step_size: gamma = {step_size.gamma:g} is barely above {bound} ="
                f" {least:.4g}{taken}; noise along the flattest direction (μ = {mu:.4g}) enters V"
                f" divided by {ratio} − 1 = {margin:.3g}, so the limit is large and is reached"
                " late; use a larger gamma"
            )


def _of_mixing(problem: Problem) -> Iterator[str]:
    experiment, schedule = problem.experiment, problem.schedule
    agents = len(problem.summaries)
    if agents == 1:
        return
    if isinstance(schedule, Activated) and (parts := schedule.parts()).any():
        other = int(np.flatnonzero(parts)[0])
        yield (
            f"activation: agents 0 and {other} are never there together, and no others pass on what"
            " they have learnt, so the agents never reach consensus (Assumption 2.5); let them"
            " meet, or use a topology that joins those that do"
        )
    elif not schedule.contracts(agents):
        yield (
            "communication: ‖E[WᵀW] − J‖ = 1, so the agents never reach consensus (Assumption"
            f" 2.5); {experiment.communication.remedy}"
        )
    elif schedule.count(experiment.steps) == 0:
        yield (
            "communication: the first aggregation is after the last step, so the agents never"
            " exchange; use a shorter interval, or more steps"
        )
    elif _later_ones_join(schedule, agents, experiment.steps):
        yield (
            "communication: aggregations up to the last step leave the agents in parts, which only"
            " a later one joins; use more steps, or for hlsgd a smaller outer"
        )


def _of_activation(problem: Problem) -> Iterator[str]:
    experiment = problem.experiment
    shares = problem.schedule.availability(experiment.steps)
    if shares is None or experiment.activation is None:
        return
    if never := np.flatnonzero(shares == 0).tolist():
        yield (
            f"activation: {in_words(never)} of the trace come after the last of"
            f" {experiment.steps:,} steps, so their data do not count; use more steps"
        )
    elif not experiment.activation.scaled and problem.shares_differ:
        least, most = int(shares.argmin()), int(shares.argmax())
        yield (
            f"activation: agents take from {shares[least]:.0%} (agent {least}) to"
            f" {shares[most]:.0%} (agent {most}) of the steps and count by these shares: θ comes"
            " to the minimiser of Σ share_i f_i, while errors are those from θ* of f; use"
            " activation.scaled = true, which divides each agent's steps by its share"
        )


def _later_ones_join(schedule: Schedule, agents: int, steps: int) -> bool:
    """Whether the W up to the last step leave the agents in parts."""
    if schedule.staleness:  # each W joins all, and delays leave it no period, see ``contracts``
        return False
    for last in (min(_FIRST_STEPS, steps), steps):  # drawing all of a long run would take long
        if (uses := schedule.uses(0, last)).any():
            moment = schedule.second_moment(agents, uses / uses.sum())
            if moment is None or moment.joins:
                return False
    return True


def _growth(step_size: StepSize, L: float, momentum: float) -> float:
    """By how much the first steps enlarge an error along the largest curvature.

    The product of the larger roots of z² + (γ_n L − 1 − β) z + β, by which the heavy ball
    multiplies errors, over the n at which it exceeds 1: γ_n L > 2 (1 + β).
    """
    gamma_L = step_size(1, _MOST_STEPS) * L
    excess = gamma_L[gamma_L > _STABLE * (1 + momentum)] - (1 + momentum)
    with np.errstate(over="ignore"):
        return float(np.prod((excess + np.sqrt(excess**2 - 4 * momentum)) / 2))
