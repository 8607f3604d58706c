"""``udsgd predict``."""

from argparse import Namespace
from collections import defaultdict

import numpy as np

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.api.predict import predicted
from udsgd_mpi.cli.by_probes import of_traces
from udsgd_mpi.cli.of_stationary import of_stationary
from udsgd_mpi.cli.settings import requested
from udsgd_mpi.forecast import PATHS_ALONE, Prediction
from udsgd_mpi.forecast.stale_reads import knows_limit
from udsgd_mpi.forecast.traces import Traces
from udsgd_mpi.problem import Problem
from udsgd_mpi.support.agent_lists import in_words

_SHOWN_STEPS = 6


def command(arguments: Namespace) -> None:
    """Print the predicted error of every variant, without running it."""
    found = predicted(requested(arguments), arguments.by, arguments.paths, arguments.probes)
    for name, problem, prediction, cautions in found:
        print(f"{name}: {problem.experiment.title}" if problem.experiment.title else name)
        if isinstance(prediction, Traces):
            print(of_traces(prediction, problem, arguments.top))
        elif not problem.schedule.mixes:
            print(f"  no prediction {prediction.withheld}")
            print(_limit(prediction, problem))
        else:
            print(_table(prediction, problem))
            if prediction.withheld:
                print(f"  no prediction {prediction.withheld}")
            print(_limit(prediction, problem))
            print(_groups(prediction, problem))
            if prediction.stationary is None:
                print(_agents(prediction, problem, arguments.top))
            else:
                print(of_stationary(prediction.stationary, problem, arguments.top))
        for caution in cautions:
            print(f"  warning: {caution}")
        print(flush=True)


def _table(prediction: Prediction, problem: Problem) -> str:
    polyak = problem.experiment.record.polyak
    shown = np.unique(np.linspace(0, len(prediction.step) - 1, _SHOWN_STEPS).astype(int))
    head = ["n", "MSE", "± s.e.", "n · MSE", "beyond first order", "linear"]
    rows = [[*head, *(["Polyak MSE"] if polyak else []), "consensus error", "± s.e."]]
    for row in shown:
        n = int(prediction.step[row])
        mse, error = prediction.mse[row], prediction.error[row]
        cells = [f"{n:,}", *(["none"] * 4 if np.isnan(mse) else [f"{mse:.3e}", f"{error:.0e}"])]
        if not np.isnan(mse):
            cells += [f"{n * mse:.4g}", f"{n * prediction.beyond_first_order[row]:.2g}"]
        cells.append(_or_dash(prediction.linear_mse[row], ".3e"))
        if polyak:
            cells.append(_or_dash(prediction.averaged_mse[row], ".3e"))
        consensus = _or_dash(prediction.consensus_error[row], ".2e")
        cells += [consensus, _or_dash(prediction.consensus_error_error[row], ".0e")]
        rows.append(cells)
    return aligned(rows, indent=2)


def _or_dash(value: float, form: str) -> str:
    return "—" if np.isnan(value) else f"{value:{form}}"


def _limit(prediction: Prediction, problem: Problem) -> str:
    experiment = problem.experiment
    trace = float(np.trace(prediction.limiting_covariance))
    if np.isnan(trace):
        if not problem.schedule.mixes:
            return "  V is not known: no limit theorem holds"
        if problem.schedule.staleness and any(e.sampler != "iid" for e in problem.summaries):
            return (
                "  V is not known: what delays of stale reads add to noise is known of iid alone;"
                "\n  it is in the MSE, but in no agent's variance below"
            )
        if not knows_limit(problem, independent=True):
            return (
                "  V is not known: agents are too many, or take too long to agree, for the sums of"
                " what\n  delays of stale reads add to noise; it is in the MSE"
            )
        if PATHS_ALONE in prediction.methods:
            return "  V is not known: no limit theorem holds, or sampled paths are too short for it"
        return "  no limit theorem holds for this step size"
    n = int(prediction.step[-1])
    limit = trace * float(experiment.step_size(n, n)[0])
    line = f"  limit: Tr V = {trace:.4g}, γₙ Tr V = {limit:.3e} at n = {n:,}"
    changed = {
        "the method": not experiment.method.proved,
        "compression": experiment.communication.compression is not None,
        "agents that are away": problem.schedule.pauses,
        "models that walk": not problem.schedule.mixes,
        "stale reads": problem.schedule.staleness > 0,
    }
    if some := " and ".join(name for name, here in changed.items() if here):
        line += f"\n  that this is the limit under {some}, too, is measured, not proved"
    if prediction.presence_covariance is not None:
        part = float(np.trace(prediction.presence_covariance)) / trace
        line += (
            f"\n  {part:.1%} of Tr V is due to when agents are there, which is the same in all"
            "\n  trials of a run: the MSE is that of this seed, Tr V is over all seeds"
        )
    if unknown := [i for i, method in enumerate(prediction.methods) if method == PATHS_ALONE]:
        line += (
            f"\n  V of {in_words(unknown)} is estimated from sampled paths: Tr V ±"
            f" {prediction.trace_error:.1g} (s.e.)"
        )
    if prediction.disagree:
        line += (
            "\n  the linear recursion and sampled paths disagree: noise is not white yet, or"
            " curvature matters; trust the paths"
        )
    return line


def _groups(prediction: Prediction, problem: Problem) -> str:
    total = prediction.contributions.sum()
    if total == 0:
        return "  no agent contributes a variance"
    groups: dict[str, list[int]] = defaultdict(list)
    for i, entry in enumerate(problem.summaries):
        groups[f"{entry.group} ({entry.sampler}, by {prediction.methods[i]})"].append(i)
    return "\n".join(
        f"  {len(agents)} × {name}: {prediction.contributions[agents].sum() / total:.1%} of the"
        f" variance, {np.mean(prediction.contributions[agents]) / total:.2%} each"
        for name, agents in groups.items()
    )


def _agents(prediction: Prediction, problem: Problem, most: int) -> str:
    """The agents that add most to Tr V, or to the variance at the last step without a limit."""
    traces, contributions = prediction.agent_traces, prediction.contributions
    order = np.argsort(-(contributions if np.isnan(traces).any() else traces), kind="stable")
    total = contributions.sum()
    rows = [["agent", "Tr Vᵢ / N²", f"variance at n = {prediction.step[-1]:,}", "share", "sampler"]]
    for i in order[:most].tolist():
        share = f"{contributions[i] / total:.1%}" if total > 0 else "—"
        cells = [str(i), f"{traces[i]:.4g}", f"{contributions[i]:.3e}", share]
        rows.append([*cells, problem.summaries[i].sampler])
    return aligned(rows, left=(len(rows[0]) - 1,), indent=2)
