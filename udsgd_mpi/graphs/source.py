"""What a source of graphs is: a generator, or a file."""

from typing import TYPE_CHECKING, Self

from msgspec import Struct

from udsgd_mpi.graphs.csr import Graph

if TYPE_CHECKING:
    import networkx as nx


class GraphSource(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A graph on n nodes, or a recipe for one."""

    @property
    def is_of_agents(self) -> bool:
        """Whether every agent has a file of its own."""
        return False

    def of_agent(self, agent: int) -> Self:
        """The source of one agent's graph."""
        return self

    def draw(self, n: int, seed: int) -> "nx.Graph":
        """A graph on the nodes 0, …, n − 1; random ones depend on the seed alone."""
        raise NotImplementedError

    def build(self, n: int, seed: int, name: str) -> Graph:
        """The same in compressed rows.

        Raises
        ------
        ConfigurationError
            If it is not connected; ``name`` says which graph it is.
        """
        return Graph.from_networkx(self.draw(n, seed), name)
