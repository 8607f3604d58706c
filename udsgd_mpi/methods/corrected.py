"""What methods have in common that move the average as sgd does."""

from udsgd_mpi.methods.base import Method


class Corrected(Method, frozen=True):
    """The average over agents moves as that of sgd, θ̄ ← θ̄ − γ ḡ, while agents are corrected.

    It is predicted by the theory of sgd; that the limit is the same is measured, not proved.
    """

    @property
    def momentum(self) -> float:
        return 0.0
