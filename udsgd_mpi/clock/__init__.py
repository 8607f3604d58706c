"""The virtual clock: what steps and exchanges would take on machines and links as described.

To add a model of computing times, name it in ``AnyComputing``.
"""

from udsgd_mpi.clock.computing import Computing, Constant, Exponential, Pareto, computing_times
from udsgd_mpi.clock.elapsed import Clock, Elapsed, elapsed, steps_by_bytes, steps_in_time
from udsgd_mpi.clock.latency import AnyLatency, Regions, latency_of

AnyComputing = Constant | Exponential | Pareto

__all__ = [
    "AnyComputing",
    "AnyLatency",
    "Clock",
    "Computing",
    "Constant",
    "Elapsed",
    "Exponential",
    "Pareto",
    "Regions",
    "computing_times",
    "elapsed",
    "latency_of",
    "steps_by_bytes",
    "steps_in_time",
]
