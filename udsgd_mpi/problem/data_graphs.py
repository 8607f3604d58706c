"""The graphs of their points, or batches, on which agents walk."""

from udsgd_mpi.experiment.schema import Experiment, Group
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.source import GraphSource
from udsgd_mpi.kernels.random_numbers import Purpose, graph_seed
from udsgd_mpi.problem.team import Team
from udsgd_mpi.support.errors import ConfigurationError


class DataGraphs:
    """Draws graphs on their agents' processes, each once, as variants and agents share many.

    A file that is not an agent's own is read by one process for all.
    """

    def __init__(self) -> None:
        self._drawn: dict[tuple[GraphSource, int, int], Graph] = {}
        self._files: dict[GraphSource, Graph] = {}

    def read(self, experiment: Experiment, team: Team) -> None:
        """Read the files from which agents of an experiment get their graphs; collective.

        Raises
        ------
        ConfigurationError
            If one can't be read.
        """
        wanted = {
            group.graph
            for group in experiment.groups.values()
            if group.graph is not None and group.sampler.on_graph and not group.graph.is_of_agents
        }
        new = sorted(wanted - self._files.keys(), key=repr)
        wholes = team.bcast(lambda: [source.whole() for source in new])
        self._files |= {s: whole for s, whole in zip(new, wholes, strict=True) if whole is not None}

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
        source = group.graph.of_agent(i)
        drawn_by = graph_seed(seed, Purpose.DATA_GRAPH, i) if source.random else 0
        key = source, nodes, drawn_by
        if key not in self._drawn:
            self._drawn[key] = source.build(nodes, drawn_by, what, self._files.get(source))
        graph = self._drawn[key]
        if len(graph) != nodes:
            raise ConfigurationError(
                f"{what}: expected a node for each of the agent's {nodes} {of}, got {len(graph)}"
                " nodes; use another graph, or a snowball of a larger one"
            )
        return graph
