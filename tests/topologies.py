"""Topologies on which patterns are tried, and their W as dense arrays."""

from udsgd_mpi.testing.graphs import TOPOLOGIES, from_networkx, matrix

__all__ = ["TOPOLOGIES", "from_networkx", "matrix"]
