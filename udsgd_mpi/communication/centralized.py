"""Patterns of global averages: centralised SGD and local SGD with full participation."""

from udsgd_mpi.communication.base import InTurn, Pattern, Schedule
from udsgd_mpi.communication.forms.average import Average
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.graphs import Graph


class Centralized(Pattern, frozen=True, tag="centralized"):
    """W = J; for K = 1 the agents act as one (paper, section 1)."""

    interval: Interval = 1

    def start(self, topology: Graph, seed: int) -> Schedule:
        return InTurn(self.interval, [Average()])


class LSGDFP(Centralized, frozen=True, tag="lsgd_fp"):
    """Local SGD with full participation: W = J every K > 1 steps (paper, section 1)."""

    interval: Interval = 5


class LSGDRC(Centralized, frozen=True, tag="lsgd_rc"):
    """Local SGD with reduced communication: W = J at growing intervals (paper, section 1)."""

    interval: Interval = "log"
