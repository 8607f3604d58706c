"""Centralised SGD and local SGD with full participation."""

from typing import ClassVar

from udsgd_mpi.communication.base import Average, EveryInterval, Pattern, Schedule
from udsgd_mpi.graphs import Graph


class Centralized(Pattern, frozen=True, tag="centralized"):
    """W = J every K steps: centralised SGD for K = 1, LSGD-FP for K > 1 (paper, section 1)."""

    uses_topology: ClassVar[bool] = False

    def start(self, topology: Graph, seed: int) -> Schedule:
        return EveryInterval(Average(), self.interval)
