"""What agents' samplers need beside their points: graphs to walk on, chains, recorded visits."""

from typing import Any

from udsgd_mpi.experiment.schema import Experiment, Group
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.ground import Ground, GroundSource
from udsgd_mpi.kernels.random_numbers import Purpose, graph_seed
from udsgd_mpi.problem.team import Team
from udsgd_mpi.support.errors import ConfigurationError


class DataGraphs:
    """Makes them on their agents' processes, each once, as variants and agents share many.

    A file that is not an agent's own is read by one process for all.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[GroundSource, int, int], Ground] = {}
        self._files: dict[GroundSource, Any] = {}

    def read(self, experiment: Experiment, team: Team) -> None:
        """Read the files that several agents of an experiment have in common; collective.

        Raises
        ------
        ConfigurationError
            If one can't be read.
        """

        def wanted() -> list[GroundSource]:
            sources = {group.sampler.source(group.graph) for group in experiment.groups.values()}
            shared = {each for each in sources if each is not None and not each.is_of_agents}
            return sorted(shared - self._files.keys(), key=repr)

        new = team.everywhere(wanted)
        wholes = team.bcast(lambda: [source.whole() for source in new])
        self._files |= {s: whole for s, whole in zip(new, wholes, strict=True) if whole is not None}

    def __call__(self, i: int, name: str, group: Group, nodes: int, seed: int) -> Ground | None:
        """What the sampler of agent i needs, of a node for each of its points or batches.

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
        sampler = group.sampler
        source = sampler.source(group.graph)
        if source is None:
            if sampler.on_graph:
                raise ConfigurationError(
                    f"groups.{name}: expected a graph for a walk on the data, got none; add for"
                    ' example graph = "small_world"'
                )
            return None
        of = "points" if group.batch == 1 else "batches"
        what = f"{sampler.name} of agent {i} (groups.{name}.sampler.path)"
        if sampler.on_graph:
            what = f"data graph of agent {i} (groups.{name}.graph)"
        if sampler.on_graph and nodes < 2:
            raise ConfigurationError(
                f"{what}: expected at least two {of} to walk between, got {nodes}; use fewer"
                " agents, a larger data set or another partition"
            )
        source = source.of_agent(i)
        drawn_by = graph_seed(seed, Purpose.DATA_GRAPH, i) if source.random else 0
        key = source, nodes, drawn_by
        if key not in self._made:
            self._made[key] = source.build(nodes, drawn_by, what, self._files.get(source))
        ground = self._made[key]
        if isinstance(ground, Graph) and ground.directed:
            raise ConfigurationError(
                f"{what}: expected an undirected graph, on which walks can go back, got a directed"
                " one; use another, or a file without directed = true"
            )
        if isinstance(ground, Graph) and len(ground) != nodes:
            raise ConfigurationError(
                f"{what}: expected a node for each of the agent's {nodes} {of}, got {len(ground)}"
                " nodes; use another graph, or a snowball of a larger one"
            )
        return ground
