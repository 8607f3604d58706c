"""Local SGD with partial participation."""

from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.communication.base import Pattern, Schedule
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.communication.mixing import Mixing, PartialAverage
from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.graphs import Graph
from udsgd_mpi.seeding import Purpose, generator


class LSGDPP(Pattern, frozen=True, tag="lsgd_pp"):
    """W = T_{S→S'} W_S with S uniform among the sets of one size (paper, Appendix F.1).

    S' of one round is S of the next, as in FedAvg. An iterate outside S only changes hands: it
    keeps stepping on other agents' data, but no mixing brings it to the participants'.

    Parameters
    ----------
    participants
        Size of S.
    """

    participants: Annotated[int, Meta(ge=1)]
    interval: Interval = 5
    uses_topology: ClassVar[bool] = False

    def start(self, topology: Graph, seed: int) -> Schedule:
        if self.participants > len(topology):
            raise ConfigurationError(
                f"communication.participants: expected at most {len(topology)} agents, got"
                f" {self.participants}"
            )
        return _Rounds(self.interval, self.participants, len(topology), seed)


class _Rounds(Schedule):
    def __init__(self, interval: Interval, participants: int, agents: int, seed: int) -> None:
        super().__init__(interval)
        self._participants = participants
        self._agents = agents
        self._seed = seed

    def mixing(self, n: int) -> Mixing:
        round_number = self._times.number(n)
        return PartialAverage(self._drawn(round_number), self._drawn(round_number + 1))

    def _drawn(self, round_number: int) -> NDArray[np.int64]:
        rng = generator(self._seed, Purpose.MIXING, round_number)
        return np.sort(rng.choice(self._agents, self._participants, replace=False))
