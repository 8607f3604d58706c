"""A pattern of the user's own."""

from typing import Annotated, Any

from msgspec import field

from udsgd_mpi.communication.base import InTurn, Pattern, Schedule
from udsgd_mpi.communication.consensus import estimated
from udsgd_mpi.communication.forms.own import OwnMatrices, adjacency
from udsgd_mpi.communication.intervals import AggregationTimes, Interval
from udsgd_mpi.graphs import Graph
from udsgd_mpi.support.file_names import names_file
from udsgd_mpi.support.plugin import made

_METHODS = ("matrix(n, rng)",)
_DRAWS = 100  # for whether mixing leads to consensus


class CustomPattern(Pattern, frozen=True, tag="custom"):
    """A class with ``matrix(n, rng)``, which gives W_n: shape (N, N), of scipy.sparse or dense.

    It is made once a run, ``Class(agents, topology, **arguments)``, with N and the adjacency matrix
    of the topology as a CSR array. n is the step that W_n completes; ``rng`` is a NumPy generator,
    in the same state on every rank. W_n must depend on nothing else. It must be doubly stochastic,
    and 0 outside the support: the topology and the diagonal, or what ``support`` in the class
    says: ``"all"`` for all pairs, or a matrix that is not 0 where W may be.

    Parameters
    ----------
    path
        ``"module:Class"`` or ``"file.py:Class"``, see ``objectives.Custom``.
    arguments
        Further keyword arguments of the class.
    """

    path: Annotated[str, names_file(of_class=True)]
    arguments: dict[str, Any] = field(default_factory=dict)
    interval: Interval = 1

    @property
    def remedy(self) -> str:
        return f"let the matrices of {self.path} join all agents, and keep part of their own θ"

    def start(self, topology: Graph, seed: int) -> Schedule:
        given = len(topology), adjacency(topology)
        own = made("communication", self.path, _METHODS, self.arguments, *given)
        name, times = f"communication {self.path}", AggregationTimes(self.interval)
        form = OwnMatrices(own, name, topology, times, seed)
        form.check()
        return _OwnSchedule(self.interval, [form])


class _OwnSchedule(InTurn):
    """Nothing is known of E[WᵀW] but what is drawn."""

    def contracts(self, agents: int) -> bool:
        return not estimated(self, agents, _DRAWS).vanishes
