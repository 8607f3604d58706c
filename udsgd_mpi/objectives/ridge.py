"""Ridge regression."""

from udsgd_mpi.objectives.base import Floats, Points
from udsgd_mpi.objectives.linear_model import LinearModel


class Ridge(LinearModel, frozen=True, tag="ridge"):
    """F(θ, (x, y)) = ½ (θᵀx − y)² + (κ/2)‖θ‖².

    Parameters
    ----------
    l2
        κ ≥ 0.
    """

    def encode(self, labels: Floats, classes: Floats) -> Floats:
        return labels

    def value(self, theta: Floats, points: Points) -> float:
        residuals = points.features @ theta - points.labels
        return float(points.weights @ (residuals**2 / 2 + self.l2 / 2 * theta @ theta))

    def prediction(self, z: Floats) -> Floats:
        return z

    def curvatures(self, z: Floats, weights: Floats) -> Floats:
        return weights
