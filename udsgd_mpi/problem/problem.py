"""What a run is of: a variant with its data, as the host of some agents knows it."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.clock import Clock
from udsgd_mpi.communication import Schedule
from udsgd_mpi.data.features import stacked
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.graphs import Graph
from udsgd_mpi.objectives import Objective, Points
from udsgd_mpi.objectives.base import Numbers
from udsgd_mpi.objectives.minimizer import Minimum
from udsgd_mpi.problem.agent import Agent
from udsgd_mpi.problem.optimum import MOST_OF_LOCAL, MOST_PARAMETERS
from udsgd_mpi.problem.reading import Reading
from udsgd_mpi.support.digests import Digests
from udsgd_mpi.support.errors import ConfigurationError

Floats = NDArray[np.float64]

_NO_MINIMIZER = "no theorem holds, as no unique minimiser θ* of the objective is known"
_NO_LONG_RUN = (
    "agents of a trace without a period are away for good after their last time, and there is no"
    " limit; use activation.period"
)
_WALKING = (
    "of models that walk over the agents, in place of W that mix the agents' own, theory tells the"
    " limit V alone"
)
_SAME_SHARE = 1e-6

_MOST_NUMBERS = 2**25  # of all agents' points, where each process gets them


class AgentSummary(NamedTuple):
    """What every process knows of an agent.

    Attributes
    ----------
    mean_degree
        Mean number of points that may follow a point; NaN where any may.
    cautions
        What its sampler has to say of the results.
    share
        Factor of its f_i in f.
    """

    group: str
    sampler: str
    points: int
    batch: int
    mean_degree: float
    cautions: tuple[str, ...] = ()
    share: float = 1.0


@dataclass(frozen=True)
class Problem:
    """A variant with its data, as the host of some agents knows it.

    Attributes
    ----------
    experiment
        Its settings, ``agents`` among them.
    schedule
        When the agents exchange, and with which W.
    clock
        What decides simulated times; None where there are none.
    agents
        The hosted agents.
    summaries
        What every process knows of each agent.
    digests
        Of all that was read and drawn.
    rows_left_over
        Rows of the data that no agent uses.
    objective
        That of the experiment, on points of their shape.
    reading
        How data became points.
    d
        Number of parameters.
    optimum
        θ* of f(θ) = (1/N) Σ_i Σ_x π_i(x) w_i(x) F(θ, x), where the agent's share is in w_i, and the
        curvature of f; None where the objective is not convex.
    """

    experiment: Experiment
    topology: Graph
    schedule: Schedule
    clock: Clock | None
    agents: list[Agent]
    summaries: list[AgentSummary]
    digests: Digests
    rows_left_over: int
    objective: Objective
    reading: Reading
    d: int
    optimum: Minimum | None

    @property
    def minimizer(self) -> Floats:
        """θ*, shape (d,).

        Raises
        ------
        ConfigurationError
            Where the objective has none.
        """
        return self._known_optimum.theta

    def initial(self, trials: range) -> Numbers:
        """θ_0 of some trials, the same for all agents, shape (trials, d); θ* if it is local."""
        if self.objective.minimum_is_local:
            return np.tile(self.minimizer, (len(trials), 1))
        return self.objective.initial(self.d, self.experiment.seed, trials)

    @property
    def no_theorem(self) -> str | None:
        """Why theory says nothing of θ_n; None where it says something."""
        if self.optimum is None:
            return _NO_MINIMIZER
        if self.experiment.method.momentum is None:
            return self.experiment.method.no_theorem
        if not self.schedule.mixes:
            return _WALKING
        return self._no_limit_of_pauses

    @property
    def _no_limit_of_pauses(self) -> str | None:
        """Why θ_n does not come to θ* where agents do not take every step; None where it does."""
        shares = self.schedule.availability(self.experiment.steps)
        if shares is None:
            return None
        if self.schedule.fluctuations() is None:
            return _NO_LONG_RUN
        if self._scaled or not self.shares_differ:
            return None
        return (
            f"agents take from {shares.min():.0%} to {shares.max():.0%} of the steps, and θ comes"
            " to the minimiser of Σ share_i f_i, not of f; use activation.scaled = true"
        )

    @property
    def _scaled(self) -> bool:
        activation = self.experiment.activation
        return activation is not None and activation.scaled

    @property
    def shares_differ(self) -> bool:
        """Whether some agents take more of the steps than others."""
        shares = self.schedule.availability(self.experiment.steps)
        return shares is not None and bool(np.ptp(shares) > _SAME_SHARE * shares.max())

    @property
    def share_of_steps(self) -> float:
        """What the average moves by, of what it would if all agents took every step.

        And if all that they read were new.
        """
        shares = self.schedule.availability(self.experiment.steps)
        if shares is None or self._scaled:
            return self.share_of_steps_read
        return float(shares.mean())

    @property
    def share_of_steps_read(self) -> float:
        """1 / (1 + c), what stale reads leave of a step; see ``theory.stale_reads``."""
        return 1 / (1 + max((form.lag for form in self.schedule.forms), default=0.0))

    @property
    def hessian(self) -> Floats:
        """H, by which theory tells θ_n: ∇²f(θ*) times ``share_of_steps``; shape (d, d).

        Raises
        ------
        ConfigurationError
            Where no theorem holds, or d is too large for a Hessian.
        """
        hessian = self._predictable.hessian
        if hessian is None:
            raise ConfigurationError(
                f"d = {self.d:,}: expected at most {self.most_parameters:,} parameters for a"
                " Hessian, which predict and plan need; use fewer features, or run the experiment"
                " without a prediction"
            )
        return hessian if self.share_of_steps == 1 else self.share_of_steps * hessian

    @property
    def most_parameters(self) -> int:
        """The largest d for which there is H."""
        return MOST_OF_LOCAL if self.objective.minimum_is_local else MOST_PARAMETERS

    @property
    def smallest_curvature(self) -> float:
        """μ, the smallest eigenvalue of H; NaN where it could not be determined.

        Raises
        ------
        ConfigurationError
            Where no theorem holds.
        """
        return self.share_of_steps * self._predictable.smallest_curvature

    @property
    def holds_hessian(self) -> bool:
        """Whether d is small enough for H, where theory says something of θ_n."""
        return self._predictable.hessian is not None

    @property
    def _predictable(self) -> Minimum:
        optimum = self._known_optimum
        if self.no_theorem:
            raise ConfigurationError(f"{self._without_theorem}: {self.no_theorem}; use udsgd run")
        return optimum

    @property
    def _without_theorem(self) -> str:
        experiment = self.experiment
        setting, which = "method", experiment.method.__struct_config__.tag
        if experiment.method.momentum is not None:
            setting, which = "communication", experiment.communication.__struct_config__.tag
            if experiment.activation is not None:
                setting, which = "activation", experiment.activation.__struct_config__.tag
        return f"{setting}: expected one that predictions and plans can be made of, got {which}"

    @property
    def _known_optimum(self) -> Minimum:
        if self.optimum is None:
            raise ConfigurationError(
                "objective: expected one with a minimiser θ*, around which predictions and plans"
                f" are made, got one without: {_NO_MINIMIZER}; use udsgd run, which records losses"
            )
        return self.optimum

    @property
    def portable(self) -> bool:
        """Whether agents may be sent to other processes: their data are of one set, and few."""
        points = sum(entry.points for entry in self.summaries)
        numbers = points * self.agents[0].points.features.shape[1]
        return numbers < _MOST_NUMBERS and not self.experiment.data.is_of_agents

    @property
    def points(self) -> Points:
        """Points of the hosted agents, one agent after the other."""
        parts = [agent.points for agent in self.agents]
        return Points(
            stacked([part.features for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.weights for part in parts]),
            parts[0].image,
        )

    @property
    def points_of_steps(self) -> Points:
        """The same, as local steps take them: with weights that have each agent's pace."""
        points = self.points
        if all(agent.pace == 1 for agent in self.agents):
            return points
        paces = [np.full(len(agent.points.labels), agent.pace) for agent in self.agents]
        return replace(points, weights=points.weights * np.concatenate(paces))

    @property
    def first_rows(self) -> list[int]:
        """Where each hosted agent's points begin among ``points``."""
        sizes = np.array([len(agent.points.labels) for agent in self.agents])
        rows: list[int] = (np.cumsum(sizes) - sizes).tolist()
        return rows

    @property
    def batch(self) -> NDArray[np.int64]:
        """Number of points in a mini-batch of each hosted agent, shape (agents,)."""
        return np.array([agent.batch for agent in self.agents], dtype=np.int64)
