"""What agents' samplers need beside the number of points: graphs, chains, recorded visits."""

from typing import Any, ClassVar, Protocol, Self

from msgspec import Struct, structs

from udsgd_mpi.support.file_names import is_of_agents, of_agent


class Ground(Protocol):
    """What the sampler of one agent needs: its data graph, a transition matrix, or a trace.

    Attributes
    ----------
    digest
        Distinguishes it from any other.
    mean_degree
        Mean number of points that may follow a point; NaN where that says nothing.
    nbytes
        Memory of its arrays.
    """

    @property
    def digest(self) -> str: ...

    @property
    def mean_degree(self) -> float: ...

    @property
    def nbytes(self) -> int: ...


class GroundSource(Protocol):
    """Settings from which agents get it; see ``GraphSource``."""

    @property
    def random(self) -> bool:
        """Whether it depends on the seed."""

    @property
    def is_of_agents(self) -> bool:
        """Whether every agent has a file of its own."""

    def of_agent(self, agent: int) -> Self:
        """The source of one agent."""

    def whole(self) -> Any:
        """What is in a file, the same for every agent; None where there is none.

        Raises
        ------
        ConfigurationError
            If it can't be read.
        """

    def build(self, n: int, seed: int, name: str, whole: Any = None) -> Ground:
        """It for n points; see ``GraphSource.build``.

        Raises
        ------
        ConfigurationError
            If it does not fit them; ``name`` says what it is.
        """


class GroundFile(Struct, frozen=True):
    """A file from which agents get it.

    Parameters
    ----------
    path
        ``{agent}`` in it stands for each agent's number.
    """

    path: str
    random: ClassVar[bool] = False

    @property
    def is_of_agents(self) -> bool:
        """Whether every agent has a file of its own."""
        return is_of_agents(self.path)

    def of_agent(self, agent: int) -> Self:
        """The file of one agent."""
        return structs.replace(self, path=str(of_agent(self.path, agent)))
