"""Communication patterns: the matrices W_n with which agents combine their half-steps.

To add one, write its file and name it in ``AnyPattern``.
"""

from udsgd_mpi.communication.base import Average, Mixing, Pattern, Schedule, matrix
from udsgd_mpi.communication.centralized import Centralized
from udsgd_mpi.communication.dsgd import DSGD
from udsgd_mpi.communication.weights import Weights, contraction, lazy, metropolis

AnyPattern = DSGD | Centralized

__all__ = [
    "DSGD",
    "AnyPattern",
    "Average",
    "Centralized",
    "Mixing",
    "Pattern",
    "Schedule",
    "Weights",
    "contraction",
    "lazy",
    "matrix",
    "metropolis",
]
