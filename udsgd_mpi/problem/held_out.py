"""Points that nobody trains on."""

import numpy as np

from udsgd_mpi.data.images.pixels import as_floats
from udsgd_mpi.objectives import Points
from udsgd_mpi.problem.local_data import read_test_part
from udsgd_mpi.problem.problem import Problem
from udsgd_mpi.support.errors import ConfigurationError


def held_out_points(problem: Problem) -> Points | None:
    """The test part of a problem's data, read by the process that asks; None where there is none.

    Its points are read as those of training: with the same classes, scaled or normalised alike.
    Their weights add up to 1, so that the weighted sum of F is the mean test loss.

    Raises
    ------
    ConfigurationError
        If the data can't be read any more, or have labels that no agent trains on.
    """
    experiment, reading = problem.experiment, problem.reading
    data = read_test_part(experiment.data)
    if data is None:
        return None
    unknown = np.setdiff1d(data.labels, reading.classes)
    if len(reading.classes) and len(unknown):
        raise ConfigurationError(
            f"test part of data {experiment.data.source}: expected the classes that agents train"
            f" on, got {len(unknown)} that none does; use another partition, or more data"
        )
    weights = np.full(len(data.labels), 1 / len(data.labels))
    labels = experiment.objective.encode(data.labels, reading.classes)
    if experiment.objective.reads_images:
        return Points(data.features, labels, weights, reading.image)
    features = as_floats(data.features)
    if reading.scaling is not None:
        features = reading.scaling(features)
    return Points(features, labels, weights)


def held_out_shares(problem: Problem) -> list[Points | None]:
    """The same, dealt out evenly, for each agent; None for those for whom there are none.

    Raises
    ------
    ConfigurationError
        As ``held_out_points``.
    """
    points, agents = held_out_points(problem), len(problem.summaries)
    if points is None:
        return [None] * agents
    shares = np.array_split(np.arange(len(points.labels)), agents)
    return [points.take(rows) if len(rows) else None for rows in shares]
