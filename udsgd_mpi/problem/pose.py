"""From settings to a problem: data and graphs on the agents' processes, and θ*."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Activated, Schedule
from udsgd_mpi.experiment.groups import assign
from udsgd_mpi.experiment.schema import Experiment, Group
from udsgd_mpi.experiment.timing import clock_of
from udsgd_mpi.graphs import Graph, build_topology
from udsgd_mpi.kernels.random_numbers import Purpose, generator, graph_seed
from udsgd_mpi.problem.agent import Agent
from udsgd_mpi.problem.compressible import check_compression
from udsgd_mpi.problem.data_graphs import DataGraphs
from udsgd_mpi.problem.digests import BatchOrder, digests_of
from udsgd_mpi.problem.local_data import Held, LocalData, hold
from udsgd_mpi.problem.optimum import find_optimum
from udsgd_mpi.problem.problem import AgentSummary, Problem
from udsgd_mpi.problem.reading import Reading
from udsgd_mpi.problem.stale_reads import check_staleness
from udsgd_mpi.problem.team import Team
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.tokens import Walking

Floats = NDArray[np.float64]


def pose_all(
    experiments: Mapping[str, Experiment], team_of: Callable[[int], Team], default_agents: int
) -> dict[str, Problem]:
    """Pose the problems of all variants; those with the same data or graphs hold them once.

    Parameters
    ----------
    team_of
        Takes N and gives the team of N agents.
    default_agents
        N where the settings leave it open.

    Raises
    ------
    ConfigurationError
        If data, graphs and settings do not fit each other.
    """
    held: dict[bytes, Held] = {}
    data_graph = DataGraphs()
    problems = {}
    for name, experiment in experiments.items():
        agents = experiment.agents or default_agents
        team = team_of(agents)
        as_images = experiment.objective.reads_images
        read = experiment.data, experiment.partition, experiment.seed
        key = msgspec.json.encode((*read, agents, as_images))
        if key not in held:
            held[key] = hold(*read, team, as_images=as_images)
        problems[name] = pose(experiment, team, held[key], data_graph)
    return problems


def pose(
    experiment: Experiment,
    team: Team,
    held: Held | None = None,
    data_graph: DataGraphs | None = None,
) -> Problem:
    """Load the data, share them out, draw the graphs and find θ*.

    Parameters
    ----------
    held
        The hosted agents' rows, where they are known already.
    data_graph
        Knows graphs that were drawn for other variants.

    Raises
    ------
    ConfigurationError
        If data, graphs and settings do not fit each other.
    """
    seed = experiment.seed
    as_images = experiment.objective.reads_images
    held = held or hold(experiment.data, experiment.partition, seed, team, as_images=as_images)
    if experiment.data.augment is not None and held.image is None:
        raise ConfigurationError(
            f"data.augment: expected images, got {experiment.data.name},"
            " which has none; leave it out, or use data of images"
        )
    data_graph = data_graph or DataGraphs()
    topology = team.bcast(lambda: topology_of(experiment, team.agents))
    schedule = team.everywhere(lambda: schedule_of(experiment, topology))
    team.bcast(lambda: experiment.method.check_mixing(schedule, team.agents))
    names = assign(experiment.groups, team.agents)
    clock = team.bcast(lambda: clock_of(experiment, names))
    groups = [experiment.groups[name] for name in names]
    rows = dict(zip(team.hosted, held.rows, strict=True))
    classes = _classes(experiment, held.rows, team)

    def batches(i: int) -> int:
        return _number_of_batches(i, names[i], len(rows[i].labels), groups[i].batch)

    nodes = dict(zip(team.hosted, team.map(batches), strict=True))
    data_graph.read(experiment, team)
    orders = {
        i: _batch_order(len(rows[i].labels), nodes[i], groups[i], seed, i) for i in team.hosted
    }

    of_agents = _shares(experiment, [*nodes.values()], groups, team)
    shares = dict(zip(team.hosted, of_agents, strict=True))
    paces = _paces(experiment, schedule, team.agents)

    def agent(i: int) -> Agent:
        graph = data_graph(i, names[i], groups[i], nodes[i], seed)
        features, labels = rows[i]
        labels = experiment.objective.encode(labels, classes)
        return Agent.of(
            names[i],
            groups[i].sampler,
            experiment.weight,
            features[orders[i]],
            labels[orders[i]],
            groups[i].batch,
            graph,
            held.image if as_images else None,
            shares[i],
            paces[i],
        )

    agents = team.map(agent)
    objective = experiment.objective.on(agents[0].points.shape, len(classes))
    team.bcast(lambda: check_compression(experiment, schedule, objective))
    team.bcast(lambda: check_staleness(experiment, objective))
    digests = digests_of(
        experiment,
        held.digests,
        [*orders.values()],
        [agent.graph for agent in agents],
        topology,
        schedule,
        clock,
        objective,
        team,
    )
    used = sum(team.allgather([len(agent.points.labels) for agent in agents]))
    in_shares = sum(team.allgather([len(part.labels) for part in held.rows]))
    d, optimum = find_optimum(experiment, objective, agents, used, classes, team)
    team.everywhere(lambda: experiment.method.check(d))
    return Problem(
        experiment,
        topology,
        schedule,
        clock,
        agents,
        team.allgather([_summary(agent) for agent in agents]),
        digests,
        held.left_over + in_shares - used,
        objective,
        Reading(classes, held.scaling, held.image, held.features),
        d,
        optimum,
    )


def topology_of(experiment: Experiment, agents: int) -> Graph:
    """The graph of the agents.

    Raises
    ------
    ConfigurationError
        If it is not connected, or not of their number.
    """
    seed = graph_seed(experiment.seed, Purpose.TOPOLOGY)
    return build_topology(experiment.topology, agents, seed, "topology")


def schedule_of(experiment: Experiment, topology: Graph) -> Schedule:
    """When agents exchange, and which of them are there.

    Raises
    ------
    ConfigurationError
        If the pattern does not fit the agents, or the method or the activation does not fit it.
    """
    pattern, activation, seed = experiment.communication, experiment.activation, experiment.seed
    pattern.check_topology(topology)
    schedule = pattern.start(topology, seed)
    if not schedule.doubly_stochastic:
        experiment.method.check_unbalanced()
    if activation is not None:
        name = pattern.__struct_config__.tag
        schedule = Activated(schedule, activation.start(len(topology), seed), str(name))
    if schedule.pauses:
        experiment.method.check_pauses()
    return schedule


def _paces(experiment: Experiment, schedule: Schedule, agents: int) -> Floats:
    """Factor of each agent's steps, shape (agents,)."""
    if isinstance(schedule, Walking):
        return schedule.paces
    there = schedule.availability(experiment.steps)
    if experiment.activation is None or not experiment.activation.scaled or there is None:
        return np.ones(agents)
    return np.asarray(1 / there)


def _classes(experiment: Experiment, rows: list[LocalData], team: Team) -> Floats:
    if not experiment.objective.classifies:
        return np.empty(0)
    among = experiment.objective.classes_among
    here = among(np.concatenate([part.labels for part in rows]))
    return among(np.concatenate(team.allgather([here])))


def _number_of_batches(i: int, group: str, points: int, batch: int) -> int:
    if points < batch:
        raise ConfigurationError(
            f"groups.{group}.batch: expected at most the {points} points of agent {i}, got {batch};"
            " use smaller batches, fewer agents or another partition"
        )
    return points // batch


def _shares(
    experiment: Experiment, batches: Sequence[int], groups: Sequence[Group], team: Team
) -> list[float]:
    """Factor of each hosted agent's f_i in f."""
    if experiment.weighting == "agents":
        return [1.0] * len(batches)
    used = [k * groups[i].batch for i, k in zip(team.hosted, batches, strict=True)]
    mean = sum(team.allgather(used)) / team.agents
    return [points / mean for points in used]


def _batch_order(points: int, batches: int, group: Group, seed: int, agent: int) -> BatchOrder:
    """Points in the order of their batches: at random, since shares may be sorted by label."""
    if group.batch == 1:
        return slice(None)
    if group.sampler.keeps_order:
        return slice(batches * group.batch)
    order = generator(seed, Purpose.BATCHES, agent).permutation(points)
    return order[: batches * group.batch]


def _summary(agent: Agent) -> AgentSummary:
    graph, sampler = agent.graph, agent.sampler
    return AgentSummary(
        agent.group,
        sampler.name,
        len(agent.points.labels),
        agent.batch,
        np.nan if graph is None else graph.mean_degree,
        sampler.cautions(agent.batches, graph),
        agent.share,
    )
