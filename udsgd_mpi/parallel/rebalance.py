"""Moving agents between ranks once their costs are known."""

from dataclasses import replace

from mpi4py import MPI

from udsgd_mpi.communication import Layout
from udsgd_mpi.preflight.hosting import layout_on
from udsgd_mpi.problem import Problem


def layout_of(comm: MPI.Intracomm, problem: Problem) -> Layout:
    """Which rank hosts which agents of a problem; collective."""
    return Layout(tuple(comm.allgather(len(problem.agents))))


def balanced(comm: MPI.Intracomm, problem: Problem) -> Problem:
    """The same problem on ranks that take about the same time for a step; collective."""
    before, after = layout_of(comm, problem), layout_on(problem, comm.size)
    if after == before:
        return problem
    hosted = before.hosted(comm.rank)
    leaving = [
        [problem.agents[i - hosted.start] for i in after.hosted(to) if i in hosted]
        for to in range(comm.size)
    ]
    return replace(problem, agents=[agent for part in comm.alltoall(leaving) for agent in part])
