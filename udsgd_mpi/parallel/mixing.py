"""Carrying out W_n on all ranks."""

from mpi4py import MPI

from udsgd_mpi.communication import Schedule
from udsgd_mpi.engine.exchange_plan import Reach
from udsgd_mpi.engine.iterates import MixedRows
from udsgd_mpi.parallel.exchanges import Ranks, SparseExchange, exchange_of
from udsgd_mpi.support.meter import Activity, Meter


class Mixer:
    """W of the equation: takes n, and applies the aggregation to the half-steps.

    Parameters
    ----------
    array
        Where the half-steps are.
    meter
        Records the time that mixing takes, and what is sent.

    Attributes
    ----------
    schedule
        Of the W; an exchange is planned for each of its forms.
    """

    def __init__(
        self, comm: MPI.Intracomm, schedule: Schedule, array: MixedRows, meter: Meter
    ) -> None:
        self.meter = meter
        self.schedule = schedule
        self._array = array
        reach = Reach(schedule.supports, array.layout, array.rank, array.memory.first)
        ranks = Ranks(comm, array, reach, meter)
        self._exchanges = [exchange_of(form, ranks) for form in schedule.forms]

    def __call__(self, n: int) -> None:
        """Carry out W_n; do nothing if n is not an aggregation time."""
        self.meter.lap(Activity.GRADIENT)
        if not self.schedule.aggregates(n):
            return
        number = self.schedule.count(n)
        self._array.publish(number)
        exchange = self._exchanges[self.schedule.which(n)]
        traffic = exchange(number)
        self._array.restore()
        self.meter.sent(*traffic)
        self.meter.lap(Activity.MIXING)

    @property
    def in_memory(self) -> list[SparseExchange]:
        """The exchanges of all aggregations, where one kernel can make them; none elsewhere."""
        found = [exchange.in_memory for exchange in self._exchanges]
        sparse = [exchange for exchange in found if exchange]
        drawn = any(exchange.links for exchange in sparse)
        return sparse if len(sparse) == len(found) and (len(found) == 1 or not drawn) else []

    def resume(self) -> None:
        """Learn again what others have told; collective."""
        for exchange in self._exchanges:
            exchange.resume()

    def free(self) -> None:
        """Free the persistent requests."""
        for exchange in self._exchanges:
            for request in exchange.persistent:
                request.Free()
