"""What a sampler is: a named strategy, and the path that it draws for one agent."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.seeding import Purpose, all_below, random_bits
from udsgd_mpi.theory.noise import Noise

Indices = NDArray[np.int32]
Weight = Literal["unbiased", "literal", "none"]


class Stream(NamedTuple):
    """The random numbers of one agent in trials first_trial, …, first_trial + trials − 1."""

    seed: int
    agent: int
    trials: int
    first_trial: int = 0

    def bits(self, purpose: Purpose, first_step: int, steps: int) -> NDArray[np.uint64]:
        """64 random bits for each step and trial, shape (steps, trials)."""
        out = np.empty((steps, self.trials), dtype=np.uint64)
        random_bits(self.seed, purpose, self.agent, self.first_trial, first_step, out)
        return out

    def uniform_start(self, points: int) -> Indices:
        """First point of each trial, uniform on all of them, shape (trials,)."""
        start = np.empty(self.trials, dtype=np.int32)
        all_below(self.bits(Purpose.START, 0, 1)[0], points, start)
        return start


class Cost(NamedTuple):
    """Nanoseconds that drawing a point takes: of themselves, and for each neighbour of a node."""

    step: float
    neighbour: float = 0


class Path(ABC):
    """The points X_0, X_1, … that an agent visits, in all of its trials at once.

    Attributes
    ----------
    n
        Number of points drawn so far.
    """

    n = 0

    @abstractmethod
    def draw(self, out: Indices) -> None:
        """Write the next points into ``out`` (steps, trials).

        Splitting a path into blocks of any size does not change it.
        """

    @property
    @abstractmethod
    def memory(self) -> dict[str, NDArray[Any]]:
        """All that the points to come depend on, beside n; the arrays themselves, no copies."""

    @property
    def nbytes(self) -> int:
        """Bytes that the path holds."""
        return sum(values.nbytes for values in self.memory.values())

    def recall(self, n: int, memory: Mapping[str, NDArray[Any]]) -> None:
        """Go on where a path with this memory had drawn n points."""
        for name, values in self.memory.items():
            values[...] = memory[name]
        self.n = n


class Sampler(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A sampling strategy and its parameters; subclasses are listed in the registry.

    No sampler looks at θ (paper, Assumption 2.2), so it may run ahead of the iterates. One with a
    long memory forgets its past hardly faster than θ does, if at all: what it does to θ at finite n
    is told by its paths rather than by a linear approximation.
    """

    on_graph: ClassVar[bool] = True
    long_memory: ClassVar[bool] = False
    degree_biased: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(step=3)

    @property
    def name(self) -> str:
        """Name in experiment files, e.g. ``"srw"``."""
        return str(self.__struct_config__.tag)

    def stationary_law(self, points: int, graph: Graph | None) -> NDArray[np.float64]:
        """π, shape (points,): ∝ degree if ``degree_biased``, otherwise uniform."""
        if self.degree_biased:
            degrees = graph_of(self, graph).degrees
            return np.asarray(degrees / degrees.sum())
        return np.full(points, 1 / points)

    def importance_weights(
        self, kind: Weight, points: int, graph: Graph | None
    ) -> NDArray[np.float64]:
        """w(x), what a sampled gradient is multiplied with, shape (points,).

        Parameters
        ----------
        kind
            ``"unbiased"``: 1 / (points · π(x)), which is mean degree / degree for a
            degree-biased walk, so that E_π[w ∇F_i] = ∇f_i. ``"literal"``: 1 / degree for such a
            walk (paper, eq. 91), which scales the agent's objective by 1 / mean degree.
            ``"none"``: 1.
        """
        if kind == "unbiased":
            return 1 / (points * self.stationary_law(points, graph))
        if kind == "literal" and self.degree_biased:
            return np.asarray(1 / graph_of(self, graph).degrees)
        return np.ones(points)

    def noise(self, G: NDArray[np.float64], graph: Graph | None) -> Noise:
        """What its fluctuations do to θ.

        Parameters
        ----------
        G
            g(x) − E_π g of the points, shape (points, d).
        """
        raise NotImplementedError

    def nanoseconds(self, mean_degree: float) -> float:
        """About what drawing a point takes, where it differs much from other samplers'.

        Parameters
        ----------
        mean_degree
            Of the data graph; NaN for full access.
        """
        return self.cost.step + (self.cost.neighbour * mean_degree if self.on_graph else 0)

    def start(self, points: int, graph: Graph | None, stream: Stream) -> Path:
        """Begin a path on ``points`` points, or on the nodes of ``graph``."""
        raise NotImplementedError


def graph_of(sampler: Sampler, graph: Graph | None) -> Graph:
    """The data graph, which a walk can't do without."""
    if graph is None:
        raise ValueError(f"{type(sampler).__name__} walks on a data graph and got none")
    return graph
