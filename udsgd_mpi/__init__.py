"""Unified Distributed SGD on MPI ranks: how agents' sampling shapes a distributed learner."""

__version__ = "0.1.0"
