"""Independent draws, as a chain."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class IndependentDraws:
    """No memory at all.

    Attributes
    ----------
    law
        π, shape (points,).
    """

    law: Floats
    backward: ClassVar[None] = None

    def lift(self, G: Floats) -> Floats:
        return G

    def poisson(self, G: Floats) -> Floats:
        return G

    def first_step(self, start: Floats) -> Floats:
        return self.step(start)

    def step(self, masses: Floats) -> Floats:
        return np.asarray(masses.sum() * self.law)

    def on_points(self, M: Floats) -> Floats:
        return self.law[:, None] * M
