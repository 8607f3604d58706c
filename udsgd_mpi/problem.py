"""The problem that a variant poses: every agent's points, data graph and sampler, and θ*."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.datasets import load
from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.experiment.groups import assign
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.graphs import Graph, build, build_topology
from udsgd_mpi.objectives import Points
from udsgd_mpi.samplers import Sampler
from udsgd_mpi.seeding import Purpose, generator
from udsgd_mpi.theory.minimizer import minimizer

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Agent:
    """What one agent holds.

    Attributes
    ----------
    points
        Its data points, with their importance weights.
    graph
        Its data graph, whose nodes are the points; None for full access.
    """

    group: str
    sampler: Sampler
    points: Points
    graph: Graph | None

    @property
    def stationary_law(self) -> Floats:
        """π of the sampler, shape (points,)."""
        return self.sampler.stationary_law(len(self.points.labels), self.graph)


@dataclass(frozen=True)
class Problem:
    """A variant with its data.

    Attributes
    ----------
    experiment
        Its settings, ``agents`` among them.
    rows_left_over
        Rows of the data set that no agent holds.
    minimizer
        θ* of f(θ) = (1/N) Σ_i Σ_x π_i(x) w_i(x) F(θ, x), shape (d,).
    """

    experiment: Experiment
    topology: Graph
    agents: list[Agent]
    rows_left_over: int
    minimizer: Floats


def pose(experiment: Experiment, agents: int) -> Problem:
    """Load the data, share them out, draw the graphs and find θ*.

    Parameters
    ----------
    agents
        N, which the settings may leave to the number of ranks.

    Raises
    ------
    ConfigurationError
        If data, graphs and settings do not fit each other.
    """
    topology_seed = _graph_seed(experiment, Purpose.TOPOLOGY)
    topology = build_topology(experiment.topology, agents, topology_seed, "topology")
    data = load(experiment.data.source, experiment.data.standardize)
    labels = experiment.objective.encode(data.labels)
    shares = experiment.partition.share(labels, agents, experiment.seed)
    members = [
        _agent(experiment, i, group, data.features[rows], labels[rows])
        for i, (group, rows) in enumerate(
            zip(assign(experiment.groups, agents), shares.rows, strict=True)
        )
    ]
    try:
        theta_star = minimizer(experiment.objective, everybody(members))
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        raise ConfigurationError(
            f"objective: expected a unique finite minimiser, got none ({error}); use l2 > 0"
        ) from error
    return Problem(experiment, topology, members, shares.left_over, theta_star)


def everybody(agents: list[Agent]) -> Points:
    """All points of all agents, weighted by π_i(x) w_i(x) / N: what f is made of."""
    return Points(
        np.concatenate([agent.points.features for agent in agents]),
        np.concatenate([agent.points.labels for agent in agents]),
        np.concatenate([agent.stationary_law * agent.points.weights for agent in agents])
        / len(agents),
    )


def _agent(experiment: Experiment, i: int, group: str, features: Floats, labels: Floats) -> Agent:
    settings = experiment.groups[group]
    graph = _data_graph(experiment, i, group, len(labels)) if settings.sampler.on_graph else None
    weights = settings.sampler.importance_weights(experiment.weight, len(labels), graph)
    return Agent(group, settings.sampler, Points(features, labels, weights), graph)


def _data_graph(experiment: Experiment, i: int, group: str, points: int) -> Graph:
    source = experiment.groups[group].graph
    if source is None:
        raise ConfigurationError(
            f"groups.{group}: expected a graph for a walk on the data, got none; add for example"
            f' graph = "small_world"'
        )
    name = f"data graph of agent {i} (groups.{group}.graph)"
    if points < 2:
        raise ConfigurationError(
            f"{name}: expected at least two points to walk between, got {points}; use fewer agents,"
            " a larger data set or another partition"
        )
    graph = build(source, points, _graph_seed(experiment, Purpose.DATA_GRAPH, i), name)
    if len(graph) != points:
        raise ConfigurationError(
            f"{name}: expected a node for each of the agent's {points} points, got {len(graph)}"
            " nodes; use another graph, or a snowball of a larger one"
        )
    return graph


def _graph_seed(experiment: Experiment, purpose: Purpose, *indices: int) -> int:
    return int(generator(experiment.seed, purpose, *indices).integers(2**31))
