"""Intervals for coefficients from one run, from Python."""

from collections.abc import Callable
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from udsgd_mpi.api.as_before import as_before
from udsgd_mpi.support.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from udsgd_mpi.analysis.coefficients import Coefficients
    from udsgd_mpi.experiment.schema import Experiment
    from udsgd_mpi.forecast import Inference
    from udsgd_mpi.problem import Coordinates, Problem, Team
    from udsgd_mpi.storage.estimates import Estimates, Found

    Floats: TypeAlias = NDArray[np.float64]

LEVEL = 0.95

# In standard errors of the run: such a bias goes unmentioned, and one of so many is not predicted
# well enough to be taken off.
_SMALL_BIAS, _LARGE_BIAS = 0.1, 5.0
_UNSURE = 0.05


def infer(
    file: str | PathLike[str],
    *,
    variant: str | None = None,
    trial: int | None = None,
    level: float = LEVEL,
    original: bool = False,
) -> "dict[str, Coefficients]":
    """Coefficients with intervals from one trial of a run, nothing of which is repeated.

    The data are read again, and refused where they have changed. At the estimate every agent
    computes its own noise, and the covariance that the run's n steps make of it: by the linear
    recursion where its noise is white, along sampled paths of its sampler where not, so that step
    sizes and finite n are in it. The bias that the start, the agents' disagreement and a constant
    step leave is predicted and taken off.

    Parameters
    ----------
    file
        Results of a complete run.
    variant
        By default all.
    trial
        By default the first that did not diverge.
    level
        Confidence of the intervals.
    original
        Whether coefficients are to be of features as they were read, where the package
        standardised them.

    Returns
    -------
    By variant. The estimate is the network average at the last step, or the Polyak–Ruppert average
    where that was recorded.

    Raises
    ------
    ConfigurationError
        If the file or its data can't be read or do not fit, or no theorem covers the run.

    Examples
    --------
    >>> found = infer("my.h5")["main"]
    >>> dict(zip(found.names, found.run_interval))
    """
    from pathlib import Path

    from udsgd_mpi.problem import LoneTeam
    from udsgd_mpi.storage.estimates import read_estimates

    with as_before():
        check_level(level)
        estimates = read_estimates(Path(file), variant)
        require_minimizers(estimates.experiments)
        return inferred(
            estimates, estimates.experiments, trial, level, LoneTeam, 1, original=original
        )


def check_level(level: float) -> None:
    """Refuse a confidence that is none.

    Raises
    ------
    ConfigurationError
        If it is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ConfigurationError(f"--level: expected a number between 0 and 1, got {level:g}")


def require_minimizers(experiments: "dict[str, Experiment]") -> None:
    """Refuse objectives without one minimiser θ*, before data are read.

    Raises
    ------
    ConfigurationError
        If there is one.
    """
    for name, experiment in experiments.items():
        objective = experiment.objective
        if not objective.has_minimizer or objective.minimum_is_local:
            raise ConfigurationError(
                f"[variant.{name}] infer: expected an objective with one minimiser θ*, about which"
                f" there are intervals, got {objective.__struct_config__.tag}; use udsgd report"
            )


def inferred(
    estimates: "Estimates | None",
    experiments: "dict[str, Experiment]",
    trial: int | None,
    level: float,
    team_of: "Callable[[int], Team]",
    default_agents: int,
    *,
    original: bool,
) -> "dict[str, Coefficients]":
    """Coefficients of checked variants; collective where teams are. See ``infer``.

    Parameters
    ----------
    estimates
        What the file holds, in the process that acts once; None in others.
    team_of
        Takes N and gives the team of N agents.
    default_agents
        N where the settings leave it open.
    """
    from udsgd_mpi.forecast import infer as infer_from
    from udsgd_mpi.problem import on_scale_of_data, parameters, pose_all

    shown = on_scale_of_data if original else parameters
    found = {}
    for name, problem in pose_all(experiments, team_of, default_agents).items():
        team = team_of(len(problem.summaries))
        known = team.bcast(partial(_known, estimates, name, problem, trial))
        coordinates = team.everywhere(partial(shown, problem))
        inference = infer_from(problem, team, known.theta, averaged=known.found.averaged)
        found[name] = _coefficients(problem, known, inference, coordinates, level)
    return found


class _Known(NamedTuple):
    """What the file says of a variant.

    Attributes
    ----------
    theta
        Of the trial, shape (d,).
    warning
        If its inputs could not be compared.
    """

    found: "Found"
    trial: int
    theta: "Floats"
    warning: str | None


def _known(
    estimates: "Estimates | None", name: str, problem: "Problem", trial: int | None
) -> _Known:
    from udsgd_mpi.storage.unchanged import Told, check_unchanged

    if estimates is None:
        message = "only the process that acts once has read the file"
        raise TypeError(message)
    told = Told("infer", "restore them: the intervals are for the data that were used")
    warning = check_unchanged(estimates.run, {name: problem}, told=told)
    found = estimates.found[name]
    return _Known(found, *found.of_trial(trial), warning)


def _coefficients(
    problem: "Problem",
    known: _Known,
    inference: "Inference",
    coordinates: "Coordinates",
    level: float,
) -> "Coefficients":
    import numpy as np

    from udsgd_mpi.analysis.coefficients import Coefficients

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


def _how(known: _Known, inference: "Inference", largest: float) -> list[str]:
    """How estimates and their errors were found.

    Parameters
    ----------
    largest
        Bias, in standard errors of the run.
    """
    from udsgd_mpi.support.agent_lists import in_words

    what = "Polyak–Ruppert averages" if known.found.averaged else "θ_n at the last step"
    lines = [f"estimates: averages over agents of {what}, in trial {known.trial}"]
    if largest > _SMALL_BIAS:
        lines[0] += f", less a predicted bias of up to {largest:.2g} s.e. of the run"
    if inference.by_paths:
        lines.append(f"the noise of {in_words(inference.by_paths)} is that of sampled paths")
    return lines


def _doubts(problem: "Problem", known: _Known, inference: "Inference", largest: float) -> list[str]:
    """What makes intervals doubtful; see ``_how``."""
    import numpy as np

    from udsgd_mpi.methods import Prox
    from udsgd_mpi.support.agent_lists import in_words

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
