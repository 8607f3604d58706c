"""What an experiment claims, and whether its results support it.

To add a kind of claim, write its file and name it in ``AnyClaim``.
"""

from udsgd_mpi.analysis.claims.base import Claim
from udsgd_mpi.analysis.claims.order import Order
from udsgd_mpi.analysis.claims.predicted import Predicted
from udsgd_mpi.analysis.claims.same import Same
from udsgd_mpi.analysis.claims.verdict import Outcome, Verdict, judge

AnyClaim = Order | Same | Predicted

__all__ = ["AnyClaim", "Claim", "Order", "Outcome", "Predicted", "Same", "Verdict", "judge"]
