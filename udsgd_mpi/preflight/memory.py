"""Resident memory of a rank, estimated before a run."""

from collections.abc import Sequence
from math import prod

from udsgd_mpi.communication import Layout
from udsgd_mpi.data.features import bytes_of
from udsgd_mpi.engine.draws import block_length
from udsgd_mpi.engine.measures import lengths_of, measures_of
from udsgd_mpi.engine.states import mixed_of_run, states_of_run
from udsgd_mpi.problem import Agent, Problem
from udsgd_mpi.tokens import Walking

_DOUBLE, _INDEX = 8, 4

# Python, NumPy, Numba and MPI, as measured with MPICH and Open MPI; rank 0 loads SciPy,
# scikit-learn and HDF5 beside them. Of a library that was just installed, and is in memory as a
# whole, an eighth more is resident than of one that is read from a disk.
LIBRARIES = 230_000_000
LIBRARIES_OF_RANK_0 = 310_000_000
PYTORCH = 280_000_000  # beside them, on every rank that computes networks on a CPU


def peak_memory(problem: Problem, layout: Layout, rank: int, *, one_host: bool) -> int:
    """Bytes that a rank holds at most beside its libraries, without the prediction.

    Iterates are held for the agents of a rank, copies of neighbours', and for what an average over
    all agents passes through it, which is one N-th of them for each of N ranks; those of other
    ranks of its host are shared with them, but count as resident where it has read them.

    Parameters
    ----------
    problem
        Posed in one process, with all agents.
    one_host
        Whether averages are taken in memory that all ranks share, or by messages.
    """
    experiment = problem.experiment
    agents, trials = layout.hosted(rank), experiment.trials
    hosted = [problem.agents[i] for i in agents]
    row = trials * problem.d * experiment.numbers.itemsize
    numbers = trials * sum(mixed_of_run(experiment, problem.objective, problem.d))
    mixed = numbers * experiment.numbers.itemsize
    schedule = problem.schedule
    copies = schedule.most_copies(layout, rank)
    buffers = (2 if schedule.supports else 1) * (len(agents) + copies) * mixed
    states = states_of_run(experiment, problem.objective, problem.d)
    local = [each for each in states if not each.mixed]
    kept = trials * sum(each.elements * each.dtype.itemsize for each in local)
    moves = experiment.method.move or experiment.method.interpreted
    buffers += len(agents) * (kept + (row if moves else 0))  # with room for slopes
    buffers += (schedule.staleness + 1) * copies * mixed if schedule.staleness else 0
    averaging = mixed + layout.agents * mixed // layout.ranks
    averaging += 0 if one_host else 2 * len(agents) * mixed
    if isinstance(schedule, Walking):  # room for all models, as much to record them, and paths
        buffers = schedule.walks * row + schedule.nbytes(trials)
        averaging = 3 * schedule.walks * trials * problem.d * _DOUBLE
    if experiment.records_loss:  # gradients as they are found, sent, received, and gaps between
        averaged = 4 * len(agents) + layout.agents / layout.ranks + 5
        averaging = max(averaging, int(averaged * problem.d * _DOUBLE))
    rounding = 0
    codec = experiment.codec(problem.d)
    if not codec.exact:  # what is lost, what is sent and received
        message = codec.row_bytes(numbers)
        rounding = len(agents) * mixed + (0 if one_host else (len(agents) + copies) * message)
        if experiment.communication.compression:  # which all agents make of θ, to be read back
            rounding += len(agents) * message
    draws = block_length(max(layout.counts), trials) * len(agents) * trials * _INDEX
    sums = len(agents) * trials * problem.d * _DOUBLE if experiment.record.polyak else 0
    points = _bytes_of_points(hosted)
    working = problem.objective.working_bytes(
        experiment.numbers,
        max(agent.batch for agent in hosted),
        len(agents) * trials,
        whole=experiment.records_loss,
    )
    run = buffers + averaging + rounding + draws + sums + points + working
    run += _bytes_of_paths(problem, agents)
    if rank > 0:
        return run + points
    everybody = _bytes_as_read(problem)
    iterates = layout.agents * (mixed + kept) if experiment.record.detail == "iterates" else 0
    written = 2 * file_size(problem)
    # The data set stays; shares and what is sent of them go before the first step.
    return points + everybody + max(2 * everybody, run + iterates + written)


def file_size(problem: Problem) -> int:
    """Bytes of what is recorded of a variant."""
    experiment, d = problem.experiment, problem.d
    states = states_of_run(experiment, problem.objective, d)
    lengths = lengths_of(experiment, len(problem.summaries), d, states)
    return sum(
        each.dtype.itemsize * prod(lengths[axis] for axis in each.dimensions)
        for each in measures_of(experiment, d, states, tested=True).values()
    )


def _bytes_of_points(agents: Sequence[Agent]) -> int:
    return sum(
        bytes_of(agent.points.features) + agent.points.labels.nbytes + agent.points.weights.nbytes
        for agent in agents
    )


def _bytes_as_read(problem: Problem) -> int:
    """All agents' points as rank 0 reads and sends them: of images a byte for each pixel."""
    points = _bytes_of_points(problem.agents)
    if problem.reading.image is None:
        return points
    features = [agent.points.features for agent in problem.agents]
    return points - sum(bytes_of(each) - prod(each.shape) for each in features)


def _bytes_of_paths(problem: Problem, agents: range) -> int:
    """Graphs, as their agents hold them and as kernels read them, and what walks remember."""
    hosted = [problem.agents[i] for i in agents]
    graphs = {id(agent.graph): agent.graph.nbytes for agent in hosted if agent.graph is not None}
    copies = 2 if len(graphs) > 1 else 1
    memories = sum(agent.sampler.nbytes(agent.batches, agent.graph) for agent in hosted)
    return copies * sum(graphs.values()) + memories * problem.experiment.trials
