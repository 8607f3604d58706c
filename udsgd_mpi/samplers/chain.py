"""Any Markov chain on the points."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground, GroundSource
from udsgd_mpi.graphs.transitions import TransitionMatrix, TransitionsFile
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.random_numbers import Purpose, below, fill_with_bits, unit
from udsgd_mpi.samplers.base import KEY, DrawingTime, Indices, Key, SamplePaths, Sampler, Streams
from udsgd_mpi.samplers.graph_stack import firsts, joined, unique
from udsgd_mpi.support.file_names import is_of_agents, names_file
from udsgd_mpi.theory.chains import MarkovChain, noise_of_walk
from udsgd_mpi.theory.noise import Noise

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

TABLES = "Tuple((int64[::1], int64[::1], int64[::1], int32[::1], int32[::1], float64[::1]))"
Tables = tuple[Integers, Integers, Integers, Indices, Indices, Floats]


class AliasTables(NamedTuple):
    """What draws the next point of a chain in a time that its rows do not count in.

    A uniform entry of the row, which stays with some probability or gives way to its alias (Walker
    1977; Vose 1991).

    Attributes
    ----------
    offsets, columns
        As of the transition matrix.
    aliases, stays
        Of each entry.
    """

    offsets: Integers
    columns: Indices
    aliases: Indices
    stays: Floats

    @classmethod
    def of(cls, chain: TransitionMatrix) -> "AliasTables":
        """Those of a transition matrix."""
        aliases, stays = chain.columns.copy(), np.ones(len(chain.columns))
        _fill(chain.offsets, chain.columns, chain.probabilities, aliases, stays)
        return cls(chain.offsets, chain.columns, aliases, stays)


@kernel("void(int64[::1], int32[::1], float64[::1], int32[::1], float64[::1])")
def _fill(
    offsets: Integers, columns: Indices, probabilities: Floats, aliases: Indices, stays: Floats
) -> None:
    longest = 0
    for x in range(len(offsets) - 1):
        longest = max(longest, offsets[x + 1] - offsets[x])
    small, large = np.empty(longest, dtype=np.int64), np.empty(longest, dtype=np.int64)
    left = np.empty(longest)
    for x in range(len(offsets) - 1):
        first, count = offsets[x], offsets[x + 1] - offsets[x]
        smalls, larges = 0, 0
        for k in range(count):
            left[k] = probabilities[first + k] * count
            if left[k] < 1:
                small[smalls] = k
                smalls += 1
            else:
                large[larges] = k
                larges += 1
        while smalls > 0 and larges > 0:
            smalls -= 1
            few, many = small[smalls], large[larges - 1]
            stays[first + few] = left[few]
            aliases[first + few] = columns[first + many]
            left[many] -= 1 - left[few]
            if left[many] < 1:
                larges -= 1
                small[smalls] = many
                smalls += 1
        # What rounding has left over stays for certain.


@kernel(f"void({KEY}, int64, int64, {TABLES}, int32[:, ::1], int32[:, :, :])")
def _walk(key: Key, purpose: int, first: int, tables: Tables, nodes: Indices, out: Indices) -> None:
    seed, agents, first_trial = key
    first_row, first_entry, all_offsets, all_columns, all_aliases, all_stays = tables
    steps, _, trials = out.shape
    bits = np.empty((steps, trials), dtype=np.uint64)
    for i in range(len(agents)):
        fill_with_bits(seed, purpose, agents[i], first_trial, first, bits)
        offsets = all_offsets[first_row[i] :]
        columns, aliases = all_columns[first_entry[i] :], all_aliases[first_entry[i] :]
        stays, node = all_stays[first_entry[i] :], nodes[i]
        for n in range(steps):
            for t in range(trials):
                x = node[t]
                out[n, i, t] = x
                count = np.uint64(offsets[x + 1] - offsets[x])
                # Bits times count: its upper half is the entry, its lower half uniform again.
                entry = offsets[x] + below(bits[n, t], count)
                stay = unit(bits[n, t] * count) < stays[entry]
                node[t] = columns[entry] if stay else aliases[entry]


class _Walks(SamplePaths):
    def __init__(
        self,
        _law: Sampler,
        _points: Sequence[int],
        chains: Sequence[Ground | None],
        streams: Streams,
    ) -> None:
        matrices = [transitions_of(chain) for chain in chains]
        different, which = unique(matrices)
        each = [AliasTables.of(matrix) for matrix in different]
        self.tables: Tables = (
            firsts(len(tables.offsets) for tables in each)[which],
            firsts(len(tables.columns) for tables in each)[which],
            joined([tables.offsets for tables in each]),
            joined([tables.columns for tables in each]),
            joined([tables.aliases for tables in each]),
            joined([tables.stays for tables in each]),
        )
        self.streams = streams
        self.next = streams.uniform_starts(np.array([len(matrix) for matrix in matrices]))

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return {"next": self.next[k]}

    def draw(self, out: Indices) -> None:
        _walk(self.streams.key, Purpose.SAMPLING, self.n, self.tables, self.next, out)
        self.n += len(out)


class Chain(Sampler, frozen=True, tag="chain"):
    """A Markov chain with any irreducible transition matrix P on the points; π P = π.

    Begins at a uniform point, as walks do. A step takes as long whatever is in a row of P.

    Parameters
    ----------
    path
        File with P, of a row for each of the agent's points, or batches: SciPy's sparse ``.npz``,
        NumPy's ``.npy`` or ``.npz`` with one array, or MatrixMarket. ``{agent}`` in it stands for
        each agent's number, ``{agent:02d}`` for 00, 01, ….
    """

    path: Annotated[str, names_file()]
    on_graph: ClassVar[bool] = False
    degree_biased: ClassVar[bool] = False
    paths: ClassVar[Callable[..., SamplePaths]] = _Walks
    drawing_time: ClassVar[DrawingTime] = DrawingTime(step=6)

    def __post_init__(self) -> None:
        is_of_agents(self.path)

    def source(self, graph: GroundSource | None) -> GroundSource | None:
        return TransitionsFile(self.path)

    def stationary_law(self, points: int, graph: Ground | None) -> NDArray[np.float64]:
        return self.chain(graph).law

    def chain(self, graph: Ground | None) -> MarkovChain:
        return MarkovChain.of(transitions_of(graph))

    def noise(self, G: NDArray[np.float64], graph: Ground | None) -> Noise:
        return noise_of_walk(self.chain(graph), G)


def transitions_of(chain: Ground | None) -> TransitionMatrix:
    """The transition matrix, which a chain can't do without."""
    if not isinstance(chain, TransitionMatrix):
        raise TypeError(f"a chain has a transition matrix and got {type(chain).__name__}")
    return chain
