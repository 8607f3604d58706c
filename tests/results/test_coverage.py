"""Intervals of ``udsgd infer`` cover θ* in 93 to 97 % of 2,000 trials: pytest -s -m slow prints it.

``tests/results/test_infer.py`` has a smaller size. Standard errors that ``infer`` computes for one
trial and another differ by little, which is printed, so ten trials have their own, and the others
the mean of these.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from tests.launch import udsgd
from udsgd_mpi.forecast import infer
from udsgd_mpi.problem import LoneTeam, pose_all
from udsgd_mpi.storage.estimates import read_estimates

TRIALS, EVERY = 2000, 200
SAMPLERS = ("iid", "srw", "nbrw", "srrw", "stream")
CORRELATED = 0.9  # of a value in a series and the next one

COMMON = f"""
trials = {TRIALS}
seed = 7
topology = "ring"
communication = {{ kind = "dsgd", weights = "lazy" }}
record = {{ predict = false, steps = [] }}

[groups.all]
share = 1
sampler = "iid"
graph = {{ kind = "small_world", k = 4 }}
"""
PROBLEMS = {
    "logistic": """
agents = 6
steps = 4000
step_size = { gamma = 2.0, exponent = 1.0, offset = 100 }
data = { source = "points.svm", standardize = true }
objective = { kind = "logistic", l2 = 1.0 }
""",
    "series": """
agents = 4
steps = 950
step_size = { gamma = 2.0, exponent = 1.0, offset = 20 }
data = { path = "series-{agent}.svm", standardize = true }
objective = { kind = "ridge", l2 = 0.5 }
""",
}


def write(path: Path, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> None:
    rows = zip(x.tolist(), y.tolist(), strict=True)
    path.write_text(
        "".join(
            f"{label!r} " + " ".join(f"{k + 1}:{v!r}" for k, v in enumerate(row)) + "\n"
            for row, label in rows
        )
    )


def write_data(folder: Path) -> None:
    """480 points of six features; and four series of a thousand points that resemble the last."""
    x, y = load_breast_cancer(return_X_y=True)
    write(folder / "points.svm", x[:480, :6], y[:480].astype(float))
    rng = np.random.default_rng(2)
    for i in range(4):
        series = np.empty((1000, 5))
        series[0] = rng.normal(size=5)
        for n in range(1, len(series)):
            fresh = np.sqrt(1 - CORRELATED**2) * rng.normal(size=5)
            series[n] = CORRELATED * series[n - 1] + fresh
        x = series[:, :4]
        write(folder / f"series-{i}.svm", x, x @ np.array([1, -0.5, 0.2, 0]) + series[:, 4])


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_intervals_cover_in_two_thousand_trials(
    problem: str, sampler: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_data(tmp_path)
    (tmp_path / "coverage.toml").write_text(PROBLEMS[problem] + COMMON)
    flags = ("--set", f"groups.all.sampler={sampler}", "--output", "coverage.h5", "--quiet")
    done = udsgd("run", "coverage.toml", *flags, cwd=tmp_path, timeout=2000)
    assert done.returncode == 0, done.stderr
    estimates = read_estimates(tmp_path / "coverage.h5")
    posed = pose_all(estimates.experiments, LoneTeam, 1)["main"]
    theta, team = estimates.found["main"].theta, LoneTeam(len(posed.summaries))
    own = [infer(posed, team, each, averaged=False) for each in theta[::EVERY]]
    errors = np.array([np.sqrt(np.diag(each.of_run)) for each in own])
    biases = np.array([each.bias for each in own])
    of_all, bias = (np.tile(x.mean(axis=0), (TRIALS, 1)) for x in (errors, biases))
    of_all[::EVERY], bias[::EVERY] = errors, biases
    covered = (abs(theta - bias - posed.minimizer) < 1.959964 * of_all).mean(axis=1)
    coverage, error = covered.mean(), covered.std(ddof=1) / np.sqrt(TRIALS)
    ratio = (errors.mean(axis=0) / theta.std(axis=0, ddof=1)).mean()
    vary = (errors.std(axis=0) / errors.mean(axis=0)).max()
    with capsys.disabled():
        sys.stdout.write(
            f"\n{problem} {sampler}: {coverage:.1%} ± {error:.1%}; s.e. / s.d. {ratio:.3f}, s.e."
            f" vary by {vary:.1%}, bias {abs(bias[0] / of_all[0]).max():.2f} s.e.\n"
        )
    assert 0.93 < coverage < 0.97
