"""What is foretold of a run's first steps, in words, with what helps."""

from collections.abc import Sequence
from math import ceil

from msgspec.structs import replace

from udsgd_mpi.forecast.agent import has_limit
from udsgd_mpi.forecast.explosions import Culprit, Explosions, offset_against
from udsgd_mpi.problem import Problem
from udsgd_mpi.support.agent_lists import in_words

_MOST_TRIALS, _MOST_AGENTS = 10, 3  # that are named


def of_explosions(problem: Problem, found: Explosions) -> str:
    """How many trials explode, by which agents, and what helps."""
    own, (few, many) = sorted(found.own), found.interval
    whole = f"{found.trials:,} trials"
    if found.looked_at < found.trials:
        whole = f"the first {found.looked_at:,} of {whole}"
    named = found.culprits[:_MOST_AGENTS]
    others = sorted({*found.agents} - {each.overshooting.agent for each in named})
    return (
        f"step_size: first steps overshoot: {len(own)} of {whole}{_numbers(own)} explode within"
        f" {found.steps:,} steps, to a squared error above {found.limit:.3g}; on average"
        f" {found.expected:.2g} of {found.trials:,} do, with 95 % {few} to {many}."
        f" {'; '.join(map(_of_culprit, named))}{'; ' + in_words(others) if others else ''}."
        f" Use {_remedies(problem, found)}"
    )


def _of_culprit(culprit: Culprit) -> str:
    what, chance = culprit.overshooting, f"{culprit.chance:.2g}"
    if culprit.error:
        chance += f" ± {culprit.error:.1g}"
    return (
        f"agent {what.agent} ({culprit.share:.0%} of them): γ₁wλ = {what.factor:.3g} at point"
        f" {what.point} (w = {what.weight:.3g}, λ = {what.curvature:.3g}), and γₙwλ above"
        f" {what.bound:.3g} up to n = {what.last:,}; a trial meets such a point in time with"
        f" probability {chance}"
    )


def _remedies(problem: Problem, found: Explosions) -> str:
    """An offset, a smaller γ⋆ and no weights, each where it helps."""
    experiment = problem.experiment
    step_size, largest = experiment.step_size, found.largest_gamma
    remedies = []
    if (offset := offset_against(step_size, largest)) is not None:
        remedies.append(f"step_size.offset = {ceil(offset):,}")
    smaller = replace(step_size, gamma=step_size.gamma * largest / float(step_size(1, 1)[0]))
    remedy = f"gamma = {smaller.gamma:.2g}"
    limits = [
        has_limit(problem.smallest_curvature, experiment.method.in_the_limit(each))
        for each in (step_size, smaller)
    ]
    if limits == [True, False]:
        remedy += " (for which no limit theorem holds)"
    remedies.append(remedy)
    if experiment.weight != "none" and any(e.overshooting.weight > 1 for e in found.culprits):
        remedies.append('weight = "none" (which changes f)')
    return ", or ".join(remedies)


def _numbers(trials: Sequence[int]) -> str:
    """E.g. ``" (2, 31, …)"``."""
    if not trials:
        return ""
    shown = ", ".join(map(str, trials[:_MOST_TRIALS]))
    return f" ({shown}{', …' * (len(trials) > _MOST_TRIALS)})"
