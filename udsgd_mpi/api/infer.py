"""Intervals for coefficients from one run, from Python."""

from collections.abc import Callable
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING

from udsgd_mpi.api.as_before import as_before
from udsgd_mpi.support.errors import ConfigurationError

if TYPE_CHECKING:
    from udsgd_mpi.analysis.coefficients import Coefficients
    from udsgd_mpi.analysis.of_inference import Known
    from udsgd_mpi.experiment.schema import Experiment
    from udsgd_mpi.problem import Problem, Team
    from udsgd_mpi.storage.estimates import Estimates

LEVEL = 0.95


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
    from udsgd_mpi.analysis.of_inference import coefficients
    from udsgd_mpi.forecast import infer as infer_from
    from udsgd_mpi.problem import on_scale_of_data, parameters, pose_all

    shown = on_scale_of_data if original else parameters
    found = {}
    for name, problem in pose_all(experiments, team_of, default_agents).items():
        team = team_of(len(problem.summaries))
        known = team.bcast(partial(_known, estimates, name, problem, trial))
        coordinates = team.everywhere(partial(shown, problem))
        inference = infer_from(problem, team, known.theta, averaged=known.found.averaged)
        found[name] = coefficients(problem, known, inference, coordinates, level)
    return found


def _known(
    estimates: "Estimates | None", name: str, problem: "Problem", trial: int | None
) -> "Known":
    from udsgd_mpi.analysis.of_inference import Known
    from udsgd_mpi.storage.unchanged import Told, check_unchanged

    if estimates is None:
        message = "only the process that acts once has read the file"
        raise TypeError(message)
    told = Told("infer", "restore them: the intervals are for the data that were used")
    warning = check_unchanged(estimates.run, {name: problem}, told=told)
    found = estimates.found[name]
    return Known(found, *found.of_trial(trial), warning)
