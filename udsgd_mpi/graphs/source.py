"""What a source of graphs is: a generator, or a file."""

from typing import ClassVar, Self

from msgspec import Struct

from udsgd_mpi.graphs.csr import Graph


class GraphSource(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A graph on n nodes, or a recipe for one.

    It depends on the seed where it is ``random``.
    """

    random: ClassVar[bool] = True

    @property
    def is_of_agents(self) -> bool:
        """Whether every agent has a file of its own."""
        return False

    def of_agent(self, agent: int) -> Self:
        """The source of one agent's graph."""
        return self

    def whole(self) -> Graph | None:
        """What its graphs are taken from, where that is in a file; the same for every seed.

        Raises
        ------
        ConfigurationError
            If it can't be read.
        """
        return None

    def build(self, n: int, seed: int, name: str, whole: Graph | None = None) -> Graph:
        """A graph, on the nodes 0, …, n − 1; random ones depend on the seed alone.

        Parameters
        ----------
        whole
            Where it is known already.

        Raises
        ------
        ConfigurationError
            If it is not connected; ``name`` says which graph it is.
        """
        raise NotImplementedError
