"""What this rank waits for, as the watchdog sees it."""

import time
from types import TracebackType

from udsgd_mpi.support.meter import Activity, Meter


class Waiting:
    """Names the ranks that an exchange needs while it lasts: ``with waiting(ranks): …``.

    Where a meter is given, it learns that part of mixing was waiting.
    """

    def __init__(self) -> None:
        self.ranks: str | None = None
        self.since = 0.0
        self._began = 0.0
        self._meter: Meter | None = None

    def renew(self) -> None:
        """Note that the ranks it waits for have reported to be still working."""
        self.since = time.monotonic()

    def __call__(self, ranks: str, meter: Meter | None = None) -> "Waiting":
        self._meter = meter
        self._began = time.perf_counter()
        self.since = time.monotonic()  # before ranks, as the watchdog may look in between
        self.ranks = ranks
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.ranks = None
        if self._meter:
            seconds = time.perf_counter() - self._began
            self._meter.move(seconds, Activity.MIXING, Activity.WAITING)


waiting = Waiting()
