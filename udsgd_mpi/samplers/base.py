"""What a sampler is: a named strategy, and the paths that it draws for agents."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.ground import Ground, GroundSource
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.random_numbers import Purpose, below, fill_with_bits
from udsgd_mpi.theory.chains import Chain
from udsgd_mpi.theory.noise import Noise
from udsgd_mpi.theory.visits import of_chain

Indices = NDArray[np.int32]
Weight = Literal["unbiased", "literal", "none"]


class Stream(NamedTuple):
    """The random numbers of one agent in trials first_trial, …, first_trial + trials − 1."""

    seed: int
    agent: int
    trials: int
    first_trial: int = 0


class Streams(NamedTuple):
    """The same of some agents.

    Attributes
    ----------
    agents
        Their numbers, shape (agents,).
    """

    seed: int
    agents: NDArray[np.int64]
    trials: int
    first_trial: int = 0

    @property
    def key(self) -> tuple[int, NDArray[np.int64], int]:
        """What kernels draw from, of type ``KEY``: with the step, all that a number depends on."""
        return self.seed, self.agents, self.first_trial

    def uniform_starts(self, points: NDArray[np.int64]) -> Indices:
        """First points, uniform over each agent's points, shape (agents, trials)."""
        out = np.empty((1, len(self.agents), self.trials), dtype=np.int32)
        draw_uniformly(self.key, Purpose.START, 0, points, out)
        return np.asarray(out[0])


KEY = "Tuple((int64, int64[::1], int64))"
Key = tuple[int, NDArray[np.int64], int]


@kernel(f"void({KEY}, int64, int64, int64[::1], int32[:, :, :])")
def draw_uniformly(
    key: Key, purpose: int, first_step: int, points: NDArray[np.int64], out: Indices
) -> None:
    """Fill ``out`` (steps, agents, trials) with numbers below the agents' numbers of points."""
    seed, agents, first_trial = key
    steps, _, trials = out.shape
    bits = np.empty((steps, trials), dtype=np.uint64)
    for i in range(len(agents)):
        fill_with_bits(seed, purpose, agents[i], first_trial, first_step, bits)
        for n in range(steps):
            for t in range(trials):
                out[n, i, t] = below(bits[n, t], np.uint64(points[i]))


class DrawingTime(NamedTuple):
    """Nanoseconds that drawing a point takes: in any case, and for each neighbour of a node."""

    step: float
    neighbour: float = 0


class SamplePaths(ABC):
    """The points X_0, X_1, … that some agents with one sampler visit, in all of their trials.

    Attributes
    ----------
    n
        Number of points drawn so far.
    """

    n = 0

    @abstractmethod
    def draw(self, out: Indices) -> None:
        """Write the next points into ``out`` (steps, agents, trials).

        Splitting paths into blocks of any size does not change them.
        """

    @abstractmethod
    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        """All that the k-th agent's further points depend on, apart from n; views, no copies."""

    def recall(self, n: int, memories: Sequence[Mapping[str, NDArray[Any]]]) -> None:
        """Go on where paths with these memories had drawn n points."""
        for k, memory in enumerate(memories):
            for name, values in self.memory(k).items():
                values[...] = memory[name]
        self.n = n


class SamplePath:
    """The path of one agent, in all of its trials at once."""

    def __init__(self, paths: SamplePaths) -> None:
        self._paths = paths

    @property
    def n(self) -> int:
        """Number of points drawn so far."""
        return self._paths.n

    def draw(self, out: Indices) -> None:
        """Write the next points into ``out`` (steps, trials); see ``SamplePaths.draw``."""
        self._paths.draw(out[:, None])

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        """See ``SamplePaths.memory``."""
        return self._paths.memory(0)

    def recall(self, n: int, memory: Mapping[str, NDArray[Any]]) -> None:
        """Go on where a path with this memory had drawn n points."""
        self._paths.recall(n, [memory])


class Sampler(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A sampling strategy and its parameters; subclasses are listed in the registry.

    No sampler looks at θ (paper, Assumption 2.2), so it may run ahead of the iterates. One with a
    long memory forgets its past hardly faster than θ does, if at all: what it does to θ at finite n
    is told by its paths rather than by a linear approximation. What it needs of an agent beside the
    number of its points is called ``graph`` below, as for walks it is the data graph.
    """

    degree_biased: ClassVar[bool] = True
    drawing_time: ClassVar[DrawingTime] = DrawingTime(step=3)
    # Whether mini-batches are of rows that follow each other in the data.
    keeps_order: ClassVar[bool] = False
    # Made of the sampler, and what ``start_all`` takes.
    paths: ClassVar[Callable[..., SamplePaths]]

    @property
    def on_graph(self) -> bool:
        """Whether it needs a data graph."""
        return True

    @property
    def long_memory(self) -> bool:
        """Whether its paths, not its noise, tell what it does to θ."""
        return False

    @property
    def name(self) -> str:
        """Name in experiment files, e.g. ``"srw"``."""
        return str(self.__struct_config__.tag)

    def source(self, graph: GroundSource | None) -> GroundSource | None:
        """Where what it needs comes from; None where it needs nothing.

        Parameters
        ----------
        graph
            Source of the data graph, if the settings have one.
        """
        return graph if self.on_graph else None

    def cautions(self, points: int, graph: Ground | None) -> tuple[str, ...]:
        """What is to be said of its results on these points, before they are computed."""
        never = int((self.stationary_law(points, graph) == 0).sum())
        if never == 0:
            return ()
        said = (
            f"{self.name} never visits {never:,} of {points:,} points, whose data do not count: the"
            " objective is that of the others"
        )
        return (said,)

    def stationary_law(self, points: int, graph: Ground | None) -> NDArray[np.float64]:
        """π, shape (points,): ∝ degree if ``degree_biased``, otherwise uniform."""
        if self.degree_biased:
            degrees = graph_of(self, graph).degrees
            return np.asarray(degrees / degrees.sum())
        return np.full(points, 1 / points)

    def importance_weights(
        self, kind: Weight, points: int, graph: Ground | None
    ) -> NDArray[np.float64]:
        """w(x), what a sampled gradient is multiplied with, shape (points,).

        Parameters
        ----------
        kind
            ``"unbiased"``: 1 / (points · π(x)), which is mean degree / degree for a
            degree-biased walk, so that E_π[w ∇F_i] = ∇f_i; 0 where π(x) = 0. ``"literal"``: 1 /
            degree for such a walk (paper, eq. 91), which scales the agent's objective by 1 / mean
            degree. ``"none"``: 1.
        """
        if kind == "unbiased":
            law = self.stationary_law(points, graph)
            return np.divide(1, points * law, out=np.zeros(points), where=law > 0)
        if kind == "literal" and self.degree_biased:
            return np.asarray(1 / graph_of(self, graph).degrees)
        return np.ones(points)

    def noise(self, G: NDArray[np.float64], graph: Ground | None) -> Noise | None:
        """What its fluctuations do to θ; None where theory does not tell.

        Parameters
        ----------
        G
            g(x) − E_π g of the points, shape (points, d).
        """
        raise NotImplementedError

    def chain(self, graph: Ground | None) -> Chain | None:
        """The chain that it is, from a uniform point on; None for one that is none."""
        return None

    def chance(self, last: NDArray[np.int64], graph: Ground | None) -> float | None:
        """The probability of certain visits, see ``theory.visits``; None where only paths tell."""
        chain = self.chain(graph)
        return None if chain is None else of_chain(chain, last)

    def noise_up_to(self, n: int, G: NDArray[np.float64], graph: Ground | None) -> Noise | None:
        """What its fluctuations do to θ up to step n, where that is not as in the limit."""
        return self.noise(G, graph)

    def nanoseconds(self, mean_degree: float) -> float:
        """About what drawing a point takes, where it differs much from other samplers'.

        Parameters
        ----------
        mean_degree
            Of the data graph; NaN for full access.
        """
        time = self.drawing_time
        return time.step + (time.neighbour * mean_degree if self.on_graph else 0)

    def nbytes(self, points: int, graph: Ground | None) -> int:
        """Bytes that the paths of an agent hold for each trial."""
        memory = self.start(points, graph, Stream(0, 0, 1)).memory
        return sum(values.nbytes for values in memory.values())

    def start(self, points: int, graph: Ground | None, stream: Stream) -> SamplePath:
        """Begin the path of one agent, on ``points`` points or on the nodes of ``graph``."""
        streams = Streams(stream.seed, np.array([stream.agent]), stream.trials, stream.first_trial)
        return SamplePath(self.start_all([points], [graph], streams))

    def start_all(
        self, points: Sequence[int], graphs: Sequence[Ground | None], streams: Streams
    ) -> SamplePaths:
        """Begin the paths of some agents, on their points or on the nodes of their graphs."""
        return type(self).paths(self, points, graphs, streams)


def graph_of(sampler: Sampler, graph: Ground | None) -> Graph:
    """The data graph, which a walk can't do without."""
    if not isinstance(graph, Graph):
        got = "none" if graph is None else type(graph).__name__
        raise TypeError(f"{type(sampler).__name__} walks on a data graph and got {got}")
    return graph
