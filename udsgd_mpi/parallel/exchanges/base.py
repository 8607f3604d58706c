"""What every exchange promises."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mpi4py import MPI

from udsgd_mpi.communication import Traffic
from udsgd_mpi.engine.exchange_plan import Reach
from udsgd_mpi.engine.iterates import MixedRows
from udsgd_mpi.support.meter import Meter

if TYPE_CHECKING:
    from udsgd_mpi.parallel.exchanges.sparse import SparseExchange


class Ranks(NamedTuple):
    """What all exchanges of a schedule have in common.

    Attributes
    ----------
    array
        What is mixed.
    meter
        Learns how long others are waited for.
    """

    comm: MPI.Intracomm
    array: MixedRows
    reach: Reach
    meter: Meter


class Exchange(ABC):
    """How ranks carry out W of a form, planned once.

    Attributes
    ----------
    persistent
        Requests to be given back to MPI at the end.
    """

    persistent: Sequence[MPI.Prequest] = ()

    @abstractmethod
    def __call__(self, number: int) -> Traffic:
        """Mix at an aggregation; what that gives to other ranks.

        Parameters
        ----------
        number
            Of the aggregation, see ``Form.at``.
        """

    def resume(self) -> None:
        """Learn again what others have told before a run was resumed; collective."""
        return

    @property
    def in_memory(self) -> "SparseExchange | None":
        """Itself, where it sends no message and only combines rows; None elsewhere."""
        return None
