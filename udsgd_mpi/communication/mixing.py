"""The forms that W takes at an aggregation time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.weights import Weights


class Average:
    """W = J = 11ᵀ/N: all agents move to their average."""

    def matrix(self, agents: int) -> NDArray[np.float64]:
        """W, shape (agents, agents)."""
        return np.full((agents, agents), 1 / agents)


@dataclass(frozen=True)
class PartialAverage:
    """W = T_{S→S'} W_S: the average over S goes to the members of S', which may differ.

    T is a permutation: an agent that leaves the set takes over the half-step of one that enters
    it, so that W stays doubly stochastic (paper, Appendix F.1). From the server's view this is
    FedAvg with the participants S.

    Attributes
    ----------
    members, successors
        S and S', ascending, of one size.
    """

    members: NDArray[np.int64]
    successors: NDArray[np.int64]

    @property
    def leaving(self) -> NDArray[np.int64]:
        """Members that are no successors."""
        return np.setdiff1d(self.members, self.successors)

    @property
    def entering(self) -> NDArray[np.int64]:
        """Successors that were no members; the k-th hands its half-step to the k-th leaving."""
        return np.setdiff1d(self.successors, self.members)

    def matrix(self, agents: int) -> NDArray[np.float64]:
        """W, shape (agents, agents)."""
        W = np.eye(agents)
        W[self.leaving] = W[self.entering]
        W[self.successors] = 0
        W[np.ix_(self.successors, self.members)] = 1 / len(self.members)
        return W


Mixing = Weights | Average | PartialAverage
