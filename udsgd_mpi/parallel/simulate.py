"""One variant on all ranks."""

from collections.abc import Callable

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.layout import Layout, most_copies
from udsgd_mpi.objectives import Points
from udsgd_mpi.parallel.blocks import Blocks, Floats
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.parallel.recorder import Recorder
from udsgd_mpi.problem import Agent, Problem
from udsgd_mpi.recording import Recording
from udsgd_mpi.samplers import Stream
from udsgd_mpi.sgd import Draws, unified_distributed_sgd


def simulate(
    comm: MPI.Intracomm, problem: Problem, progress: Callable[[int], None]
) -> Recording | None:
    """Run a variant.

    Parameters
    ----------
    problem
        With the agents that this rank hosts.
    progress
        Is called at every stop with the number of steps done.

    Returns
    -------
    The measures on rank 0, None elsewhere.
    """
    experiment, agents, count = problem.experiment, problem.agents, len(problem.roster)
    layout = Layout(count, comm.size)
    trials, d = experiment.trials, len(problem.minimizer)
    schedule = problem.schedule
    settings = experiment.record
    recorded = settings.at(experiment.steps)

    blocks = Blocks(layout, comm.rank, most_copies(schedule, layout, comm.rank), trials, d)
    recording = None
    if comm.rank == 0:
        recording = Recording.empty(
            recorded,
            trials,
            count,
            d,
            polyak=settings.polyak,
            iterates=settings.detail == "iterates",
        )
    record = Recorder(comm, blocks, settings, recorded, problem.minimizer, recording)
    stops = np.union1d(schedule.times(experiment.steps), recorded[recorded > 0])
    if settings.polyak:
        stops = np.arange(1, experiment.steps + 1)
    W = Mixer(comm, schedule, blocks, experiment.steps)

    def observe(n: int, theta: Floats) -> None:
        record(n, theta)
        progress(n)

    try:
        unified_distributed_sgd(
            blocks.theta,
            _draws(agents, layout.hosted(comm.rank), experiment.seed, trials),
            experiment.step_size,
            experiment.objective,
            _points(agents),
            _batch(agents),
            W,
            stops.tolist(),
            observe,
        )
    finally:
        W.free()
    return recording


def _draws(agents: list[Agent], hosted: range, seed: int, trials: int) -> Draws:
    sizes = [len(agent.points.labels) for agent in agents]
    paths = [
        agent.sampler.start(agent.batches, agent.graph, Stream(seed, i, trials))
        for i, agent in zip(hosted, agents, strict=True)
    ]
    return Draws(paths, (np.cumsum(sizes) - sizes).tolist(), _batch(agents), trials)


def _batch(agents: list[Agent]) -> NDArray[np.int64]:
    return np.array([agent.batch for agent in agents], dtype=np.int64)


def _points(agents: list[Agent]) -> Points:
    return Points(
        np.concatenate([agent.points.features for agent in agents]),
        np.concatenate([agent.points.labels for agent in agents]),
        np.concatenate([agent.points.weights for agent in agents]),
    )
