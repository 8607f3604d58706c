"""Graphs: the topology of the agents, and the data graphs of their points."""

from udsgd_mpi.graphs.csr import Graph
from udsgd_mpi.graphs.sources import AnyGraph, build, build_topology

__all__ = ["AnyGraph", "Graph", "build", "build_topology"]
