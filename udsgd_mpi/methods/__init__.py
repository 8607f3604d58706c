"""Methods: what an agent does with its gradients.

To add one, write its file and name it in ``AnyMethod``.
"""

from udsgd_mpi.methods.adam import Adam
from udsgd_mpi.methods.base import Method, State
from udsgd_mpi.methods.custom import CustomMethod
from udsgd_mpi.methods.exact_diffusion import ExactDiffusion
from udsgd_mpi.methods.extra import Extra
from udsgd_mpi.methods.fedopt import FedOpt
from udsgd_mpi.methods.gradient_tracking import GradientTracking
from udsgd_mpi.methods.momentum import Momentum
from udsgd_mpi.methods.nesterov import Nesterov
from udsgd_mpi.methods.prox import Prox
from udsgd_mpi.methods.push_sum import PushSum
from udsgd_mpi.methods.scaffold import Scaffold
from udsgd_mpi.methods.sgd import SGD

AnyMethod = (
    SGD
    | Momentum
    | Nesterov
    | Adam
    | GradientTracking
    | ExactDiffusion
    | Extra
    | Prox
    | Scaffold
    | FedOpt
    | PushSum
    | CustomMethod
)

__all__ = [
    "SGD",
    "Adam",
    "AnyMethod",
    "CustomMethod",
    "ExactDiffusion",
    "Extra",
    "FedOpt",
    "GradientTracking",
    "Method",
    "Momentum",
    "Nesterov",
    "Prox",
    "PushSum",
    "Scaffold",
    "State",
]
