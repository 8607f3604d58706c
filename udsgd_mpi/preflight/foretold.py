"""What is foretold of a run, in words, with what helps."""

from collections.abc import Sequence
from math import ceil, isfinite

from msgspec.structs import replace

from udsgd_mpi.forecast.explosions import Culprit, Explosions, offset_against
from udsgd_mpi.forecast.spectral import half_batch
from udsgd_mpi.forecast.stationarity import Unsteady
from udsgd_mpi.problem import Problem
from udsgd_mpi.support.agent_lists import in_words
from udsgd_mpi.theory.limit import has_limit

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


def of_unsteady(problem: Problem, found: Sequence[Unsteady]) -> str:
    """Which agents' series are not stationary, what that means, and what helps."""
    seen = []
    if drifting := [each.agent for each in found if each.drifts]:
        seen.append(f"change slowly over the whole series ({in_words(drifting)})")
    if periods := {each.agent: each.period for each in found if isfinite(each.period)}:
        few, many = (f"{f(periods.values()):,.0f}" for f in (min, max))
        span = few if few == many else f"{few} to {many}"
        seen.append(f"have a season of about {span} steps ({in_words([*periods])})")
    return (
        "sampler: in the order of the rows gradients at θ* are not stationary, or are correlated"
        f" over more than a hundredth of the rows: they {' and '.join(seen)}. U is estimated from"
        f" batches of {2 * half_batch(problem.experiment.steps):,} steps, and longer stretches have"
        " another: V, and what plan ranks by it, need not tell of the last step. Predicted errors"
        " do, as they follow paths through these rows. Use iid or a shuffling where rows can be"
        " read in any order, or add features that explain the change, such as the month"
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
    if experiment.communication.compression:
        remedies.append("a smaller communication.compression.consensus_step")
    return ", or ".join(remedies)


def _numbers(trials: Sequence[int]) -> str:
    """E.g. ``" (2, 31, …)"``."""
    if not trials:
        return ""
    shown = ", ".join(map(str, trials[:_MOST_TRIALS]))
    return f" ({shown}{', …' * (len(trials) > _MOST_TRIALS)})"
