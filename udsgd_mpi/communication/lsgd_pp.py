"""Local SGD with partial participation."""

from typing import Annotated

from msgspec import Meta

from udsgd_mpi.communication.base import InTurn, Pattern, Schedule
from udsgd_mpi.communication.forms.partial_average import Rounds
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.graphs import Graph
from udsgd_mpi.support.errors import ConfigurationError


class LSGDPP(Pattern, frozen=True, tag="lsgd_pp"):
    """W = T_{S→S'} W_S with S uniform among the sets of one size (paper, Appendix F.1).

    S' of one round is S of the next, as in FedAvg. An iterate outside S only changes its agent: it
    keeps stepping on other agents' data, but no mixing brings it to the participants'.

    Parameters
    ----------
    participants
        Size of S.
    """

    participants: Annotated[int, Meta(ge=1)]
    interval: Interval = 5

    @property
    def remedy(self) -> str:
        return "use communication.participants = 2 or more"

    def start(self, topology: Graph, seed: int) -> Schedule:
        if self.participants > len(topology):
            raise ConfigurationError(
                f"communication.participants: expected at most {len(topology)} agents, got"
                f" {self.participants}"
            )
        return InTurn(self.interval, [Rounds(self.participants, len(topology), seed)])
