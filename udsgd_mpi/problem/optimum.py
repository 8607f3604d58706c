"""θ* of a problem, wherever its agents are hosted."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.experiment.sizes import NUMBER, require_bytes
from udsgd_mpi.objectives import Objective
from udsgd_mpi.objectives.local_minimizer import descended
from udsgd_mpi.objectives.minimizer import MinimizerError, Minimum, minimum
from udsgd_mpi.objectives.wide_minimizer import wide_minimum
from udsgd_mpi.problem.agent import Agent
from udsgd_mpi.problem.mean_objective import DrivenObjective, MeanObjective
from udsgd_mpi.problem.team import LoneTeam, Team
from udsgd_mpi.support.errors import ConfigurationError

Floats = NDArray[np.float64]
R = TypeVar("R")

# Up to this d, θ* is found with the Hessian: d² numbers for each agent, and d³ operations.
MOST_PARAMETERS = 1000
MOST_OF_LOCAL = 2048  # near a local minimum, where Newton's method needs few Hessians

_VECTORS = 30  # of the size of θ that are held at once, as measured with d = 10⁷
_HELD = 4  # likewise where no θ* is looked for: θ before and after mixing, gradients, their mean
_FEW_NUMBERS = 2**22  # that one process gets of all agents
_THOROUGHLY = 30  # agents
_SETTLED, _FEW = 3, 20  # iterations of Newton's method near a local minimum


def find_optimum(
    experiment: Experiment,
    objective: Objective,
    agents: list[Agent],
    points: int,
    classes: Floats,
    team: Team,
) -> tuple[int, Minimum | None]:
    """Number of parameters and θ*, once the objective has been tried on points; collective.

    θ* is None where the objective has none.

    Parameters
    ----------
    objective
        That of the experiment, on points of their shape.
    agents
        The hosted ones.
    points
        Number of points of all agents.
    classes
        Distinct labels of all agents; none where the objective does not classify.

    Raises
    ------
    ConfigurationError
        If θ takes more than memory holds, a user's objective breaks a promise, there is no
        unique finite minimiser where there should be one, or errors are asked for where there is
        none.
    """
    features = agents[0].points.features.shape[1]

    def dimension() -> int:
        d = objective.dimension(features, len(classes))
        vectors = _VECTORS if objective.has_minimizer else _HELD
        require_bytes({f"d = {d:,} parameters of {features:,} features": vectors * d * NUMBER})
        return d

    d = team.everywhere(dimension)
    _try(objective, agents, d, team)
    if team.everywhere(lambda: objective.minimum_is_local):
        return d, _local_minimum(experiment, objective, agents, d, team)
    if team.everywhere(lambda: objective.has_minimizer):
        return d, _minimum(experiment, objective, agents, points * features, d, team)
    if experiment.record.polyak:
        raise ConfigurationError(
            "record.polyak: expected an objective with a minimiser, from which the running average"
            " has an error, got one that is not convex; leave it out"
        )
    return d, None


def _try(objective: Objective, agents: list[Agent], d: int, team: Team) -> None:
    """Try a user's objective, on some of the agents thoroughly: the same on every layout."""
    every = -(-team.agents // _THOROUGHLY)

    def check(i: int) -> None:
        points = agents[i - team.hosted.start].points
        objective.check(points, d, i, thorough=i % every == 0)

    team.map(check)


def _minimum(
    experiment: Experiment,
    objective: Objective,
    agents: list[Agent],
    features: int,
    d: int,
    team: Team,
) -> Minimum:
    """θ*, found in one process where that is little work and the data need not stay apart.

    Parameters
    ----------
    features
        Of all points of all agents together.
    """
    parts = [agent.expectation for agent in agents]

    def found(find: Callable[[], Minimum]) -> Minimum:
        return _or_refused(find, "objective: expected a unique finite minimiser", objective)

    if d > MOST_PARAMETERS:
        f = MeanObjective(objective, parts, team, d)
        return _driven(f, team, lambda f: found(lambda: wide_minimum(f)))
    numbers = features + team.agents * d * (d + 1)
    if numbers > _FEW_NUMBERS or experiment.data.is_of_agents:
        f = MeanObjective(objective, parts, team, d)
        return found(lambda: minimum(f, once=team.bcast))
    parts, here = team.gather(parts), LoneTeam(team.agents)

    def find() -> Minimum:
        return minimum(MeanObjective(objective, parts, here, d), once=here.bcast)

    return team.bcast(lambda: found(find))


def _local_minimum(
    experiment: Experiment, objective: Objective, agents: list[Agent], d: int, team: Team
) -> Minimum:
    """The minimum to which training goes: L-BFGS into its neighbourhood, then Newton's method."""
    f = MeanObjective(objective, [agent.expectation for agent in agents], team, d)
    start = team.bcast(lambda: objective.search_from(d, experiment.seed))

    def found(find: Callable[[], R]) -> R:
        return _or_refused(
            find, "objective.minimum: expected a strict minimum where training ends", objective
        )

    near = _driven(f, team, lambda f: found(lambda: descended(f, start)))
    if d > MOST_OF_LOCAL:
        return _driven(f, team, lambda f: found(lambda: wide_minimum(f, near)))
    numbers = team.agents * d * d
    require_bytes({f"Hessians of d = {d:,} parameters for each agent": numbers * NUMBER})
    return found(lambda: minimum(f, near, once=team.bcast, settled=_SETTLED, max_iterations=_FEW))


def _or_refused(find: Callable[[], R], expected: str, objective: Objective) -> R:
    try:
        return find()
    except MinimizerError as error:
        raise ConfigurationError(
            f"{expected}, got none ({error}); {objective.remedy(convex=error.convex)}"
        ) from error


def _driven(f: MeanObjective, team: Team, find: Callable[[DrivenObjective], R]) -> R:
    """What one process finds that has all of them evaluate f."""
    return team.drive_from_root(
        lambda ask: find(DrivenObjective(ask, f)),
        lambda method, *arguments: getattr(f, method)(*arguments),
    )
