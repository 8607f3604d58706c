# ruff: noqa: T201
"""Time of a local step with θ in single precision, against double precision.

The same agents take the same steps in both, on one thread and in turns. Processor time is what
counts, and ratios are of repeats that follow each other.
"""

from statistics import median

import numpy as np

import udsgd_mpi
from udsgd_mpi.forecast.trial_run import TrialRun
from udsgd_mpi.problem import LoneTeam, Problem, pose

AGENTS, TRIALS, BLOCK, SECONDS, REPEATS = 10, 60, 64, 0.1, 9

CASES = {
    "logistic, 30 features": {"data.source": "breast_cancer", "objective": "logistic"},
    "softmax, 64 features": {
        "data.source": "digit_images",
        "objective": "softmax",
    },
}


def main() -> None:
    """Print a row for each case."""
    print("ns a step of an agent in a trial, median; ratio of paired repeats, median (quartiles)")
    print("| objective | d | float32 | float64 | float32 / float64 |\n|---|---|---|---|---|")
    for name, settings in CASES.items():
        problems = [posed(settings, dtype) for dtype in ("float32", "float64")]
        times = np.array([[seconds(each) for each in problems] for _ in range(1 + REPEATS)])[1:]
        low, middle, high = np.quantile(times[:, 0] / times[:, 1], (0.25, 0.5, 0.75))
        single, double = (1e9 * median(column) / (AGENTS * TRIALS) for column in times.T.tolist())
        ratio = f"{middle:.3f} ({low:.3f} to {high:.3f})"
        print(f"| {name} | {problems[0].d} | {single:.0f} | {double:.0f} | {ratio} |")


def posed(settings: dict[str, str], dtype: str) -> Problem:
    """Ten agents with access to all of their points."""
    groups = {"all": {"share": 1.0, "sampler": "iid"}}
    base = {"agents": AGENTS, "trials": TRIALS, "steps": 1000, "groups": groups, "dtype": dtype}
    experiment = udsgd_mpi.load(base, settings)["main"]
    return pose(experiment, LoneTeam(AGENTS))


def seconds(problem: Problem) -> float:
    """Processor seconds of a step of all agents in all trials."""
    return TrialRun(problem, range(AGENTS), TRIALS, BLOCK).step(SECONDS)


if __name__ == "__main__":
    main()
