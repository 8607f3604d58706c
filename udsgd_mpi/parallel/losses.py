"""How good the network average is, asked where the points are."""

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Layout
from udsgd_mpi.parallel.average import AgentAverage
from udsgd_mpi.parallel.gather_rows import gather_rows
from udsgd_mpi.problem import Problem

Floats = NDArray[np.float64]


class Losses:
    """Measures of f at the network average; collective.

    With f_i(θ) = Σ_x π_i(x) w_i(x) F(θ, x), penalties included, over the points of agent i or so
    many of them as are asked for:

    - ``training_loss``, f(θ_n) = (1/N) Σ_i f_i(θ_n), and ``gradient_norm``, ‖∇f(θ_n)‖;
    - ``agent_loss``, f_i(θ_n): how the model that the agents share does on each one's own data, as
      work on fairness reports it (Li, Sanjabi, Beirami and Smith, Fair resource allocation in
      federated learning, ICLR 2020). How far the agents' own θ^i are from θ_n, the consensus error
      says.

    Each agent's numbers are found where it is hosted, one trial after the other, and are summed in
    agent order: the same bits on any number of ranks.
    """

    def __init__(self, comm: MPI.Intracomm, problem: Problem, layout: Layout) -> None:
        self._comm = comm
        self._layout = layout
        self._objective = problem.objective
        most = problem.experiment.record.loss_points
        self._points = [agent.expectation_over(most) for agent in problem.agents]
        self._average = AgentAverage(comm, layout, problem.d)

    def __call__(self, theta: Floats) -> dict[str, Floats]:
        """Measures at θ_n of each trial, shape (trials, d), by name on rank 0; none elsewhere.

        They are NaN in trials in which θ_n is not finite.
        """
        trials, d = theta.shape
        values = np.full((len(self._points), trials), np.nan)
        slopes = np.empty((len(self._points), d))
        norms = np.full(trials, np.nan)
        for t in np.flatnonzero(np.isfinite(theta).all(axis=1)):
            # Rows of their own, as where one begins in memory may show in the last bits.
            of_trial = theta[t].copy()
            with np.errstate(over="ignore", invalid="ignore"):
                for i, points in enumerate(self._points):
                    values[i, t], slopes[i] = self._objective.value_and_gradient(of_trial, points)
                norms[t] = np.linalg.norm(self._average(slopes))
        of_agents = gather_rows(self._comm, self._layout, values)
        if self._comm.rank > 0:
            return {}
        return {
            "training_loss": of_agents.sum(axis=0) / len(of_agents),
            "gradient_norm": norms,
            "agent_loss": of_agents.T,
        }
