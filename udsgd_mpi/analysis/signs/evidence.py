"""What signs of trouble are told from, and what they come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.storage.measured import Measured
from udsgd_mpi.support.agent_lists import in_words
from udsgd_mpi.support.telemetry import Telemetry


class Evidence(NamedTuple):
    """What a result file holds of a variant.

    Attributes
    ----------
    telemetry
        A row for each rank of each part of its run; none in files without.
    """

    measured: Measured
    experiment: Experiment
    telemetry: Sequence[Telemetry] = ()


@dataclass(frozen=True)
class Trouble:
    """What goes wrong in a variant, by which agents, and what to do.

    Attributes
    ----------
    sign
        Name of the sign: ``"divergence"``, ``"floor"``, ``"exchanges"`` or ``"speed-up"``.
    agents
        Those that it is due to, ascending; empty where the file does not tell.
    text
        What is seen, and why.
    remedy
        What to do, and what that buys.
    numbers
        What it is told from, by name.
    """

    sign: str
    agents: list[int]
    text: str
    remedy: str
    numbers: dict[str, float]

    @property
    def name(self) -> str:
        """The sign and its agents, such as ``"floor (agents 0-7)"``."""
        return f"{self.sign} ({in_words(self.agents)})" if self.agents else self.sign

    def __str__(self) -> str:
        return f"{self.name}: {self.text}\n  remedy: {self.remedy}"
