"""``udsgd plan``."""

import re
from argparse import Namespace

import msgspec
import numpy as np

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.api.plan import Plan, planned, sampler_of
from udsgd_mpi.cli.by_probes import print_plan_of_traces
from udsgd_mpi.cli.settings import requested, value_of
from udsgd_mpi.forecast.traces import TracePlan
from udsgd_mpi.samplers import Sampler
from udsgd_mpi.support.errors import ConfigurationError, nearest

_SHOWN = 11


def command(arguments: Namespace) -> None:
    """Rank the agents, and say how many upgrades it takes."""
    upgrades = dict(map(_upgrade, _separate(arguments.upgrade)))
    rival = _sampler(arguments.against, "--against")
    experiments = requested(arguments)
    match = arguments.match
    if match is not None and match not in experiments:
        raise ConfigurationError(f"unknown variant {match!r}: {nearest(match, experiments)}")
    plan = planned(
        experiments, upgrades, arguments.variant, arguments.by, arguments.paths, arguments.probes
    )
    name = arguments.variant or next(iter(experiments))
    shown = ", ".join(f"{before} to {_shown(to)}" for before, to in upgrades.items())
    print(f"{name}: upgrade {shown}, {len(plan.candidates)} candidates\n")
    if isinstance(plan, TracePlan):
        print_plan_of_traces(arguments, plan, rival)
        return
    _print_curve(plan)
    _print_goals(arguments, plan, rival)
    print("MSE is to first order; udsgd predict finds what curvature and disagreement add to it")
    for caution in plan.cautions:
        print(f"warning: {caution}")


def _print_curve(plan: Plan) -> None:
    best, planner = plan.candidates, plan.planner
    all_gains = planner.trace([]) - planner.trace(best)
    rows = [["k", "Tr V, best k", "random k", "worst k", "MSE, best k", "at equal time"]]
    for k in np.unique(np.linspace(0, len(best), _SHOWN).astype(int)).tolist():
        cells = (
            planner.trace(best[:k]),
            planner.trace([]) - all_gains * k / len(best),
            planner.trace(best[::-1][:k]),
            planner.mse(best[:k]),
            planner.mse_at_equal_time(best[:k]),
        )
        rows.append([str(k), *(f"{value:.4g}" for value in cells)])
    print(aligned(rows, indent=2))
    print("\nagents, largest gain first: " + ", ".join(map(str, best)))
    now, then = 1e9 * planner.seconds([]), 1e9 * planner.seconds(best)
    print(
        f"local step of the slowest agent, measured here: {now:.0f} ns now, {then:.0f} ns with all"
        " upgrades\n"
    )


def _print_goals(arguments: Namespace, plan: Plan, rival: Sampler) -> None:
    n = plan.problem.experiment.steps

    def to_trace(goal: float) -> str:
        return _in_words(plan.fewest(trace=goal), plan)

    def to_mse(goal: float) -> str:
        return _in_words(plan.fewest(mse=goal), plan)

    if arguments.budget is not None:
        now, then = plan.upgraded(0), plan.upgraded(max(0, arguments.budget))
        print(f"{then.agents} upgrades: Tr V {now.trace:.4g} → {then.trace:.4g}")
        print(f"  at n = {n:,}: MSE {now.mse:.3e} → {then.mse:.3e}")
    elif arguments.target_mse is not None:
        goal = arguments.target_mse
        print(f"MSE of {goal:.3e} at n = {n:,}: {to_mse(goal)}")
    elif arguments.match is not None:
        other = plan.variant(arguments.match)
        print(f"Tr V of {arguments.match}, {other.trace:.4g}: {to_trace(other.trace)}")
        print(f"its MSE at n = {n:,}, {other.mse:.3e}: {to_mse(other.mse)}")
    else:
        other = plan.with_all(rival)
        of_all = f"all {other.agents} with {_shown(rival)}: Tr V = {other.trace:.4g}"
        print(f"{of_all}; beaten by {to_trace(other.trace)}")
        print(f"  at n = {n:,}: MSE = {other.mse:.3e}; beaten by {to_mse(other.mse)}")


def _in_words(fewest: int | None, plan: Plan) -> str:
    if fewest is None:
        return f"no number of upgrades up to {len(plan.candidates)}"
    return f"{fewest} upgrade{'s' * (fewest != 1)} of the best agents"


def _upgrade(text: str) -> tuple[str, Sampler]:
    before, _, after = text.partition(":")
    return before.strip(), _sampler(after, "--upgrade")


def _separate(text: str) -> list[str]:
    """Upgrades separated by commas outside of tables."""
    return re.split(r",(?![^{]*\})", text)


def _sampler(text: str, flag: str) -> Sampler:
    if not text.strip():
        raise ConfigurationError(f"{flag}: expected FROM:TO, such as srw:srrw")
    return sampler_of(value_of(text), flag)


def _shown(sampler: Sampler) -> str:
    parameters = msgspec.to_builtins(sampler)
    del parameters["kind"]
    inside = ", ".join(
        f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value!r}"
        for name, value in parameters.items()
    )
    return f"{sampler.name}({inside})" if inside else sampler.name
