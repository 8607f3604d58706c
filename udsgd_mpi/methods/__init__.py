"""Methods: what an agent does with its gradients.

To add one, write its file and name it in ``AnyMethod``.
"""

from udsgd_mpi.methods.base import Method, State
from udsgd_mpi.methods.momentum import Momentum
from udsgd_mpi.methods.sgd import SGD

AnyMethod = SGD | Momentum

__all__ = ["SGD", "AnyMethod", "Method", "Momentum", "State"]
