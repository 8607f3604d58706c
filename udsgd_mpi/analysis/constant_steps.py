"""Constant steps: bias and variance in the long run, measured and predicted, and extrapolated.

Trials of variants draw the same numbers, so that long averages of 2 θ_γ − θ_2γ vary hardly more
than those of θ_γ, while of independent draws they would have five times the variance.
"""

from collections.abc import Mapping
from itertools import permutations

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.storage.measured import Measured, Settled

Floats = NDArray[np.float64]

_UPPER = 0.975


def pairs(experiments: Mapping[str, Experiment]) -> list[tuple[str, str]]:
    """Variants with a constant step γ, each with one that differs in 2γ alone."""

    def others(experiment: Experiment, gamma: float) -> Experiment:
        return replace(experiment, title="", step_size=replace(experiment.step_size, gamma=gamma))

    found = []
    for one, two in permutations(experiments, 2):
        small, large = experiments[one], experiments[two]
        gamma = small.step_size.gamma
        if (
            small.step_size.is_constant
            and large.step_size.gamma == 2 * gamma
            and others(small, gamma) == others(large, gamma)
        ):
            found.append((one, two))
    return found


def constant_steps(
    measured: Mapping[str, Measured], experiments: Mapping[str, Experiment]
) -> str | None:
    """A table of variants with a stationary law, and of extrapolated pairs; None without any.

    The bias is its part along the predicted one, with a 95 % interval over trials. The line of a
    pair is about 2 θ_γ − θ_2γ (Dieuleveut, Durmus and Bach, Annals of Statistics 2020), over the
    bias that is predicted of θ_γ: its own is of second order in γ.
    """
    known = {name: each.settled for name, each in measured.items() if each.settled is not None}
    rows = [_row(name, each, _variance(each)) for name, each in known.items()]
    for one, two in pairs({name: experiments[name] for name in known}):
        if np.array_equal(measured[one].trials, measured[two].trials):
            first, second = known[one], known[two]
            extrapolated = first._replace(
                step=max(first.step, second.step), errors=2 * first.errors - second.errors
            )
            rows.append(_row(f"2 {one} − {two}", extrapolated, "—"))
    if not rows:
        return None
    head = ("variant", "from n", "|bias| predicted", "/ predicted", "MSE of averages", "± s.e.")
    table = aligned([(*head, "variance / predicted"), *rows], indent=2)
    return f"constant steps, averages over recorded steps once θ₀ is forgotten:\n{table}"


def _variance(settled: Settled) -> str:
    measured, predicted = settled.variance
    return f"{measured / predicted:.3g}" if predicted > 0 else "—"


def _row(name: str, settled: Settled, variance: str) -> tuple[str, ...]:
    bias, errors = settled.bias, settled.errors
    mse = (errors**2).sum(axis=1)
    return (
        *(name, f"{settled.step:,}", f"{np.linalg.norm(bias):.2e}"),
        "{:.3g} [{:.3g}, {:.3g}]".format(*against(errors, bias)) if bias.any() else "—",
        *(f"{mse.mean():.3e}", f"{mse.std(ddof=1) / np.sqrt(len(mse)):.0e}", variance),
    )


def against(errors: Floats, bias: Floats) -> tuple[float, float, float]:
    """Mean of ``errors`` (trials, d) along a bias (d,), over it, with a 95 % interval."""
    from scipy.special import stdtrit

    along = errors @ bias / (bias @ bias)
    reach = float(stdtrit(len(along) - 1, _UPPER)) * along.std(ddof=1) / np.sqrt(len(along))
    mean = float(along.mean())
    return mean, mean - reach, mean + reach
