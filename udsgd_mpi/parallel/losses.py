"""How good the model is that agents share, asked where the points are."""

from collections.abc import Callable
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Layout
from udsgd_mpi.parallel.average import AgentAverage
from udsgd_mpi.parallel.gather_rows import gather_rows
from udsgd_mpi.parallel.team import RanksTeam
from udsgd_mpi.problem import Problem, held_out_shares

Floats = NDArray[np.float64]


class Losses:
    """Measures of f at a model; collective.

    It is the network average θ_n, or with ``lsgd_pp`` the average of the agents that take part in
    the round: a server's model.

    With f_i(θ) = Σ_x π_i(x) w_i(x) F(θ, x), penalties included, over the points of agent i or so
    many of them as are asked for:

    - ``training_loss``, f(θ_n) = (1/N) Σ_i f_i(θ_n), and ``gradient_norm``, ‖∇f(θ_n)‖;
    - ``agent_loss``, f_i(θ_n): how the model that the agents share does on each one's own data, as
      work on fairness reports it (Li, Sanjabi, Beirami and Smith, Fair resource allocation in
      federated learning, ICLR 2020). How far the agents' own θ^i are from θ_n, the consensus error
      says;
    - ``test_loss`` and ``test_accuracy``, over the test part of the data, where there is one. Rank
      0 reads it and deals it out evenly, to be worked on where agents are.

    Running statistics of BatchNorm are averaged over agents as θ is, also where they stay local.

    Each agent's numbers are found where it is hosted, one trial after the other, and are summed in
    agent order: the same bits on any number of ranks.

    Attributes
    ----------
    tested
        Whether the data have a test part.
    """

    def __init__(self, comm: MPI.Intracomm, problem: Problem, layout: Layout) -> None:
        self._comm = comm
        self._layout = layout
        self._objective = problem.objective
        self._numbers = problem.experiment.numbers
        most = problem.experiment.record.loss_points
        self._points = [agent.expectation_over(most) for agent in problem.agents]
        self._average = AgentAverage(comm, layout, problem.d)
        self._tests = RanksTeam(comm, layout).scatter(lambda: held_out_shares(problem))
        dealt = sum(len(points.labels) for points in self._tests if points is not None)
        self._test_points = int(comm.allreduce(dealt))
        self.tested = self._test_points > 0

    def __call__(self, theta: Floats, statistics: Floats | None) -> dict[str, Floats]:
        """Measures at θ_n of each trial, shape (trials, d), by name on rank 0; none elsewhere.

        They are NaN in trials in which θ_n is not finite.

        Parameters
        ----------
        statistics
            Means over agents of those that a network keeps beside θ, shape (trials, statistics).
        """
        value_and_gradient: Callable[..., Any] = self._objective.value_and_gradient
        value_and_hits: Callable[..., Any] = self._objective.value_and_hits
        trials, d = theta.shape
        values = np.full((len(self._points), 3, trials), np.nan)
        slopes = np.empty((len(self._points), d))
        norms = np.full(trials, np.nan)
        for t in np.flatnonzero(np.isfinite(theta).all(axis=1)):
            # Rows of their own, as where one begins in memory may show in the last bits.
            of_trial = theta[t].astype(self._numbers)
            beside = (
                {} if statistics is None else {"statistics": statistics[t].astype(self._numbers)}
            )
            with np.errstate(over="ignore", invalid="ignore"):
                for i, points in enumerate(self._points):
                    values[i, 0, t], slopes[i] = value_and_gradient(of_trial, points, **beside)
                for i, test in enumerate(self._tests):
                    values[i, 1:, t] = (
                        (0, 0) if test is None else value_and_hits(of_trial, test, **beside)
                    )
                norms[t] = np.linalg.norm(self._average(slopes))
        of_agents, losses, hits = gather_rows(self._comm, self._layout, values).swapaxes(0, 1)
        if self._comm.rank > 0:
            return {}
        return {
            "training_loss": of_agents.sum(axis=0) / len(of_agents),
            "gradient_norm": norms,
            "agent_loss": of_agents.T,
            "test_loss": losses.sum(axis=0),
            "test_accuracy": hits.sum(axis=0) / max(1, self._test_points),
        }
