"""Neural networks as objectives; PyTorch is imported where one is used, never before."""

from udsgd_mpi.objectives.network.settings import Network

__all__ = ["Network"]
