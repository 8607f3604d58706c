"""Weights on links that are up or down at each aggregation, drawn in compiled code.

W = I − Σ_e b_e w_e L_e over the edges e = {i, j} of the topology, with the indicator b_e of e being
there and L_e = (1_i − 1_j)(1_i − 1_j)ᵀ: what a lost link does not carry stays with both ends. The
b_e are a function of (seed, number of the aggregation, edge), so that nothing is replayed.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.forms.base import Floats, Form, Integers
from udsgd_mpi.communication.forms.weights import Weights
from udsgd_mpi.graphs import Graph
from udsgd_mpi.kernels.compiled import Kernel, inlined, kernel

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Flags = NDArray[np.uint8]


class Drawing(NamedTuple):
    """What a kernel that draws links takes after the number of the aggregation.

    Attributes
    ----------
    chains
        Which two-state chains are followed, ascending; none where links have no memory.
    first, second
        Of each link: the chains, counted in ``chains``, that it needs to be good; or its ends.
    law
        Parameters of the law.
    at
        The aggregation that ``good`` is of, shape (1,); 0 before the first.
    good
        Whether each chain is good; or, of each agent, memory to work in.
    there
        Receives whether each link is up.
    """

    seed: np.uint64
    chains: Integers
    first: Integers
    second: Integers
    law: Floats
    at: Integers
    good: Flags
    there: Flags


DRAWING = (
    "Tuple((uint64, int64[::1], int64[::1], int64[::1], float64[::1], int64[::1], uint8[::1],"
    " uint8[::1]))"
)
DRAW_LINKS = f"void(int64, {DRAWING})"


class OnLinks(Form):
    """Weights on the links of a topology that are up; a subclass draws them.

    Parameters
    ----------
    topology
        Its edges {i, j} are the links, numbered in order of (i, j) with i < j.
    weights
        Of each link that is up, shape (links,); Metropolis by default.

    Attributes
    ----------
    draw
        The kernel that draws, of the signature ``DRAW_LINKS``.
    i, j
        Ends of the links, i < j, shape (links,).
    weights
        Shape (links,).
    link
        The link of each entry of ``support``, −1 on the diagonal.
    """

    draw: ClassVar[Kernel[..., None]]

    def __init__(self, topology: Graph, weights: float | None = None) -> None:
        degrees, n = topology.degrees, len(topology)
        self.i, self.j = topology.edges
        self.weights = (
            1 / np.maximum(degrees[self.i], degrees[self.j])
            if weights is None
            else np.full(len(self.i), weights)
        )
        self._support = Weights.from_edges(n, self.i, self.j, self.weights)
        rows, columns = self.support.rows, self.support.columns
        ends = np.minimum(rows, columns) * n + np.maximum(rows, columns)
        self.link = np.searchsorted(self.i * n + self.j, ends)
        self.link[rows == columns] = -1

    @property
    def support(self) -> Weights:
        return self._support

    @cached_property
    def _all(self) -> Drawing:
        return self.drawing(np.arange(len(self.i)))[0]

    def drawing(self, links: Integers) -> tuple[Drawing, Integers]:
        """What ``draw`` takes for some links, ascending; and where in ``there`` each of them is."""
        raise NotImplementedError

    def there(self, number: int) -> Flags:
        """Whether each link is up at an aggregation, shape (links,); overwritten at the next."""
        self.draw(number, tuple(self._all))
        return self._all.there

    def at(self, number: int) -> Weights:
        W = self.support
        offsets, columns, values = W.offsets.copy(), W.columns.copy(), W.values.copy()
        rows = W.offsets, W.columns, W.values, self.link
        keep(rows, self.there(number), offsets, columns, values)
        return Weights(offsets, columns[: offsets[-1]], values[: offsets[-1]])

    def sent(self, agents: int, begin: int, end: int) -> int:
        return 2 * int(_carried(self.draw, begin, end, tuple(self._all)))

    def laplacian(self, weights: Floats) -> "csr_array":
        """Σ_e weights_e L_e."""
        from scipy.sparse import csr_array

        n = len(self.support)
        i, j = np.concatenate([self.i, self.j]), np.concatenate([self.j, self.i])
        both = np.concatenate([weights, weights])
        rows, columns = np.concatenate([i, i]), np.concatenate([i, j])
        return csr_array((np.concatenate([both, -both]), (rows, columns)), shape=(n, n))


Support = tuple[Integers, NDArray[np.int32], Floats, Integers]
SUPPORT = "Tuple((int64[::1], int32[::1], float64[::1], int64[::1]))"


@inlined
def keep_there(
    support: Support,
    there: Flags,
    kept_offsets: Integers,
    kept_columns: NDArray[np.int32],
    kept_values: Floats,
) -> None:
    """Rows of W for the links that are up, from rows of the support, into the last three.

    Nothing that has no weight is kept: 0 times a half-step that is not finite would be NaN.

    Parameters
    ----------
    support
        Offsets, columns, values and the link of each entry, −1 on the diagonal.
    """
    offsets, columns, values, link = support
    kept = 0
    for row in range(len(offsets) - 1):
        given = 0.0
        for k in range(offsets[row], offsets[row + 1]):
            if link[k] >= 0 and there[link[k]]:
                given += values[k]
        own = max(0.0, 1 - given)  # rounding must not make it negative
        for k in range(offsets[row], offsets[row + 1]):
            value = own
            if link[k] >= 0:
                value = values[k] if there[link[k]] else 0.0
            if value > 0:
                kept_columns[kept] = columns[k]
                kept_values[kept] = value
                kept += 1
        kept_offsets[row + 1] = kept


@kernel(f"void({SUPPORT}, uint8[::1], int64[::1], int32[::1], float64[::1])")
def keep(
    support: Support,
    there: Flags,
    kept_offsets: Integers,
    kept_columns: NDArray[np.int32],
    kept_values: Floats,
) -> None:
    """``keep_there`` as a kernel."""
    keep_there(support, there, kept_offsets, kept_columns, kept_values)


@kernel(f"int64(FunctionType({DRAW_LINKS}), int64, int64, {DRAWING})")
def _carried(draw: Callable[..., None], begin: int, end: int, drawing: tuple[Any, ...]) -> int:
    links = 0
    for number in range(begin + 1, end + 1):
        draw(number, drawing)
        for there in drawing[7]:
            links += there
    return links
