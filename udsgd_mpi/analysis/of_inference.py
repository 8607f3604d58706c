"""Coefficients of an inference, how they were found and what makes them doubtful, in words."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.analysis.coefficients import Coefficients
from udsgd_mpi.forecast import Inference
from udsgd_mpi.methods import Prox
from udsgd_mpi.problem import Coordinates, Problem
from udsgd_mpi.storage.estimates import Found
from udsgd_mpi.support.agent_lists import in_words

Floats = NDArray[np.float64]

# In standard errors of the run: such a bias goes unmentioned, and one of so many is not predicted
# well enough to be taken off.
_SMALL_BIAS, _LARGE_BIAS = 0.1, 5.0
_UNSURE = 0.05


class Known(NamedTuple):
    """What the file says of a variant.

    Attributes
    ----------
    theta
        Of the trial, shape (d,).
    warning
        If its inputs could not be compared.
    """

    found: Found
    trial: int
    theta: Floats
    warning: str | None


def coefficients(
    problem: Problem,
    known: Known,
    inference: Inference,
    coordinates: Coordinates,
    level: float,
) -> Coefficients:
    """Those of a variant, on the scale of ``coordinates``."""
    names, A = coordinates
    seen = inference if A is None else inference.seen_by(A)
    theta = known.found.theta if A is None else known.found.theta @ A.T
    trials = len(theta)
    run_error = np.sqrt(np.diag(seen.of_run))
    largest = float((abs(seen.bias) / np.where(run_error > 0, run_error, np.inf)).max())
    return Coefficients(
        names,
        known.trial,
        seen.estimate,
        run_error,
        np.sqrt(np.diag(seen.of_data)),
        theta.std(axis=0, ddof=1) if trials > 1 else None,
        trials,
        level,
        [*_how(known, seen, largest), *_doubts(problem, known, seen, largest)],
    )


def _how(known: Known, inference: Inference, largest: float) -> list[str]:
    """How estimates and their errors were found.

    Parameters
    ----------
    largest
        Bias, in standard errors of the run.
    """
    what = "Polyak–Ruppert averages" if known.found.averaged else "θ_n at the last step"
    lines = [f"estimates: averages over agents of {what}, in trial {known.trial}"]
    if largest > _SMALL_BIAS:
        lines[0] += f", less a predicted bias of up to {largest:.2g} s.e. of the run"
    if inference.by_paths:
        lines.append(f"the noise of {in_words(inference.by_paths)} is that of sampled paths")
    return lines


def _doubts(problem: Problem, known: Known, inference: Inference, largest: float) -> list[str]:
    """What makes intervals doubtful; see ``_how``."""
    lines = [known.warning] if known.warning else []
    if largest > _LARGE_BIAS:
        lines.append(
            "warning: what is left of θ_0 and of the agents' disagreement is large, so that"
            " intervals for θ* cover less than they say where that is not predicted to a few per"
            " cent; take more steps, or smaller ones"
        )
    if inference.cancelling:
        lines.append(
            f"warning: the noise of {in_words(inference.cancelling)} cancels over each pass over"
            " their points; what is left is partly beyond the first order, so that intervals for"
            " θ* may cover less than they say"
        )
    if not problem.schedule.contracts(len(problem.summaries)):
        lines.append(
            "warning: the agents never reach consensus, which the limit theorem assumes; intervals"
            " for θ* may cover less than they say"
        )
    if isinstance(problem.experiment.method, Prox):
        lines.append(
            "warning: the bias that disagreement has under prox is not known; where agents differ,"
            " intervals for θ* cover less than they say"
        )
    variance = np.diag(inference.of_run)
    relative = inference.uncertainty / np.where(variance > 0, variance, np.inf)
    unsure = float(relative.max() / 2)
    if unsure > _UNSURE:
        lines.append(
            f"warning: as paths are sampled, standard errors of the run are known to {unsure:.0%}"
        )
    groups = problem.experiment.groups
    if any(groups[entry.group].sampler.keeps_order for entry in problem.summaries):
        lines.append(
            "warning: rows have an order in time, but intervals for the population's parameter are"
            " those of independent rows; where rows resemble those before them, they are too short"
        )
    return lines
