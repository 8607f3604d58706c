"""Objectives: what the agents minimise.

To add one, write its file and name it in ``AnyObjective``.
"""

from udsgd_mpi.objectives.base import Objective, Points
from udsgd_mpi.objectives.logistic import Logistic

AnyObjective = Logistic

__all__ = ["AnyObjective", "Logistic", "Objective", "Points"]
