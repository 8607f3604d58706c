"""An objective as a user writes it: NumPy arrays in, NumPy arrays out, trials leading."""

import numpy as np


class OwnRidge:
    """½ (θᵀx − y)² + (l2/2)‖θ‖² for each trial."""

    def __init__(self, l2: float = 1.0) -> None:
        self.l2 = l2

    def value(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """F, shape (trials,)."""
        residual = (theta * x).sum(axis=1) - y
        return residual**2 / 2 + self.l2 / 2 * (theta**2).sum(axis=1)

    def gradient(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """∇F, shape (trials, d)."""
        residual = (theta * x).sum(axis=1) - y
        return residual[:, None] * x + self.l2 * theta


class RowsOfRidge(OwnRidge):
    """The same, whose rows know nothing of each other."""

    rowwise = True
