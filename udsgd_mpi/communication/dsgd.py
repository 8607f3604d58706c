"""Decentralised SGD."""

from typing import ClassVar, Literal

from udsgd_mpi.communication.base import EveryInterval, Pattern, Schedule
from udsgd_mpi.communication.weights import lazy, metropolis
from udsgd_mpi.graphs import Graph


class DSGD(Pattern, frozen=True, tag="dsgd"):
    """Fixed weights on the topology every K steps (paper, section 1 and Appendix F.1).

    Parameters
    ----------
    weights
        ``"metropolis"``: w_ij = min(1/d_i, 1/d_j). ``"lazy"``: half of that and half of I.
    """

    weights: Literal["metropolis", "lazy"] = "metropolis"
    uses_topology: ClassVar[bool] = True

    def start(self, topology: Graph, seed: int) -> Schedule:
        weights = metropolis(topology)
        return EveryInterval(lazy(weights) if self.weights == "lazy" else weights, self.interval)
