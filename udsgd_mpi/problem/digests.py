"""Digests of what a problem was posed from."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Schedule
from udsgd_mpi.graphs import Graph
from udsgd_mpi.objectives import Objective
from udsgd_mpi.problem.team import Team
from udsgd_mpi.support.digests import Digests, digest
from udsgd_mpi.support.errors import ConfigurationError

BatchOrder = NDArray[np.int64] | slice


def digests_of(
    rows: Sequence[str],
    orders: Sequence[BatchOrder],
    graphs: Sequence[Graph | None],
    topology: Graph,
    schedule: Schedule,
    objective: Objective,
    team: Team,
) -> Digests:
    """Digests of all that was read, in agent order wherever the agents are hosted.

    Parameters
    ----------
    rows
        Digests of the hosted agents' rows.
    orders
        In which the hosted agents put their rows into batches.
    graphs
        Data graphs of the hosted agents.
    """
    mine = [
        (
            part if isinstance(order, slice) else digest(part.encode(), order),
            graph.digest if graph else "",
        )
        for part, order, graph in zip(rows, orders, graphs, strict=True)
    ]
    data, drawn = zip(*team.allgather(mine), strict=True)
    return Digests(
        list(data),
        list(drawn),
        topology.digest,
        [digest(W.offsets, W.columns, W.values) for W in schedule.supports],
        team.everywhere(lambda: _sources(objective)),
        "; ".join(sorted(set(team.allgather([team.everywhere(lambda: objective.computed_by)])))),
    )


def _sources(objective: Objective) -> dict[str, str]:
    try:
        files = objective.sources().items()
        return {name: digest(path.read_bytes()) for name, path in files}
    except OSError as error:
        raise ConfigurationError(
            f"objective: expected its source file {error.filename}, but it cannot be read"
            f" ({error.strerror}); put it back"
        ) from error
