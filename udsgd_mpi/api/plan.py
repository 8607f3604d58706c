"""Plans of upgrades from Python."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from udsgd_mpi.api.as_before import as_before
from udsgd_mpi.support.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from udsgd_mpi.api.asked import Experiments
    from udsgd_mpi.experiment.schema import Experiment
    from udsgd_mpi.forecast import Approach
    from udsgd_mpi.forecast.criteria import CriterionName
    from udsgd_mpi.forecast.traces import TracePlan
    from udsgd_mpi.forecast.upgrades import Contributions, Planner
    from udsgd_mpi.problem import Problem
    from udsgd_mpi.samplers import Sampler


class Errors(NamedTuple):
    """Errors that theory expects.

    Attributes
    ----------
    trace
        Tr V; NaN where no limit theorem holds.
    mse
        E‖θ_n − θ*‖² at the last step.
    agents
        Number of agents that were upgraded.
    criterion
        What the plan makes small: Tr V, λ_max(V) or cᵀVc.
    bound
        What no other choice of so many upgrades brings the criterion below; NaN where none was
        chosen.
    """

    trace: float
    mse: float
    agents: int
    criterion: float
    bound: float = float("nan")


class Aim(NamedTuple):
    """What a plan makes small; see ``plan``."""

    criterion: str = "trace"
    contrast: "Sequence[float] | NDArray[np.float64] | None" = None


TRACE = Aim()


class Plan:
    """Whose samplers to upgrade, and what that gains; nothing is simulated.

    Attributes
    ----------
    candidates
        Agents that can be upgraded, the one first whose upgrade alone gains most.
    problem
        What is upgraded.
    planner
        Errors of any set of upgrades.
    """

    def __init__(
        self,
        experiments: Mapping[str, "Experiment"],
        problem: "Problem",
        planner: "Planner",
        by: "Approach",
    ) -> None:
        self._experiments = experiments
        self._by: Approach = by
        self.problem = problem
        self.planner = planner
        self.candidates = planner.candidates

    @property
    def cautions(self) -> list[str]:
        """What the agents' samplers, and those that take their places, say of these errors."""
        from udsgd_mpi.forecast.stationarity import unsteady
        from udsgd_mpi.preflight.cautions import of_samplers
        from udsgd_mpi.preflight.foretold import of_unsteady
        from udsgd_mpi.problem import LoneTeam

        found = unsteady(self.problem, LoneTeam(len(self.problem.summaries)))
        said = [of_unsteady(self.problem, found)] if found else []
        return [*said, *of_samplers(self.problem), *sorted(self.planner.cautions)]

    def upgraded(self, upgrades: int) -> Errors:
        """Errors where the best agents, so many of them, are upgraded."""
        best = self.planner.best(upgrades)
        return self._errors(best.agents)._replace(criterion=best.value, bound=best.bound)

    def best(self, upgrades: int) -> list[int]:
        """The agents, so many of them, whose upgrades together gain most."""
        return self.planner.best(upgrades).agents

    def with_all(self, sampler: "Sampler | str | Mapping[str, Any]") -> Errors:
        """Errors where all agents that can have it, among the candidates, have another sampler."""
        rival = sampler_of(sampler, "sampler")
        able = [i for i in self.candidates if self.planner.can_have(i, rival)]
        return self._errors(able, self.planner.replacing(dict.fromkeys(able, rival)))

    def _errors(self, agents: list[int], by: "Contributions | None" = None) -> Errors:
        return Errors(
            self.planner.trace(agents, by),
            self.planner.mse(agents, by),
            len(agents),
            self.planner.value(agents, by),
        )

    def variant(self, name: str) -> Errors:
        """Errors of another of the experiments, as it is.

        Raises
        ------
        ConfigurationError
            If there is none of this name.
        """
        from udsgd_mpi.forecast import predict
        from udsgd_mpi.problem import LoneTeam, pose_all
        from udsgd_mpi.support.launcher import cores

        other = pose_all({name: _variant(self._experiments, name)}, LoneTeam, 1)[name]
        steps = np.array([other.experiment.steps], dtype=np.int64)
        found = predict(other, LoneTeam(len(other.summaries), cores()), steps, method=self._by)
        V = found.limiting_covariance
        mse = float(found.first_order_mse[0])
        return Errors(float(np.trace(V)), mse, 0, self.planner.criterion(V))

    def fewest(
        self,
        *,
        trace: float | None = None,
        mse: float | None = None,
        criterion: float | None = None,
    ) -> int | None:
        """How many upgrades of the best agents reach a Tr V, an MSE, or a value of the criterion.

        None where none do.

        Examples
        --------
        >>> found = plan(load("upgrade"), {"srw": "srrw"})
        >>> found.fewest(trace=found.with_all("nbrw").trace)
        1
        """
        if trace is not None:
            return self._fewest(lambda k: self.planner.trace(self.best(k)) <= trace)
        if mse is not None:
            return self._fewest(lambda k: self.planner.mse(self.best(k)) <= mse)
        if criterion is not None:
            return self._fewest(lambda k: self.planner.best(k).value <= criterion)
        raise ConfigurationError("fewest: expected a trace, an mse or a criterion to reach")

    def _fewest(self, reached: Callable[[int], bool]) -> int | None:
        return next((k for k in range(len(self.candidates) + 1) if reached(k)), None)


def plan(
    experiments: "Experiments",
    upgrades: "Mapping[str, Sampler | str | Mapping[str, Any]]",
    *,
    variant: str | None = None,
    by: "Approach" = "auto",
    paths: int | None = None,
    criterion: "CriterionName" = "trace",
    contrast: "Sequence[float] | NDArray[np.float64] | None" = None,
) -> Plan:
    """Which agents' samplers to upgrade, without running anything.

    Parameters
    ----------
    experiments
        By name, as ``load`` makes them, or one alone.
    upgrades
        By the name of a sampler, what takes its place.
    variant
        The one to upgrade; by default the first.
    by, paths
        As ``predict``.
    criterion
        What is to be small: ``"trace"``, Tr V, the total error; ``"largest"``, λ_max(V), the error
        in the direction that is known worst; ``"contrast"``, cᵀVc, that of cᵀθ.
    contrast
        The c of ``"contrast"``, shape (d,).

    Raises
    ------
    ConfigurationError
        If something is wrong with the experiments, no agent has such a sampler, or V is not
        defined for the step size.

    Examples
    --------
    >>> found = plan(load("upgrade"), {"srw": SRRW(alpha=20)})
    >>> found.candidates[:3]
    >>> found.upgraded(5).mse / found.upgraded(0).mse
    """
    from udsgd_mpi.api.asked import checked

    chosen = {name: sampler_of(each, "upgrades") for name, each in upgrades.items()}
    with as_before():
        aim = Aim(criterion, contrast)
        return cast("Plan", planned(checked(experiments), chosen, variant, by, paths, aim=aim))


def planned(
    experiments: "Mapping[str, Experiment]",
    upgrades: "Mapping[str, Sampler]",
    variant: str | None,
    by: "Approach",
    paths: int | None,
    probes: int | None = None,
    aim: Aim = TRACE,
) -> "Plan | TracePlan":
    """A plan for checked experiments; see ``plan``.

    Parameters
    ----------
    probes
        For Tr V where the Hessian is too large to be held, and all that is known then; by default
        that is refused.
    """
    from udsgd_mpi.forecast.traces import TracePlan
    from udsgd_mpi.forecast.upgrades import Planner
    from udsgd_mpi.problem import LoneTeam, pose_all, with_agents_of_data
    from udsgd_mpi.support.launcher import cores
    from udsgd_mpi.theory.limit import check_step_size

    experiments = with_agents_of_data(experiments)
    name = variant or next(iter(experiments))
    problem = pose_all({name: _variant(experiments, name)}, LoneTeam, 1)[name]
    experiment = problem.experiment
    momentum = experiment.method.momentum or 0.0
    check_step_size(problem.smallest_curvature, experiment.step_size, momentum)
    if probes and not problem.holds_hessian:
        if aim.criterion != "trace" or aim.contrast is not None:
            raise ConfigurationError(
                "criterion: expected 'trace', without a contrast, where the Hessian is too large to"
                f" be held (d = {problem.d:,}), as no more of V is known there; got"
                f" {aim.criterion!r}"
            )
        return TracePlan(problem, LoneTeam(len(problem.summaries)), upgrades, probes)
    planner = Planner(problem, upgrades, by, paths, cores(), *aim)
    return Plan(experiments, problem, planner, by)


def sampler_of(said: "Sampler | str | Mapping[str, Any]", name: str) -> "Sampler":
    """The sampler that settings stand for.

    Parameters
    ----------
    name
        What the settings are called in messages.
    """
    from udsgd_mpi.experiment.check import one_of
    from udsgd_mpi.samplers import AnySampler, Sampler

    found: Sampler = said if isinstance(said, Sampler) else one_of(AnySampler, said, name)
    return found


def _variant(experiments: "Mapping[str, Experiment]", name: str) -> "Experiment":
    if name not in experiments:
        raise ConfigurationError(f"unknown variant {name!r}: {nearest(name, experiments)}")
    return experiments[name]
