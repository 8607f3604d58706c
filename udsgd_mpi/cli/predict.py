"""``udsgd predict``."""

from argparse import Namespace
from collections import defaultdict

import numpy as np

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.cli.settings import requested
from udsgd_mpi.concerns import concerns
from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.launcher import cores
from udsgd_mpi.prediction import Prediction, predict
from udsgd_mpi.problem import OneProcess, Problem, pose_all
from udsgd_mpi.step_size import StepSize

_SHOWN_STEPS = 6
_SHOWN_AGENTS = 5


def command(arguments: Namespace) -> None:
    """Print what theory expects of every variant, without running it."""
    experiments = requested(arguments)
    first = next(iter(experiments.values()))
    if first.agents is None and arguments.agents is None:
        raise ConfigurationError(
            "agents: expected a number to predict for, got none; use --agents N"
        )
    problems = pose_all(experiments, OneProcess, 1)
    for name, problem in problems.items():
        everyone = OneProcess(len(problem.roster))
        steps = problem.experiment.record.at(problem.experiment.steps)
        prediction = predict(
            problem,
            everyone,
            steps,
            method=arguments.method,
            trials=arguments.paths,
            threads=cores(),
        )
        print(f"{name}: {problem.experiment.title}" if problem.experiment.title else name)
        print(_table(prediction, problem))
        print(_limit(prediction, problem.experiment.step_size))
        print(_agents(prediction, problem))
        for concern in concerns(problem):
            print(f"  warning: {concern}")
        print(flush=True)


def _table(prediction: Prediction, problem: Problem) -> str:
    polyak = problem.experiment.record.polyak
    shown = np.unique(np.linspace(0, len(prediction.step) - 1, _SHOWN_STEPS).astype(int))
    rows = [["n", "MSE", "± s.e.", "n · MSE", "linear", *(["Polyak MSE"] if polyak else [])]]
    for row in shown:
        n = int(prediction.step[row])
        cells = [f"{n:,}", f"{prediction.mse[row]:.3e}", f"{prediction.error[row]:.0e}"]
        cells += [f"{n * prediction.mse[row]:.4g}", f"{prediction.linear_mse[row]:.3e}"]
        rows.append(cells + ([f"{prediction.averaged_mse[row]:.3e}"] if polyak else []))
    return aligned(rows, indent=2)


def _limit(prediction: Prediction, step_size: StepSize) -> str:
    trace = float(np.trace(prediction.limiting_covariance))
    if np.isnan(trace):
        return "  no limit theorem holds for this step size"
    n = int(prediction.step[-1])
    limit = trace * float(step_size(n, n)[0])
    line = f"  limit: Tr V = {trace:.4g}, γₙ Tr V = {limit:.3e} at n = {n:,}"
    if prediction.disagree:
        line += (
            "\n  the linear recursion and sampled paths disagree: visit histories are still far"
            " from μ; the paths are right"
        )
    return line


def _agents(prediction: Prediction, problem: Problem) -> str:
    """Shares of groups, and the agents that contribute most."""
    total = prediction.contributions.sum()
    if total == 0:
        return "  no agent contributes a variance"
    groups: dict[str, list[int]] = defaultdict(list)
    for i, entry in enumerate(problem.roster):
        groups[f"{entry.group} ({entry.sampler}, by {prediction.methods[i]})"].append(i)
    lines = [
        f"  {len(agents)} × {name}: {prediction.contributions[agents].sum() / total:.1%} of the"
        f" variance, {np.mean(prediction.contributions[agents]) / total:.2%} each"
        for name, agents in groups.items()
    ]
    largest = np.argsort(prediction.contributions)[::-1][:_SHOWN_AGENTS]
    top = ", ".join(f"{i} ({prediction.contributions[i] / total:.1%})" for i in largest)
    return "\n".join([*lines, f"  largest contributions: agents {top}"])
