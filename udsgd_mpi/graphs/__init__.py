"""Graphs: the topology of the agents, and the data graphs of their points."""

from udsgd_mpi.graphs.csr import Graph
from udsgd_mpi.graphs.sources import AnyGraph, build

__all__ = ["AnyGraph", "Graph", "build"]
