"""What ``udsgd predict`` and ``udsgd plan`` print where the Hessian is too large to be held."""

from argparse import Namespace

import numpy as np

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.forecast.traces import Estimate, TracePlan, Traces
from udsgd_mpi.problem import Problem
from udsgd_mpi.samplers import Sampler
from udsgd_mpi.support.errors import ConfigurationError

_SHOWN = 11


def of_traces(traces: Traces, problem: Problem, most: int) -> str:
    """Tr V, and the agents that add most to it."""
    total, each = traces.total, traces.of_agents
    n = problem.experiment.steps
    gamma = float(problem.experiment.step_size(n, n)[0])
    lines = [
        f"  d = {problem.d:,}: Tr V by {traces.values.shape[1]} probes, no MSE at finite n",
        f"  limit: Tr V = {_shown(total)}, γₙ Tr V = {gamma * total.value:.3e} at n = {n:,}",
    ]
    order = sorted(range(len(each)), key=lambda i: -each[i].value)[:most]
    rows = [["agent", "Tr Vᵢ / N²", "± s.e.", "share", "sampler"]]
    for i in order:
        share = f"{each[i].value / total.value:.1%}" if total.value else "—"
        cells = [str(i), f"{each[i].value:.4g}", f"{each[i].error:.1g}", share]
        rows.append([*cells, problem.summaries[i].sampler])
    return "\n".join([*lines, aligned(rows, left=(len(rows[0]) - 1,), indent=2)])


def print_plan_of_traces(arguments: Namespace, plan: TracePlan, rival: Sampler) -> None:
    """Print the agents by what an upgrade takes off Tr V, and how many upgrades it takes.

    Raises
    ------
    ConfigurationError
        Where a goal is an MSE at finite n.
    """
    d, best = plan.problem.d, plan.candidates
    if arguments.target_mse is not None or arguments.match is not None:
        raise ConfigurationError(
            f"d = {d:,}: expected no --target-mse and no --match where the Hessian is too large to"
            " be held, as the MSE at finite n is not known; use --budget, or --against"
        )
    print(f"d = {d:,}: Tr V by {plan.probes} probes, no MSE at finite n\n")
    rows = [["k", "Tr V, best k", "± s.e.", "worst k"]]
    for k in np.unique(np.linspace(0, len(best), _SHOWN).astype(int)).tolist():
        trace, worst = plan.trace(best[:k]), plan.trace(best[::-1][:k])
        rows.append([str(k), f"{trace.value:.4g}", f"{trace.error:.1g}", f"{worst.value:.4g}"])
    print(aligned(rows, indent=2))
    for caution in sorted(plan.cautions):
        print(f"warning: {caution}")
    gains = ", ".join(f"{i} ({_shown(plan.gains[i])})" for i in best)
    print(f"\nagents, largest gain first: {gains}")
    if arguments.budget is not None:
        k = min(max(0, arguments.budget), len(best))
        print(f"{k} upgrades: Tr V {_shown(plan.trace([]))} → {_shown(plan.trace(best[:k]))}")
        return
    able = [i for i in best if plan.can_have(i, rival)]
    goal = plan.trace(able, plan.replacing(dict.fromkeys(able, rival)))
    k = next((k for k in range(len(best) + 1) if plan.trace(best[:k]).value <= goal.value), None)
    beaten = f"no number of upgrades up to {len(best)}" if k is None else f"{k} of the best agents"
    print(f"all {len(able)} with {rival.name}: Tr V = {_shown(goal)}; beaten by {beaten}")


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.4g} ± {estimate.error:.1g}"
