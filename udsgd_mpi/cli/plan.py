"""``udsgd plan``."""

import re
from argparse import Namespace
from collections.abc import Sequence

import msgspec
import numpy as np

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.api.plan import TRACE, Aim, Plan, planned, sampler_of
from udsgd_mpi.cli.by_probes import print_plan_of_traces
from udsgd_mpi.cli.plan_intervals import print_plan_of_intervals
from udsgd_mpi.cli.settings import requested, value_of
from udsgd_mpi.forecast.traces import TracePlan
from udsgd_mpi.samplers import Sampler
from udsgd_mpi.support.errors import ConfigurationError, nearest

_SHOWN = 11

_OF_UPGRADES = (
    *("upgrade", "against", "criterion", "contrast"),
    *("budget", "target_mse", "match"),
)


def command(arguments: Namespace) -> None:
    """Rank the agents, and say how many upgrades it takes; or compare intervals."""
    if arguments.intervals is None:
        _refuse(arguments, ("seconds", "bytes"), "with --intervals alone")
        _plan_upgrades(arguments)
    else:
        _refuse(arguments, _OF_UPGRADES, "without --intervals alone")
        print_plan_of_intervals(arguments)


def _refuse(arguments: Namespace, names: Sequence[str], where: str) -> None:
    for name in names:
        if getattr(arguments, name) is not None:
            raise ConfigurationError(f"--{name.replace('_', '-')}: expected {where}; leave it out")


def _plan_upgrades(arguments: Namespace) -> None:
    asked = "srw:srrw" if arguments.upgrade is None else arguments.upgrade
    upgrades = dict(map(_upgrade, _separate(asked)))
    rival = _sampler("nbrw" if arguments.against is None else arguments.against, "--against")
    experiments = requested(arguments)
    match = arguments.match
    if match is not None and match not in experiments:
        raise ConfigurationError(f"unknown variant {match!r}: {nearest(match, experiments)}")
    plan = planned(
        experiments,
        upgrades,
        arguments.variant,
        arguments.by,
        arguments.paths,
        arguments.probes,
        Aim(arguments.criterion or TRACE.criterion, arguments.contrast),
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
    every, planner, symbol = plan.candidates, plan.planner, plan.planner.criterion.symbol
    separable = planner.criterion.separable
    before, gain = planner.value([]), planner.value([]) - planner.value(every)
    others = ["random k", "worst k"] if separable else ["at least"]
    rows = [["k", f"{symbol}, best k", *others, "MSE, best k", "at equal time"]]
    for k in np.unique(np.linspace(0, len(every), _SHOWN).astype(int)).tolist():
        best = planner.best(k)
        if separable:
            compared = [before - gain * k / len(every), planner.value(every[::-1][:k])]
        else:
            compared = [best.bound]
        mse, at_equal_time = planner.mse(best.agents), planner.mse_at_equal_time(best.agents)
        cells = (best.value, *compared, mse, at_equal_time)
        rows.append([str(k), *(f"{value:.4g}" for value in cells)])
    print(aligned(rows, indent=2))
    if separable:
        print("\nagents, largest gain first: " + ", ".join(map(str, every)))
    else:
        print(f"\nat least: no other k agents bring {symbol} below this")
        print("agents, largest gain alone first: " + ", ".join(map(str, every)))
    now, then = 1e9 * planner.seconds([]), 1e9 * planner.seconds(every)
    print(
        f"local step of the slowest agent, measured here: {now:.0f} ns now, {then:.0f} ns with all"
        " upgrades\n"
    )


def _print_goals(arguments: Namespace, plan: Plan, rival: Sampler) -> None:
    n, symbol = plan.problem.experiment.steps, plan.planner.criterion.symbol

    def to_value(goal: float) -> str:
        return _in_words(plan.fewest(criterion=goal), plan)

    def to_mse(goal: float) -> str:
        return _in_words(plan.fewest(mse=goal), plan)

    if arguments.budget is not None:
        now, then = plan.upgraded(0), plan.upgraded(arguments.budget)
        print(f"{then.agents} upgrades: {symbol} {now.criterion:.4g} → {then.criterion:.4g}")
        print(f"  at n = {n:,}: MSE {now.mse:.3e} → {then.mse:.3e}")
        print(f"  of agents {', '.join(map(str, plan.best(arguments.budget)))}")
    elif arguments.target_mse is not None:
        goal = arguments.target_mse
        print(f"MSE of {goal:.3e} at n = {n:,}: {to_mse(goal)}")
    elif arguments.match is not None:
        other = plan.variant(arguments.match)
        reached = to_value(other.criterion)
        print(f"{symbol} of {arguments.match}, {other.criterion:.4g}: {reached}")
        print(f"its MSE at n = {n:,}, {other.mse:.3e}: {to_mse(other.mse)}")
    else:
        other = plan.with_all(rival)
        of_all = f"all {other.agents} with {_shown(rival)}: {symbol} = {other.criterion:.4g}"
        print(f"{of_all}; beaten by {to_value(other.criterion)}")
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
