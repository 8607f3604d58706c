"""Running one variant, whatever carries θ from agent to agent."""

from collections.abc import Callable

from mpi4py import MPI

from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.parallel.control import Control, Policy
from udsgd_mpi.parallel.models_simulation import ModelsSimulation
from udsgd_mpi.parallel.simulation import Simulation
from udsgd_mpi.problem import Problem
from udsgd_mpi.tokens import Walking


def simulate(
    comm: MPI.Intracomm, problem: Problem, at_stop: Callable[[int], None]
) -> Recording | None:
    """Run a variant from its first step to its last.

    Parameters
    ----------
    problem
        With the agents that this rank hosts.
    at_stop
        Is called at every stop with the number of steps done.

    Returns
    -------
    The measures on rank 0, None elsewhere.
    """
    simulation = simulation_of(comm, problem)
    simulation.run(Control(comm, Policy()), at_stop, lambda: None)
    return simulation.recording


def simulation_of(
    comm: MPI.Intracomm, problem: Problem, *, go_on: bool = False, emulate: bool = False
) -> Simulation:
    """What runs a variant: agents that mix their θ, or models that walk; collective."""
    if isinstance(problem.schedule, Walking):
        return ModelsSimulation(comm, problem, go_on=go_on)
    return Simulation(comm, problem, go_on=go_on, emulate=emulate)
