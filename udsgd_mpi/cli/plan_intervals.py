"""What ``udsgd plan --intervals`` prints."""

from argparse import Namespace

import numpy as np

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.api.plan_intervals import planned_intervals
from udsgd_mpi.cli.settings import requested
from udsgd_mpi.forecast.intervals import MOST_STEPS, IntervalPlan, Reached
from udsgd_mpi.support.units import in_bytes


def print_plan_of_intervals(arguments: Namespace) -> None:
    """Compare intervals, within the budget and after the experiment's steps."""
    experiments = requested(arguments)
    plan = planned_intervals(
        experiments,
        arguments.intervals,
        arguments.seconds,
        arguments.bytes,
        arguments.variant,
        arguments.by,
        arguments.paths,
    )
    name = arguments.variant or next(iter(experiments))
    pattern = plan.problem.experiment.communication
    budget = _of_budget(plan)
    print(f"{name}: {pattern.__struct_config__.tag} with other intervals K, in {budget}\n")
    print(_table(plan, budget))
    print(f"\n{_verdict(plan, budget)}")
    if any(each.in_budget is None for each in plan.found):
        print(f"steps beyond {MOST_STEPS:,} are not looked at; ask for less")


def _of_budget(plan: IntervalPlan) -> str:
    seconds, sent = plan.budget
    return in_bytes(sent or 0) if seconds is None else f"{seconds:.4g} simulated s"


def _table(plan: IntervalPlan, budget: str) -> str:
    last = plan.problem.experiment.steps
    head = ["K", f"steps in {budget}", "MSE then", "± s.e.", f"MSE at n = {last:,}", "± s.e."]
    rows = [[*head, "simulated s", "bytes of a trial"]]
    for each in plan.found:
        if each.in_budget is None:
            cells = [f"over {MOST_STEPS:,}", "—", "—"]
        else:
            cells = [f"{each.in_budget.step:,}", *_mse(each.in_budget)]
        at = each.at_last
        seconds = "—" if np.isnan(at.seconds) else f"{at.seconds:.4g}"
        mark = "*" if each in plan.as_good else ""
        cells += [*_mse(at), seconds, in_bytes(at.sent)]
        rows.append([f"{mark}{each.interval!s}", *cells])
    return aligned(rows, indent=2)


def _mse(reached: Reached) -> list[str]:
    if np.isnan(reached.mse):
        return ["none", "—"]
    return [f"{reached.mse:.3e}", f"{reached.error:.0e}"]


def _verdict(plan: IntervalPlan, budget: str) -> str:
    best = plan.best
    if best is None:
        return f"no error is known of any interval in {budget}"
    others = [str(each.interval) for each in plan.as_good if each is not best]
    beside = f"; within two standard errors of it: {', '.join(others)}" if others else ""
    return f"best in {budget}: K = {best.interval!s}{beside}"
