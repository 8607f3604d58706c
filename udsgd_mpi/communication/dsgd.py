"""Decentralised SGD on a fixed topology, and with growing intervals."""

from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from udsgd_mpi.communication.base import InTurn, Pattern, Schedule
from udsgd_mpi.communication.forms.stale import StaleWeights
from udsgd_mpi.communication.forms.weights import Weights
from udsgd_mpi.communication.given_weights import read_weights
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.communication.weights import lazy, metropolis, out_degree, uniform
from udsgd_mpi.graphs import Graph
from udsgd_mpi.support.errors import ConfigurationError, nearest
from udsgd_mpi.support.file_names import may_be_file, names_file

SYMMETRIC = {
    "metropolis": metropolis,
    "lazy": lambda topology: lazy(metropolis(topology)),
    "uniform": uniform,
}
DIRECTED = {"out_degree": out_degree}
WEIGHTS = {**SYMMETRIC, **DIRECTED}

Staleness = Annotated[int, Meta(ge=1, le=100)]


class DSGD(Pattern, frozen=True, tag="dsgd"):
    """Fixed weights on the topology every K steps (paper, section 1 and Appendix F.1).

    Parameters
    ----------
    interval
        K_l.
    weights
        ``"metropolis"``: w_ij = min(1/d_i, 1/d_j). ``"lazy"``: half of that and half of I.
        ``"uniform"``: w_ij = 1/(1 + greatest degree). ``"out_degree"``, for directed topologies:
        w_ij = 1/(1 + d_j), where d_j is how many agents j tells; see ``methods.PushSum``. Otherwise
        a text file with a doubly stochastic matrix.
    staleness
        S: agents read others' half-steps as they were up to S aggregations ago, see
        ``StaleWeights``; by default all that is read is new.
    """

    interval: Interval = 1
    weights: Annotated[str, names_file(WEIGHTS)] = "metropolis"
    staleness: Staleness | None = None

    takes_directed: ClassVar[bool] = True

    @property
    def remedy(self) -> str:
        return remedy_for(self.weights)

    def start(self, topology: Graph, seed: int) -> Schedule:
        W = weights_on(topology, self.weights)
        if self.staleness is None:
            return InTurn(self.interval, [W])
        return _StaleReads(self.interval, [StaleWeights.of(W, self.staleness, seed)])


class DFL(DSGD, frozen=True, tag="dfl"):
    """Decentralised federated learning: DSGD with K_l = K or increasing (paper, section 1)."""

    interval: Interval = "log"


class _StaleReads(InTurn):
    """Weights with which agents read what is late."""

    def contracts(self, agents: int) -> bool:
        """Always: W joins all agents, and delays leave no period where W has the eigenvalue −1."""
        return True


def weights_on(topology: Graph, kind: str) -> Weights:
    """Weights on a topology: by name, or from a file.

    All but ``"out_degree"`` are doubly stochastic.

    Raises
    ------
    ConfigurationError
        If the kind is unknown or of undirected topologies, or the file does not fit.
    """
    if topology.directed and kind in SYMMETRIC:
        raise ConfigurationError(
            f"communication.weights: expected weights for a directed topology, got {kind!r}, with"
            ' which two agents tell each other; use weights = "out_degree" and method ='
            ' "push_sum", or an undirected topology'
        )
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
