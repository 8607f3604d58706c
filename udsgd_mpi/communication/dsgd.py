"""Decentralised SGD on a fixed topology, and with growing intervals."""

from typing import Literal

from udsgd_mpi.communication.base import InTurn, Pattern, Schedule
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.communication.weights import Weights, lazy, metropolis
from udsgd_mpi.graphs import Graph

Kind = Literal["metropolis", "lazy"]


class DSGD(Pattern, frozen=True, tag="dsgd"):
    """Fixed weights on the topology every K steps (paper, section 1 and Appendix F.1).

    Parameters
    ----------
    interval
        K_l.
    weights
        ``"metropolis"``: w_ij = min(1/d_i, 1/d_j). ``"lazy"``: half of that and half of I.
    """

    interval: Interval = 1
    weights: Kind = "metropolis"

    def start(self, topology: Graph, seed: int) -> Schedule:
        return InTurn(self.interval, [weights_on(topology, self.weights)])


class DFL(DSGD, frozen=True, tag="dfl"):
    """Decentralised federated learning: DSGD with K_l = K or increasing (paper, section 1)."""

    interval: Interval = "log"


def weights_on(topology: Graph, kind: Kind) -> Weights:
    """Doubly stochastic weights of a kind on a topology."""
    weights = metropolis(topology)
    return lazy(weights) if kind == "lazy" else weights
