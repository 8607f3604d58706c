"""Decreasing step sizes."""

from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray


class StepSize(Struct, frozen=True, forbid_unknown_fields=True):
    """γ_n = γ⋆ / n^a for n = 1, 2, … (paper, Assumption 2.3).

    Parameters
    ----------
    gamma
        γ⋆ > 0.
    exponent
        a in (0.5, 1]; or 0, a constant step, for which no limit theorem holds.
    """

    gamma: Annotated[float, Meta(gt=0)] = 1.0
    exponent: Annotated[float, Meta(ge=0, le=1)] = 1.0

    def __post_init__(self) -> None:
        if 0 < self.exponent <= 0.5:
            raise ValueError(
                f"expected an exponent a in (0.5, 1], or 0 for a constant step; got {self.exponent}"
            )

    def __call__(self, first: int, last: int) -> NDArray[np.float64]:
        """γ_first, …, γ_last; both ends belong to it."""
        n = np.arange(first, last + 1, dtype=np.float64)
        return self.gamma / n**self.exponent
