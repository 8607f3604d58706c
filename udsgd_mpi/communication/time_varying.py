"""DSGD on a topology that changes with time."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta, field
from numpy.typing import NDArray

from udsgd_mpi.communication.base import InTurn, Pattern, Schedule
from udsgd_mpi.communication.dsgd import WEIGHTS, remedy_for, weights_on
from udsgd_mpi.communication.forms.base import Form
from udsgd_mpi.communication.forms.weights import Weights
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.graphs import Graph, build_topology
from udsgd_mpi.graphs.generators import ErdosRenyi
from udsgd_mpi.graphs.sources import AnyGraph
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.support.file_names import names_file


class DSGDVT(Pattern, frozen=True, tag="dsgd_vt"):
    """At each aggregation one of several matrices, drawn at random or in turn (paper, Table 1).

    Parameters
    ----------
    topologies
        Each one is drawn with a seed of its own; the paper uses 5.
    order
        ``"random"``, or ``"cyclic"`` (DSGD-CT).
    """

    topologies: Annotated[list[AnyGraph], Meta(min_length=1)] = field(
        default_factory=lambda: [ErdosRenyi() for _ in range(5)]
    )
    order: Literal["random", "cyclic"] = "random"
    interval: Interval = 1
    weights: Annotated[str, names_file(WEIGHTS)] = "metropolis"

    takes_directed: ClassVar[bool] = True

    @property
    def remedy(self) -> str:
        return remedy_for(self.weights)

    def start(self, topology: Graph, seed: int) -> Schedule:
        n = len(topology)
        forms = []
        for k, source in enumerate(self.topologies):
            graph_seed = int(generator(seed, Purpose.TOPOLOGY, k).integers(2**31))
            graph = build_topology(source, n, graph_seed, f"communication.topologies[{k}]")
            forms.append(weights_on(graph, self.weights))
        if self.order == "cyclic":
            return InTurn(self.interval, forms)
        return _Drawn(self.interval, forms, seed)


class _Drawn(Schedule):
    """One of the forms at random, independently each time."""

    def __init__(self, interval: Interval, forms: Sequence[Form], seed: int) -> None:
        super().__init__(interval, forms)
        self._seed = seed

    def which(self, n: int) -> int:
        rng = generator(self._seed, Purpose.MIXING, n)
        return int(rng.integers(len(self.forms)))


class OnePeerExponential(Pattern, frozen=True, tag="one_peer_exponential"):
    """Agent i averages with agent i + 2^k (mod N), k = 0, 1, …, ⌈log₂ N⌉ − 1 in turn.

    (I + permutation)/2 is doubly stochastic (Ying, Yuan, Chen, Hu, Pan and Yin, NeurIPS 2021).
    """

    interval: Interval = 1

    def start(self, topology: Graph, seed: int) -> Schedule:
        n = len(topology)
        shifts = [2**k for k in range(max(1, (n - 1).bit_length()))]
        return InTurn(self.interval, [_half_shift(n, shift) for shift in shifts])


def _half_shift(n: int, shift: int) -> Weights:
    i: NDArray[np.int64] = np.arange(n)
    columns = np.append(i, (i + shift) % n)
    return Weights.from_entries(n, np.tile(i, 2), columns, np.full(2 * n, 0.5))
