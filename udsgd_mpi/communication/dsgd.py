"""Decentralised SGD on a fixed topology, and with growing intervals."""

from pathlib import Path
from typing import Annotated

from udsgd_mpi.communication.base import InTurn, Pattern, Schedule
from udsgd_mpi.communication.forms.weights import Weights
from udsgd_mpi.communication.given_weights import read_weights
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.communication.weights import lazy, metropolis, uniform
from udsgd_mpi.graphs import Graph
from udsgd_mpi.support.errors import ConfigurationError, nearest
from udsgd_mpi.support.file_names import may_be_file, names_file

WEIGHTS = {
    "metropolis": metropolis,
    "lazy": lambda topology: lazy(metropolis(topology)),
    "uniform": uniform,
}


class DSGD(Pattern, frozen=True, tag="dsgd"):
    """Fixed weights on the topology every K steps (paper, section 1 and Appendix F.1).

    Parameters
    ----------
    interval
        K_l.
    weights
        ``"metropolis"``: w_ij = min(1/d_i, 1/d_j). ``"lazy"``: half of that and half of I.
        ``"uniform"``: w_ij = 1/(1 + greatest degree). Otherwise a text file with a doubly
        stochastic matrix.
    """

    interval: Interval = 1
    weights: Annotated[str, names_file(WEIGHTS)] = "metropolis"

    @property
    def remedy(self) -> str:
        return remedy_for(self.weights)

    def start(self, topology: Graph, seed: int) -> Schedule:
        return InTurn(self.interval, [weights_on(topology, self.weights)])


class DFL(DSGD, frozen=True, tag="dfl"):
    """Decentralised federated learning: DSGD with K_l = K or increasing (paper, section 1)."""

    interval: Interval = "log"


def weights_on(topology: Graph, kind: str) -> Weights:
    """Doubly stochastic weights on a topology: by name, or from a file.

    Raises
    ------
    ConfigurationError
        If the kind is unknown, or the file does not fit.
    """
    if kind in WEIGHTS:
        return WEIGHTS[kind](topology)
    if may_be_file(kind):
        return read_weights(Path(kind), topology)
    raise ConfigurationError(
        f"communication.weights: unknown weights {kind!r}: {nearest(kind, WEIGHTS)}, or the path of"
        " a text file"
    )


def remedy_for(kind: str) -> str:
    """What to change where weights of a kind do not lead to consensus.

    Topologies are connected, so W has the eigenvalue −1 there, but (I + W)/2 has not.
    """
    if kind in WEIGHTS:
        return 'use weights = "lazy", or another topology'
    return f"write (I + W)/2 to {kind} in place of W"
