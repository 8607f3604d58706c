"""The α and b of least error, from Python."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from udsgd_mpi.api.as_before import as_before
from udsgd_mpi.support.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from udsgd_mpi.api.asked import Experiments
    from udsgd_mpi.experiment.schema import Experiment
    from udsgd_mpi.forecast.tuning import Repelled, Tried
    from udsgd_mpi.problem import Problem, Team

BUDGET = 2_000_000_000  # some minutes on two processors


class Tuning(NamedTuple):
    """Candidates for the sampler of some agents, by their predicted errors.

    Attributes
    ----------
    variant
        Whose agents these are.
    agents
        Their numbers.
    n
        Number of steps.
    tried
        All candidates, the least error first.
    present
        The samplers that the agents have now, if they are of such a kind.
    steps, ended
        Steps that were taken along sampled paths; whether the search ended as differences were
        known well enough, not as the budget was spent.
    """

    variant: str
    agents: list[int]
    n: int
    tried: "list[Tried]"
    present: "list[Repelled]"
    steps: int
    ended: bool

    @property
    def as_good(self) -> "list[Tried]":
        """The best, and those that are not worse for sure: without noise one may be better."""
        return [each for each in self.tried if each.as_good]

    def of(self, sampler: "Repelled") -> "Tried | None":
        """What was found of a candidate; None where it was none."""
        return next((each for each in self.tried if each.sampler == sampler), None)


def tune(
    experiments: "Experiments",
    *,
    variant: str | None = None,
    group: str | None = None,
    budget: int = BUDGET,
) -> Tuning:
    """Which α and b of SRRW, or of HDT, make the predicted MSE at the last step least.

    Parameters
    ----------
    experiments
        By name, as ``load`` makes them, or one alone; with a number of agents.
    variant
        The one to tune; by default the first that has agents to be tuned.
    group
        Its agents get the sampler; by default those that have SRRW or HDT now.
    budget
        Steps along sampled paths that the search may take, at the most.

    Raises
    ------
    ConfigurationError
        If something is wrong with the experiments, or there is no agent to be tuned.

    Examples
    --------
    >>> found = tune(load("fig2c"), variant="srrw-10")
    >>> found.tried[0].sampler
    SRRW(alpha=5.0, b=0.95)
    """
    from udsgd_mpi.api.asked import checked
    from udsgd_mpi.problem import LoneTeam, with_agents_of_data
    from udsgd_mpi.support.launcher import cores

    with as_before():
        named = with_agents_of_data(checked(experiments))
        return tuned(named, variant, group, budget, lambda N: LoneTeam(N, cores()), 1)


def tuned(
    experiments: "Mapping[str, Experiment]",
    variant: str | None,
    group: str | None,
    budget: int,
    team_of: "Callable[[int], Team]",
    default_agents: int,
) -> Tuning:
    """Tune checked experiments; collective where teams are. See ``tune``.

    Parameters
    ----------
    team_of
        Takes N and gives the team of N agents.
    default_agents
        N where the settings leave it open.
    """
    from udsgd_mpi.forecast.tuning import Tuner
    from udsgd_mpi.problem import pose_all
    from udsgd_mpi.samplers import HDT, SRRW

    name = variant or _first(experiments, group)
    if name not in experiments:
        raise ConfigurationError(f"unknown variant {name!r}: {nearest(name, experiments)}")
    problem = pose_all({name: experiments[name]}, team_of, default_agents)[name]
    agents = _agents(problem, name, group)
    samplers = [problem.experiment.groups[problem.summaries[i].group].sampler for i in agents]
    present = [each for each in dict.fromkeys(samplers) if isinstance(each, SRRW | HDT)]
    tuner = Tuner(problem, team_of(len(problem.summaries)), agents, budget)
    found = tuner.search(present)
    n = problem.experiment.steps
    return Tuning(name, agents, n, found.tried, present, found.steps, found.ended)


def _first(experiments: "Mapping[str, Experiment]", group: str | None) -> str:
    from udsgd_mpi.samplers import HDT, SRRW

    def has_some(experiment: "Experiment") -> bool:
        if group is not None:
            return group in experiment.groups
        return any(isinstance(each.sampler, SRRW | HDT) for each in experiment.groups.values())

    names = (name for name, experiment in experiments.items() if has_some(experiment))
    return next(names, next(iter(experiments)))


def _agents(problem: "Problem", variant: str, group: str | None) -> list[int]:
    import numpy as np

    from udsgd_mpi.samplers import HDT, SRRW

    groups, summaries = problem.experiment.groups, problem.summaries
    if group is not None and group not in groups:
        raise ConfigurationError(f"unknown group {group!r}: {nearest(group, groups)}")
    wanted = (
        {group}
        if group is not None
        else {name for name, each in groups.items() if isinstance(each.sampler, SRRW | HDT)}
    )
    agents = [i for i, entry in enumerate(summaries) if entry.group in wanted]
    if not agents:
        raise ConfigurationError(
            f"{variant}: expected agents with srrw or hdt to tune, got none; name a group of"
            " walkers with --group"
        )
    without = [i for i in agents if np.isnan(summaries[i].mean_degree)]
    if without:
        raise ConfigurationError(
            f"{variant}: expected walkers on a data graph to tune, got agent {without[0]} with"
            f" {summaries[without[0]].sampler}, which has none; name another group, or give this"
            " one a graph"
        )
    return agents
