"""Local SGD with partial participation."""

from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.communication.base import Pattern, Schedule
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.communication.mixing import Mixing, PartialAverage
from udsgd_mpi.communication.second_moment import SecondMoment
from udsgd_mpi.graphs import Graph
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.support.errors import ConfigurationError


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

    @property
    def remedy(self) -> str:
        return "use communication.participants = 2 or more"

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
        self._number, self._next = -1, np.empty(0, dtype=np.int64)  # of the last round

    def mixing(self, n: int) -> Mixing:
        number = self.count(n)
        members = self._next if number == self._number + 1 else self._drawn(number)
        self._number, self._next = number, self._drawn(number + 1)
        return PartialAverage(members, self._next)

    def second_moment(self, agents: int) -> SecondMoment:
        """E[WᵀW] = E[W_S] = c I + (1 − c) J with c = (N − m) / (N − 1)."""
        from scipy.sparse import eye_array

        c = (agents - self._participants) / max(1, agents - 1)
        return SecondMoment.of(agents, rest=c * eye_array(agents, format="csr"))

    def _drawn(self, round_number: int) -> NDArray[np.int64]:
        rng = generator(self._seed, Purpose.MIXING, round_number)
        return np.sort(rng.choice(self._agents, self._participants, replace=False))
