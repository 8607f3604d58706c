"""Graphs: the topology of the agents, and the data graphs of their points."""

from udsgd_mpi.graphs.csr import Graph
from udsgd_mpi.graphs.sources import AnyGraph, build_topology

__all__ = ["AnyGraph", "Graph", "build_topology"]
