"""What the fluctuations of a sampler do to θ, as independent modes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """Gradient noise in modes k: amplitude_k (ξ_k − (κ_k − 1) y_k) at each step.

    ξ_k is white of variance 1, and y_k is the visit history's share of the mode, which follows
    y ← y + β (ξ_k − κ_k y). Without a history κ = 1 and what remains is white noise with covariance
    Σ_k amplitude_k amplitude_kᵀ. This is the linear approximation around θ* and x = μ.

    Attributes
    ----------
    amplitudes
        Shape (modes, d).
    repulsion
        κ_k ≥ 1, shape (modes,).
    b
        Exponent of β_n = (n + 1)^(−b); None without a history.
    lag
        2 Σ_k k Tr C_k / Tr U of the autocovariances C_k: the variance of a mean of n is Tr U / n
        except for a share lag/n, as noise with memory is not yet white.
    """

    amplitudes: Floats
    repulsion: Floats
    b: float | None
    lag: float = 0.0

    @classmethod
    def white(cls, U: Floats, repulsion: float = 1.0, b: float | None = None) -> "Noise":
        """Noise whose modes have one κ and add up to the covariance U, shape (d, d)."""
        values, vectors = np.linalg.eigh(U)
        amplitudes = (vectors * np.sqrt(np.maximum(values, 0))).T
        return cls(amplitudes, np.full(len(values), repulsion), b)

    def turned(self, basis: Floats) -> "Noise":
        """The same noise in another orthonormal basis, the columns of ``basis`` (d, d)."""
        return Noise(self.amplitudes @ basis, self.repulsion, self.b, self.lag)
