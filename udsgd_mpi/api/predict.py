"""Predictions from Python."""

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from udsgd_mpi.api.as_before import as_before
from udsgd_mpi.support.errors import ConfigurationError

if TYPE_CHECKING:
    from udsgd_mpi.api.asked import Experiments
    from udsgd_mpi.experiment.schema import Experiment
    from udsgd_mpi.forecast import Approach, Prediction
    from udsgd_mpi.forecast.traces import Traces
    from udsgd_mpi.problem import Problem


class Predicted(NamedTuple):
    """A variant, what theory expects of it, and what may make that wrong.

    Without a Hessian that is what agents add to Tr V alone.
    """

    name: str
    problem: "Problem"
    prediction: "Prediction | Traces"
    cautions: list[str]


def predict(
    experiments: "Experiments", *, by: "Approach" = "auto", paths: int | None = None
) -> dict[str, "Prediction"]:
    """The error that theory expects of experiments, without running them.

    Cautions, which the command line prints, are warned of.

    Parameters
    ----------
    experiments
        By name, as ``load`` makes them, or one alone; with a number of agents.
    by
        ``"linear"`` recursion, sampled ``"paths"``, or ``"auto"``: paths where noise is not white.
    paths
        Number of sampled paths of each agent; by default 2,000 of all, and more where they vary
        much.

    Raises
    ------
    ConfigurationError
        If something is wrong with the experiments, or nothing can be predicted of them.

    Examples
    --------
    >>> expected = predict(load(settings={"agents": 4}))
    >>> expected["all-srw"].mse[-1]
    """
    from udsgd_mpi.api.asked import checked

    with as_before():
        found = [*predicted(checked(experiments), by, paths)]
    for each in found:
        for caution in each.cautions:
            warnings.warn(f"[variant.{each.name}] {caution}", stacklevel=2)
    return {each.name: cast("Prediction", each.prediction) for each in found}


def predicted(
    experiments: Mapping[str, "Experiment"],
    by: "Approach",
    paths: int | None,
    probes: int | None = None,
) -> Iterator[Predicted]:
    """Predict of one variant after the other; see ``predict``.

    Parameters
    ----------
    probes
        For Tr V where the Hessian is too large to be held; by default that is refused.
    """
    from udsgd_mpi.experiment.sizes import NUMBER, require_bytes, require_room_to_predict
    from udsgd_mpi.forecast import Forecasts
    from udsgd_mpi.forecast import predict as predict_one
    from udsgd_mpi.forecast.traces import traces
    from udsgd_mpi.preflight.cautions import cautions, foretell
    from udsgd_mpi.problem import LoneTeam, pose_all, with_agents_of_data
    from udsgd_mpi.support.launcher import cores

    if paths is not None and paths < 2:
        raise ConfigurationError(f"--paths: expected a number from 2 on, got {paths}")
    experiments = with_agents_of_data(experiments)
    for experiment in experiments.values():
        if experiment.agents is None:
            raise ConfigurationError(
                "agents: expected a number to predict for, got none; use --agents N"
            )
        require_room_to_predict(experiment)
    forecasts = Forecasts()
    for name, problem in pose_all(experiments, LoneTeam, 1).items():
        if paths:
            numbers = 2 * paths * problem.d
            require_bytes({f"--paths = {paths:,}": numbers * NUMBER})
        team = LoneTeam(len(problem.summaries), cores())
        said = [*cautions(problem, foretell(problem, team))]
        if probes and problem.schedule.mixes and not problem.holds_hessian:
            yield Predicted(name, problem, traces(problem, team, probes), said)
            continue
        steps = problem.experiment.record.at(problem.experiment.steps)
        found = predict_one(problem, team, steps, method=by, trials=paths, forecasts=forecasts)
        yield Predicted(name, problem, found, said)
