"""The graphs of their points, or batches, on which agents walk."""

from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.experiment.schema import Group
from udsgd_mpi.graphs import Graph, build
from udsgd_mpi.graphs.source import GraphSource
from udsgd_mpi.seeding import Purpose, graph_seed


def drawn_for_all(group: Group) -> bool:
    """Whether one process draws the graphs of a group for all agents."""
    return group.sampler.on_graph and group.graph is not None and not group.graph.is_of_agents


class DataGraphs:
    """Draws each graph once, as variants have many in common."""

    def __init__(self) -> None:
        self._drawn: dict[tuple[GraphSource, int, int], Graph] = {}

    def __call__(self, i: int, name: str, group: Group, nodes: int, seed: int) -> Graph:
        """The graph of agent i, with a node for each of its points or batches.

        Parameters
        ----------
        name
            Of the agent's group.
        seed
            Of the experiment.

        Raises
        ------
        ConfigurationError
            If there is none that fits.
        """
        if group.graph is None:
            raise ConfigurationError(
                f"groups.{name}: expected a graph for a walk on the data, got none; add for example"
                f' graph = "small_world"'
            )
        of = "points" if group.batch == 1 else "batches"
        what = f"data graph of agent {i} (groups.{name}.graph)"
        if nodes < 2:
            raise ConfigurationError(
                f"{what}: expected at least two {of} to walk between, got {nodes}; use fewer"
                " agents, a larger data set or another partition"
            )
        key = group.graph.of_agent(i), nodes, graph_seed(seed, Purpose.DATA_GRAPH, i)
        if key not in self._drawn:
            self._drawn[key] = build(*key, what)
        graph = self._drawn[key]
        if len(graph) != nodes:
            raise ConfigurationError(
                f"{what}: expected a node for each of the agent's {nodes} {of}, got {len(graph)}"
                " nodes; use another graph, or a snowball of a larger one"
            )
        return graph
