"""What a step of a run will take."""

from udsgd_mpi.cost.model import WITHIN_A_HOST, Cost, Network, cost, sent

__all__ = ["WITHIN_A_HOST", "Cost", "Network", "cost", "sent"]
