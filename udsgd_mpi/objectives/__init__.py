"""Objectives: what the agents minimise.

To add one, write its file and name it in ``AnyObjective``.
"""

from udsgd_mpi.objectives.base import Objective, Points
from udsgd_mpi.objectives.compiled import CompiledObjective
from udsgd_mpi.objectives.custom import Custom
from udsgd_mpi.objectives.logistic import Logistic
from udsgd_mpi.objectives.network import Network
from udsgd_mpi.objectives.quadratic import Quadratic
from udsgd_mpi.objectives.ridge import Ridge
from udsgd_mpi.objectives.softmax import Softmax

AnyObjective = Logistic | Ridge | Softmax | Quadratic | Network | Custom

__all__ = [
    "AnyObjective",
    "CompiledObjective",
    "Custom",
    "Logistic",
    "Network",
    "Objective",
    "Points",
    "Quadratic",
    "Ridge",
    "Softmax",
]
