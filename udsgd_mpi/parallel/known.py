"""What earlier variants of the same jobs have found, for those with the same numbers."""

from typing import NamedTuple

from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.forecast import KnownPredictions
from udsgd_mpi.support.telemetry import Telemetry


class Finished(NamedTuple):
    """A variant whose numbers are known: where they come from, and what they cost."""

    where: str
    recording: Recording
    telemetry: list[Telemetry]


class Known:
    """What was found before, by what it depends on.

    All ranks of a job must have been in all of the jobs that it is handed through, as they predict
    together what is not known yet.

    Attributes
    ----------
    finished
        On rank 0; empty elsewhere.
    """

    def __init__(self) -> None:
        self.predictions = KnownPredictions()
        self.finished: dict[bytes, Finished] = {}
