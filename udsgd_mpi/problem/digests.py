"""Digests of what a problem was posed from."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.clock import Clock
from udsgd_mpi.communication import Schedule
from udsgd_mpi.experiment.check import settings_of
from udsgd_mpi.experiment.plugins import files_beside_data, plugins
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.objectives import Objective
from udsgd_mpi.problem.local_data import read_test_part
from udsgd_mpi.problem.team import Team
from udsgd_mpi.support.digests import Digests, digest, source_name
from udsgd_mpi.support.input_file import content_of
from udsgd_mpi.support.plugin import sources

BatchOrder = NDArray[np.int64] | slice


def digests_of(
    experiment: Experiment,
    rows: Sequence[str],
    orders: Sequence[BatchOrder],
    graphs: Sequence[Ground | None],
    topology: Graph,
    schedule: Schedule,
    clock: Clock | None,
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
        What the samplers of the hosted agents need beside the rows.
    objective
        That of the experiment, on points of their shape.
    """
    mine = [
        (
            part if isinstance(order, slice) else digest(part.encode(), order),
            "" if graph is None else graph.digest,
        )
        for part, order, graph in zip(rows, orders, graphs, strict=True)
    ]
    data, drawn = zip(*team.allgather(mine), strict=True)
    return Digests(
        list(data),
        list(drawn),
        topology.digest,
        [digest(W.offsets, W.columns, W.values) for W in schedule.supports],
        team.everywhere(lambda: _sources(experiment)),
        team.bcast(lambda: _test_part(experiment)),
        "; ".join(sorted(set(team.allgather([team.everywhere(lambda: objective.computed_by)])))),
        _latencies(experiment, clock),
    )


def _latencies(experiment: Experiment, clock: Clock | None) -> str:
    if clock is None or experiment.timing is None or not isinstance(experiment.timing.latency, str):
        return ""
    return digest(clock.latency.seconds)


def _test_part(experiment: Experiment) -> str:
    data = read_test_part(experiment.data) if experiment.records_loss else None
    return "" if data is None else digest(data.features, data.labels)


def _sources(experiment: Experiment) -> dict[str, str]:
    settings = settings_of(experiment)
    found = {}
    for setting, named in plugins(settings).items():
        for file, path in sources(named).items():
            content = content_of(path, f"{setting} {named}: the source file {path}")
            found[source_name(setting, file)] = digest(content)
    for setting, named in files_beside_data(settings).items():
        path = Path(named).expanduser()
        found[source_name(setting, path.name)] = digest(content_of(path, f"{setting} {named}"))
    return found
